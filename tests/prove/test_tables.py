"""How settings are chosen and tables are drawn: worked by hand."""

from typing import Any

import pytest

from tests.prove import __main__ as prove
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


def test_a_rival_is_compared_on_the_seeds_that_it_ran() -> None:
    """One lucky seed of a rival says nothing beside the mean of three of ours."""
    ours = [row("a", "hearth", "", met, 10.0, seed) for seed, met in enumerate((0.99, 0.90, 0.90))]
    text = table.section("a", [*ours, row("a", "kv", "target=0.4", 0.98, 5.0, seed=0)])
    assert "**Lost:**" not in text
    assert "target=0.4 (1 of 3 seeds)" in text
    assert "hearth met 93.00 %, short of 98 %." in text


def test_the_overview_has_a_row_a_load() -> None:
    rows = [
        row("a", "hearth", "", 0.985, 10.0),
        row("a", "kv", "target=0.4", 0.99, 12.0),
        row("a", "kv", "target=0.8", 0.90, 6.0),
        row("a", "static:4", "4", 0.99, 9.0),
        row("a", "oracle", "for 98 %", 0.98, 6.0),
        row("a", "oracle", "for 95 %", 0.95, 5.0),
    ]
    cells = [cell.strip() for cell in table.overview({"a": rows}).splitlines()[-1].strip("|").split("|")]
    kinds = ["kv, 99.00 % @ 12.00", "static:4, 99.00 % @ 9.00", "98.00 % @ 6.00", "–", "static:4"]
    assert cells == ["a", "98.50 % @ 10.00", *kinds]


def test_a_check_repeats_at_least_one_cell_of_ours() -> None:
    for commit in ("0" * 40, "1" * 40, "2" * 40):
        assert "hearth" in {cell.policy for _, cell in prove.chosen(commit, 3)}


def test_rows_of_a_change_stand_beside_the_shipped_one() -> None:
    text = summaries.by_label(
        [row("a", "hearth", "", 0.98, 2.0), row("a", "hearth", "use_kv=false", 0.9, 1.0)], "switched off"
    )
    assert text.splitlines()[2:] == ["| as shipped | 98.00 % @ 2.00 |", "| use_kv=false | 90.00 % @ 1.00 |"]


@pytest.mark.parametrize("group", GROUPS)
def test_every_cell_has_a_name_of_its_own(group: str) -> None:
    keys = [cell.key for cell in GROUPS[group]()]
    assert len(keys) == len(set(keys)) > 0
