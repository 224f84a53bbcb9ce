"""``python -m tests.e2e.cluster``: a real Kubernetes on this machine, for tests and for looking at.

Examples:

    python -m tests.e2e.cluster up

    python -m tests.e2e.cluster up --name api --bare

    python -m tests.e2e.cluster kubectl get pods -A

    python -m tests.e2e.cluster enter curl -s http://10.88.1.5:8000/metrics

    python -m tests.e2e.cluster kill node1/kubelet

    python -m tests.e2e.cluster down --all
"""

import os
import sys
from signal import SIGKILL, Signals
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tests.e2e.cluster import build, folders, images, life, machine, programs, store
from tests.e2e.cluster.cluster import Cluster
from tests.e2e.cluster.hearth_images import hearth_image
from tests.e2e.cluster.images import Image
from tests.e2e.cluster.keda import manifests
from tests.e2e.cluster.layout import layout
from tests.e2e.cluster.progress import Terminal
from tests.e2e.cluster.spec import Keda, Spec

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
Name = Annotated[str, typer.Option(help="Which cluster; each has namespaces of its own.")]
_PASS = {
    "ignore_unknown_options": True,
    "allow_extra_args": True,
    "allow_interspersed_args": False,  # leaves a "--" further on to the command
    "help_option_names": [],
}


@app.command()
def up(
    name: Name = "dev",
    nodes: Annotated[
        int, typer.Option(help="Real nodes, each with kubelet, containerd and files of its own.")
    ] = 2,
    gpus: Annotated[int, typer.Option(help="nvidia.com/gpu of each node.")] = 8,
    bare: Annotated[
        bool, typer.Option("--bare", help="Only a control plane; its nodes are a fake kubelet.")
    ] = False,
    keda: Annotated[bool, typer.Option(help="Install KEDA.")] = True,
    hpa_sync_s: Annotated[float, typer.Option(help="The HPA controller's period.")] = 15.0,
) -> None:
    """Start a cluster. The first time builds its programs: 20 minutes on two cores."""
    tell = Terminal()
    kind: Keda = "no" if not keda else "processes" if bare else "pods"
    chosen = () if bare else _images(keda=keda, tell=tell)
    spec = Spec(
        name=name,
        nodes=0 if bare else nodes,
        fake_nodes=nodes if bare else 0,
        gpus=gpus,
        keda=kind,
        hpa_sync_s=hpa_sync_s,
        store=str(store.store_of(chosen)) if chosen else "",
    )
    life.up(spec, tell)
    if chosen:
        sys.stdout.write(f"image of hearth engine: {chosen[-1].reference} (imagePullPolicy: Never)\n")
    sys.stdout.write(f"try: python -m tests.e2e.cluster kubectl --name {name} get nodes,pods -A\n")


def _images(*, keda: bool, tell: Terminal) -> tuple[Image, ...]:
    """What the nodes hold; last the one that changes most."""
    machine.require(machine.NODES)
    wanted = (*programs.NODES, *(programs.KEDAS if keda else ()))
    system = images.system_images(build.built(wanted, tell), keda=keda)
    return (*system, hearth_image("engine", tell))


@app.command()
def down(
    name: Name = "dev", every: Annotated[bool, typer.Option("--all", help="All clusters.")] = False
) -> None:
    """Stop a cluster and remove all that it left."""
    for one in life.names() if every else [name]:
        sys.stdout.write(f"{one}: {'stopped' if life.down(one) else 'nothing there'}\n")


@app.command()
def status() -> None:
    """Which clusters run, and which of their programs do not."""
    table = Table(box=None, pad_edge=False)
    for column in ("CLUSTER", "PROGRAM", "STATE"):
        table.add_column(column)
    for name in life.names():
        for program, state in life.programs_of(layout(name)):
            table.add_row(name, program, state)
    if not table.row_count:
        sys.stdout.write("no cluster; make cluster-up starts one\n")
        return
    Console().print(table)
    sys.stdout.write(f"logs: {folders.clusters()}/CLUSTER/log/PROGRAM.log\n")


@app.command("build")
def build_all() -> None:
    """Build every program and image now, so that the first start is quick."""
    tell = Terminal()
    manifests(build.built(programs.ALL, tell)[programs.KUBE.name] / "kubectl")
    store.store_of(_images(keda=True, tell=tell))
    tell(f"cache: {folders.cache()}")


@app.command(context_settings=_PASS)
def kubectl(context: typer.Context) -> None:
    """kubectl as the cluster's admin; ``--name NAME`` first for another cluster than dev."""
    name, words = _named(context.args)
    at = layout(name)
    life.enter(at, [*at.kubectl(), *words])


@app.command(context_settings=_PASS)
def enter(context: typer.Context) -> None:
    """Run a command in the cluster's network; ``--name NAME`` first for another cluster than dev."""
    name, words = _named(context.args)
    life.enter(layout(name), words or [os.environ.get("SHELL", "/bin/sh")])


def _named(words: list[str]) -> tuple[str, list[str]]:
    match words:
        case ["--name"]:
            raise machine.ClusterError("--name wants a cluster's name after it; status lists them")
        case ["--name", name, *rest]:
            return name, rest
        case _:
            return "dev", words


Program = Annotated[str, typer.Argument(help="As in status: etcd, node1/kubelet, or node1 (a power cut).")]


@app.command()
def kill(
    program: Program, name: Name = "dev", signal: Annotated[int, typer.Option(min=1, max=31)] = SIGKILL
) -> None:
    """Send a signal to one program; nothing restarts it."""
    Cluster(layout(name)).kill(program, Signals(signal))


@app.command()
def start(program: Program, name: Name = "dev") -> None:
    """Start again what was killed."""
    Cluster(layout(name)).start(program)


def main() -> None:
    """Errors are one line."""
    try:
        app()
    except machine.UnableError as error:
        sys.stderr.write(f"cluster: {error}\n")
        sys.exit(machine.EXIT_UNABLE)
    except (machine.ClusterError, OSError) as error:
        sys.stderr.write(f"cluster: {error}\n")
        sys.exit(machine.EXIT_FAILED)


if __name__ == "__main__":
    main()
