"""One request inside an engine."""

from simulations.engine.prefix import Span

NEVER = -1


class Request:
    """What the scheduler keeps of a request. Steps are counts of the engine's decode clock.

    No slots: most fields keep the class's value for most of a life, and a request is made for every arrival.
    """

    computed = 0
    """Of ``tokens``: found in the cache or prefilled."""
    generated = 0
    """Output tokens, as of the last time that it left the decoding set."""
    scheduled_us = NEVER
    last_token_ps = 0
    blocks = 0
    """Held while it prefills."""
    offset = 0
    """Context tokens minus decode clock, while it decodes."""
    finish_step = NEVER
    """Decode clock at which its last token comes; NEVER while it does not decode."""
    hit_tokens = 0
    """Prompt tokens of the first admission that came from the prefix cache."""
    shared = 0
    """Tokens in blocks that the prefix cache owns."""
    chain: tuple[Span, ...] = ()
    own: tuple[int, int] | None = None
    """After a preemption: (allocations after which its freed blocks are overwritten, how many they are)."""

    def __init__(self, index: int, prompt: int, output: int, at_us: int, ready_us: int) -> None:
        self.index = index
        self.prompt = prompt
        self.output = output
        self.at_us = at_us
        self.ready_us = ready_us
        self.tokens = prompt
        """To prefill: the prompt, and after a preemption also what was generated before."""
