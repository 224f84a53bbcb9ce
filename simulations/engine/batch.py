"""A step being composed, and the blocks that it may take."""

from simulations.engine.blocks import BlockMeter


class Batch:
    """What a step holds so far, and the tokens that it may still take."""

    __slots__ = ("budget", "prefill_ps", "prompts", "tokens")

    def __init__(self, tokens: int, budget: int) -> None:
        self.tokens = tokens
        self.budget = budget - tokens
        self.prompts = 0
        self.prefill_ps = 0


class Pool:
    """Free blocks beside those of the decoding requests: bounded at once, counted only when it matters."""

    __slots__ = ("_clock", "_exact", "_free", "_meter", "_most", "_withheld")

    def __init__(self, room: int, meter: BlockMeter, clock: int, withheld: int) -> None:
        self._meter = meter
        self._clock = clock
        self._exact = False
        self._withheld = withheld
        """Free, but not known to be when the batch was composed."""
        self._most = (meter.sum + meter.count * (clock + meter.block - 1)) // meter.block
        self._free = room - self._most

    def exact(self) -> int:
        """Free blocks, those withheld included."""
        if not self._exact:
            self._free += self._most - self._meter.used(self._clock)
            self._exact = True
        return self._free

    def take(self, blocks: int) -> bool:
        """Take ``blocks`` if there are as many."""
        least = blocks + self._withheld
        if self._free < least and self.exact() < least:
            return False
        self._free -= blocks
        return True
