"""What a record type looks like: its fields, their types, which may be left out. For ``wire`` and
``schemas``."""

import dataclasses
import functools
import typing
from typing import NamedTuple

from scaler.decision.model import Demand, Histogram, Hold, Samples, Scale, Supply, Target, Unknown

KINDS: dict[type, str] = {Scale: "scale", Hold: "hold", Unknown: "unknown"}
"""Members of a union of records carry ``kind`` on the wire."""
NONNEGATIVE: frozenset[type] = frozenset({Samples, Histogram, Target, Demand, Supply})
"""Records of counts, gauges and ages: their numbers are never negative, never beyond ``checks.HUGE``."""
MAY_BE_INFINITE: frozenset[tuple[type, str]] = frozenset({(Histogram, "le")})


class Field(NamedTuple):
    """One field of a record."""

    name: str
    hint: typing.Any
    required: bool


def is_record(hint: object) -> bool:
    """Whether a type is a dataclass or a named tuple."""
    return isinstance(hint, type) and (dataclasses.is_dataclass(hint) or hasattr(hint, "_field_defaults"))


@functools.cache
def fields_of(record: type) -> tuple[Field, ...]:
    """The fields of a dataclass or named tuple, in order."""
    hints = typing.get_type_hints(record)
    if dataclasses.is_dataclass(record):
        missing = dataclasses.MISSING
        return tuple(
            Field(f.name, hints[f.name], f.default is missing and f.default_factory is missing)
            for f in dataclasses.fields(record)
        )
    defaults: typing.Mapping[str, object] = record._field_defaults  # type: ignore[attr-defined]
    names: tuple[str, ...] = record._fields  # type: ignore[attr-defined]
    return tuple(Field(name, hints[name], name not in defaults) for name in names)
