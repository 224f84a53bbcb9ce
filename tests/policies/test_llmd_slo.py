"""llm-d's SLO-aware recipe: the formula as scored, the signal chain as its recording rules have it."""

import pytest

from scaler.decision.model import Samples, Snapshot
from simulations.policies import llmd_slo
from simulations.policies.base import Actuation, Gateway
from simulations.policies.latency_estimates import PredictedTtft
from simulations.scenario import Direction, Rule, Slo
from tests.policies.builders import asked, histogram, profile, samples, snapshot

SETTINGS = llmd_slo.Settings()


@pytest.mark.parametrize(
    ("saturation", "provisioned", "ready", "expected"),
    [
        pytest.param(0.50, 4, 4, 4, id="inside the band it holds"),
        pytest.param(0.55, 4, 4, 4, id="the upper threshold itself holds"),
        pytest.param(0.60, 4, 4, 5, id="4 + ceil(4 x 0.09)"),
        pytest.param(1.10, 3, 3, 6, id="twice the threshold doubles"),
        pytest.param(2.00, 3, 3, 11, id="the clamp asks 3 + ceil(3 x 2.64)"),
        pytest.param(1.10, 6, 3, 6, id="half of 6 ready: the credit covers what is warming up"),
        pytest.param(2.00, 8, 4, 15, id="credited: 8 + ceil(8 x 0.82)"),
        pytest.param(0.40, 4, 4, 4, id="the lower threshold itself holds"),
        pytest.param(0.30, 4, 4, 3, id="4 - floor(4 x 0.25)"),
        pytest.param(0.30, 3, 3, 3, id="3 - floor(0.75)"),
        pytest.param(0.00, 8, 8, 0, id="no traffic asks zero, which the HPA's minimum catches"),
        pytest.param(1.10, 4, 0, 8, id="without a ready pod there is no credit"),
    ],
)
def test_the_formula(saturation: float, provisioned: int, ready: int, expected: int) -> None:
    assert llmd_slo.desired(SETTINGS, saturation, provisioned, ready) == expected


def test_without_credit_warming_pods_are_asked_for_again() -> None:
    assert llmd_slo.desired(llmd_slo.Settings(credit=False), 1.1, 6, 3) == 12


def _law(slo: Slo | None = None) -> llmd_slo.LlmdSlo:
    settings = llmd_slo.Settings(signal="actual")
    return llmd_slo.LlmdSlo(settings, slo or Slo(ttft_ms=2000.0, itl_ms=100.0), profile())


def _after(law: llmd_slo.LlmdSlo, seconds: int, per_tick: tuple[float, ...], pods: int = 3) -> float | None:
    """Scrapes every 5 s in which each pod's TTFT buckets grow by ``per_tick``; the last answer."""
    value = None
    for i in range(seconds // 5 + 1):
        ttft = histogram(*(i * n for n in per_tick))
        value, _ = asked(law, snapshot(5.0 * i, (samples(ttft_s=ttft),) * pods))
    return value


def test_the_p90_over_the_objective_is_the_signal() -> None:
    # All observations between 1 and 2 s: P90 = 1.9 s, objective 2 s: s = 0.95, 3 + ceil(3 x 0.727) = 6.
    assert _after(_law(), 90, (0.0, 0.0, 10.0, 10.0, 10.0)) == 6.0


def test_the_signal_is_clamped_before_it_is_smoothed() -> None:
    # P90 beyond the last bound is 4 s, twice the objective of 2 s; of 0.2 s it would be 20 times.
    assert _after(_law(Slo(ttft_ms=200.0, itl_ms=100.0)), 90, (0.0, 0.0, 0.0, 0.0, 10.0)) == 11.0


def _gaps(i: int, gap_s: float) -> Samples:
    """One first token and 100 gaps a tick, each of ``gap_s``."""
    gaps = histogram(*(100.0 * i,) * 5, total_s=100.0 * i * gap_s)
    return samples(ttft_s=histogram(*(float(i),) * 5), itl_s=gaps)


def test_tpot_counts_where_it_is_worse() -> None:
    # Two pods at 20 ms and one at 66 ms: the P90 request has 66 ms, 0.66 of the objective.
    law = _law()
    for i in range(19):
        value, _ = asked(law, snapshot(5.0 * i, (_gaps(i, 0.02), _gaps(i, 0.02), _gaps(i, 0.066))))
    assert value == 4.0


def _predicted(waiting: float, prompt_tokens_ahead: int, kv_usage: float) -> float:
    """P90 of what the requests of one moment are predicted, on one engine of plane step time."""
    estimate = PredictedTtft(60.0, profile())
    fleet = (samples(waiting=waiting, kv_usage_ratio=kv_usage, requests_finished_total=0.0),)
    estimate.observe(snapshot(0.0, fleet), Gateway())
    done = (samples(waiting=waiting, kv_usage_ratio=kv_usage, requests_finished_total=120.0),)
    arrived = Gateway(
        arrivals_total=10, input_tokens_total=40_960, in_flight_prompt_tokens=prompt_tokens_ahead
    )
    estimate.observe(snapshot(60.0 - 1e-9, done), arrived)
    return estimate.quantile(60.0 - 1e-9, 0.9) or 0.0


@pytest.mark.parametrize(
    ("waiting", "ahead", "kv_usage", "seconds"),
    [
        # A chunk of 8,192 takes 0.17384 s: 21.2 µs a token.
        pytest.param(0.0, 0, 0.0, 0.0869, id="alone: its own 4,096 tokens"),
        pytest.param(2.0, 8192, 0.0, 0.2608, id="behind 8,192 tokens of prompts"),
        # 120 finished in 60 s are 2 a second: 5 + 1 ahead of it wait 3 s.
        pytest.param(5.0, 20_480, 0.95, 3.092, id="behind 5 that wait for capacity"),
    ],
)
def test_a_prediction_is_what_the_engine_would_need(
    waiting: float, ahead: int, kv_usage: float, seconds: float
) -> None:
    assert _predicted(waiting, ahead, kv_usage) == pytest.approx(seconds, rel=0.02)


def test_an_idle_pool_reads_zero() -> None:
    assert _after(_law(), 60, (0.0, 0.0, 0.0, 0.0, 0.0)) == 0.0


def test_unknown_replicas_are_an_error_not_a_number() -> None:
    law = _law()
    fleet = snapshot(0.0, (samples(),))
    target = fleet.targets[0]
    blind = Snapshot(
        now_s=0.0,
        model="m",
        targets=(
            type(target)(name="t", spec_replicas=None, status_replicas=None, min_replicas=1, max_replicas=8),
        ),
    )
    assert law.tick(blind, Gateway()).metrics[0].value is None


def test_the_hpa_bursts_up_and_drains_slowly() -> None:
    assert _law().actuation == Actuation(
        polling_s=15.0,
        scale_up=Direction(
            stabilization_s=30,
            rules=(Rule(type="Percent", value=100, period_s=60), Rule(type="Pods", value=4, period_s=60)),
        ),
        scale_down=Direction(stabilization_s=180, rules=(Rule(type="Pods", value=1, period_s=120),)),
    )
