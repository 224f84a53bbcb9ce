"""Sorting pods and pairing scrapes: absent, stale and zero are three things."""

from dataclasses import replace
from typing import Any

import pytest

from scaler.decision import flows
from scaler.decision.differences import PodMemory, Pods, observe
from scaler.decision.flows import flow, steps
from scaler.decision.imputation import exposed, for_down, scale_up, too_stale_for_down
from scaler.decision.model import Pod, PodPhase
from scaler.decision.policy import Policy
from tests.decision.builders import histogram, pod, samples, starting

POLICY = Policy()
SEEN = frozenset({"running", "waiting"})


def seen_after(*ticks: list[Pod], every_s: float = 5.0, seen: frozenset[str] = SEEN) -> Pods:
    """Observe one list of pods after the other; returns the last observation."""
    memory: dict[str, PodMemory] = {}
    pods = Pods()
    for i, fleet in enumerate(ticks):
        pods = observe(100.0 + i * every_s, fleet, memory, POLICY, seen)
        memory = pods.kept
    return pods


def counting(first: float, waiting: float = 0.0, **given: Any) -> Pod:
    """A pod whose TTFT histogram counts ``first``."""
    return pod(samples=samples(ttft_s=histogram(first, first * 0.2), waiting=waiting, **given))


def test_a_first_scrape_is_a_baseline_only() -> None:
    pods = seen_after([counting(1000.0, waiting=7.0)])
    assert (pods.arrivals_per_s, pods.arrivals, pods.pairs) == (0.0, 0.0, [])
    assert (pods.ready, pods.fresh, pods.waiting) == (1, 1, 7.0)


@pytest.mark.parametrize(
    ("before", "after", "rate", "why"),
    [
        ((100.0, 0.0), (110.0, 0.0), 2.0, "ten got their first token in 5 s"),
        ((100.0, 0.0), (110.0, 5.0), 3.0, "and five more wait"),
        ((100.0, 5.0), (105.0, 0.0), 0.0, "five left the queue and got theirs: nobody came"),
        ((100.0, 5.0), (100.0, 0.0), -1.0, "five left the queue and have none yet: clipped only over 30 s"),
    ],
)
def test_arrivals_are_first_tokens_plus_growth_of_the_queue(
    before: tuple[float, float], after: tuple[float, float], rate: float, why: str
) -> None:
    assert seen_after([counting(*before)], [counting(*after)]).arrivals_per_s == pytest.approx(rate), why


def test_without_the_ttft_histogram_arrivals_are_finished_plus_growth_in_flight() -> None:
    before = pod(samples=samples(requests_finished_total=10.0, running=3.0, waiting=1.0))
    after = pod(samples=samples(requests_finished_total=14.0, running=5.0, waiting=2.0))
    assert seen_after([before], [after]).arrivals_per_s == pytest.approx((4 + 3) / 5.0)


def test_aborted_requests_do_not_enter() -> None:
    """Aborts appear in no finished counter (vllm#31503): the running ones vanish, the first tokens stay."""
    before, after = counting(100.0, running=50.0), counting(110.0, running=0.0)
    assert seen_after([before], [after]).arrivals_per_s == pytest.approx(2.0)


@pytest.mark.parametrize(
    "after",
    [
        pod(samples=samples(start_id="b", ttft_s=histogram(3.0, 1.0))),
        pod(samples=samples(ttft_s=histogram(3.0, 1.0), generation_tokens_total=50.0)),
        pod(samples=samples(ttft_s=histogram(100.0, 1.0), generation_tokens_total=10.0)),
    ],
    ids=["another process", "a count that fell", "tokens that fell"],
)
def test_a_reset_is_a_new_baseline(after: Pod) -> None:
    before = pod(samples=samples(ttft_s=histogram(100.0, 20.0), generation_tokens_total=40.0))
    pods = seen_after([before], [after])
    assert (pods.pairs, pods.arrivals_per_s) == ([], 0.0)


def test_the_same_scrape_again_is_not_compared_with_itself() -> None:
    one = counting(100.0)
    older = replace(one, samples=replace(counting(100.0).samples, age_s=6.0))  # type: ignore[type-var]
    assert seen_after([counting(90.0)], [one], [older]).pairs == []
    assert seen_after([counting(90.0)], [one], [older]).arrivals_per_s == pytest.approx(2.0)


def test_a_pod_seen_starting_counts_from_zero_and_tells_its_start() -> None:
    ready = counting(4.0, waiting=6.0)
    ready = replace(ready, name="s", created_s=0.0, since_s=98.0)
    pods = seen_after([starting("s")], [ready])
    assert pods.arrivals == pytest.approx(10.0)
    assert pods.started == [("n", 98.0)]
    assert len(pods.pairs) == 1


def test_a_start_is_told_once_even_without_a_scrape() -> None:
    unscraped = pod("s", created_s=0.0, since_s=98.0, samples=None)
    assert seen_after([starting("s")], [unscraped]).started == [("n", 98.0)]
    assert seen_after([starting("s")], [unscraped], [unscraped]).started == []


@pytest.mark.parametrize(
    ("age_s", "known", "fresh"), [(0.0, 1, 1), (14.9, 1, 1), (15.1, 1, 0), (59.0, 1, 0), (61.0, 0, 0)]
)
def test_ages(age_s: float, known: int, fresh: int) -> None:
    pods = seen_after([pod(samples=samples(age_s=age_s))])
    assert (pods.known, pods.fresh, pods.unknown) == (known, fresh, 1 - known)


def test_a_series_that_no_pod_ever_exposed_is_unknown_and_named() -> None:
    pods = seen_after([pod(samples=samples(waiting=None))], seen=frozenset({"running"}))
    assert (pods.known, pods.unknown, pods.missing) == (0, 1, {"waiting"})


def test_a_series_that_another_pod_exposes_is_zero_where_it_is_absent() -> None:
    fleet = [pod("a", samples=samples(waiting=None)), pod("b", samples=samples(waiting=3.0))]
    seen = exposed(fleet, frozenset())
    assert seen == SEEN
    pods = seen_after(fleet, seen=seen)
    assert (pods.known, pods.waiting, pods.missing) == (2, 3.0, set())


def test_kv_usage_that_is_absent_is_never_zero() -> None:
    pods = seen_after([pod("a", samples=samples(kv_usage_ratio=None)), pod("b")])
    assert pods.kv_pods == 1


def test_a_pod_that_preempted_lately_is_full() -> None:
    def at(count: float) -> Pod:
        return pod(samples=samples(preemptions_total=count, kv_usage_ratio=0.4))

    assert seen_after([at(0.0)], [at(1.0)]).kv_ratios == 1.0
    assert seen_after([at(0.0)], [at(1.0)], [at(1.0)]).kv_ratios == 1.0
    later = seen_after([at(0.0)], [at(1.0)], [at(1.0)], every_s=70.0)
    assert later.kv_ratios == 0.4


@pytest.mark.parametrize(
    ("before", "after", "bound"),
    [
        ((50.0, 0.0, 0.0), (40.0, 0.0, 0.0), 40.0),
        ((50.0, 0.0, 0.0), (51.0, 0.0, 0.0), 0.0),
        ((4.0, 0.0, 0.0), (3.0, 0.0, 0.0), 0.0),
        ((50.0, 9.0, 0.0), (40.0, 3.0, 0.0), 0.0),
        ((50.0,), (40.0,), 0.0),
        ((50.0, 0.0), (40.0, 0.0), 0.0),
        ((50.0, 0.0, None), (40.0, 0.0, None), 0.0),
    ],
    ids=[
        "one of three engines works off its queue: the others have room",
        "its queue grows: it is sent more than it serves",
        "a few requests are the noise of arrivals",
        "most engines queue: the fleet is short",
        "the only engine queues: the fleet is short",
        "half of the engines queue: the fleet is short",
        "an engine that tells nothing may queue, too",
    ],
)
def test_a_queue_in_few_engines_is_bound_to_them(
    before: tuple[float | None, ...], after: tuple[float | None, ...], bound: float
) -> None:
    def fleet(queues: tuple[float | None, ...]) -> list[Pod]:
        return [
            pod(f"p{i}", samples=None if queue is None else samples(waiting=queue))
            for i, queue in enumerate(queues)
        ]

    assert seen_after(fleet(before), fleet(after)).bound == bound


def test_arrivals_are_known_of_pods_whose_scrapes_could_be_compared() -> None:
    first = [counting(0.0), pod("late", samples=None)]
    second = [counting(50.0), pod("late", samples=samples())]
    pods = seen_after(first, second)
    assert (pods.known, pods.compared, pods.arrivals_per_s) == (2, 1, 10.0)


def test_pods_on_their_way_out_are_not_counted_but_noticed() -> None:
    leaving = pod("x", phase=PodPhase.TERMINATING, samples=samples(running=2.0, waiting=9.0))
    pods = seen_after([pod(), leaving])
    assert (pods.ready, pods.terminating, pods.waiting, pods.elsewhere) == (1, 1, 0.0, True)
    empty = replace(leaving, samples=samples())
    assert not seen_after([pod(), empty]).elsewhere


def test_pending_pods_tell_age_and_trouble() -> None:
    stuck = pod("u", phase=PodPhase.UNSCHEDULED, created_s=40.0, since_s=50.0, samples=None)
    broken = starting("b", created_s=10.0, reason="CrashLoopBackOff")
    pods = seen_after([stuck, broken])
    assert [(p.age_s, p.failing, p.unscheduled, p.phase_s) for p in pods.pending] == [
        (60.0, False, True, 50.0),
        (90.0, True, False, 100.0),
    ]


def test_the_next_replica_is_like_the_newest_pod() -> None:
    fleet = [pod("a", created_s=5.0, config_id="old"), starting("b", created_s=9.0, config_id="new")]
    assert seen_after(fleet).config_id == "new"
    assert seen_after(fleet[::-1]).config_id == "new"


def test_flows_sum_over_pods_and_take_absent_for_nothing() -> None:
    def at(count: float, name: str, told: bool) -> Pod:
        return pod(
            name,
            samples=samples(
                prompt_tokens_total=1000.0 * count,
                prompt_tokens_computed_total=400.0 * count if told else None,
                generation_tokens_total=200.0 * count,
                ttft_s=histogram(count, 0.4 * count),
                itl_s=histogram(200.0 * count, 2.0 * count),
                queue_s=histogram(count, 0.1 * count),
            ),
        )

    before = [at(10.0, "a", told=True), at(5.0, "b", told=True)]
    after = [at(14.0, "a", told=True), at(6.0, "b", told=True)]
    total = flow(seen_after(before, after).pairs)
    assert (total.first_tokens, total.prompt, total.generation) == (5.0, 5000.0, 1000.0)
    assert total.computed == 2000.0
    assert total.ttft_sum_s == pytest.approx(2.0)
    assert total.queue_sum_s == pytest.approx(0.5)
    untold = flow(seen_after([at(1.0, "a", told=False)], [at(2.0, "a", told=False)]).pairs)
    assert untold.computed is None


def test_the_prefix_cache_tells_computed_tokens_where_the_counter_is_absent() -> None:
    def at(count: float) -> Pod:
        return pod(
            samples=samples(
                prompt_tokens_total=1000.0 * count,
                prefix_queries_tokens_total=1000.0 * count,
                prefix_hits_tokens_total=300.0 * count,
            )
        )

    assert flow(seen_after([at(1.0)], [at(2.0)]).pairs).computed == pytest.approx(700.0)


@pytest.mark.parametrize(
    ("limit_s", "late", "why"),
    [
        (0.5, 10.0, "an edge"),
        (0.75, 5.0, "half of the bucket from 0.5 to 1 s"),
        (1.0, 0.0, "the bucket's own edge"),
        (9.0, 0.0, "beyond all of them"),
        (0.01, 10.0, "below all of them"),
    ],
)
def test_late_first_tokens_are_interpolated_within_their_bucket(
    limit_s: float, late: float, why: str
) -> None:
    before = pod(samples=samples(ttft_s=histogram(5.0, 4.0)))
    after = pod(samples=samples(ttft_s=histogram(15.0, 12.0)))
    assert flows.late(seen_after([before], [after]).pairs, limit_s) == pytest.approx(late), why


def test_times_beyond_the_last_finite_edge_are_late_for_any_limit() -> None:
    slow = pod(samples=samples(ttft_s=histogram(10.0, 600.0)))
    assert (
        flows.late(seen_after([pod(samples=samples(ttft_s=histogram(0.0, 0.0)))], [slow]).pairs, 30.0) == 10.0
    )


def test_pods_may_have_buckets_of_different_versions() -> None:
    other = (0.2, 1.0, float("inf"))
    le = (0.1, 0.5, 1.0, 2.5, float("inf"))

    def at(count: float, name: str, edges: tuple[float, ...]) -> Pod:
        return pod(name, samples=samples(ttft_s=histogram(count, 0.8 * count, edges)))

    before = [at(1.0, "a", le), at(1.0, "b", other)]
    after = [at(3.0, "a", le), at(9.0, "b", other)]
    pairs = seen_after(before, after).pairs
    assert flow(pairs).first_tokens == 10.0
    assert flows.late(pairs, 0.6) == pytest.approx(2 * 0.8 + 8 * 0.5)


def test_steps_are_what_a_decoded_token_sees() -> None:
    """500 tokens with 10 ms between them in 5 s: one request decoded at a time; 2,000 prompt tokens came
    meanwhile."""
    before = pod(samples=samples(itl_s=histogram(0.0, 0.0), prompt_tokens_total=0.0))
    after = pod(
        samples=samples(
            itl_s=histogram(500.0, 5.0), prompt_tokens_total=2000.0, generation_tokens_total=500.0
        )
    )
    found = steps(seen_after([before], [after]).pairs)["c"]
    assert found.tokens == 500.0
    assert found.step_s == pytest.approx(0.01)
    assert found.sequences == pytest.approx(2.0)  # the one that looks, and on average one beside it
    assert found.prefill == pytest.approx(2000.0 / 5.0 * 0.01)


def test_unknown_pods_are_like_the_others_for_going_up_and_full_for_going_down() -> None:
    fleet = [pod("a"), pod("b"), pod("c", samples=None), pod("d", samples=samples(age_s=200.0))]
    pods = seen_after(fleet)
    assert scale_up(pods) == 2.0
    assert for_down(1.0, pods) == 2.5  # 0.5 known, and two pods at their target
    assert for_down(10.0, pods) == 10.0
    assert too_stale_for_down(pods, POLICY)


def test_half_a_fleet_that_is_stale_may_not_shrink() -> None:
    fleet = [pod(f"p{i}", samples=samples(age_s=30.0 if i < 3 else 1.0)) for i in range(10)]
    assert too_stale_for_down(seen_after(fleet), POLICY)
    assert not too_stale_for_down(seen_after(fleet[1:]), Policy(fresh_share_down=0.7))
