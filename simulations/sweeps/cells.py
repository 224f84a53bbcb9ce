"""One cell of a sweep: a run, the key that names it for ever, and its result on disk."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from simulations.cli.outputs import write
from simulations.result import Json
from simulations.scenario import Engine, Scenario

PACKAGES = ("simulations", "scaler/decision", "cache_agent/planning")
"""Whose code decides a result."""

PRESENTATION = (
    "report", "data/report", "policies/grids.py",
    *(f"{module}.py" for module in (
        "analysis", "calibrate", "calibrating", "cells", "commands", "demo", "frontier", "measured",
        "outputs", "paired", "pool", "progress", "recommend", "single", "sweep", "sweeping", "terminal",
        "words",
    )),
)  # fmt: skip
"""Parts of ``simulations`` that plan runs or show results and never change one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One run of a grid."""

    trace: str
    """What ``--trace`` was given."""
    scenario: Scenario
    policy: str
    """As the registry knows it: ``kv``, ``static:4``."""
    seed: int
    family: str
    """The law's name, without a number in it: ``static``."""
    label: str
    """The setting that is tried, for people: ``target=0.4``."""
    condition: str
    """What this cell shares with those that it is compared with: ``cold start 30 s, 4 copies``."""
    level_ratio: float | None = None
    """For a search (``oracle``, ``lower-bound``): the attainment that it is to reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a sweep keeps of one run."""

    family: str
    label: str
    condition: str
    seed: int
    attainment_ratio: float
    gpu_hours: float
    mean_replicas: float
    cost: float
    ttft_p99_s: float | None
    starts: int


class Store:
    """Finished cells in a directory, one JSON each, under a key of everything that decided the result."""

    def __init__(self, directory: Path, trace_digest: str) -> None:
        self.directory = directory
        self._trace_digest = trace_digest

    def path(self, cell: Cell) -> Path:
        """Where the cell's result is, or will be."""
        inputs = {
            "code": code_digest(),
            "trace": self._trace_digest,
            "scenario": cell.scenario.model_dump(mode="json"),
            "files": _files(cell.scenario.engine),
            "policy": cell.policy,
            "level": cell.level_ratio,
            "seed": cell.seed,
        }
        key = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
        return self.directory / f"{key[:32]}.json"

    def load(self, cell: Cell) -> Score | None:
        """The cell's score if an earlier sweep finished it. A file that cannot be read is no result."""
        try:
            return score(cell, json.loads(self.path(cell).read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, cell: Cell, document: Json) -> Score:
        """Keep the JSON of a result (without its timeline: 2 MB for a day) and give its score."""
        kept = {key: value for key, value in document.items() if key != "timeline"}
        self.directory.mkdir(parents=True, exist_ok=True)
        write({self.path(cell): json.dumps(kept, indent=1, allow_nan=False) + "\n"})
        return score(cell, kept)


def _files(engine: Engine) -> list[str]:
    """Hashes of the files that the engine's settings name: the same path may hold something else tomorrow."""
    named = [Path(name) for name in (engine.model, engine.gpu, engine.calibration) if name is not None]
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in named if path.is_file()]


def score(cell: Cell, result: Mapping[str, Any]) -> Score:
    """The figures of a result that are compared. A run without requests met nothing."""
    attainment = result["slo_attainment"]
    return Score(
        family=cell.family,
        label=cell.label,
        condition=cell.condition,
        seed=cell.seed,
        attainment_ratio=0.0 if attainment is None else float(attainment),
        gpu_hours=float(result["gpu_hours"]),
        mean_replicas=float(result["mean_replicas"]),
        cost=float(result["cost"]),
        ttft_p99_s=result["ttft_s"]["p99"],
        starts=int(result["starts"]),
    )


@cache
def code_digest() -> str:
    """One hash over the source and data that decide results: a change of either makes every cell anew."""
    root = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted(_sources(root)):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources(root: Path) -> Iterable[Path]:
    for package in PACKAGES:
        for path in (root / package).rglob("*"):
            inside = path.relative_to(root / "simulations").as_posix() if package == "simulations" else ""
            shown = any(inside == part or inside.startswith(part + "/") for part in PRESENTATION)
            if path.is_file() and path.suffix != ".pyc" and not shown:
                yield path
