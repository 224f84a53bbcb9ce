"""WVA V2: capacities, demand and replicas worked from saturation_v2/analyzer.go and the optimizer."""

import pytest

from scaler.decision.model import Samples
from simulations.policies import wva
from simulations.policies.base import Actuation, Gateway
from simulations.scenario import Direction, Rule
from tests.policies.builders import asked, profile, samples, snapshot


def _load(**given: float) -> wva.Load:
    usual = {
        "tokens_in_use": 100_000.0,
        "capacity_tokens": 400_000.0,
        "queue": 0.0,
        "prompt": 0.0,
        "answer": 0.0,
    }
    return wva.Load(**(usual | given))


def _capacity() -> wva.Capacity:
    return wva.Capacity(wva.Settings(), profile(budget=8192, seqs=256))


@pytest.mark.parametrize(
    ("load", "tokens"),
    [
        pytest.param(_load(), 320_000.0, id="nothing else known: 0.80 of the KV tokens"),
        pytest.param(_load(queue=5.0), 100_000.0, id="a queue of 5: what is in use is the capacity"),
        pytest.param(_load(queue=4.0), 320_000.0, id="a queue of 4 is no saturation"),
        # N = min(8192·256/1280, 256) = 256; 256·(1024 + 128) = 294,912
        pytest.param(_load(prompt=1024.0, answer=256.0), 294_912.0, id="derived from the engine's arguments"),
        # N = min(8192·16/4016, 256) = 32.64; ·(4000 + 8) = 130,801
        pytest.param(
            _load(prompt=4000.0, answer=16.0), 130_806.0, id="prefill-heavy: the token budget binds"
        ),
    ],
)
def test_capacity_of_one_replica(load: wva.Load, tokens: float) -> None:
    assert _capacity().of(load) == pytest.approx(tokens, abs=10.0)


def test_saturation_is_remembered_for_answers_of_the_same_length() -> None:
    capacity = _capacity()
    capacity.of(_load(queue=9.0, answer=50.0, tokens_in_use=80_000.0))
    capacity.of(_load(queue=9.0, answer=50.0, tokens_in_use=120_000.0))
    assert capacity.of(_load(answer=60.0)) == 100_000.0
    assert capacity.of(_load(answer=200.0)) != 100_000.0


def _law(**given: float) -> wva.Wva:
    return wva.Wva(wva.Settings(**given), profile())


def _full(usage: float, waiting: float = 0.0) -> Samples:
    return samples(kv_usage_ratio=usage, waiting=waiting)


@pytest.mark.parametrize(
    ("usages", "starting", "expected"),
    [
        # demand 2·280k = 560k; 560/0.85 = 659k > 640k: one more
        pytest.param((0.7, 0.7), 0, 3.0, id="87.5 % of capacity in use asks one more"),
        pytest.param((0.6, 0.6), 0, 2.0, id="75 % lies between the thresholds"),
        pytest.param((0.7, 0.7), 1, 3.0, id="a pending replica counts as supply"),
        # demand 4·80k = 320k; spare 1280 - 457 = 823k: two of 320k
        pytest.param((0.2,) * 4, 0, 2.0, id="25 % in use spares two of four"),
        pytest.param((0.0,) * 4, 0, 1.0, id="the last replica stays"),
        pytest.param((1.0, 1.0), 0, 3.0, id="full caches: 800/0.85 - 640 = 301k, one more"),
    ],
)
def test_replicas(usages: tuple[float, ...], starting: int, expected: float) -> None:
    fleet = snapshot(0.0, tuple(_full(usage) for usage in usages), starting=starting)
    assert asked(_law(), fleet) == (expected, 1.0)


def test_a_queue_is_charged_with_whole_requests() -> None:
    law = _law()
    for i in range(7):
        scrape = samples(
            kv_usage_ratio=0.5,
            waiting=3.0,
            requests_finished_total=10.0 * i,
            finished_prompt_tokens_total=100_000.0 * i,
            finished_generation_tokens_total=50_000.0 * i,
        )
        value, _ = asked(law, snapshot(5.0 * i, (scrape, scrape)))
    # I 10,000 and O 5,000: demand 2·(200k + 3·15k) = 490k; k2 = min(8192/3, 256)·12,500 > k1: 320k each.
    assert value == 2.0
    busier = samples(
        kv_usage_ratio=0.5,
        waiting=4.5,
        requests_finished_total=70.0,
        finished_prompt_tokens_total=700_000.0,
        finished_generation_tokens_total=350_000.0,
    )
    assert asked(law, snapshot(65.0, (busier, busier)))[0] == 2.0  # 535k/0.85 = 629k < 640k


def test_peaks_of_the_last_minute_count() -> None:
    law = _law()
    asked(law, snapshot(0.0, (_full(0.0),) * 2))
    asked(law, snapshot(5.0, (_full(0.9),) * 2))
    assert asked(law, snapshot(30.0, (_full(0.1),) * 2))[0] == 3.0


def test_between_two_loops_the_last_answer_stands() -> None:
    law = _law()
    asked(law, snapshot(0.0, (_full(0.1),) * 2))
    assert asked(law, snapshot(5.0, (_full(1.0),) * 2))[0] == 1.0
    assert asked(law, snapshot(30.0, (_full(1.0),) * 2))[0] == 3.0


def test_without_metrics_the_replicas_stay() -> None:
    assert asked(_law(), snapshot(0.0, (None, None)))[0] == 2.0


def test_from_zero_the_gateways_queue_asks_one() -> None:
    law = _law()
    assert asked(law, snapshot(0.0, (), least=0))[0] == 0.0
    assert asked(law, snapshot(30.0, (), least=0), Gateway(queued=40))[0] == 1.0


def test_to_zero_after_ten_minutes_without_a_completion() -> None:
    law = _law()
    answers = [asked(law, snapshot(30.0 * i, (_full(0.0),), least=0))[0] for i in range(22)]
    assert answers[19] == 1.0
    assert answers[20] == 0.0


def test_the_scaledobject_of_the_guide() -> None:
    rules = (Rule(type="Percent", value=100, period_s=30), Rule(type="Pods", value=5, period_s=15))
    assert _law().actuation == Actuation(
        polling_s=5.0,
        cooldown_s=30.0,
        scale_up=Direction(stabilization_s=0, rules=rules),
        scale_down=Direction(stabilization_s=60, rules=rules),
        fallback_replicas=2,
        fallback_failures=3,
        fallback_behavior="currentReplicasIfHigher",
    )
