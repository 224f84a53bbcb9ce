"""YAML as people expect it, with the line that each key stands on.

Scalars follow YAML 1.2's core schema: only ``true`` and ``false`` are booleans (``off`` and ``no`` stay
words), ``1e3`` is a number and ``1:30`` is none. A key that stands twice is an error, not a silent overwrite.
"""

import re
from dataclasses import dataclass, field

import yaml

from simulations.errors import InputError

Key = str | int
Path = tuple[Key, ...]
Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]

_MAX_DEPTH = 16
_MAX_VALUES = 20_000
"""Aliases of aliases make a short file endless ("billion laughs")."""
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]{1,300}")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)


@dataclass(slots=True)
class Document:
    """Plain data and where each part of it came from."""

    data: Value
    origin: dict[Path, str] = field(default_factory=dict)
    """Path -> ``file, line n`` or ``--set``."""

    def where(self, path: Path, fallback: str) -> str:
        """Where ``path``, or the nearest thing around or below it, was written."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.origin:
                return self.origin[path[:length]]
        below = (origin for known, origin in self.origin.items() if known[: len(path)] == path)
        return next(below, fallback)


def parse(text: str, name: str) -> Document:
    """Parse one YAML document. Raises :class:`InputError` with the line for what is no YAML."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
        raise InputError(f"{name}{line}", f"is no YAML ({error.problem})", "correct the syntax") from None
    except yaml.YAMLError:
        raise InputError(name, "is no YAML text", "give a UTF-8 YAML file") from None
    except RecursionError:
        raise _too_deep(name) from None
    document = Document(None)
    if node is not None:
        document.data = _plain(node, (), document.origin, name)
    return document


def scalar(text: str) -> Value:
    """The value of one plain scalar."""
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text[0] in "tT"
    if _INT.fullmatch(text):
        return int(text)
    return float(_python_float(text)) if _FLOAT.fullmatch(text) else text


def _python_float(text: str) -> str:
    """``.inf`` and ``.nan`` without their dot: ``float`` takes the rest as it is."""
    return text.replace(".", "", 1) if text.lower().lstrip("+-").startswith((".inf", ".nan")) else text


def _plain(node: yaml.Node, path: Path, origin: dict[Path, str], name: str) -> Value:
    where = f"{name}, line {node.start_mark.line + 1}"
    origin.setdefault(path, where)
    if len(path) > _MAX_DEPTH:
        raise _too_deep(where)
    if len(origin) > _MAX_VALUES:
        raise InputError(where, f"holds more than {_MAX_VALUES:,} values", "write less, or fewer aliases")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, origin, name)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, i), origin, name) for i, item in enumerate(node.value)]
    text = str(node.value)
    return scalar(text) if isinstance(node, yaml.ScalarNode) and node.style is None else text


def _too_deep(where: str) -> InputError:
    return InputError(where, f"nests more than {_MAX_DEPTH} levels", "remove brackets, or an alias of itself")


def _mapping(node: yaml.MappingNode, path: Path, origin: dict[Path, str], name: str) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for key_node, value_node in node.value:
        where = f"{name}, line {key_node.start_mark.line + 1}"
        if not isinstance(key_node, yaml.ScalarNode):
            raise InputError(where, "a key is no plain word", "write key: value")
        key = str(key_node.value)
        if key in found:
            raise InputError(where, f"{key} stands twice", "keep one of them")
        origin[(*path, key)] = where
        found[key] = _plain(value_node, (*path, key), origin, name)
    return found
