"""How settings are chosen and tables are drawn: worked by hand."""

from typing import Any

import pytest

from tests.prove import choose, summaries, table
from tests.prove.groups import GROUPS


def row(load: str, policy: str, label: str, met: float, gpu_hours: float, seed: int = 0) -> dict[str, Any]:
    """One finished cell."""
    return {
        "load": load,
        "policy": policy,
        "label": label,
        "seed": seed,
        "slo_attainment": met,
        "gpu_hours": gpu_hours,
        "mean_replicas": gpu_hours,
        "ttft_p99_s": 1.0,
    }


ROWS = [
    row("a", "kv", "target=0.4", 0.99, 4.0),
    row("a", "kv", "target=0.8", 0.90, 2.0),
    row("b", "kv", "target=0.4", 0.97, 9.0),
    row("b", "kv", "target=0.8", 0.96, 6.0),
]


def test_cost_is_against_the_cheapest_run_that_served_the_load() -> None:
    found = {point.label: point for point in choose.points(ROWS)}
    # load a: only 4.0 served 95 %; load b: 6.0 did: (4/4 + 9/6)/2 and (2/4 + 6/6)/2
    assert found["target=0.4"].relative_cost == pytest.approx(1.25)
    assert found["target=0.8"].relative_cost == pytest.approx(0.75)
    assert found["target=0.4"].worst_ratio == 0.97


@pytest.mark.parametrize(
    ("level", "label", "why"),
    [
        (0.92, "target=0.8", "both reach it: the cheaper"),
        (0.98, "target=0.4", "one reaches it on average"),
        (0.99, "target=0.4", "none does: the nearest"),
    ],
)
def test_the_point_that_is_judged(level: float, label: str, why: str) -> None:
    assert choose.best(choose.points(ROWS), level).label == label, why


@pytest.mark.parametrize(
    ("met", "gpu_hours", "beaten"),
    [(0.9830, 9.8, True), (0.9830, 9.9, False), (0.9815, 5.0, False)],
    ids=["better at 0.98 of the cost", "better, but too dear", "cheaper, but only 0.15 point better"],
)
def test_the_bar_for_a_rival_that_wins(met: float, gpu_hours: float, beaten: bool) -> None:
    ours, rival = table.settings([row("a", "hearth", "", 0.98, 10.0), row("a", "kv", "x", met, gpu_hours)])
    assert table.beaten_by(ours, rival) is beaten


def test_a_lost_load_is_named_in_its_section() -> None:
    text = table.section("a", [row("a", "hearth", "", 0.98, 10.0), row("a", "kv", "target=0.4", 0.99, 5.0)])
    assert "**Lost:** kv (target=0.4): 99.00 % for 5.00 GPU-h." in text
    assert "+1.00 points, -50.0 % GPU-h" in text


def test_rows_of_a_change_stand_beside_the_shipped_one() -> None:
    text = summaries.by_label(
        [row("a", "hearth", "", 0.98, 2.0), row("a", "hearth", "use_kv=false", 0.9, 1.0)], "switched off"
    )
    assert text.splitlines()[2:] == ["| as shipped | 98.00 % @ 2.00 |", "| use_kv=false | 90.00 % @ 1.00 |"]


@pytest.mark.parametrize("group", GROUPS)
def test_every_cell_has_a_name_of_its_own(group: str) -> None:
    keys = [cell.key for cell in GROUPS[group]()]
    assert len(keys) == len(set(keys)) > 0
