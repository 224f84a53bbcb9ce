"""Finished cells of one group: a file of JSON lines under ``results/``, appended as they finish."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "results"


def path(group: str) -> Path:
    """Where the group's results are."""
    return FOLDER / f"{group}.jsonl"


def read(group: str) -> dict[str, str]:
    """Key -> line of every finished cell; a line that a crash cut off does not count."""
    found: dict[str, str] = {}
    if path(group).exists():
        for text in path(group).read_text().splitlines():
            if text.endswith("}"):
                found[str(json.loads(text)["key"])] = text
    return found


def rows(group: str) -> list[dict[str, Any]]:
    """The figures of every finished cell."""
    return [json.loads(text) for text in read(group).values()]


def append(group: str, text: str) -> None:
    """Keep one finished cell at once: Ctrl-C loses at most the cells under way."""
    FOLDER.mkdir(exist_ok=True)
    with path(group).open("a") as file:
        file.write(text + "\n")


def rewrite(group: str, keys: Iterable[str]) -> None:
    """Order the file as the group is defined, and drop what is no longer part of it."""
    known = read(group)
    path(group).write_text("".join(known[key] + "\n" for key in keys if key in known))
