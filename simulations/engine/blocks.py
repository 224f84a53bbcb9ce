"""How many KV blocks the decoding requests hold, without touching them at each step.

All decoding requests grow by one token a step, so request i holds ``offset_i + clock`` tokens, with
``clock`` the
number of steps so far. Blocks are ceil(tokens / block): the sum of tokens is linear in the clock, and the
padding of
the last blocks depends on the offsets modulo the block size only. Sixteen counters say it all.
"""


class BlockMeter:
    """Blocks of the decoding requests as a function of the clock."""

    __slots__ = ("block", "count", "phases", "sum")

    def __init__(self, block: int) -> None:
        self.block = block
        self.phases = [0] * block
        self.sum = 0
        self.count = 0

    def add(self, offset: int) -> None:
        """A request that holds ``offset + clock`` tokens of its own begins to decode."""
        self.sum += offset
        self.count += 1
        self.phases[offset % self.block] += 1

    def remove(self, offset: int) -> None:
        """The inverse of :meth:`add`."""
        self.sum -= offset
        self.count -= 1
        self.phases[offset % self.block] -= 1

    def used(self, clock: int) -> int:
        """Blocks held at ``clock``, exactly."""
        block = self.block
        padding = 0
        short = -clock % block
        for count in self.phases:
            if count:
                padding += count * short
            short = short - 1 if short else block - 1
        return (self.sum + self.count * clock + padding) // block

    def most_steps(self, clock: int, most: int, blocks: int) -> int:
        """The largest K ≤ ``most`` such that K more steps keep within ``blocks``; may be 0."""
        if self.used(clock + most) <= blocks:
            return most
        low, high = 0, most
        while high - low > 1:
            middle = (low + high) >> 1
            if self.used(clock + middle) <= blocks:
                low = middle
            else:
                high = middle
        return low
