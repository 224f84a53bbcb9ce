"""Traces and plans for tests."""

from collections.abc import Sequence

from simulations.load.plan import Kind, Plan, plan
from simulations.requests import Trace

Prefix = tuple[tuple[int, int], ...]


def trace(
    count: int = 3,
    *,
    every_us: int = 1000,
    input_tokens: int = 20,
    output_tokens: int = 5,
    prefixes: Sequence[Prefix] | None = None,
) -> Trace:
    """``count`` requests, one every ``every_us``."""
    return Trace(
        name="made",
        arrival_us=[i * every_us for i in range(count)],
        input_tokens=[input_tokens] * count,
        output_tokens=[output_tokens] * count,
        prefixes=prefixes,
    )


def planned(of: Trace, *, kind: Kind = Kind.IDS, seed: int = 0, vocabulary: int = 1000) -> Plan:
    """Its plan, for the model of ``tests/load/server.py``."""
    return plan(of, "tiny", kind=kind, seed=seed, vocabulary=vocabulary)
