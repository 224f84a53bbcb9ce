"""Prefix caching: blocks of shared prefixes stay until the free queue reaches them.

vLLM frees blocks to the tail of one queue and takes new ones from its head; a freed block keeps its
content until
then, and a request that begins with the same blocks takes them back. The queue is kept as segments (a
shared span, or
blocks of no further use), and allocations are taken off its head only when somebody looks: the queue is as
long as the
free blocks are many, so nothing is lost by being late.
"""

from collections import OrderedDict

Span = tuple[int, int, int]
"""(prefix id, first block, blocks): full blocks of one element of a request's prefix chain."""

JUNK = -1


def spans_of(prefix: tuple[tuple[int, int], ...], prompt: int, block: int) -> tuple[Span, ...]:
    """The full blocks of a chain of (prefix id, tokens), cut at the prompt's end."""
    spans = []
    tokens = start = 0
    for prefix_id, length in prefix:
        tokens = min(tokens + length, prompt)
        end = tokens // block
        if end > start:
            spans.append((prefix_id, start, end - start))
            start = end
    return tuple(spans)


class PrefixCache:
    """Which spans are resident: referenced by requests, or free and not yet overwritten."""

    __slots__ = ("_junk", "_queue", "_queued", "_references", "referenced")

    def __init__(self, blocks: int) -> None:
        self.referenced = 0
        """Blocks of spans that at least one request holds."""
        self._references: dict[Span, int] = {}
        self._junk = 0
        self._queue: OrderedDict[Span, int] = OrderedDict()
        self._queued = 0
        self._append((JUNK, 0, 0), blocks)

    def settle(self, free: int) -> None:
        """Take off the head what was allocated since the last look; ``free`` blocks are free now."""
        queue = self._queue
        while self._queued > free:
            span, blocks = queue.popitem(last=False)
            taken = min(blocks, self._queued - free)
            self._queued -= taken
            if taken < blocks:
                # Deep blocks are freed first, so what remains is the beginning of the span.
                queue[span] = blocks - taken
                queue.move_to_end(span, last=False)

    def hit_blocks(self, spans: tuple[Span, ...]) -> int:
        """Leading blocks of ``spans`` that are resident."""
        hit = 0
        for span in spans:
            if span in self._references:
                hit += span[2]
                continue
            resident = self._queue.get(span, 0)
            hit += resident
            if resident < span[2]:
                break
        return hit

    def cost_blocks(self, spans: tuple[Span, ...]) -> int:
        """Free blocks that holding ``spans`` would take."""
        return sum(span[2] for span in spans if span not in self._references)

    def hold(self, spans: tuple[Span, ...]) -> None:
        """One more request holds these spans."""
        references = self._references
        for span in spans:
            if span in references:
                references[span] += 1
                continue
            references[span] = 1
            self.referenced += span[2]
            self._queued -= self._queue.pop(span, 0)

    def release(self, spans: tuple[Span, ...], private_blocks: int) -> None:
        """A request frees its blocks, deepest first."""
        if private_blocks:
            self._junk += 1
            self._append((JUNK, self._junk, 0), private_blocks)
        references = self._references
        for span in reversed(spans):
            references[span] -= 1
            if not references[span]:
                del references[span]
                self.referenced -= span[2]
                self._append(span, span[2])

    def _append(self, span: Span, blocks: int) -> None:
        self._queue[span] = blocks
        self._queued += blocks
