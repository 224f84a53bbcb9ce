"""Clusters for tests. Every test here carries the marker ``cluster``: the fast lane leaves them out.

Where the machine cannot run one, tests are skipped with the reason, unless ``HEARTH_REQUIRE_CLUSTER`` is set
(CI sets it): then they fail.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cluster import build, go, images, machine, programs, store
from tests.e2e.cluster.cluster import Cluster, running
from tests.e2e.cluster.hearth_images import hearth_image
from tests.e2e.cluster.images import Image
from tests.e2e.cluster.progress import Terminal
from tests.e2e.cluster.spec import Spec
from tests.e2e.cluster.vllm_image import vllm_image

HERE = Path(__file__).parent
TEST_WITHIN_S = 120


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below this folder needs a cluster. Making one has deadlines of its own; tests have this."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.cluster)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(TEST_WITHIN_S, func_only=True))


@pytest.fixture(scope="session")
def able() -> None:
    """The machine can run clusters; skips or fails with what is missing."""
    try:
        machine.require(machine.NODES)
        go.command()
    except machine.UnableError as error:
        if os.environ.get("HEARTH_REQUIRE_CLUSTER"):
            pytest.fail(f"HEARTH_REQUIRE_CLUSTER is set, and {error}")
        pytest.skip(str(error))


def unique(kind: str) -> str:
    """A name that two test runs on one machine do not share."""
    return f"{kind}-{os.getpid()}"


@pytest.fixture(scope="session")
def bare(able: None) -> Iterator[Cluster]:
    """A control plane with three fake nodes; what most tests need. Pods turn Ready without containers."""
    with running(Spec(name=unique("bare"), fake_nodes=3), Terminal()) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def engine_image(able: None) -> Image:
    """``hearth engine``, as a container."""
    return hearth_image("engine", Terminal())


@pytest.fixture(scope="session")
def real_vllm_image(able: None) -> Image:
    """Real vLLM on CPU, as a container."""
    return vllm_image(Terminal())


@pytest.fixture(scope="session")
def cluster(engine_image: Image, real_vllm_image: Image) -> Iterator[Cluster]:
    """Two real nodes with 8 GPUs each, KEDA in pods, both engines' images on both; HPA period 2 s."""
    tell = Terminal()
    binaries = build.built((*programs.NODES, *programs.KEDAS), tell)
    system = images.system_images(binaries, keda=True)
    made = store.store_of([real_vllm_image, *system, engine_image])
    spec = Spec(name=unique("full"), nodes=2, keda="pods", hpa_sync_s=2.0, store=str(made))
    with running(spec, tell) as started:
        yield started
