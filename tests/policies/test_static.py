"""``static:N`` as a law."""

import pytest

from scaler.decision.model import Snapshot
from simulations.errors import InputError
from simulations.policies.base import Gateway
from simulations.policies.registry import build
from simulations.scenario import Cluster, Scenario


def test_it_says_the_same_whatever_it_sees() -> None:
    law = build("static:4", {}, Scenario())
    ask = law.tick(Snapshot(now_s=0, model="m", targets=()), Gateway())
    assert (law.name, law.actuation.direct, ask.replicas, ask.reason) == ("static:4", True, 4, "fixed at 4")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("static", "static has no number of replicas; use static:4, say", id="no number"),
        pytest.param("static:9", "static:9 is more than cluster.max_replicas, 8", id="more than the fleet"),
        pytest.param("static:1", "static:1 is less than cluster.min_replicas, 2", id="less than the fleet"),
    ],
)
def test_a_fleet_that_cannot_be_is_refused(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build(name, {}, Scenario(cluster=Cluster(min_replicas=2, max_replicas=8)))
