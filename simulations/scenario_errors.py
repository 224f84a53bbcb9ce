"""Turns what pydantic says about a scenario into one line: key, value and the fix."""

import difflib
import types
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from simulations.errors import InputError
from simulations.scenario import Scenario
from simulations.yaml_source import Document, Path

_UNITS = (
    ("_gb_per_s", "GB per second"),
    ("_ms", "milliseconds"),
    ("_s", "seconds"),
    ("seconds", "seconds"),
    ("seconds_p50", "seconds"),
    ("_gb", "GB"),
    ("_per_gpu_hour", "the currency you count in"),
)
_FOREIGN = "give [from_s, to_s, gpus]"
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def translate(error: ValidationError, document: Document, fallback: str) -> InputError:
    """What is wrong, as one line with file and line (or ``--set``), key, value and fix."""
    found = error.errors(include_url=False)
    # A slip in a key is often reported after the key that it leaves missing: say the slip.
    first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    path = _without_type_tags(first["loc"])
    where = f"{document.where(path, fallback)}: {dotted(path)}" if path else fallback
    if first["type"] == "extra_forbidden":
        return _unknown_key(path, document, fallback)
    if first["type"] == "value_error":
        problem, _, fix = str(first["ctx"]["error"]).partition("; ")
        return InputError(where, problem, fix or "correct it")
    if first["type"] in ("missing", "too_long") and path[:2] == ("cluster", "foreign_gpus"):
        return InputError(document.where(path, fallback), f"{dotted(path[:3])} is no triple", _FOREIGN)
    if first["type"] == "missing":
        parent = dotted(path[:-1]) or "the scenario"
        return InputError(
            document.where(path[:-1], fallback), f"{parent} lacks {path[-1]!r}", f"add {path[-1]}"
        )
    return InputError(where, f"is {_shown(first['input'])}", _fix(first, str(path[-1]) if path else ""))


def dotted(path: Path) -> str:
    """``("hpa", "rules", 0)`` -> ``hpa.rules.0``."""
    return ".".join(str(part) for part in path)


def known_paths(model: type[BaseModel] = Scenario, prefix: Path = ()) -> Iterator[Path]:
    """Every key of the scenario as a path; the parts of lists and free mappings are not keys."""
    for name, info in model.model_fields.items():
        path = (*prefix, name)
        yield path
        section = section_of(info.annotation)
        if section is not None:
            yield from known_paths(section, path)


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The section that an annotation such as ``Direction | None`` holds."""
    options = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    found = (option for option in options if isinstance(option, type) and issubclass(option, BaseModel))
    return next(found, None)


def _unknown_key(path: Path, document: Document, fallback: str) -> InputError:
    parent, key = path[:-1], str(path[-1])
    siblings = _siblings(parent)
    near = difflib.get_close_matches(key, siblings, n=1, cutoff=0.5)
    if near:
        fix = f"did you mean {dotted((*parent, near[0]))}?"
    else:
        fix = _elsewhere(key) or f"known here: {', '.join(siblings)}"
    return InputError(document.where(path, fallback), f"there is no key {dotted(path)}", fix)


def _siblings(parent: Path) -> list[str]:
    """The keys beside an unknown one; list positions count as the section that the list holds."""
    model: Any = Scenario
    for part in parent:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        model = section_of(annotation) or section_of(next(iter(typing.get_args(annotation)), None))
        if model is None:
            return []
    return list(model.model_fields)


def _elsewhere(key: str) -> str | None:
    """The same or nearly the same key in another section: ``max_replicas`` is ``cluster.max_replicas``."""
    leaves = {str(path[-1]): dotted(path) for path in known_paths()}
    near = difflib.get_close_matches(key, leaves, n=1, cutoff=0.75)
    return f"did you mean {leaves[near[0]]}?" if near else None


def _without_type_tags(loc: tuple[int | str, ...]) -> Path:
    """pydantic adds the member of a union that it tried (``policy.x.float``): cut what is no key."""
    return tuple(loc[:2]) if loc[:1] == ("policy",) else tuple(loc[:4]) if loc[:1] == ("changes",) else loc


def _shown(value: object) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _fix(error: Any, key: str) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"give {words} {context[name]:g}"
    if kind == "literal_error":
        return f"give {context['expected']}"
    if kind.startswith("int"):
        return "give a whole number"
    if kind.startswith("float") or kind == "finite_number":
        return f"give a number{_unit(key)}"
    if kind.startswith("bool"):
        return "give true or false"
    if kind in ("model_type", "dict_type"):
        return "give a section of key: value"
    return "give a list" if kind == "tuple_type" else f"give text ({error['msg'].lower()})"


def _unit(key: str) -> str:
    for suffix, unit in _UNITS:
        if key.endswith(suffix):
            return f" of {unit}, without a unit"
    return ""
