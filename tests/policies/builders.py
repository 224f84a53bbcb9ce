"""Hand-made snapshots for the laws' tables."""

import math

from scaler.decision.model import Demand, Histogram, Pod, PodPhase, Samples, Snapshot, Target
from simulations.policies.base import Gateway, Policy
from simulations.policies.profiling import Profile

KV_CAPACITY = 400_000.0
LE = (0.1, 1.0, 2.0, 4.0, math.inf)


def samples(*, age_s: float = 0.0, start_id: str = "a", **given: float | Histogram | None) -> Samples:
    """A scrape with the given series, quiet otherwise."""
    quiet: dict[str, object] = {
        "running": 0.0,
        "waiting": 0.0,
        "kv_usage_ratio": 0.0,
        "kv_capacity_tokens": KV_CAPACITY,
    }
    return Samples(age_s=age_s, start_id=start_id, **(quiet | given))  # type: ignore[arg-type]


def pod(name: str, scrape: Samples | None = None, phase: PodPhase = PodPhase.READY) -> Pod:
    return Pod(name=name, target="t", phase=phase, since_s=0.0, created_s=0.0, samples=scrape)


def snapshot(
    now_s: float = 0.0,
    ready: tuple[Samples | None, ...] = (),
    *,
    starting: int = 0,
    spec: int | None = None,
    least: int = 1,
    most: int = 20,
    held: float | None = None,
) -> Snapshot:
    """A fleet of ready pods with these scrapes and some that are starting; spec counts both unless given."""
    pods = [pod(f"p{i}", scrape) for i, scrape in enumerate(ready)]
    pods += [pod(f"s{i}", phase=PodPhase.STARTING) for i in range(starting)]
    replicas = len(pods) if spec is None else spec
    target = Target(
        name="t", spec_replicas=replicas, status_replicas=replicas, min_replicas=least, max_replicas=most
    )
    demand = () if held is None else (Demand(source="router", waiting=held),)
    return Snapshot(now_s=now_s, model="m", targets=(target,), pods=tuple(pods), demand=demand)


def histogram(*counts: float, total_s: float = 0.0) -> Histogram:
    """Cumulative counts over :data:`LE`."""
    return Histogram(le=LE, counts=counts, sum=total_s)


def replicas(policy: Policy, snap: Snapshot, gateway: Gateway | None = None) -> int | None:
    """What a direct controller writes."""
    return policy.tick(snap, gateway or Gateway()).replicas


def asked(policy: Policy, snap: Snapshot, gateway: Gateway | None = None) -> tuple[float | None, float]:
    """The first metric's value and target."""
    metric = policy.tick(snap, gateway or Gateway()).metrics[0]
    return metric.value, metric.target


def profile(
    *,
    base_s: float = 0.010,
    per_prompt_token_s: float = 20e-6,
    per_sequence_s: float = 50e-6,
    per_kv_token_s: float = 50e-9,
    budget: int = 8192,
    seqs: int = 256,
    kv_tokens: int = int(KV_CAPACITY),
) -> Profile:
    """An engine with a plane for its step time."""

    def step_s(prompt: float, batch: float, kv: float) -> float:
        return base_s + per_prompt_token_s * prompt + per_sequence_s * batch + per_kv_token_s * kv

    return Profile(
        kv_tokens=kv_tokens,
        max_num_seqs=seqs,
        max_num_batched_tokens=budget,
        step_s=step_s,
        idle_ttft_s=lambda prompt: step_s(prompt, 0, 0),
    )
