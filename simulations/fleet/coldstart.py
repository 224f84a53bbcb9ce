"""How long one start takes on one node, drawn: phases, jitter, failures with back-off, probes."""

import math
import random
from dataclasses import dataclass

from cache_agent.planning.coldstart import StartFacts, estimate, startup_quantile_s
from simulations.fleet.nodes import Node
from simulations.scenario import ColdStart, Phases, Provisioning

MICROS = 1_000_000
BACKOFF_FIRST_S = 10
BACKOFF_MOST_S = 300
"""The kubelet restarts a failed container after 10 s, doubled up to 5 min (Kubernetes, 'Pod Lifecycle')."""
GPU_LINK_BYTES_PER_S = 25e9
"""PCIe 4 x16, host to one GPU: only faster disks than any would make it the narrow place."""
QUANTILES = (0.5, 0.8, 0.9, 0.95)
"""Of the start-up time, as a cache agent publishes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt of a container to start, in absolute µs. A node keeps what had arrived before a failure."""

    image_us: int
    weights_us: int
    end_us: int
    """Ready, or failed."""
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Typical:
    """Seconds of each part of a start where nothing is on the node; jitter multiplies all of them alike."""

    schedule_s: float
    image_s: float
    fetch_s: float
    rest_s: float
    probe_period_s: float
    log_mean: float
    """Of the lognormal jitter: -sigma²/2 keeps a mean, 0 keeps a median."""


def typical(cold: ColdStart, weights_bytes: int, gpus: int) -> Typical:
    """From ``seconds`` (a mean from creation to ready), or from phases through the cache agent's estimate."""
    if cold.seconds is not None:
        return Typical(
            schedule_s=0.0,
            image_s=0.0,
            fetch_s=cold.uncached_extra_s,
            rest_s=cold.seconds,
            probe_period_s=0.0,
            log_mean=-(cold.jitter**2) / 2,
        )
    known = dict(estimate(_facts(cold, weights_bytes, gpus)).phases)
    parts = {name: seconds or 0.0 for name, seconds in known.items()}
    return Typical(
        schedule_s=parts["schedule"],
        image_s=parts["image"],
        fetch_s=parts["fetch"],
        rest_s=parts["load"] + parts["engine"] + parts["warmup"],
        probe_period_s=cold.phases.probe_period_s,
        log_mean=0.0,
    )


def draw(
    usual: Typical, cold: ColdStart, node: Node, t_us: int, rng: random.Random, *, restart: bool = False
) -> Attempt:
    """An attempt that begins at ``t_us``; ``restart``: the pod is bound already and its image is there.

    A pull or a fetch that another pod began on the same node is waited for, not repeated. Three numbers are
    drawn whatever the scenario says, so that a start's luck does not depend on the other knobs.
    """
    stretch = math.exp(rng.normalvariate(0.0, 1.0) * cold.jitter + usual.log_mean) * MICROS
    unlucky, share = rng.random() < cold.failure, rng.random()
    begin_us = t_us if restart else t_us + round(usual.schedule_s * stretch)
    image_us = min(begin_us + round(usual.image_s * stretch), max(begin_us, node.image_us))
    weights_us = min(image_us + round(usual.fetch_s * stretch), max(image_us, node.weights_us))
    ready_us = weights_us + round(usual.rest_s * stretch)
    if unlucky:
        end_us = begin_us + round((ready_us - begin_us) * share)
    else:
        end_us = _probed(image_us, ready_us, round(usual.probe_period_s * MICROS))
    return Attempt(image_us=image_us, weights_us=weights_us, end_us=end_us, failed=unlucky)


def backoff_us(failures: int) -> int:
    """Wait before the restart that follows the n-th failure: 10, 20, 40 … 300 s."""
    return min(BACKOFF_FIRST_S << min(failures - 1, 10), BACKOFF_MOST_S) * MICROS


def _probed(container_us: int, healthy_us: int, period_us: int) -> int:
    """When the kubelet sees it: probes come every period from the container's start on."""
    if not period_us:
        return healthy_us
    return container_us + -(-(healthy_us - container_us) // period_us) * period_us


def startup_quantiles(
    cold: ColdStart, provisioning: Provisioning, weights_bytes: int, gpus: int, weights: str
) -> tuple[tuple[float, float], ...]:
    """(quantile, seconds) for a node with ``weights`` on ``disk``, ``none``, or a ``new_node``.

    Empty where one figure replaces the phases: then no cache agent can know more than the law learns itself.
    """
    if cold.seconds is not None:
        return ()
    facts = _facts(cold, weights_bytes, gpus, weights=weights, provisioning=provisioning)
    pairs = ((q, startup_quantile_s(facts, q)) for q in QUANTILES)
    return tuple((q, seconds) for q, seconds in pairs if seconds is not None)


def _facts(
    cold: ColdStart,
    weights_bytes: int,
    gpus: int,
    *,
    weights: str = "none",
    provisioning: Provisioning | None = None,
) -> StartFacts:
    """What a cache agent would know after some starts; a node that has the weights has the image."""
    phases = cold.phases
    size = weights_bytes if phases.weights_gb is None else round(phases.weights_gb * 1e9)
    new_node = weights == "new_node" and provisioning is not None
    return StartFacts(
        schedule_s=phases.schedule_s,
        node_s=provisioning.seconds_p50 if new_node and provisioning else 0.0,
        node_sigma=provisioning.sigma if new_node and provisioning else 0.0,
        image_present=weights == "disk",
        image_bytes=round(phases.image_gb * 1e9),
        image_bytes_per_s=phases.image_gb_per_s * 1e9,
        weights_bytes=size,
        missing_bytes=0 if weights == "disk" else size,
        source_bytes_per_s=phases.download_gb_per_s * 1e9,
        disk_write_bytes_per_s=phases.download_gb_per_s * 1e9,
        hash_bytes_per_s=phases.download_gb_per_s * 1e9,
        hash_cores=1,
        resident_ratio=0.0,
        disk_read_bytes_per_s=phases.disk_gb_per_s * 1e9,
        gpu_link_bytes_per_s=GPU_LINK_BYTES_PER_S,
        gpus=gpus,
        compile_cached=phases.compile_cached,
        engine_cached_s=_engine_s(phases, phases.compile_cached_s),
        engine_uncached_s=_engine_s(phases, phases.compile_cold_s),
        warmup_s=phases.warmup_s,
        probe_period_s=phases.probe_period_s,
        start_sigma=cold.jitter,
    )


def _engine_s(phases: Phases, compile_s: float) -> float:
    return phases.process_init_s + compile_s + phases.profile_s + phases.capture_s
