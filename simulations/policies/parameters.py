"""A policy's own settings: one frozen dataclass each, whose defaults are the author's, checked when read."""

import math
from collections.abc import Sequence
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from typing import Any, TypeVar, cast

from simulations.errors import InputError
from simulations.policies.base import Parameters

Settings = TypeVar("Settings")
Value = TypeVar("Value", bound=float | int | str | bool | None)


_MOST = 1e15
"""Of any setting: what is larger is a slip, and products with it are infinite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a setting may be; every bound is inclusive but ``above``."""

    above: float = -math.inf
    least: float = -math.inf
    most: float = math.inf
    choices: tuple[str, ...] = ()
    whole: bool = False
    """Only whole numbers (for settings whose default is None; else the default's own type tells)."""


def knob(
    default: Value,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    most: float = math.inf,
    choices: Sequence[str] = (),
    whole: bool = False,
) -> Value:
    """A dataclass field that ``--set policy.<name>=`` may change within bounds.

    A default of None means: measured on the engine, or taken from the scenario, unless given.
    """
    bounds = Bounds(above=above, least=least, most=most, choices=tuple(choices), whole=whole)
    return field(default=default, metadata={"bounds": bounds})


def nearest(word: str, known: Sequence[str]) -> str:
    """The known word that a person most likely meant: 'treshold' -> 'threshold'."""
    return get_close_matches(word, known, n=1, cutoff=0.0)[0]


def read(settings: type[Settings], policy: str, given: Parameters) -> Settings:
    """``settings`` with the given values in it.

    Raises :class:`InputError` for an unknown key (naming the nearest), a wrong type or a value out of bounds.
    """
    known = {one.name: one for one in fields(cast("Any", settings))}
    values: dict[str, float | int | str | bool] = {}
    for key, value in given.items():
        if key not in known:
            raise _unknown(policy, key, tuple(known))
        values[key] = _checked(f"policy.{key}", known[key], value)
    return settings(**values)


def _unknown(policy: str, key: str, known: tuple[str, ...]) -> InputError:
    problem = f"unknown parameter of policy {policy}"
    if not known:
        return InputError(f"policy.{key}", problem, "remove it: this policy has no parameters")
    fix = f"did you mean policy.{nearest(key, known)}? known: {', '.join(sorted(known))}"
    return InputError(f"policy.{key}", problem, fix)


def _checked(where: str, one: "Field[Any]", value: float | str | bool) -> float | int | str | bool:
    bounds: Bounds = one.metadata.get("bounds", Bounds())
    if isinstance(one.default, bool):
        return _flag(where, value)
    if isinstance(one.default, str):
        return _choice(where, bounds, value)
    return _number(where, bounds, value, whole=bounds.whole or isinstance(one.default, int))


def _flag(where: str, value: float | str | bool) -> bool:
    words: dict[object, bool] = {"true": True, "on": True, "false": False, "off": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise InputError(where, f"{value!r} is neither true nor false", "use true or false")


def _choice(where: str, bounds: Bounds, value: float | str | bool) -> str:
    if isinstance(value, str) and (not bounds.choices or value in bounds.choices):
        return value
    raise InputError(where, f"unknown value {value!r}", f"use one of {', '.join(bounds.choices)}")


def _number(where: str, bounds: Bounds, value: float | str | bool, *, whole: bool) -> float | int:
    if isinstance(value, bool | str) or not math.isfinite(value):
        raise InputError(where, f"{value!r} is not a number", f"use a number {_range(bounds)}")
    if whole and value != int(value):
        raise InputError(where, f"{value} is not a whole number", f"use a whole number {_range(bounds)}")
    if value <= bounds.above or not bounds.least <= value <= bounds.most or abs(value) > _MOST:
        raise InputError(where, f"{value} is out of range", f"use a number {_range(bounds)}")
    return int(value) if whole else float(value)


def _range(bounds: Bounds) -> str:
    low = f"above {bounds.above:g}" if bounds.above > -math.inf else ""
    if bounds.least > -math.inf:
        low = f"of at least {bounds.least:g}"
    high = f"at most {bounds.most:g}" if bounds.most < math.inf else ""
    return " and ".join(part for part in (low, high) if part) or f"of at most {_MOST:g}"
