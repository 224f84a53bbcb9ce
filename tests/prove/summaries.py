"""Short tables beside the held-out ones: what tuning chose, what terms buy, priors, the sceptics' runs."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from tests.prove.choose import Point, best, points

Rows = Sequence[Mapping[str, Any]]
SHIPPED = "target_utilization=0.9"
"""The point of ours that is the default."""


def tuned(rows: Rows) -> str:
    """Every policy at the point that is judged for 98 %, cheapest first among those that reach it."""
    by_policy: dict[str, list[Point]] = defaultdict(list)
    for point in points(rows):
        by_policy[point.policy].append(point)
    shown = [best(found, 0.98) for policy, found in by_policy.items() if policy != "hearth"]
    shown += [point for point in by_policy["hearth"] if point.label == SHIPPED]
    shown.sort(key=lambda p: (p.attainment_ratio < 0.98, p.relative_cost))
    lines = ["| policy | setting | SLO met | worst load | cost |", "|---|---|---|---|---|"]
    lines += [
        f"| {p.policy} | {p.label} | {_percent(p.attainment_ratio)} | {_percent(p.worst_ratio)} "
        f"| {p.relative_cost:.2f} |"
        for p in shown
    ]
    return "\n".join(lines)


def by_label(rows: Rows, column: str) -> str:
    """Ours with one thing changed: a row a change, a column a load, SLO met @ mean replicas over seeds."""
    loads = list(dict.fromkeys(row["load"] for row in rows))
    cells: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        cells[row["label"] or "as shipped", row["load"]].append(row)
    labels = list(dict.fromkeys(label for label, _ in cells))
    lines = [f"| {column} | " + " | ".join(loads) + " |", "|---" * (len(loads) + 1) + "|"]
    lines += [
        f"| {label} | " + " | ".join(_cell(cells[label, load]) for load in loads) + " |" for label in labels
    ]
    return "\n".join(lines)


def by_policy(rows: Rows) -> str:
    """A row a load, a column a policy, SLO met @ mean replicas over seeds."""
    cells: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        cells[row["load"], row["policy"]].append(row)
    loads, policies = (list(dict.fromkeys(key[i] for key in cells)) for i in (0, 1))
    lines = ["| what goes wrong | " + " | ".join(policies) + " |", "|---" * (len(policies) + 1) + "|"]
    lines += [
        f"| {load} | " + " | ".join(_cell(cells[load, policy]) for policy in policies) + " |"
        for load in loads
    ]
    return "\n".join(lines)


def _cell(rows: Rows) -> str:
    if not rows:
        return "–"
    met = sum(row["slo_attainment"] for row in rows) / len(rows)
    return f"{_percent(met)} @ {sum(row['mean_replicas'] for row in rows) / len(rows):.2f}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
