"""Other tenants of the same GPUs: what one model's run held becomes ``cluster.foreign_gpus`` of another's."""

from collections.abc import Iterable

from simulations.result import PodRecord


def foreign_gpus(pods: Iterable[PodRecord], until_us: int) -> tuple[tuple[float, float, int], ...]:
    """(from_s, to_s, gpus) of each pod from its binding to its deletion, or to ``until_us``.

    Pods of provisioned nodes must not be among them: those GPUs are not the fleet's own.
    """
    return tuple(
        (pod.bound_us / 1e6, (until_us if pod.deleted_us is None else pod.deleted_us) / 1e6, pod.gpus)
        for pod in pods
        if pod.bound_us is not None and pod.bound_us != pod.deleted_us
    )
