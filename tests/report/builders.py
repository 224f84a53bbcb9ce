"""Stories without a simulator: arithmetic that looks like a run."""

import math

from simulations.policies.base import Actuation
from simulations.report import write
from simulations.report.story import Bin, Percentiles, Start, Story
from simulations.result import Distribution, Result, TimelineRow
from simulations.scenario import Scenario
from simulations.sweeps.analysis import Comparison, compare
from simulations.sweeps.cells import Score
from simulations.sweeps.recommend import Recommendation, pick, recommend


def a_distribution(scale: float = 0.2) -> Distribution:
    return Distribution(mean=scale, p50=scale * 0.8, p90=scale * 2, p99=scale * 5)


def rows(
    span_s: int, step_s: int = 5, lag_s: int = 100, reason: str = "rate 3.4 of 4"
) -> tuple[TimelineRow, ...]:
    """A fleet that follows a sine with a lag."""

    def need(t_s: float) -> float:
        return 3 + 2 * math.sin(t_s / 600) if t_s >= 0 else 1.0

    return tuple(
        TimelineRow(
            t_us=t * 1_000_000,
            wanted=need(t) if t % 50 else None,
            spec=math.ceil(need(t - 15)),
            ready=math.ceil(min(need(t - 15), need(t - lag_s))),
            pending=math.ceil(need(t - 15)) - math.ceil(min(need(t - 15), need(t - lag_s))),
            waiting=max(0, round(20 * (need(t) - need(t - lag_s)))),
            running=round(20 * need(t)),
            kv=min(1.0, need(t) / 6),
            arrival_rps=5 * need(t),
            reason=f"{reason} at {t} s",
        )
        for t in range(0, span_s, step_s)
    )


def a_result(
    policy: str = "hearth", span_s: int = 3600, attainment: float | None = 0.987, **changes: object
) -> Result:
    given: dict[str, object] = {
        "policy": policy,
        "trace": "azure-llm-2023-conv",
        "notes": (),
        "seed": 0,
        "scenario": Scenario(),
        "requests": 1000,
        "completed": 990,
        "dropped": 4,
        "unfinished": 6,
        "slo_attainment": attainment,
        "slo_attainment_flat_ttft": attainment,
        "ttft_s": a_distribution(),
        "itl_s": a_distribution(0.01),
        "tpot_s": a_distribution(0.01),
        "e2e_s": a_distribution(3.0),
        "queue_s": a_distribution(0.05),
        "gpu_hours": 4.25,
        "mean_replicas": 3.9,
        "peak_replicas": 6,
        "scale_ups": 7,
        "scale_downs": 5,
        "cold_starts": (("cached", 6), ("uncached", 1), ("new_node", 0)),
        "preemptions": 2,
        "tokens_in": 1_000_000,
        "tokens_out": 200_000,
        "cost": 10.625,
        "timeline": rows(span_s),
    }
    return Result(**{**given, **changes})  # type: ignore[arg-type]


def a_story(
    policy: str = "hearth", span_s: int = 3600, attainment: float | None = 0.987, **changes: object
) -> Story:
    bin_s = max(30, span_s // 120)
    bins = tuple(
        Bin(
            t_s=float(t),
            arrived=100 if t % 300 else 0,
            met=97 + (t // bin_s) % 4 if t % 300 else 0,
            ttft_s=None if t % 300 == 0 else Percentiles(p50=0.1, p90=0.3, p99=0.5 + t / span_s),
            itl_s=None if t % 300 == 0 else Percentiles(p50=0.008, p90=0.012, p99=0.03),
        )
        for t in range(0, span_s, bin_s)
    )
    starts = tuple(
        Start(
            serial=i,
            kind=kind,
            created_s=i * span_s / 12,
            ended_s=i * span_s / 12 + 100 + 40 * (i % 3),
            ready=i != 3,
        )
        for i, kind in enumerate(("cached", "cached", "uncached", "unbound", "new_node", "cached", "cached"))
    )
    return Story(
        result=a_result(policy, span_s, attainment, **changes), bin_s=bin_s, bins=bins, starts=starts
    )


def chapters(*policies: str, span_s: int = 3600, pages: int = 1) -> list[write.Chapter]:
    """The same load under each policy, ``pages`` times; all share the first one's charts (slow to draw)."""
    stories = [
        a_story(policy, span_s, 0.9 + 0.03 * i, gpu_hours=3.0 + i) for i, policy in enumerate(policies)
    ]
    drawing = write.panel(stories[0], len(policies) * pages).drawing
    panels = tuple(write.Panel(story=story, drawing=drawing) for story in stories)
    return [write.Chapter(title=f"Load {number}", panels=panels) for number in range(pages)]


def a_score(family: str, label: str, seed: int, gpu_hours: float, attainment: float) -> Score:
    return Score(
        family=family,
        label=label,
        condition="cold start 100 s, 4 copies",
        seed=seed,
        attainment_ratio=attainment,
        gpu_hours=gpu_hours,
        mean_replicas=gpu_hours,
        cost=2.5 * gpu_hours,
        ttft_p99_s=0.8,
        starts=3,
    )


def a_comparison() -> tuple[Comparison, ...]:
    """Three policies with a grid of six settings each and three seeds, then the oracle and the bound."""
    scores = [
        a_score(
            family, f"target={0.3 + 0.1 * i:.1f}", seed, (9 - i) * dearer + 0.1 * seed, 0.999 - 0.008 * i * i
        )
        for family, dearer in (("hearth", 0.9), ("kv", 1.1), ("inflight", 1.2))
        for i in range(6)
        for seed in range(3)
    ]
    scores += [
        a_score(family, f"for {100 * level:g} %", seed, hours + 0.1 * seed + 20 * (level - 0.95), level)
        for family, hours in (("oracle", 4.0), ("lower-bound", 3.0))
        for level in (0.95, 0.98, 0.99)
        for seed in range(3)
    ]
    return compare(scores, 0.98)


def a_recommendation(comparisons: tuple[Comparison, ...]) -> Recommendation:
    label = pick(comparisons)
    assert label is not None
    actuation = Actuation(polling_s=5.0)
    return recommend(comparisons, label, "azure-conv", Scenario(), actuation)
