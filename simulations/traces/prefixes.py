"""Prefixes of one id and several lengths: the shorter ones are beginnings of the longer ones."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import count, pairwise

from simulations.traces.columns import Prefix


def nested(prefixes: Sequence[Prefix]) -> list[Prefix]:
    """Chains of at most one (id, tokens) each, cut where the same id also ends elsewhere.

    A conversation's rows carry its id and a growing length: 100, then 300 tokens become ``(0, 100)`` and
    ``(0, 100), (1, 200)``, so that an engine finds the first 100 tokens of the second row in its cache. Ids
    count from 0; those of the cuts follow them.
    """
    lengths: dict[int, set[int]] = {}
    for name, tokens in _elements(prefixes):
        lengths.setdefault(name, set()).add(tokens)
    fresh = count(len(lengths))
    chains = {key: chain for name, ends in lengths.items() for key, chain in _cut(name, sorted(ends), fresh)}
    return [chains[chain[0]] if chain else () for chain in prefixes]


def _elements(prefixes: Iterable[Prefix]) -> Iterator[tuple[int, int]]:
    for chain in prefixes:
        yield from chain


def _cut(name: int, ends: list[int], fresh: Iterator[int]) -> Iterator[tuple[tuple[int, int], Prefix]]:
    """((id, length), chain) of each length, the shortest first."""
    chain: Prefix = ((name, ends[0]),)
    yield (name, ends[0]), chain
    for before, end in pairwise(ends):
        chain = (*chain, (next(fresh), end - before))
        yield (name, end), chain
