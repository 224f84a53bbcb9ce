"""The fake kubelet: pods become what their annotations say, also when the API server is away meanwhile."""

from types import SimpleNamespace
from typing import Any

import pytest
import urllib3
from kubernetes import client

from tests.e2e.cluster.fake_kubelet import READY, READY_AFTER, FakeKubelet


class Core:
    """Writes down what is asked of it; fails as often as it is told to."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.ready: list[str] = []

    def patch_namespaced_pod_status(self, _name: str, _namespace: str, body: Any) -> None:
        """Keeps the new status of Ready."""
        if self.failures:
            raise self.failures.pop()
        self.ready += [c["status"] for c in body["status"]["conditions"] if c["type"] == "Ready"]


def pod(phase: str = "Pending", condition: str = "False", /, **annotations: str) -> Any:
    """A pod on a node."""
    names = {"ready": READY, "after": READY_AFTER}
    return SimpleNamespace(
        metadata=SimpleNamespace(
            uid="1",
            name="p",
            namespace="n",
            deletion_timestamp=None,
            annotations={names[name]: value for name, value in annotations.items()},
        ),
        spec=SimpleNamespace(node_name="node1", containers=[]),
        status=SimpleNamespace(phase=phase, conditions=[SimpleNamespace(type="Ready", status=condition)]),
    )


@pytest.fixture
def core() -> Core:
    """The API."""
    return Core()


@pytest.fixture
def kubelet(core: Core) -> FakeKubelet:
    """The kubelet of it."""
    return FakeKubelet(core)


@pytest.mark.parametrize(
    ("seen", "becomes"),
    [
        (pod(), ["True"]),
        (pod(after="never"), []),
        (pod("Running", "True"), []),
        (pod("Running", "True", ready="false"), ["False"]),
        (pod("Running", "False", ready="false"), []),
        (pod("Running", "False", ready="true"), ["True"]),
        (pod("Running", "False"), ["True"]),
    ],
)
def test_a_pod_becomes_what_its_annotations_say(
    kubelet: FakeKubelet, core: Core, seen: Any, becomes: list[str]
) -> None:
    kubelet.see("MODIFIED", seen, 0.0)
    kubelet.turn(0.0)
    kubelet.turn(0.0)
    assert core.ready == becomes


@pytest.mark.parametrize(
    "failure",
    [client.ApiException(status=500), urllib3.exceptions.ProtocolError("connection refused")],
)
def test_what_an_api_server_that_is_away_did_not_take_is_tried_again(
    kubelet: FakeKubelet, core: Core, failure: Exception
) -> None:
    core.failures = [failure, failure]
    kubelet.see("ADDED", pod(), 0.0)
    for at_s in (0.0, 1.0, 2.0, 3.0):
        kubelet.turn(at_s)
    assert core.ready == ["True"]


def test_a_pod_that_is_gone_is_no_error_and_not_tried_again(kubelet: FakeKubelet, core: Core) -> None:
    core.failures = [client.ApiException(status=404)]
    kubelet.see("ADDED", pod(), 0.0)
    kubelet.turn(0.0)
    kubelet.turn(9.0)
    assert core.ready == []
