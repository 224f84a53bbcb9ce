"""One request inside an engine."""

from simulations.engine.prefix import Span

NEVER = -1


class Request:
    """What the scheduler keeps of a request. Steps are counts of the engine's decode clock."""

    __slots__ = (
        "at_us",
        "blocks",
        "chain",
        "computed",
        "finish_step",
        "generated",
        "hit_tokens",
        "index",
        "last_token_ps",
        "offset",
        "output",
        "own",
        "prompt",
        "ready_us",
        "scheduled_us",
        "shared",
        "tokens",
    )

    def __init__(self, index: int, prompt: int, output: int, at_us: int, ready_us: int) -> None:
        self.index = index
        self.prompt = prompt
        self.output = output
        self.at_us = at_us
        self.ready_us = ready_us
        self.tokens = prompt
        """To prefill: the prompt, and after a preemption also what was generated before."""
        self.computed = 0
        """Of ``tokens``: found in the cache or prefilled."""
        self.generated = 0
        """As of the last time that it left the decoding set."""
        self.scheduled_us = NEVER
        self.last_token_ps = 0
        self.blocks = 0
        """Held while it prefills."""
        self.offset = 0
        """Context tokens minus decode clock, while it decodes."""
        self.finish_step = NEVER
        """Decode clock at which its last token comes; NEVER while it does not decode."""
        self.hit_tokens = 0
        """Prompt tokens of the first admission that came from the prefix cache."""
        self.shared = 0
        """Tokens in blocks that the prefix cache owns."""
        self.chain: tuple[Span, ...] = ()
        self.own: tuple[int, int] | None = None
        """After a preemption: (allocations at which its freed blocks begin to be overwritten, blocks)."""
