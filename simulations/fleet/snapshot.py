"""What a scaler could know at one moment, built from the Kubernetes API, scrapes and the router's queue."""

from dataclasses import replace

from scaler.decision import model
from scaler.decision.model import Demand, Snapshot, Supply, Target
from simulations.fleet.cluster import Cluster
from simulations.fleet.lifecycle import NODE_CLASS
from simulations.fleet.nodes import Node
from simulations.fleet.pods import Pod
from simulations.result import StartClass

TARGET = "engine"

Quantiles = tuple[tuple[float, float], ...]


def snapshot(cluster: Cluster, t_us: int) -> Snapshot:
    """The snapshot of design 5.2 at ``t_us``; only what a real scaler could have read."""
    options = cluster.scenario.cluster
    return Snapshot(
        now_s=t_us / 1e6,
        model=cluster.spec.model,
        targets=(
            Target(
                name=TARGET,
                spec_replicas=cluster.replicas,
                status_replicas=sum(pod.active for pod in cluster.pods),
                min_replicas=options.min_replicas,
                max_replicas=options.max_replicas,
                gpus_per_replica=cluster.spec.tensor_parallel,
            ),
        ),
        pods=tuple(_pod(pod, t_us) for pod in cluster.pods),
        demand=(_demand(cluster, t_us),),
        supply=_supply(cluster, t_us),
    )


def _pod(pod: Pod, t_us: int) -> model.Pod:
    samples = pod.samples
    return model.Pod(
        name=pod.name,
        target=TARGET,
        phase=pod.phase,
        since_s=pod.since_us / 1e6,
        created_s=pod.created_us / 1e6,
        node_class=pod.node_class,
        config_id=pod.revision.config_id,
        reason=pod.reason,
        samples=None if samples is None else replace(samples, age_s=(t_us - pod.scraped_us) / 1e6),
    )


def _demand(cluster: Cluster, t_us: int) -> Demand:
    """The router answers at once, so its age is 0."""
    wait_us = cluster.router.oldest_wait_us(t_us)
    return Demand(
        source="router",
        waiting=float(len(cluster.router.queue)),
        oldest_wait_s=None if wait_us is None else wait_us / 1e6,
    )


# --- supply


def _supply(cluster: Cluster, t_us: int) -> tuple[Supply, ...]:
    waiting = cluster.lifecycle.unscheduled()
    since_s = waiting[0].since_us / 1e6 if waiting else None
    classes: dict[StartClass, list[Node]] = {}
    for node in cluster.nodes.up:
        classes.setdefault(_class_of(node, t_us), []).append(node)
    known = [
        Supply(
            node_class=NODE_CLASS[kind],
            weights="disk" if kind is StartClass.CACHED else "none",
            free=cluster.nodes.slots(classes[kind]),
            startup_s=cluster.startup_s[kind],
            unschedulable_since_s=since_s,
        )
        for kind in (StartClass.CACHED, StartClass.UNCACHED)
        if kind in classes
    ]
    if cluster.scenario.cluster.provisioning.max_nodes:
        known.append(_new_nodes(cluster, len(waiting), since_s))
    return tuple(known)


def _class_of(node: Node, t_us: int) -> StartClass:
    return StartClass.CACHED if node.warm(t_us) else StartClass.UNCACHED


def _new_nodes(cluster: Cluster, waiting: int, since_s: float | None) -> Supply:
    """Nodes that are coming or could be requested; unscheduled pods are about to take them."""
    provisioner, nodes = cluster.provisioner, cluster.nodes
    per_node = nodes.gpus_per_node // nodes.gpus_per_replica
    free = (provisioner.may_request + len(provisioner.coming)) * per_node
    return Supply(
        node_class=NODE_CLASS[StartClass.NEW_NODE],
        weights="new_node",
        free=free,
        claimed=min(free, waiting),
        startup_s=cluster.startup_s[StartClass.NEW_NODE],
        unschedulable_since_s=since_s,
    )
