"""Changes of a played schedule: what mending adds, and where."""

from array import array

import pytest

from simulations.oracle.candidates import mended
from simulations.oracle.evaluate import Trial
from simulations.oracle.schedules import Steps

S = 1_000_000


def trial(wanted: Steps, missed: list[int]) -> Trial:
    nothing = array("q", [0]) * len(missed)
    return Trial(
        schedule=wanted,
        gpu_us=0,
        misses=sum(missed),
        ready=wanted,
        wanted=wanted,
        starts_us=(),
        missed=array("q", missed),
        waiting=nothing,
        held_us=nothing,
        started_us=nothing,
    )


@pytest.mark.parametrize(
    ("over", "scale_s", "wanted"),
    [
        pytest.param(4, 10, ((0, 1), (20 * S, 2), (50 * S, 1)), id="the worst place is enough"),
        pytest.param(
            5, 10, ((0, 1), (20 * S, 2), (50 * S, 1), (60 * S, 2), (90 * S, 1)), id="the next worst as well"
        ),
        pytest.param(4, 20, ((0, 1), (10 * S, 2), (60 * S, 1)), id="larger changes reach further"),
        pytest.param(
            50, 10, ((0, 2), (90 * S, 1)), id="every place where requests missed, to the edge of the run"
        ),
        pytest.param(0, 10, ((0, 1),), id="nothing has to go"),
    ],
)
def test_one_replica_more_where_most_requests_missed(over: int, scale_s: int, wanted: Steps) -> None:
    played = trial(((0, 1),), [1, 1, 1, 9, 1, 0, 0, 4, 0, 0])
    assert mended(played, over, 10 * S, scale_s * S, 100 * S) == wanted
