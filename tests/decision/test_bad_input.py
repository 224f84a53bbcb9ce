"""What may not reach the law is an assertion that names the field."""

import math
from dataclasses import replace
from typing import Any

import pytest

from scaler.decision.decide import decide
from scaler.decision.model import Demand, Histogram, Snapshot, Supply
from scaler.decision.policy import Policy
from scaler.decision.state import State
from tests.decision.builders import LE, pod, samples, snapshot, target

BAD = [math.nan, math.inf, -math.inf, -1.0, 1e18]
NAMES = [
    "running",
    "waiting",
    "kv_usage_ratio",
    "kv_capacity_tokens",
    "prompt_tokens_total",
    "prompt_tokens_computed_total",
    "generation_tokens_total",
    "requests_finished_total",
    "preemptions_total",
    "prefix_queries_tokens_total",
    "prefix_hits_tokens_total",
    "finished_generation_tokens_total",
    "age_s",
]


def refuse(at: Snapshot, field: str) -> None:
    with pytest.raises(AssertionError) as refused:
        decide(at, State.initial(), Policy())
    assert field in str(refused.value)


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("name", NAMES)
def test_a_bad_number_of_a_scrape_is_named(name: str, value: float) -> None:
    fields: dict[str, Any] = {name: value}
    refuse(
        snapshot(0.0, [pod("good"), pod("bad", samples=samples(**fields))]), f"pods[bad].samples.{name} is"
    )


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("name", ["ttft_s", "itl_s", "queue_s"])
def test_a_bad_histogram_is_named(name: str, value: float) -> None:
    summed = Histogram(le=LE, counts=(1.0,) * 5, sum=value)
    refuse(snapshot(0.0, [pod(samples=samples(**{name: summed}))]), f"samples.{name}.sum is")
    counted = Histogram(le=LE, counts=(1.0, 1.0, 1.0, 1.0, value), sum=1.0)
    refuse(snapshot(0.0, [pod(samples=samples(**{name: counted}))]), f"samples.{name}.counts[4] is")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["since_s", "created_s"])
def test_a_bad_time_of_a_pod_is_named(name: str, value: float) -> None:
    refuse(snapshot(0.0, [pod("bad", **{name: value})]), f"pods[bad].{name} is")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_bad_clock_is_named(value: float) -> None:
    refuse(snapshot(value, [pod()]), "snapshot.now_s is")


@pytest.mark.parametrize("value", [math.nan, -1.0, 1e18])
@pytest.mark.parametrize("name", ["waiting", "rejected_total", "oldest_wait_s", "age_s"])
def test_bad_demand_is_named(name: str, value: float) -> None:
    good = Demand(source="gw", waiting=0.0)
    fields: dict[str, Any] = {name: value}
    at = snapshot(0.0, [pod()], demand=(good, replace(good, **fields)))
    refuse(at, f"snapshot.demand[1].{name} is")


@pytest.mark.parametrize("value", [math.nan, -1.0])
def test_bad_supply_is_named(value: float) -> None:
    bad = Supply(node_class="n", weights="disk", free=1, startup_s=((0.5, value),))
    refuse(snapshot(0.0, [pod()], supply=(bad,)), "snapshot.supply[0].startup_s[0][1] is")


def test_bounds_that_cross_are_named() -> None:
    at = snapshot(0.0, [pod()], targets=(target(1, min_replicas=5, max_replicas=3),))
    refuse(at, "snapshot.targets[0].max_replicas is 3, less than min_replicas 5")


def test_no_target_is_named() -> None:
    refuse(snapshot(0.0, [pod()], targets=()), "snapshot.targets is empty")
