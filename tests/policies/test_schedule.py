"""``schedule``: tables of replicas by the time of day, and when they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.decision.model import Snapshot, Target
from simulations.errors import InputError
from simulations.policies.base import Gateway
from simulations.policies.schedule import DAY_S, Settings, as_text, build, lead_s, parse, wanted, writes
from simulations.scenario import Cluster, ColdStart, Phases, Scenario

HOUR = 3600
WORKDAY = ((0, 2), (7 * HOUR, 6), (18 * HOUR, 3))


def test_a_table_is_read_and_written() -> None:
    assert parse("2@0, 6@25200,3@64800") == WORKDAY
    assert as_text(WORKDAY) == "2@0,6@25200,3@64800"
    assert as_text(((0, 2), (900, 2), (1800, 4))) == "2@0,4@1800"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("2", r"'2' in '2'; write replicas@seconds", id="no time"),
        pytest.param("2@0,x@5", "'x@5' in '2@0,x@5'", id="no number"),
        pytest.param("2@0,-1@5", "'-1@5'", id="a negative number"),
        pytest.param("2@60", r"times 60; begin at 0 and let them rise to less than 86400", id="not from 0"),
        pytest.param("2@0,3@90,4@60", "times 0, 90, 60", id="not rising"),
        pytest.param("2@0,3@86400", "times 0, 86400", id="beyond a day"),
    ],
)
def test_a_bad_table_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"policy\.table: .*{message}"):
        parse(text)


@pytest.mark.parametrize(
    ("now_h", "early_s", "replicas"),
    [
        pytest.param(3.0, 0, 2, id="at night"),
        pytest.param(7.0, 0, 6, id="on the hour"),
        pytest.param(6.99, 100, 6, id="36 s before the day begins, with 100 s to start"),
        pytest.param(6.9, 100, 2, id="six minutes before is too early"),
        pytest.param(17.99, 100, 6, id="less is not asked for early"),
        pytest.param(23.99, 8 * HOUR, 6, id="a start may reach into the next morning"),
        pytest.param(24 + 7.5, 0, 6, id="the next day is like the first"),
    ],
)
def test_the_replicas_of_a_moment(now_h: float, early_s: float, replicas: int) -> None:
    assert wanted(WORKDAY, now_h * HOUR, early_s) == replicas


def test_what_is_written_when() -> None:
    day = DAY_S * 1_000_000
    assert writes(WORKDAY, 100, day) == [
        (0, 2),
        ((7 * HOUR - 100) * 1_000_000, 6),
        (18 * HOUR * 1_000_000, 3),
        (day, 2),
    ]
    assert writes(((0, 4),), 100, day) == [(0, 4)]


@given(
    st.lists(st.tuples(st.integers(1, 95), st.integers(0, 9)), max_size=6, unique_by=lambda entry: entry[0]),
    st.integers(0, 5000),
    st.integers(0, 3 * DAY_S - 1),
)
def test_the_writes_are_the_wanted_replicas(entries: list[tuple[int, int]], early_s: int, now_s: int) -> None:
    table = ((0, 1), *((slot * 900, n) for slot, n in sorted(entries)))
    written = [n for t_us, n in writes(table, early_s, 3 * DAY_S * 1_000_000) if t_us <= now_s * 1_000_000]
    assert written[-1] == wanted(table, now_s, early_s)


def test_a_tick_says_the_tables_replicas_within_the_bounds() -> None:
    law = build({"table": "2@0,6@25200", "lead_s": 0.0}, Scenario())
    target = Target(name="t", spec_replicas=2, status_replicas=2, min_replicas=1, max_replicas=4)
    ask = law.tick(Snapshot(now_s=8.0 * HOUR, model="m", targets=(target,)), Gateway())
    assert (ask.replicas, ask.wanted, ask.reason) == (4, 6.0, "6 by the table at 8.00 h")


def test_the_lead_is_a_slow_start_of_the_scenario() -> None:
    assert lead_s(Settings(lead_s=42.0), Scenario()) == 42.0
    assert lead_s(Settings(), Scenario(cold_start=ColdStart(seconds=100, jitter=0.1))) == pytest.approx(110)
    phases = ColdStart(seconds=None, phases=Phases(weights_gb=16))
    cached = lead_s(Settings(), Scenario(cold_start=phases))
    mixed = lead_s(Settings(), Scenario(cold_start=phases, cluster=Cluster(cached_fraction=0.5)))
    assert 60 < cached < mixed
