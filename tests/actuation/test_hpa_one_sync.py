"""One sync of the HPA, worked by hand from replica_calculator.go and horizontal.go of Kubernetes 1.37.2.

A total metric with target 1 at N status replicas has the ratio value / N; inside 1 - 0.1 … 1 + 0.1 the HPA
answers N, else ceil(value). Both ends of the tolerance belong to it, in doubles: 1.0 + 0.1 is the double 1.1.
"""

import pytest

from simulations.actuation.hpa import Hpa, HpaResult, Verdict
from simulations.actuation.normalize import Limited
from simulations.actuation.settings import HpaSettings
from simulations.errors import InputError
from simulations.policies.base import Metric, PodUsage

FREE = HpaSettings(down_window_us=0)
"""No memory downwards; upwards at most max(2 N, 4)."""


def total(value: float | None, target: float = 1.0, name: str = "total") -> Metric:
    return Metric(name=name, value=value, target=target)


def level(value: float | None, target: float = 1.0, name: str = "level") -> Metric:
    return Metric(name=name, value=value, target=target, kind="Value")


def cpu(usage: float, counted: int, *, unready: int = 0, missing: int = 0, target: float = 80) -> Metric:
    pods = PodUsage(usage=usage, request=1.0, counted=counted, unready=unready, missing=missing)
    return Metric(name="cpu", value=usage, target=target, kind="Utilization", usage=pods)


def sync(
    metrics: list[Metric],
    spec: int,
    *,
    status: int | None = None,
    ready: int | None = None,
    settings: HpaSettings = FREE,
    bounds: tuple[int, int] = (1, 100),
) -> HpaResult:
    hpa = Hpa(settings, min_replicas=bounds[0], max_replicas=bounds[1])
    there = spec if status is None else status
    return hpa.sync(0, spec, there, there if ready is None else ready, metrics)


@pytest.mark.parametrize(
    ("n", "value", "replicas"),
    [
        # N = 9: the edges are 8.1 and 9.9.
        pytest.param(9, 10, 10, id="at 9 one more moves: 10/9 is 1.111"),
        pytest.param(9, 8, 8, id="at 9 one less moves: 8/9 is 0.889"),
        pytest.param(9, 9.9, 9, id="at 9 the upper edge stays: 9900/9000.0 is 1.1"),
        pytest.param(9, 9.901, 10, id="at 9 a thousandth over the edge rounds up to 10"),
        pytest.param(9, 8.1, 9, id="at 9 the lower edge stays: 8100/9000.0 is 0.9"),
        pytest.param(9, 8.099, 9, id="at 9 just under the lower edge is ceil(8.099), which is 9 again"),
        pytest.param(9, 8.0004, 8, id="at 9 the fourth decimal never arrives"),
        # N = 10: 11 and 9 lie on the very edges.
        pytest.param(10, 11, 10, id="at 10 one more is swallowed: 11000/10000.0 <= 1.0 + 0.1"),
        pytest.param(10, 9, 10, id="at 10 one less is swallowed: 0.9 <= 9000/10000.0"),
        pytest.param(10, 11.001, 12, id="at 10 a thousandth more than one more is two more"),
        pytest.param(10, 8.999, 9, id="at 10 a thousandth less than one less is one less"),
        pytest.param(10, 12, 12, id="at 10 two more move"),
        pytest.param(10, 8, 8, id="at 10 two less move"),
        # N = 11: one step is 9.1 %.
        pytest.param(11, 12, 11, id="at 11 one more is swallowed: 1.0909"),
        pytest.param(11, 10, 11, id="at 11 one less is swallowed: 0.9091"),
        pytest.param(11, 12.1, 11, id="at 11 the edge is 12.1"),
        pytest.param(11, 12.2, 13, id="at 11 from the edge on it is 13"),
        pytest.param(11, 13, 13, id="at 11 two more move"),
        pytest.param(11, 9, 9, id="at 11 two less move: 0.818"),
        # N = 20: two steps are 10 %.
        pytest.param(20, 21, 20, id="at 20 one more is swallowed"),
        pytest.param(20, 22, 20, id="at 20 two more are swallowed: exactly 1.1"),
        pytest.param(20, 23, 23, id="at 20 three more move"),
        pytest.param(20, 18, 20, id="at 20 two less are swallowed: exactly 0.9"),
        pytest.param(20, 17, 17, id="at 20 three less move"),
        # small fleets
        pytest.param(1, 2, 2, id="at 1 two is two"),
        pytest.param(1, 1.1, 1, id="at 1 a tenth is swallowed"),
        pytest.param(1, 1.101, 2, id="at 1 more than a tenth is a whole pod"),
        pytest.param(4, 3.7, 4, id="at 4 less than a tenth below stays"),
        pytest.param(4, 3.1, 4, id="at 4 outside the tolerance 3.1 is still rounded up to 4"),
        pytest.param(4, 0, 1, id="zero goes to the minimum, not to zero"),
    ],
)
def test_a_total_moves_replicas_only_outside_the_tolerance(n: int, value: float, replicas: int) -> None:
    assert sync([total(value)], n).replicas == replicas


@pytest.mark.parametrize(
    ("up", "down", "value", "replicas"),
    [
        pytest.param(0.0, 0.1, 11, 11, id="without tolerance up, 10 to 11 moves"),
        pytest.param(0.0, 0.1, 9, 10, id="while one less is still swallowed by the tolerance down"),
        pytest.param(0.0, 0.1, 10, 10, id="a ratio of exactly 1 stays"),
        pytest.param(0.0, 0.0, 10.001, 11, id="without any, a thousandth is a pod"),
        pytest.param(0.0, 0.0, 9.001, 10, id="and 9.001 rounds up to 10"),
        pytest.param(0.05, 0.05, 9.5, 10, id="the edge of 5 % belongs to it"),
        pytest.param(0.25, 0.1, 12.5, 10, id="a wide tolerance up swallows two and a half"),
        pytest.param(0.25, 0.1, 12.501, 13, id="and not more"),
    ],
)
def test_each_direction_has_its_own_tolerance(up: float, down: float, value: float, replicas: int) -> None:
    settings = HpaSettings(down_window_us=0, tolerance_up=up, tolerance_down=down)
    assert sync([total(value)], 10, settings=settings).replicas == replicas


@pytest.mark.parametrize(
    ("spec", "status", "value", "replicas"),
    [
        # kubernetes/kubernetes#138505: inside the tolerance the answer is status, which goes into spec.
        pytest.param(10, 12, 11, 12, id="a surge sticks: 11/12 is 0.917, so 12 it is"),
        pytest.param(10, 8, 8, 8, id="a scale-up in flight is cancelled by a metric that echoes status"),
        pytest.param(10, 8, 10, 10, id="and kept by one that says the total: 10/8 is 1.25"),
        pytest.param(10, 0, 3, 3, id="no pod at all: 3/(1·0) is infinite, so ceil(3)"),
        pytest.param(10, 0, 0, 1, id="nothing of nothing is NaN, which no tolerance holds: ceil(0)"),
        pytest.param(4, 4, 7, 7, id="ready pods play no part in a total"),
    ],
)
def test_a_total_is_compared_with_status(spec: int, status: int, value: float, replicas: int) -> None:
    assert sync([total(value)], spec, status=status, ready=0).replicas == replicas


@pytest.mark.parametrize(
    ("spec", "ready", "value", "replicas"),
    [
        pytest.param(4, 4, 1.5, 6, id="a level of 1.5 is six for four ready"),
        pytest.param(4, 4, 1.1, 4, id="a level of 1.1 is inside the tolerance"),
        pytest.param(4, 1, 1.5, 2, id="a mild overload shrinks a loading fleet: ceil(1.5 · 1)"),
        pytest.param(4, 0, 3.0, 1, id="with nothing ready any overload asks for nothing"),
        pytest.param(4, 2, 1.05, 4, id="inside the tolerance spec stays, whatever is ready"),
        pytest.param(8, 4, 2.0, 8, id="half ready and twice the load is what is there"),
        pytest.param(4, 4, 0.25, 1, id="a quarter of the level is a quarter of the pods"),
    ],
)
def test_a_level_scales_the_ready_pods(spec: int, ready: int, value: float, replicas: int) -> None:
    assert sync([level(value)], spec, ready=ready).replicas == replicas


def test_a_level_that_says_the_wanted_replicas_runs_to_the_maximum_and_stays() -> None:
    # KServe's WVA actuator: Value, target 1, and the metric is the number wanted. Wanted 3 at 2: ceil(3 · 2)
    # is 6, then ceil(3 · 6) is 18, cut to 12. Then 1 is wanted: inside the tolerance of the ratio 1.
    hpa = Hpa(FREE, min_replicas=1, max_replicas=12)
    replicas = 2
    climb = []
    for turn in range(4):
        replicas = hpa.sync(turn * 15_000_000, replicas, replicas, replicas, [level(3)]).replicas
        climb.append(replicas)
    assert climb == [4, 8, 12, 12]  # 6, 12, 24, 36 wanted; the rate allows twice the replicas
    assert hpa.sync(60_000_000, 12, 12, 12, [level(1)]).replicas == 12


def test_a_level_without_any_pod_is_an_error() -> None:
    assert sync([level(2.0)], 3, status=0).verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("metrics", "replicas", "decided"),
    [
        pytest.param([total(3, name="a"), total(7, name="b"), total(5, name="c")], 7, "b", id="the highest"),
        pytest.param([total(6, name="a"), total(6, name="b")], 6, "a", id="of equals the first"),
        pytest.param([total(5, name="a"), level(2.0, name="b")], 10, "b", id="a level among totals"),
        pytest.param([total(None, name="a"), total(7, name="b")], 7, "b", id="one fails, the other goes up"),
        pytest.param([total(None, name="a"), total(3, name="b")], 5, "", id="one fails: no way down"),
        pytest.param([total(None, name="a"), total(5, name="b")], 5, "b", id="one fails, the other stays"),
        pytest.param([total(None), level(None)], 5, "", id="all fail: nothing moves"),
        pytest.param([], 5, "", id="no metric is a failure too"),
    ],
)
def test_of_several_metrics_the_highest_proposal_wins(
    metrics: list[Metric], replicas: int, decided: str
) -> None:
    result = sync(metrics, 5)
    assert (result.replicas, result.metric) == (replicas, decided)


@pytest.mark.parametrize(
    ("spec", "value", "bounds", "replicas", "verdict", "limited"),
    [
        pytest.param(0, 5, (1, 10), 0, Verdict.DISABLED, Limited.NO, id="zero replicas switch it off"),
        pytest.param(12, 12, (1, 10), 10, Verdict.ABOVE_MAXIMUM, Limited.NO, id="above the maximum: cut"),
        pytest.param(1, 9, (3, 10), 3, Verdict.BELOW_MINIMUM, Limited.NO, id="below the minimum: raised"),
        pytest.param(8, 15, (1, 10), 10, Verdict.COMPUTED, Limited.MAXIMUM, id="a climb ends at the maximum"),
        pytest.param(8, 1, (3, 10), 3, Verdict.COMPUTED, Limited.MINIMUM, id="a descent ends at the minimum"),
        pytest.param(3, 10, (1, 10), 6, Verdict.COMPUTED, Limited.UP_RATE, id="3 may become 6 at once"),
        pytest.param(1, 9, (1, 10), 4, Verdict.COMPUTED, Limited.UP_RATE, id="1 may become 4 at once"),
        pytest.param(5, 10, (1, 10), 10, Verdict.COMPUTED, Limited.NO, id="twice is not more than twice"),
    ],
)
def test_bounds(
    spec: int, value: float, bounds: tuple[int, int], replicas: int, verdict: Verdict, limited: Limited
) -> None:
    result = sync([total(value)], spec, bounds=bounds)
    assert (result.replicas, result.verdict, result.limited) == (replicas, verdict, limited)


@pytest.mark.parametrize(
    ("metric", "spec", "replicas"),
    [
        # Whole percent of the request, cut off, over the target of 80.
        pytest.param(cpu(4.0, 4), 4, 5, id="100 % of 80 % at 4 is 1.25, so 5"),
        pytest.param(cpu(3.5, 4), 4, 4, id="87 % (87.5 cut off) is 1.0875: inside"),
        pytest.param(cpu(3.56, 4), 4, 5, id="89 % is 1.1125: outside, ceil(4.45)"),
        pytest.param(cpu(1.6, 4), 4, 2, id="40 % halves"),
        pytest.param(cpu(2.0, 2, unready=2), 4, 4, id="up: unready pods are idle: 50 % turns, stays"),
        pytest.param(cpu(4.0, 2, unready=1), 3, 5, id="up: 400/3 is 133 %, 1.6625 of 3 pods is 4.99"),
        pytest.param(cpu(0.8, 2, unready=2), 4, 1, id="down: unready pods have no say, 40 % of 2 pods is 1"),
        pytest.param(cpu(0.8, 2, missing=2), 4, 4, id="down: missing are full: 2.8/4 is 70 %, 0.875"),
        pytest.param(cpu(0.2, 2, missing=1), 3, 2, id="down: 1.2/3 is 40 %, half of 3 pods is 2"),
        pytest.param(cpu(2.4, 2, missing=1), 3, 3, id="up: a missing pod is idle: 2.4/3 is 80 %, on target"),
        pytest.param(cpu(4.0, 2, missing=1, unready=1), 4, 5, id="up: 4/4 is 100 %, 1.25 of 4"),
        pytest.param(cpu(3.0, 2, missing=1, target=120), 3, 3, id="up: 3/3 is 100 %, 0.83 turns: stays"),
        pytest.param(cpu(1.0, 2, missing=1, target=150), 3, 2, id="down: missing is 150 %: 2.5/3 is 83 %"),
    ],
)
def test_utilization_is_made_of_whole_percents_of_the_pods_that_count(
    metric: Metric, spec: int, replicas: int
) -> None:
    assert sync([metric], spec).replicas == replicas


@pytest.mark.parametrize(
    "metric",
    [
        pytest.param(cpu(0.0, 0, unready=3), id="no pod with a sample"),
        pytest.param(Metric(name="cpu", value=1.0, target=80, kind="Utilization"), id="no pods given"),
    ],
)
def test_utilization_of_nobody_is_an_error(metric: Metric) -> None:
    assert sync([metric], 3).verdict is Verdict.FAILED_RESOURCE


def test_a_target_that_rounds_to_nothing_is_refused_with_the_least_that_is_allowed() -> None:
    with pytest.raises(InputError, match=r"metric total: target 0\.0004; use a target of at least 0\.001"):
        sync([total(1, target=0.0004)], 3)


def test_an_unknown_kind_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="unknown kind 'Sum'"):
        sync([Metric(name="m", value=1, target=1, kind="Sum")], 3)


def test_a_huge_proposal_ends_at_the_largest_int32() -> None:
    assert sync([total(1e12)], 3).desired == 2**31 - 1


@pytest.mark.parametrize(
    ("values", "decides"),
    [
        pytest.param((5, 5), "a", id="of equals the first"),
        pytest.param((5, 7), "b", id="the highest"),
        pytest.param((0, 0), "b", id="of zeros the last: nothing is not yet a proposal"),
    ],
)
def test_one_metric_decides(values: tuple[float, float], decides: str) -> None:
    metrics = [total(value, name=name) for name, value in zip("ab", values, strict=True)]
    assert sync(metrics, 3).metric == decides


@pytest.mark.parametrize(
    ("result", "line"),
    [
        pytest.param(
            sync([total(10.5)], 10), "HPA 10→10: total within tolerance, keeps 10", id="within tolerance"
        ),
        pytest.param(
            sync([total(30), total(None, name="x")], 10),
            "HPA 10→20: total wants 30, ScaleUpLimit (failed: x)",
            id="limited, and another failed",
        ),
        pytest.param(sync([total(None)], 10), "HPA 10→10: FailedGetExternalMetric (total)", id="failed"),
        pytest.param(sync([total(1)], 0), "HPA 0→0: ScalingDisabled", id="disabled"),
    ],
)
def test_a_sync_explains_itself_in_one_line(result: HpaResult, line: str) -> None:
    assert result.explain() == line


def test_scaling_active_is_unknown_until_a_sync_has_read_metrics() -> None:
    hpa = Hpa(FREE, min_replicas=2, max_replicas=5)
    seen = [hpa.scaling_active]
    for spec, metrics in ((1, [total(1)]), (3, [total(3)]), (3, [total(None)]), (7, [total(7)]), (0, [])):
        hpa.sync(0, spec, spec, spec, metrics)
        seen.append(hpa.scaling_active)
    # unknown; below the minimum leaves it; read; failed; above the maximum leaves it; disabled
    assert seen == [None, None, True, False, False, False]
