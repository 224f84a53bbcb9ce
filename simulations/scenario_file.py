"""A scenario from a file or a shipped name, with ``--set section.key=value`` on top."""

import difflib
import os
from collections.abc import Sequence
from pathlib import Path as FilePath

from pydantic import ValidationError

from simulations.errors import InputError
from simulations.scenario import MOST, Scenario
from simulations.scenario_errors import dotted, translate
from simulations.yaml_source import Document, Path, Value, parse

_FOLDER = FilePath(__file__).parent / "scenarios"


def default_scenario() -> Scenario:
    """Llama-3.1-8B on H100s, 1 to 8 replicas, a cold start of 100 s (design 5.6)."""
    return Scenario()


def scenario_names() -> tuple[str, ...]:
    """The scenarios that are shipped, by name."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def load_scenario(reference: str | None = None, overrides: Sequence[str] = ()) -> Scenario:
    """The scenario in the file or of the shipped name ``reference`` (None: the default), then the overrides.

    An override is ``section.key=value`` with a YAML value: ``cluster.max_replicas=12``,
    ``cold_start.seconds=null``. Raises :class:`InputError` with one line for whatever is wrong.
    """
    document = Document({}) if reference is None else _read(reference)
    for override in overrides:
        _apply(document, override)
    return _checked(document, reference or "scenario")


def _read(reference: str) -> Document:
    path = _FOLDER / f"{reference}.yaml" if reference in scenario_names() else FilePath(reference)
    if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where a part of the path is forbidden
        raise InputError(reference, "is a directory", "name one YAML file")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _unknown(reference) from None
    except OSError as error:
        raise InputError(
            reference, (error.strerror or "cannot be read").lower(), "make it readable"
        ) from None
    except UnicodeDecodeError:
        raise InputError(reference, "is binary, not text", "give a UTF-8 YAML file") from None
    document = parse(text, reference)
    if document.data is None:
        document.data = {}
    if not isinstance(document.data, dict):
        raise InputError(reference, "holds no sections", "write section: and indented key: value lines")
    return document


def _unknown(reference: str) -> InputError:
    near = difflib.get_close_matches(reference, scenario_names(), n=3, cutoff=0.5) or scenario_names()
    return InputError(
        "--scenario",
        f"no file and no known scenario is called {reference!r}",
        f"give a path or one of: {', '.join(near)}",
    )


def _apply(document: Document, override: str) -> None:
    """Put one override into the data; sections that are not there yet (or null) are made."""
    key, equals, text = override.partition("=")
    where = f"--set {override}"
    path: Path = tuple(key.strip().split("."))
    if not equals or not all(path):
        raise InputError(
            where, "is no assignment", "write section.key=value, such as cluster.max_replicas=12"
        )
    section = document.data
    for part in path[:-1]:
        section = _section(section, part, where)
    if not isinstance(section, dict):
        raise InputError(
            where, f"{dotted(path[:-1])} is {section!r}, no section", "set a key that is in a section"
        )
    section[str(path[-1])] = parse(text, where).data
    for known in [known for known in document.origin if known[: len(path)] == path]:
        del document.origin[known]
    document.origin[path] = "--set"


def _section(parent: Value, part: str | int, where: str) -> Value:
    if not isinstance(parent, dict):
        raise InputError(where, f"{part} is not in a section", "give lists as a whole: key=[...]")
    if parent.get(str(part)) is None:
        parent[str(part)] = {}
    return parent[str(part)]


def _checked(document: Document, name: str) -> Scenario:
    try:
        scenario = Scenario.model_validate(document.data)
    except ValidationError as error:
        raise translate(error, document, name) from None
    for i, change in enumerate(scenario.changes):
        _check_engine(document, name, i, {**scenario.engine.model_dump(), **change.engine})
    for i, (begin_s, end_s, gpus) in enumerate(scenario.cluster.foreign_gpus):
        if not 0 <= begin_s < end_s <= MOST or gpus < 1:
            raise InputError(
                f"{document.where(('cluster', 'foreign_gpus', i), name)}: cluster.foreign_gpus.{i}",
                f"is [{begin_s:g}, {end_s:g}, {gpus}]",
                "give [from_s, to_s, gpus] with 0 <= from_s < to_s and at least 1 GPU",
            )
    return scenario


def _check_engine(document: Document, name: str, i: int, engine: dict[str, object]) -> None:
    """A change of the engine is made of engine keys: judge the engine that it leads to."""
    try:
        Scenario.model_validate({"engine": engine})
    except ValidationError as error:
        inside: Path = ("changes", i, "engine")
        moved = {("engine", *path[3:]): at for path, at in document.origin.items() if path[:3] == inside}
        fallback = document.where(("changes", i), name)
        raise translate(error, Document(document.data, moved), fallback) from None
