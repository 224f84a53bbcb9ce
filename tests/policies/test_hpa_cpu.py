"""``hpa-cpu``: what metrics-server and the HPA make of an engine's CPU seconds."""

import pytest

from scaler.decision.model import Pod, PodPhase, Samples, Snapshot, Target
from simulations.errors import InputError
from simulations.policies.base import Ask, Gateway, PodUsage
from simulations.policies.hpa_cpu import HpaCpu, Settings, build
from simulations.scenario import Scenario


def pod(
    name: str,
    cpu_s: float | None,
    *,
    age_s: float = 0.0,
    phase: PodPhase = PodPhase.READY,
    since_s: float = 0.0,
    start_id: str = "a",
) -> Pod:
    scrape = None if cpu_s is None else Samples(age_s=age_s, start_id=start_id, cpu_seconds_total=cpu_s)
    return Pod(name=name, target="t", phase=phase, since_s=since_s, created_s=0.0, samples=scrape)


def at(now_s: float, *pods: Pod) -> Snapshot:
    target = Target(name="t", spec_replicas=2, status_replicas=2, min_replicas=1, max_replicas=9)
    return Snapshot(now_s=now_s, model="m", targets=(target,), pods=pods)


def tick(law: HpaCpu, now_s: float, *pods: Pod) -> Ask:
    return law.tick(at(now_s, *pods), Gateway())


def usage(ask: Ask) -> PodUsage:
    found = ask.metrics[0].usage
    assert found is not None
    return found


def test_utilization_is_the_rate_between_two_rounds_over_the_request() -> None:
    # 12 and 18 cpu-seconds in 15 s are 0.8 and 1.2 cores: 2 of 2 · 4 cores, 25 %.
    law = HpaCpu(Settings())
    tick(law, 0, pod("a", 100), pod("b", 50))
    ask = tick(law, 15, pod("a", 112), pod("b", 68))
    assert usage(ask) == PodUsage(usage=2.0, request=4.0, counted=2)
    assert (ask.metrics[0].value, ask.metrics[0].target, ask.metrics[0].kind) == (25.0, 80, "Utilization")
    assert ask.reason == "CPU 25 % of 4 cores at 2 pods, target 80 %"
    assert ask.wanted == 2 * 25 / 80


def test_the_first_round_has_no_rate_and_is_an_error() -> None:
    ask = tick(HpaCpu(Settings()), 0, pod("a", 100))
    assert (ask.metrics[0].value, ask.wanted, ask.active) == (None, None, True)
    assert ask.reason == "no CPU samples of ready pods"


@pytest.mark.parametrize(
    ("second", "groups"),
    [
        pytest.param(pod("b", None, phase=PodPhase.UNSCHEDULED), (1, 1, 0), id="unscheduled is unready"),
        pytest.param(pod("b", None, phase=PodPhase.STARTING), (1, 1, 0), id="starting is unready"),
        pytest.param(pod("b", None, phase=PodPhase.TERMINATING), (1, 0, 0), id="terminating is nobody"),
        pytest.param(pod("b", None, since_s=90), (1, 1, 0), id="ready for 25 s and unseen is unready"),
        pytest.param(pod("b", None), (1, 0, 1), id="ready for long and unseen is missing"),
        pytest.param(pod("b", 7.0, start_id="new"), (1, 0, 1), id="a restart begins a new rate"),
    ],
)
def test_pods_are_sorted_as_the_hpa_sorts_them(second: Pod, groups: tuple[int, int, int]) -> None:
    law = HpaCpu(Settings())
    tick(law, 100, pod("a", 0), pod("b", 90.0))
    found = usage(tick(law, 115, pod("a", 15), second))
    assert (found.counted, found.unready, found.missing) == groups


def test_a_lost_scrape_keeps_the_last_rate_for_a_minute() -> None:
    law = HpaCpu(Settings())
    tick(law, 0, pod("a", 0))
    tick(law, 15, pod("a", 15))
    assert usage(tick(law, 75, pod("a", 15, age_s=60))).usage == 1.0
    assert usage(tick(law, 90, pod("a", 15, age_s=75))).missing == 1


def test_a_pod_that_is_gone_is_forgotten() -> None:
    law = HpaCpu(Settings())
    tick(law, 0, pod("a", 0))
    tick(law, 15, pod("b", 0))
    assert usage(tick(law, 30, pod("a", 30))).counted == 0


def test_the_chart_and_its_knobs() -> None:
    assert Settings() == Settings(target=80, request_cores=4.0)
    law = build({"target": 20, "request_cores": 2}, Scenario())
    assert (law.name, law.actuation.direct, law.tick_s) == ("hpa-cpu", False, 15.0)
    with pytest.raises(InputError, match=r"policy\.target: 0 is out of range"):
        build({"target": 0}, Scenario())
