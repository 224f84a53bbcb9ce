"""Starting and stopping: side by side, twice, killed, broken. Whatever happens, nothing stays."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import leftovers
from tests.e2e.cluster import build, claim, folders, images, life, marks, programs, store
from tests.e2e.cluster.cluster import Cluster, running
from tests.e2e.cluster.layout import layout
from tests.e2e.cluster.machine import ClusterError
from tests.e2e.cluster.progress import Silent
from tests.e2e.cluster.spec import Spec
from tests.e2e.conftest import unique
from tests.e2e.workloads import deployment


@pytest.fixture
def name(able: None, request: pytest.FixtureRequest) -> Iterator[str]:
    """A cluster's name; at the end nothing of that name may be left."""
    name = unique("life")
    yield name
    life.down(name)
    folders.remove(folders.failed(name))
    assert leftovers.left_by(name) == []


def test_a_running_cluster_is_something_that_would_be_left(bare: Cluster) -> None:
    left = "\n".join(leftovers.left_by(bare.spec.name))
    assert "kube-apiserver" in left
    assert f"folder {bare.at.root}" in left


def test_two_clusters_run_side_by_side_and_do_not_see_each_other(bare: Cluster, name: str) -> None:
    with running(Spec(name=name, fake_nodes=1)) as other:
        assert [node.metadata.name for node in other.core.list_node().items] == ["node1"]
        assert len(bare.core.list_node().items) == 3


def test_a_second_start_is_refused_in_one_line(bare: Cluster) -> None:
    with pytest.raises(ClusterError, match=f"cluster {bare.spec.name} is running; make cluster-down first"):
        life.up(bare.spec, Silent())
    assert bare.programs()["etcd"] == "runs"


def test_a_cluster_ends_with_the_test_run_that_started_it_even_if_that_is_killed(name: str) -> None:
    code = (
        "import os, signal; from tests.e2e.cluster import life; from tests.e2e.cluster.spec import Spec;"
        "from tests.e2e.cluster.progress import Silent;"
        f"life.up(Spec(name={name!r}), Silent(), owner=os.getpid()); os.kill(os.getpid(), signal.SIGKILL)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=False)
    assert run.returncode == -signal.SIGKILL
    Cluster.wait_for("all is gone", lambda: leftovers.left_by(name) == [])


def test_a_killed_keeper_takes_the_cluster_with_it_and_down_sweeps_the_rest(name: str) -> None:
    at = life.up(Spec(name=name), Silent())
    running_pids = claim.pids(at)
    assert running_pids is not None
    os.kill(running_pids.keeper, signal.SIGKILL)
    Cluster.wait_for("its processes are gone", lambda: marks.processes_of(name) == [])
    assert life.programs_of(at) == [("-", "not running: cluster-down removes what it left")]
    assert life.down(name)


_UP = "from tests.e2e.cluster import life; from tests.e2e.cluster.spec import Spec;"
_UP += "from tests.e2e.cluster.progress import Terminal; life.up(Spec(name={!r}), Terminal())"


def _starting(name: str) -> "subprocess.Popen[str]":
    """Another process that starts the cluster."""
    return subprocess.Popen(
        [sys.executable, "-c", _UP.format(name)], stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def test_of_two_starts_at_once_one_is_refused_and_the_other_is_not_disturbed(name: str) -> None:
    starts = [_starting(name) for _ in range(3)]
    said = [start.communicate()[1] for start in starts]
    assert sorted(start.returncode for start in starts) == [0, 1, 1]
    assert sum(f"cluster {name} is running; make cluster-down first" in text for text in said) == 2
    assert set(dict(life.programs_of(layout(name))).values()) == {life.RUNS}


def test_a_stop_during_a_start_ends_it(name: str) -> None:
    start = _starting(name)
    Cluster.wait_for("it has begun", layout(name).root.exists)
    assert life.down(name)
    assert f"cluster {name} ended while it started" in start.communicate()[1]
    assert leftovers.left_by(name) == []


@pytest.mark.parametrize("until", ["spec", "steps"])
def test_a_start_that_is_interrupted_leaves_nothing(name: str, until: str) -> None:
    start = _starting(name)
    Cluster.wait_for("it has begun", lambda: bool(getattr(layout(name), until).exists()))
    os.killpg(start.pid, signal.SIGINT)  # as Ctrl-C does
    start.communicate()
    assert leftovers.left_by(name) == []


def test_a_process_of_the_test_s_own_ends_with_the_cluster(name: str, tmp_path: Path) -> None:
    with running(Spec(name=name)) as cluster:
        begun = cluster.process("sh", "-c", "trap '' TERM; echo here; sleep 600", log=tmp_path / "log")
        left = begun.__enter__()  # and never left: its test run was killed
        cluster.wait("it runs", lambda: (tmp_path / "log").read_text() == "here\n")
    assert left.wait(1) == -signal.SIGKILL


def test_a_dead_program_is_named_with_how_it_ended(name: str) -> None:
    with running(Spec(name=name)) as cluster:
        cluster.kill("kube-scheduler")
        cluster.wait("it is dead", lambda: cluster.programs()["kube-scheduler"] == "was killed by SIGKILL")


def test_a_program_that_cannot_start_is_one_line_with_its_log(name: str) -> None:
    spec = Spec(name=name, flags={"kube-apiserver": ("--no-such-flag",)})
    with pytest.raises(ClusterError) as failed:
        life.up(spec, Silent())
    assert str(failed.value).startswith(
        "kube-apiserver ended with exit status 1 before the API server is ready"
    )
    assert failed.value.log is None  # it is in the line, which came from another process
    log = Path(str(failed.value).split("log: ")[1])
    assert "unknown flag: --no-such-flag" in Path(log).read_text()


def test_down_removes_a_folder_that_makes_no_sense(name: str) -> None:
    at = layout(name)
    at.root.mkdir(parents=True)
    at.spec.write_text("{")
    at.keeper.write_text("999999 999998")
    assert life.down(name)
    assert not at.root.exists()


def test_a_node_boots_again_after_a_power_cut_with_its_disk_as_it_was(name: str) -> None:
    system = images.system_images(build.built(programs.NODES, Silent()), keda=False)
    with running(Spec(name=name, nodes=1, store=str(store.store_of(system)))) as cluster:
        kept = cluster.files("node1", "/var/lib/hearth") / "kept"
        kept.write_text("yes")
        cluster.apply([deployment("before", 2)])
        cluster.wait_ready("app=before", 2)
        cluster.kill("node1")
        cluster.wait("it is dark", lambda: cluster.programs()["node1"] == "was killed by SIGKILL")
        cluster.start("node1")
        cluster.wait("its kubelet runs", lambda: cluster.programs().get("node1/kubelet") == "runs")
        cluster.apply([deployment("after", 1)])
        cluster.wait_ready("app=after", 1)
        assert kept.read_text() == "yes"
