"""Cold starts: phases, jitter that keeps the mean, back-off, probes, and what stays on a node."""

import random
from statistics import fmean

import pytest

from simulations.fleet.coldstart import Attempt, backoff_us, draw, startup_quantiles, typical
from simulations.fleet.nodes import Node
from simulations.kernel import FAR_US
from simulations.scenario import ColdStart, Provisioning
from tests.fleet.builders import S

WEIGHTS = 16 * 10**9


def attempt(cold: ColdStart, node: Node, t_us: int = 0, *, seed: int = 1, restart: bool = False) -> Attempt:
    return draw(typical(cold, WEIGHTS, 1), cold, node, t_us, random.Random(seed), restart=restart)


def warm_node() -> Node:
    return Node(serial=0, gpus=8, weights_us=0, image_us=0)


def cold_node() -> Node:
    return Node(serial=0, gpus=8)


def test_one_figure_is_the_whole_start() -> None:
    assert attempt(ColdStart(seconds=100, jitter=0), warm_node(), 5 * S).end_us == 105 * S


def test_a_node_without_weights_costs_extra() -> None:
    start = attempt(ColdStart(seconds=100, jitter=0, uncached_extra_s=60), cold_node())
    assert (start.weights_us, start.end_us) == (60 * S, 160 * S)


def test_jitter_keeps_the_mean() -> None:
    cold = ColdStart(seconds=100, jitter=0.5)
    ends = [attempt(cold, warm_node(), seed=n).end_us / S for n in range(4000)]
    assert fmean(ends) == pytest.approx(100, rel=0.03)
    assert min(ends) < 60
    assert max(ends) > 200


def test_phases_add_up_and_readiness_is_seen_at_the_next_probe() -> None:
    """1 s schedule + 10 GB at 0.25 GB/s + 16 GB at 0.8 GB/s; then load 4 + process 39 + compile 26 +
    profile 3 + capture 5 + warm-up 6 = 83 s; the container runs from 41 s on: its 103 s are seen at 105 s."""
    start = attempt(ColdStart(seconds=None, jitter=0), cold_node())
    assert start == Attempt(image_us=41 * S, weights_us=61 * S, end_us=(41 + 105) * S, failed=False)


def test_a_warm_node_saves_pull_and_download() -> None:
    start = attempt(ColdStart(seconds=None, jitter=0), warm_node())
    assert start.end_us == (1 + 85) * S


def test_a_compile_cache_saves_the_difference() -> None:
    cold = ColdStart.model_validate(
        {"seconds": None, "jitter": 0, "phases": {"compile_cached": True, "probe_period_s": 0.001}}
    )
    assert attempt(cold, warm_node()).end_us == (1 + 83 - 19) * S


def test_a_fetch_that_another_pod_began_is_waited_for() -> None:
    node = cold_node()
    node.image_us, node.weights_us = 30 * S, 45 * S
    start = attempt(ColdStart(seconds=None, jitter=0), node, 20 * S)
    assert (start.image_us, start.weights_us) == (30 * S, 45 * S)


def test_a_failed_attempt_ends_somewhere_before_it_would_have_been_ready() -> None:
    cold = ColdStart(seconds=100, jitter=0, failure=1)
    ends = [attempt(cold, warm_node(), seed=n) for n in range(200)]
    assert all(end.failed and 0 <= end.end_us <= 100 * S for end in ends)
    assert fmean(end.end_us for end in ends) == pytest.approx(50 * S, rel=0.2)


def test_a_restart_is_not_scheduled_again() -> None:
    cold = ColdStart(seconds=None, jitter=0)
    first = attempt(cold, warm_node())
    again = attempt(cold, warm_node(), restart=True)
    assert first.end_us - again.end_us == S


def test_the_same_luck_whatever_the_probability_of_failure() -> None:
    sure = attempt(ColdStart(seconds=100, jitter=0.3, failure=0), warm_node(), seed=3)
    never = attempt(ColdStart(seconds=100, jitter=0.3, failure=0.0001), warm_node(), seed=3)
    assert sure == never


def test_the_kubelets_back_off() -> None:
    assert [backoff_us(n) // S for n in range(1, 9)] == [10, 20, 40, 80, 160, 300, 300, 300]
    assert backoff_us(10_000) == 300 * S


def test_quantiles_are_known_where_phases_decide_and_only_there() -> None:
    provisioning = Provisioning(max_nodes=1, seconds_p50=200)
    assert startup_quantiles(ColdStart(), provisioning, WEIGHTS, 1, "disk") == ()
    cold = ColdStart(seconds=None, jitter=0.1)
    p50 = {
        weights: dict(startup_quantiles(cold, provisioning, WEIGHTS, 1, weights))[0.5]
        for weights in ("disk", "none", "new_node")
    }
    assert p50 == {"disk": 86.5, "none": 146.5, "new_node": 346.5}
    spread = dict(startup_quantiles(cold, provisioning, WEIGHTS, 1, "disk"))
    assert spread[0.5] < spread[0.8] < spread[0.9] < spread[0.95]


def test_a_node_that_nobody_fetches_to_has_nothing() -> None:
    assert cold_node().weights_us == FAR_US
    assert not cold_node().warm(10**15)
