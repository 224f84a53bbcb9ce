"""What a cluster may be, and that its addresses never meet."""

import ipaddress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.e2e.cluster import life
from tests.e2e.cluster.layout import layout
from tests.e2e.cluster.machine import ClusterError
from tests.e2e.cluster.spec import NODES_MOST, PODS, SERVICES, NodeNet, Spec, cgroup_prefix, read_spec

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,19}", fullmatch=True)


@pytest.mark.parametrize(
    ("given_values", "says"),
    [
        ({"name": "Dev"}, "cluster name 'Dev': use a-z, 0-9 and -"),
        ({"name": "a" * 21}, "at most 20 characters"),
        ({"name": "a.b"}, "cluster name 'a.b'"),
        ({"name": "a\n"}, "cluster name 'a"),
        ({"name": "a", "nodes": 251}, "nodes 251: use 0 to 250"),
        ({"name": "a", "fake_nodes": -1}, "fake_nodes -1: use 0 to 250"),
        ({"name": "a", "gpus": -1}, "gpus -1, hpa_sync_s 15.0: use 0 or more, more than 0"),
        ({"name": "a", "hpa_sync_s": 0.0}, "hpa_sync_s 0.0"),
        ({"name": "a", "nodes": 1, "fake_nodes": 1}, "nodes and fake_nodes: use one of them"),
        ({"name": "a", "keda": "pods"}, "use keda processes on a bare control plane"),
    ],
)
def test_what_cannot_be_is_refused_with_the_fix(given_values: dict[str, Any], says: str) -> None:
    with pytest.raises(ClusterError, match=says):
        Spec(**given_values)


@pytest.mark.parametrize("name", ["", ".", "..", "../..", "/etc", "a/b"])
def test_no_folder_but_a_cluster_s_own_can_be_taken_for_one(name: str) -> None:
    with pytest.raises(ClusterError, match="cluster name"):
        layout(name)


def test_a_file_that_is_no_cluster_s_is_not_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_CACHE", str(tmp_path))
    for name in ("dev", ".lock", "lost+found"):
        (tmp_path / "clusters" / name).mkdir(parents=True)
    assert life.names() == ["dev"]


def test_it_comes_back_from_its_file(tmp_path: Path) -> None:
    spec = Spec(name="t", nodes=3, keda="pods", flags={"kubelet": ("--v=2",)}, store="s")
    spec.write(tmp_path / "spec.json")
    assert read_spec(tmp_path / "spec.json") == spec


@given(st.integers(1, NODES_MOST), st.integers(1, NODES_MOST))
def test_subnets_of_two_nodes_do_not_overlap(one: int, other: int) -> None:
    pods = [ipaddress.IPv4Network(NodeNet(number).pods) for number in (one, other)]
    assert pods[0].overlaps(pods[1]) == (one == other)
    assert all(subnet.subnet_of(ipaddress.IPv4Network(PODS)) for subnet in pods)
    assert not any(subnet.overlaps(ipaddress.IPv4Network(SERVICES)) for subnet in pods)


@given(NAMES, NAMES)
def test_no_cluster_sweeps_the_cgroups_of_another(one: str, other: str) -> None:
    swept = f"{cgroup_prefix(other)}node1".startswith(cgroup_prefix(one))
    assert swept == (one == other)
