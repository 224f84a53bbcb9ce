"""The tables of docs/results.md, made from the committed results: one section a load, one row a policy."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulations.policies.registry import SEARCHES
from simulations.sweeps.analysis import OURS
from simulations.sweeps.frontier import Point, cost_at
from simulations.sweeps.paired import paired

LEVELS = (0.95, 0.98, 0.99)
BETTER_POINTS = 0.2
"""A rival beats us when it attains this many points more …"""
BETTER_COST = 0.98
"""… at no more than this share of our GPU-hours."""

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of one policy on one load: means over seeds."""

    policy: str
    label: str
    attainment_ratio: float
    gpu_hours: float
    ttft_p99_s: float | None
    by_seed: Mapping[int, tuple[float, float]]
    """Seed -> (attainment, GPU-hours)."""


def settings(rows: Rows) -> list[Setting]:
    """The rows of one load (policy, label, seed and figures each), averaged over seeds."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["policy"], row["label"]].append(row)
    return [_setting(key, group) for key, group in found.items()]


def _setting(key: tuple[str, str], rows: Rows) -> Setting:
    tails = [row["ttft_p99_s"] for row in rows if row["ttft_p99_s"] is not None]
    return Setting(
        policy=key[0],
        label=key[1],
        attainment_ratio=_mean(row["slo_attainment"] for row in rows),
        gpu_hours=_mean(row["gpu_hours"] for row in rows),
        ttft_p99_s=_mean(tails) if tails else None,
        by_seed={row["seed"]: (row["slo_attainment"], row["gpu_hours"]) for row in rows},
    )


def beaten_by(ours: Setting, rival: Setting) -> bool:
    """Whether a rival is 0.2 point better at 0.98 of our GPU-hours at most, over the seeds that both ran."""
    seeds = rival.by_seed.keys() & ours.by_seed.keys()
    points = 100 * sum(rival.by_seed[s][0] - ours.by_seed[s][0] for s in seeds)
    cost, own_cost = (sum(one.by_seed[s][1] for s in seeds) for one in (rival, ours))
    return bool(seeds) and points > BETTER_POINTS * len(seeds) and cost <= BETTER_COST * own_cost


def _shipped(found: Sequence[Setting]) -> Setting:
    return next(s for s in found if s.policy == OURS and s.label == "")


def _beating(found: Sequence[Setting], default: Setting) -> list[Setting]:
    laws = [s for s in found if s.policy not in (default.policy, *SEARCHES)]
    return sorted([s for s in laws if beaten_by(default, s)], key=lambda s: s.gpu_hours)


def overview(loads: Mapping[str, Rows], level: float = 0.98) -> str:
    """A row a load: ours, the cheapest law and fixed fleet that reach the level, foresight, who beats us."""
    heads = (
        "load",
        "hearth",
        "cheapest rival at 98 %",
        "cheapest fixed fleet at 98 %",
        "oracle",
        "bound",
        "lost to",
    )
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for load, rows in loads.items():
        found = settings(rows)
        default = _shipped(found)
        kinds = (
            [s for s in found if _kind(s) == kind] for kind in ("law", "static", "oracle", "lower-bound")
        )
        best = [_cheapest(kind, level) for kind in kinds]
        lost = ", ".join(dict.fromkeys(s.policy for s in _beating(found, default)))
        lines.append(f"| {load} | {_at(default)} | {' | '.join(best)} | {lost or '–'} |")
    return "\n".join(lines)


def _kind(one: Setting) -> str:
    base = one.policy.partition(":")[0]
    return base if base in ("static", OURS, *SEARCHES) else "law"


def _at(one: Setting) -> str:
    return f"{100 * one.attainment_ratio:.2f} % @ {one.gpu_hours:.2f}"


def _cheapest(found: Sequence[Setting], level: float) -> str:
    """The cheapest of those that reach the level (a search is named by it); a dash where none does."""
    asked = [s for s in found if s.policy not in SEARCHES or s.label == f"for {100 * level:g} %"]
    meeting = [s for s in asked if s.attainment_ratio >= level or s.policy in SEARCHES]
    if not meeting:
        return "–"
    best = min(meeting, key=lambda s: s.gpu_hours)
    return _at(best) if best.policy in SEARCHES else f"{best.policy}, {_at(best)}"


def section(load: str, rows: Rows) -> str:
    """One load as Markdown: every policy's best setting, its cost at three levels, the paired difference."""
    found = settings(rows)
    default = _shipped(found)
    ours = default.policy
    lines = [
        f"### {load}",
        "",
        "| policy | at (setting) | SLO met | GPU-h | TTFT p99 | GPU-h at 95 / 98 / 99 % | against hearth |",
        "|---|---|---|---|---|---|---|",
    ]
    policies = sorted({s.policy for s in found}, key=lambda p: (p != ours, p))
    lines += [_row(policy, [s for s in found if s.policy == policy], default) for policy in policies]
    lines += ["", _verdict(_beating(found, default), default)]
    return "\n".join(lines)


def _row(policy: str, found: Sequence[Setting], default: Setting) -> str:
    shown = default if policy == default.policy else _nearest(found)
    tail = "–" if shown.ttft_p99_s is None else f"{shown.ttft_p99_s:.2f} s"
    costs = " / ".join(_cost(found, level) for level in LEVELS)
    label = f"{shown.label or 'as shipped'}{_fewer(shown, default)}"
    return (
        f"| {policy} | {label} | {100 * shown.attainment_ratio:.2f} % "
        f"| {shown.gpu_hours:.2f} | {tail} | {costs} | {_against(shown, default)} |"
    )


def _fewer(one: Setting, default: Setting) -> str:
    fewer = len(one.by_seed) < len(default.by_seed)
    return f" ({len(one.by_seed)} of {len(default.by_seed)} seeds)" if fewer else ""


def _nearest(found: Sequence[Setting], level: float = 0.98) -> Setting:
    """The cheapest setting that meets the level, else the one that comes nearest."""
    meeting = [s for s in found if s.attainment_ratio >= level]
    if meeting:
        return min(meeting, key=lambda s: s.gpu_hours)
    return max(found, key=lambda s: s.attainment_ratio)


def _cost(found: Sequence[Setting], level: float) -> str:
    points = [Point(label=s.label, gpu_hours=s.gpu_hours, attainment_ratio=s.attainment_ratio) for s in found]
    cost = cost_at(points, level)
    return "–" if cost is None else f"{'' if cost.exact else '≤ '}{cost.gpu_hours:.2f}"


def _against(rival: Setting, ours: Setting) -> str:
    """Paired by seed: points of attainment and share of GPU-hours, each with its 95 % interval."""
    if rival is ours:
        return "–"
    seeds = sorted(rival.by_seed.keys() & ours.by_seed.keys())
    points = paired([100 * (rival.by_seed[s][0] - ours.by_seed[s][0]) for s in seeds])
    cost = paired([100 * (rival.by_seed[s][1] / ours.by_seed[s][1] - 1) for s in seeds])
    if points is None or cost is None:
        return "–"
    half = "" if points.low is None else f" ± {points.mean - points.low:.2f}"
    spread = "" if cost.low is None else f" ± {cost.mean - cost.low:.1f}"
    return f"{points.mean:+.2f}{half} points, {cost.mean:+.1f}{spread} % GPU-h"


def _verdict(beating: Sequence[Setting], ours: Setting) -> str:
    missed = ours.attainment_ratio < LEVELS[1]
    short = f" hearth met {100 * ours.attainment_ratio:.2f} %, short of 98 %." if missed else ""
    if not beating:
        return f"No rival is more than 0.2 point better at 0.98 of hearth's GPU-hours or less.{short}"
    return f"**Lost:** {'; '.join(_named(s) for s in beating)}.{short}"


def _named(found: Setting) -> str:
    reached = f"{100 * found.attainment_ratio:.2f} % for {found.gpu_hours:.2f} GPU-h"
    return f"{found.policy} ({found.label or 'as shipped'}): {reached}"


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
