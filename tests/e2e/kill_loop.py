"""Start a cluster, kill something at random, stop it, look for leftovers; again and again.

    python -m tests.e2e.kill_loop --cycles 20 --seed 1

Each cycle starts two real nodes with pods on them. The victim is any process of the cluster, from the keeper
over etcd and a kubelet to a container's own; one cycle in four kills while the cluster still starts, one in
four kills three at once. Prints a line a cycle and exits 1 if anything was left.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tests.e2e import leftovers
from tests.e2e.cluster import build, images, life, marks, programs, store
from tests.e2e.cluster.cluster import Cluster
from tests.e2e.cluster.machine import ClusterError
from tests.e2e.cluster.progress import Silent
from tests.e2e.cluster.spec import Spec
from tests.e2e.workloads import deployment

PODS = 4


def spec_of(name: str) -> Spec:
    """Two nodes without KEDA."""
    made = store.store_of(images.system_images(build.built(programs.NODES, Silent()), keda=False))
    return Spec(name=name, nodes=2, store=str(made))


def cycle(spec: Spec, luck: random.Random) -> dict[str, object]:
    """One start, kill, stop; what was killed, and what was left."""
    begun = time.monotonic()
    early = luck.random() < 0.25
    count = 3 if luck.random() < 0.25 else 1
    if early:
        killed = _kill_during_start(spec, luck, count)
    else:
        _with_pods(life_up(spec))
        killed = _kill(spec.name, luck, count)
        time.sleep(luck.random())
    life.down(spec.name)
    left = leftovers.left_by(spec.name)
    took_s = round(time.monotonic() - begun, 1)
    return {"early": early, "killed": killed, "left": left, "seconds": took_s}


def life_up(spec: Spec) -> Cluster:
    """Start it, without an owner: the loop itself must be what cleans up."""
    return Cluster(life.up(spec, Silent()))


def _with_pods(cluster: Cluster) -> None:
    try:
        cluster.apply([deployment("sitting", PODS)])
        cluster.wait_ready("app=sitting", PODS)
    finally:
        cluster.close()


def _kill_during_start(spec: Spec, luck: random.Random, count: int) -> list[str]:
    """Somewhere in the first eight seconds; the start then fails, or (a late or small loss) succeeds."""
    code = f"from tests.e2e import kill_loop as k; k.life_up(k.spec_of({spec.name!r}))"
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as starter:
        time.sleep(1 + 7 * luck.random())
        killed = _kill(spec.name, luck, count)
        with suppress(subprocess.TimeoutExpired):
            starter.wait(20)
        starter.kill()
    return killed


def _kill(name: str, luck: random.Random, count: int) -> list[str]:
    pids = marks.processes_of(name)
    killed = []
    for pid in luck.sample(pids, min(count, len(pids))):
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            os.kill(pid, signal.SIGKILL)
            killed.append(_short(words))
    return killed


def _short(words: list[str]) -> str:
    """What a process is, without this machine's paths."""
    if "-m" in words:
        return words[words.index("-m") + 1].rsplit(".", 1)[-1]
    return Path(words[0]).name


def main() -> int:
    """Run the cycles."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write the lines here as well")
    given = parser.parse_args()
    luck, lines = random.Random(given.seed), []
    spec = spec_of(f"kill-{os.getpid() % 100_000}")
    for number in range(1, given.cycles + 1):
        try:
            row = {"cycle": number, **cycle(spec, luck)}
        except ClusterError as error:
            life.down(spec.name)
            row = {"cycle": number, "error": str(error), "left": leftovers.left_by(spec.name)}
        lines.append(row)
        sys.stdout.write(json.dumps(row) + "\n")
        sys.stdout.flush()
    if given.out:
        given.out.write_text("".join(json.dumps(row) + "\n" for row in lines))
    bad = [row for row in lines if row["left"] or "error" in row]
    sys.stdout.write(f"{given.cycles - len(bad)} of {given.cycles} cycles left nothing (seed {given.seed})\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
