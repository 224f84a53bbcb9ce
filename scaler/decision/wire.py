"""JSON for Snapshot, Policy, State and Decision: ``to_json(value)`` and ``from_json(type, data)``.

The tree is plain: objects by field name, arrays for tuples, ``"+Inf"`` for the last edge of a histogram. What
is absent is left out or null, and never becomes zero. Reading is strict: an unknown key, a wrong type, NaN, a
negative count are errors that name the path (``snapshot.pods[3].samples.running``). A state of an older
version is read: what it does not have begins anew; one of a newer version is refused.
"""

import difflib
import enum
import math
import types
import typing
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, TypeVar

from scaler.decision.checks import HUGE
from scaler.decision.shapes import KINDS, MAY_BE_INFINITE, NONNEGATIVE, fields_of, is_record
from scaler.decision.state import VERSION, State

T = TypeVar("T")
Reader = Callable[[Any, str], Any]
Numbers = tuple[float, bool]
"""(least value, whether infinity is allowed) of the numbers within."""


class WireError(ValueError):
    """Bad JSON. ``str(error)``: path, what is wrong with which value, the fix."""

    def __init__(self, path: str, problem: str, fix: str) -> None:
        self.path, self.problem, self.fix = path, problem, fix
        super().__init__(f"{path}: {problem}; {fix}")


def to_json(value: Any) -> Any:
    """A value of the contract as a plain tree for ``json.dumps(..., allow_nan=False)``."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else ("+Inf" if value > 0 else "-Inf")
    if isinstance(value, str):
        return str(value)
    record: Any = type(value)
    if is_record(record):
        tree = {f.name: to_json(getattr(value, f.name)) for f in fields_of(record)}
        kind = KINDS.get(record)
        return tree if kind is None else {"kind": kind, **tree}
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    return [to_json(item) for item in value]


def from_json(kind: type[T], data: Any) -> T:
    """A ``kind`` (Snapshot, Policy, State, Decision, or a part of one) from a plain tree.

    :raises WireError: with the path of what is wrong.
    """
    if kind is State:
        _check_version(data)
    hint: Any = kind
    value: T = _reader(hint, (-math.inf, False))(data, kind.__name__.lower())
    return value


def _check_version(data: Any) -> None:
    version = data.get("version", VERSION) if isinstance(data, dict) else VERSION
    if isinstance(version, int) and version > VERSION:
        raise WireError(
            "state.version",
            f"is {version}, this build reads up to {VERSION}",
            "start anew or upgrade the scaler",
        )


@cache
def _reader(hint: Any, numbers: Numbers) -> Reader:
    """The function that reads one type; built once a type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _union(arguments, numbers)
    if origin is Literal:
        return _choice(arguments)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return _array(arguments[0], tuple, numbers)
        return _fixed(arguments, numbers)
    if origin is frozenset:
        return _array(arguments[0], frozenset, numbers)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(arguments[1], numbers)
    if is_record(hint):
        return _record(hint)
    if issubclass(hint, enum.Enum):
        return _enum(hint)
    return {bool: _bool, int: _int(numbers), float: _float(numbers), str: _str}[hint]


def _bool(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise WireError(path, f"{value!r} is not true or false", "give true or false")
    return value


def _str(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise WireError(path, f"{value!r} is not a string", "give a string")
    return value


def _int(numbers: Numbers) -> Reader:
    def read(value: Any, path: str) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise WireError(path, f"{value!r} is not a whole number", "give a whole number")
        _bounded(value, path, numbers)
        return value

    return read


def _float(numbers: Numbers) -> Reader:
    def read(value: Any, path: str) -> float:
        if value == "+Inf" and numbers[1]:
            return math.inf
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise WireError(
                path, f"{value!r} is not a number", "give a number, or leave it out when it is not known"
            )
        if not math.isfinite(value):
            raise WireError(path, f"{value!r} is not finite", "leave it out when it is not known")
        _bounded(value, path, numbers)
        return float(value)

    return read


def _bounded(value: float, path: str, numbers: Numbers) -> None:
    if value < numbers[0]:
        raise WireError(
            path, f"{value!r} is negative", "counts, gauges and ages are not; leave it out if unknown"
        )
    if numbers[0] == 0.0 and value > HUGE:
        raise WireError(path, f"{value!r} is beyond {HUGE:g}", "leave it out when it is not known")


def _choice(allowed: tuple[Any, ...]) -> Reader:
    def read(value: Any, path: str) -> Any:
        if value not in allowed:
            raise WireError(path, f"{value!r} is none of {', '.join(map(str, allowed))}", "use one of them")
        return value

    return read


def _enum(kind: type[enum.Enum]) -> Reader:
    check = _choice(tuple(member.value for member in kind))
    return lambda value, path: kind(check(value, path))


def _array(item: Any, make: Callable[[Any], Any], numbers: Numbers) -> Reader:
    inner = _reader(item, numbers)

    def read(value: Any, path: str) -> Any:
        if not isinstance(value, list | tuple):
            raise WireError(path, f"{value!r} is not an array", "give an array")
        return make([inner(v, f"{path}[{i}]") for i, v in enumerate(value)])

    return read


def _fixed(items: tuple[Any, ...], numbers: Numbers) -> Reader:
    inner = [_reader(item, numbers) for item in items]

    def read(value: Any, path: str) -> Any:
        if not isinstance(value, list | tuple) or len(value) != len(inner):
            raise WireError(path, f"{value!r} is not an array of {len(inner)}", f"give {len(inner)} values")
        return tuple(r(v, f"{path}[{i}]") for i, (r, v) in enumerate(zip(inner, value, strict=True)))

    return read


def _mapping(item: Any, numbers: Numbers) -> Reader:
    inner = _reader(item, numbers)

    def read(value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise WireError(path, f"{value!r} is not an object", "give an object")
        return {_str(key, path): inner(v, f"{path}.{key}") for key, v in value.items()}

    return read


def _union(members: tuple[Any, ...], numbers: Numbers) -> Reader:
    """``None`` or one type; or records that are told apart by ``kind``."""
    some = [m for m in members if m is not type(None)]
    optional = len(some) < len(members)
    if len(some) == 1:
        inner = _reader(some[0], numbers)
        return lambda value, path: None if value is None and optional else inner(value, path)
    by_kind = {KINDS[m]: _reader(m, numbers) for m in some}

    def read(value: Any, path: str) -> Any:
        kind = value.get("kind") if isinstance(value, dict) else None
        if kind not in by_kind:
            raise WireError(f"{path}.kind", f"{kind!r} is none of {', '.join(by_kind)}", "use one of them")
        return by_kind[kind]({k: v for k, v in value.items() if k != "kind"}, path)

    return read


def _unknown_key(path: str, key: str, known: list[str]) -> WireError:
    near = difflib.get_close_matches(key, known, 1)
    fix = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return WireError(f"{path}.{key}", "is not a known key", fix)


def _record(kind: type) -> Reader:
    least = 0.0 if kind in NONNEGATIVE else -math.inf
    fields = fields_of(kind)
    names = [f.name for f in fields]
    readers: dict[str, Reader] = {}

    def read(value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise WireError(path, f"{value!r} is not an object", "give an object")
        if not readers:  # built late: records may contain themselves in time to come
            readers.update(
                {f.name: _reader(f.hint, (least, (kind, f.name) in MAY_BE_INFINITE)) for f in fields}
            )
        for key in value:
            if key not in readers:
                raise _unknown_key(path, str(key), names)
        for f in fields:
            if f.required and f.name not in value:
                raise WireError(f"{path}.{f.name}", "is missing", f"add {f.name}")
        return kind(**{key: readers[key](v, f"{path}.{key}") for key, v in value.items()})

    return read
