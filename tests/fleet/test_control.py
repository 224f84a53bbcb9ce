"""The loop: when a law is asked, what it is told, and how its answer reaches the fleet."""

from scaler.decision.model import Snapshot
from simulations.control import Control
from simulations.fleet.cluster import Cluster
from simulations.fleet.timeline import Timeline
from simulations.policies.base import Actuation, Ask, Gateway, Metric
from simulations.scenario import Direction, Scenario
from tests.fleet.builders import S, a_cluster, a_scenario, a_trace


class Scripted:
    """Says at each tick what the script holds for that second or the last one before it."""

    name = "scripted"

    def __init__(self, script: dict[int, Ask], actuation: Actuation, tick_s: float = 5.0) -> None:
        self.actuation = actuation
        self.tick_s = tick_s
        self.seen: list[tuple[Snapshot, Gateway]] = []
        self._script = script

    def tick(self, snapshot: Snapshot, gateway: Gateway) -> Ask:
        self.seen.append((snapshot, gateway))
        return self._script[max(second for second in self._script if second <= snapshot.now_s)]


def replicas_of(count: float) -> Ask:
    metric = Metric(name="wanted", value=count, target=1.0)
    return Ask(
        metrics=(metric,), replicas=round(count), wanted=count, active=count > 0, reason=f"wants {count:g}"
    )


def controlled(policy: Scripted, scenario: Scenario, until_s: float = 120) -> tuple[Cluster, Timeline]:
    cluster = a_cluster(scenario, a_trace((1, 10, 30)))
    timeline = Timeline(cluster)
    Control(cluster, policy, timeline)
    cluster.kernel.run(round(until_s * S))
    return cluster, timeline


def changes(cluster: Cluster) -> list[tuple[float, int]]:
    return [(change.at_us / S, change.after) for change in cluster.changes]


def test_a_law_is_asked_at_its_own_period_from_the_start() -> None:
    policy = Scripted({0: replicas_of(1)}, Actuation(direct=True), tick_s=7)
    controlled(policy, a_scenario(), until_s=30)
    assert [snapshot.now_s for snapshot, _ in policy.seen] == [0, 7, 14, 21, 28]
    assert [gateway.in_flight for _, gateway in policy.seen] == [0, 1, 1, 1, 1]


def test_a_controller_of_its_own_writes_at_its_ticks_within_the_bounds() -> None:
    script = {0: replicas_of(1), 10: replicas_of(5), 20: replicas_of(99), 30: replicas_of(0)}
    cluster, timeline = controlled(Scripted(script, Actuation(direct=True)), a_scenario())
    assert changes(cluster) == [(10, 5), (20, 8), (30, 1)]
    assert (timeline.wanted, timeline.reason) == (0, "wants 0")


def test_through_keda_the_hpa_reads_the_newest_answer_at_its_own_sync() -> None:
    """The law turns at 20 s; the HPA syncs at 15 and 30 s."""
    script = {0: replicas_of(1), 20: replicas_of(3)}
    cluster, _ = controlled(Scripted(script, Actuation()), a_scenario())
    assert changes(cluster) == [(30, 3)]


def test_a_tick_and_a_sync_of_one_instant_are_one_step() -> None:
    """The HPA that is due at 30 s acts on what the law says at 30 s."""
    script = {0: replicas_of(1), 30: replicas_of(2)}
    cluster, _ = controlled(Scripted(script, Actuation()), a_scenario())
    assert changes(cluster) == [(30, 2)]


def test_a_law_may_bring_its_own_behaviour_and_a_scenario_overrides_it() -> None:
    script = {0: replicas_of(3), 50: replicas_of(1)}
    quick = Actuation(scale_down=Direction(stabilization_s=0))
    cluster, _ = controlled(
        Scripted(script, quick), a_scenario(cluster={"min_replicas": 3, "max_replicas": 4})
    )
    assert changes(cluster) == []
    scenario = a_scenario(cluster={"min_replicas": 1})
    cluster, _ = controlled(Scripted(script, quick), scenario)
    assert changes(cluster) == [(0, 3), (60, 1)]
    slow = a_scenario(hpa={"scale_down": {"stabilization_s": 3600}})
    cluster, _ = controlled(Scripted(script, quick), slow)
    assert changes(cluster) == [(0, 3)]
