"""The table of every policy, its source and its settings, for ``docs/simulator.md``."""

import json
from collections.abc import Iterator
from dataclasses import MISSING, fields
from importlib import import_module
from typing import Any

from simulations.policies.registry import POLICIES, SEARCHES


def table() -> str:
    """Markdown: one row a name."""
    rows = [f"| `{name}` | {entry.line} | {_settings(entry.module)} |" for name, entry in POLICIES.items()]
    rows += [f"| `{name}` | {line} | – |" for name, line in SEARCHES.items()]
    return "\n".join(
        ["| policy | what it scales on | settings: `policy.NAME`, default |", "|---|---|---|", *rows]
    )


def _settings(module: str) -> str:
    law: Any = import_module(f"simulations.policies.{module}")
    if not hasattr(law, "Settings"):
        return "every knob of the law: [`policy.py`](../scaler/decision/policy.py)"
    return ", ".join(_knobs(law.Settings)) or "–"


def _knobs(settings: type[Any]) -> Iterator[str]:
    for one in fields(settings):
        known = one.default is not MISSING and one.default is not None
        yield f"`{one.name}` {json.dumps(one.default)}" if known else f"`{one.name}`"
