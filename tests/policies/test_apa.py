"""AIBrix's APA: steps worked from apa.go, the guard from autoscaler.go, stabilisation as written there."""

import pytest

from scaler.decision.model import Snapshot
from simulations.policies import apa
from simulations.policies.base import Actuation
from simulations.scenario import Scenario
from tests.policies.builders import replicas, samples, snapshot


def _law(**given: float | bool) -> apa.Apa:
    policy = apa.build(given, Scenario())
    assert isinstance(policy, apa.Apa)
    return policy


@pytest.mark.parametrize(
    ("usages", "starting", "expected"),
    [
        pytest.param((0.7, 0.7), 0, 3, id="usage 0.7 of target 0.5: ceil(2 x 1.4)"),
        pytest.param((0.9, 0.9, 0.9, 0.9), 0, 8, id="1.8 x 4 = 7.2 rounds up to the rate's bound of 8"),
        pytest.param((1.0,), 0, 2, id="twice the target asks twice the replicas"),
        pytest.param((0.52, 0.52), 0, 2, id="within 10 % nothing moves"),
        pytest.param((0.1,) * 4, 0, 2, id="down at most by half"),
        pytest.param((0.4,) * 5, 0, 4, id="0.8 x 5 = 4"),
        pytest.param((1.0, 1.0), 2, 4, id="2 of 4 ready at 1.0: the guard finds them on target"),
        pytest.param((1.0, 1.0, 1.0), 1, 6, id="3 of 4 ready at 1.0: 4 x 0.75 / 0.5"),
        pytest.param(
            (0.1, 0.1), 2, 3, id="down: pending ones count as on target, (0.2 + 1.0)/4 x 4 / 0.5 = 2.4"
        ),
    ],
)
def test_one_step(usages: tuple[float, ...], starting: int, expected: int) -> None:
    fleet = snapshot(0.0, tuple(samples(kv_usage_ratio=usage) for usage in usages), starting=starting)
    assert replicas(_law(), fleet) == expected


def test_without_the_guard_pending_replicas_cascade() -> None:
    law, spec = _law(guard=False), 2
    for i in range(3):
        fleet = snapshot(10.0 * i, (samples(kv_usage_ratio=1.0),) * 2, starting=spec - 2, most=64)
        spec = replicas(law, fleet) or 0
    assert spec == 16  # 2 -> 4 -> 8 -> 16 while no pod has become ready (aibrix#2670)


def test_the_mean_of_180_s_is_what_is_compared() -> None:
    law = _law()
    for i in range(18):
        replicas(law, snapshot(10.0 * i, (samples(kv_usage_ratio=0.5),)))
    fleet = snapshot(180.0, (samples(kv_usage_ratio=1.0),))
    # 17 values of 0.5 and one of 1.0 have the mean 0.528: within tolerance, although the engine is full.
    assert replicas(law, fleet) == 1


def test_down_takes_the_smallest_ask_of_300_s() -> None:
    law = _law(window_s=5.0)
    low = snapshot(0.0, (samples(kv_usage_ratio=0.25),) * 8, least=8)
    replicas(law, low)
    calmer = (samples(kv_usage_ratio=0.42),) * 8  # 8 x 0.84 asks 7
    assert replicas(law, snapshot(200.0, calmer)) == 4
    assert replicas(law, snapshot(400.0, calmer)) == 7


@pytest.mark.parametrize(
    ("snap", "expected"),
    [
        pytest.param(snapshot(0.0, (None, None)), 2, id="without metrics nothing changes"),
        pytest.param(snapshot(0.0, (), least=1), 0, id="at zero replicas scaling is disabled"),
    ],
)
def test_what_is_not_known_changes_nothing(snap: Snapshot, expected: int) -> None:
    assert replicas(_law(), snap) == expected


def test_it_is_a_controller_of_its_own_that_resyncs_every_10_s() -> None:
    law = _law()
    assert (law.actuation, law.tick_s) == (Actuation(direct=True), 10.0)
