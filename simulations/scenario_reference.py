"""The tables of every scenario key and every policy, from the models themselves.

``python -m simulations.scenario_reference`` writes them into ``docs/simulator.md``; a test holds it so.
"""

import ast
import inspect
import json
import sys
import types
import typing
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from simulations.policies import reference
from simulations.scenario import MOST, Scenario
from simulations.scenario_errors import section_of

DOCUMENT = Path(__file__).parent.parent / "docs" / "simulator.md"
BEGIN = "<!-- scenario keys: written by `python -m simulations.scenario_reference` -->"
END = "<!-- end of scenario keys -->"
POLICIES_BEGIN = "<!-- policies: written by the same command -->"
POLICIES_END = "<!-- end of policies -->"
_SCALARS = {int: "whole number", float: "number", bool: "true, false", str: "text"}


def table() -> str:
    """Markdown: one table a section, one row a key."""
    return "\n\n".join(_tables())


def rewritten(text: str) -> str:
    """``text`` with the tables between their marks replaced."""
    return _between(_between(text, BEGIN, END, table()), POLICIES_BEGIN, POLICIES_END, reference.table())


def _between(text: str, begin: str, end: str, content: str) -> str:
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{content}\n\n{end}{after}"


def _tables() -> Iterator[str]:
    loose = [name for name, info in Scenario.model_fields.items() if section_of(info.annotation) is None]
    for name, info in Scenario.model_fields.items():
        section = section_of(info.annotation)
        if section is not None:
            summary = " ".join((inspect.getdoc(section) or "").split("\n\n")[0].split())
            yield f"### `{name}`\n\n{_plain(summary)}\n\n{_head()}\n" + "\n".join(_rows(section, name))
    rows = [row for name in loose for row in _row(Scenario, name, name)]
    yield f"### Without a section\n\n{_head()}\n" + "\n".join(rows)


def _head() -> str:
    return "| key | value | default | meaning |\n|---|---|---|---|"


def _rows(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name in model.model_fields:
        yield from _row(model, name, f"{prefix}.{name}")


def _row(model: type[BaseModel], name: str, key: str) -> Iterator[str]:
    """The row of one key, or the rows of the section that it holds."""
    info = model.model_fields[name]
    section, items = section_of(info.annotation), _items(info.annotation)
    if section is not None:
        yield from _rows(section, key)
        return
    meaning = _plain(_meanings(model).get(name, ""))
    yield f"| `{key}` | {_value(info)} | {_default(info)} | {meaning} |"
    if items is not None:
        yield from _rows(items, f"{key}[]")


def _items(annotation: Any) -> type[BaseModel] | None:
    """The section that a list's items are."""
    if typing.get_origin(annotation) is not tuple:
        return None
    return section_of(typing.get_args(annotation)[0])


def _value(info: FieldInfo) -> str:
    """``number > 0, or null``."""
    options = typing.get_args(info.annotation) if _is_union(info.annotation) else (info.annotation,)
    named = [_option(option, info.metadata) for option in options if option is not type(None)]
    return ", ".join(named) + (", or null" if type(None) in options else "")


def _is_union(annotation: Any) -> bool:
    return isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union


def _option(annotation: Any, metadata: list[Any]) -> str:
    if typing.get_origin(annotation) is typing.Annotated:
        annotation, *extra = typing.get_args(annotation)
        metadata = [*metadata, *(bound for one in extra for bound in getattr(one, "metadata", [one]))]
    if typing.get_origin(annotation) is Literal:
        return " / ".join(f"`{choice}`" for choice in typing.get_args(annotation))
    name = _SCALARS.get(annotation) or (
        "list" if typing.get_origin(annotation) is tuple else "keys and values"
    )
    return " ".join([name, *_bounds(metadata)])


def _bounds(metadata: list[Any]) -> Iterator[str]:
    signs = ((Gt, "gt", ">"), (Ge, "ge", "≥"), (Lt, "lt", "<"), (Le, "le", "≤"))
    for bound in metadata:
        for kind, attribute, sign in signs:
            if isinstance(bound, kind) and getattr(bound, attribute) != MOST:
                yield f"{sign} {getattr(bound, attribute):,}"


def _default(info: FieldInfo) -> str:
    default = info.get_default(call_default_factory=True)
    if default is PydanticUndefined:
        return "must be given"
    if default is None:
        return "–"
    if isinstance(default, str):
        return f"`{default}`"
    if default in ((), {}):
        return "none"
    return f"{json.dumps(default)}"


def _meanings(model: type[BaseModel]) -> dict[str, str]:
    """The string under each field, as it stands in the source."""
    body = typing.cast("ast.ClassDef", ast.parse(inspect.getsource(model)).body[0]).body
    found: dict[str, str] = {}
    for statement, following in pairwise(body):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            found[statement.target.id] = " ".join(str(following.value.value).split())
    return found


def _plain(text: str) -> str:
    """reStructuredText's double back-ticks as Markdown's single ones; ``|`` would end a cell."""
    return text.replace("``", "`").replace("|", "\\|")


def main() -> None:
    """Write the table into the document; print what happened."""
    old = DOCUMENT.read_text(encoding="utf-8")
    new = rewritten(old)
    DOCUMENT.write_text(new, encoding="utf-8")
    sys.stdout.write(f"{DOCUMENT.name}: {'unchanged' if new == old else 'rewritten'}\n")


if __name__ == "__main__":
    main()
