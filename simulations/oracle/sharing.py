"""Which prompt tokens a prefix cache might spare: those at the beginning that another request has too."""

from collections import Counter

from simulations.requests import Trace


def sparable_tokens(trace: Trace) -> list[int] | None:
    """Leading tokens of each prompt whose prefix occurs in more than one request; None: the trace has no
    prefixes.

    Generous on purpose: of all requests that share a prefix one has to compute it, and none is charged
    here, since which one that is depends on the schedule.
    """
    if trace.prefixes is None:
        return None
    seen = Counter(block for chain in trace.prefixes for block in {block for block, _ in chain})
    return [_leading(chain, seen) for chain in trace.prefixes]


def _leading(chain: tuple[tuple[int, int], ...], seen: Counter[int]) -> int:
    tokens = 0
    for block, length in chain:
        if seen[block] < 2:
            break
        tokens += length
    return tokens
