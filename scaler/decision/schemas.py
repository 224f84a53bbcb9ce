"""JSON Schemas (2020-12) of the contract, made from the types. ``python -m scaler.decision.schemas`` writes
them."""

import enum
import json
import pathlib
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

from scaler.decision.checks import HUGE
from scaler.decision.model import Decision, Snapshot
from scaler.decision.policy import Policy
from scaler.decision.shapes import KINDS, MAY_BE_INFINITE, NONNEGATIVE, fields_of, is_record
from scaler.decision.state import State

DIRECTORY = pathlib.Path(__file__).parent / "schemas"
ROOTS: tuple[type, ...] = (Snapshot, Policy, State, Decision)
Schema = dict[str, Any]

_PLAIN: dict[Any, Schema] = {bool: {"type": "boolean"}, str: {"type": "string"}}


def _number(hint: Any, owner: type, name: str) -> Schema:
    schema: Schema = {"type": "integer" if hint is int else "number"}
    if owner in NONNEGATIVE:
        schema |= {"minimum": 0, "maximum": HUGE}
    if (owner, name) in MAY_BE_INFINITE:
        return {"anyOf": [schema, {"const": "+Inf"}]}
    return schema


def _schema(hint: Any, owner: type, name: str, found: dict[str, Schema]) -> Schema:
    """The schema of one type; records go to ``found`` and are referred to."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_schema(a, owner, name, found) for a in arguments]}
    if hint is type(None):
        return {"type": "null"}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (tuple, frozenset):
        return _array(arguments, owner, name, found)
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(arguments[1], owner, name, found)}
    if is_record(hint):
        _record(hint, found)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    if issubclass(hint, enum.Enum):
        return {"enum": [member.value for member in hint]}
    return _PLAIN.get(hint) or _number(hint, owner, name)


def _array(arguments: tuple[Any, ...], owner: type, name: str, found: dict[str, Schema]) -> Schema:
    if len(arguments) == 1 or arguments[1] is Ellipsis:
        return {"type": "array", "items": _schema(arguments[0], owner, name, found)}
    items = [_schema(a, owner, name, found) for a in arguments]
    return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}


def _record(kind: type, found: dict[str, Schema]) -> None:
    if kind.__name__ in found:
        return
    schema: Schema = {"type": "object", "additionalProperties": False}
    found[kind.__name__] = schema
    properties: Schema = {} if kind not in KINDS else {"kind": {"const": KINDS[kind]}}
    required = list(properties)
    for field in fields_of(kind):
        properties[field.name] = _schema(field.hint, kind, field.name, found)
        if field.required:
            required.append(field.name)
    schema |= {"properties": properties, "required": required}
    text = (kind.__doc__ or "").strip().split("\n")[0]
    if text and not text.startswith(kind.__name__ + "("):
        schema["description"] = text


def schema_of(root: type) -> Schema:
    """The schema of one type of the contract."""
    found: dict[str, Schema] = {}
    _record(root, found)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": root.__name__,
        "$ref": f"#/$defs/{root.__name__}",
        "$defs": dict(sorted(found.items())),
    }


def text_of(root: type) -> str:
    """The schema as it is committed."""
    return json.dumps(schema_of(root), indent=2, ensure_ascii=False) + "\n"


def path_of(root: type) -> pathlib.Path:
    """Where it is committed."""
    return DIRECTORY / f"{root.__name__.lower()}.json"


def main() -> None:
    """Write all schemas."""
    DIRECTORY.mkdir(exist_ok=True)
    for root in ROOTS:
        path_of(root).write_text(text_of(root), encoding="utf-8")


if __name__ == "__main__":
    main()
