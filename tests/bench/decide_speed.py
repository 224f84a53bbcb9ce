"""Speed of one decision over 1 to 1,000 pods whose every counter and bucket moved, beside an empty loop."""

import time

from scaler.decision.decide import decide
from scaler.decision.model import Histogram, Pod, PodPhase, Samples, Snapshot, Target
from scaler.decision.policy import Policy
from scaler.decision.state import State
from tests.bench.engine_speed import LOOP, empty_loop_s
from tests.bench.say import say

FLEETS = (1, 10, 100, 1_000)
TICKS = 40
LE = (
    0.001,
    0.005,
    0.01,
    0.02,
    0.04,
    0.06,
    0.08,
    0.1,
    0.25,
    0.5,
    0.75,
    1.0,
    2.5,
    5.0,
    7.5,
    10.0,
    float("inf"),
)


def main() -> None:
    """Print the median time of a decision by size of the fleet."""
    say(f"\ndecide(), every counter moved, beside {LOOP:,} empty iterations ({empty_loop_s():.3f} s)")
    for pods in FLEETS:
        say(f"  {pods:5,} pods: {1e3 * median_s(pods):7.3f} ms")


def median_s(pods: int) -> float:
    """Median seconds of a tick; the first ticks, which learn everything anew, are left out."""
    state, policy, taken = State.initial(), Policy(), []
    for tick in range(TICKS):
        at = fleet(pods, tick)
        began = time.perf_counter()
        _, state = decide(at, state, policy)
        taken.append(time.perf_counter() - began)
    return sorted(taken[5:])[len(taken[5:]) // 2]


def fleet(pods: int, tick: int) -> Snapshot:
    """A busy fleet at its ``tick``-th scrape."""
    return Snapshot(
        now_s=5.0 * tick,
        model="m",
        targets=(
            Target(name="t", spec_replicas=pods, status_replicas=pods, min_replicas=1, max_replicas=2 * pods),
        ),
        pods=tuple(_pod(number, tick) for number in range(pods)),
    )


def _pod(number: int, tick: int) -> Pod:
    return Pod(
        name=f"pod-{number}",
        target="t",
        phase=PodPhase.READY,
        since_s=-900.0,
        created_s=-1000.0,
        node_class="h100/disk/yes",
        config_id="c",
        samples=_samples(number % 7, float(tick + 1)),
    )


def _samples(offset: int, t: float) -> Samples:
    requests, tokens = (20.0 + offset) * t, (5_000.0 + offset) * t
    return Samples(
        age_s=1.0,
        start_id="a",
        running=30.0 + offset,
        waiting=0.0,
        kv_usage_ratio=0.3,
        kv_capacity_tokens=400_000.0,
        prompt_tokens_total=20_000.0 * t,
        prompt_tokens_computed_total=19_000.0 * t,
        generation_tokens_total=tokens,
        requests_finished_total=requests,
        preemptions_total=0.0,
        prefix_queries_tokens_total=20_000.0 * t,
        prefix_hits_tokens_total=1_000.0 * t,
        iterations_total=400.0 * t,
        iteration_tokens_total=25_000.0 * t,
        finished_prompt_tokens_total=20_000.0 * t,
        finished_generation_tokens_total=tokens,
        ttft_s=_histogram(requests, 0.1),
        itl_s=_histogram(tokens, 0.012),
        queue_s=_histogram(requests, 0.02),
    )


def _histogram(count: float, mean: float) -> Histogram:
    counts = tuple(count * min(1.0, edge / (2.0 * mean)) for edge in LE)
    return Histogram(le=LE, counts=counts, sum=count * mean)


if __name__ == "__main__":
    main()
