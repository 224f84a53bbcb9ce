"""What one engine runs with, everything resolved: no defaults are left to look up."""

from dataclasses import dataclass

PS_PER_US = 1_000_000
"""Inside the engine time is whole picoseconds, outside whole microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTime:
    """How long one engine step takes, in whole picoseconds.

    ``step = tokens_ps[T] + sequence_ps·B + kv_token_ps·C``, and with prompts in the step also
    ``Σ (prefill_token_ps·c + half_pair_ps·c·(2p+c) + kv_token_ps·p)`` over their chunks and
    ``mixed_sequence_ps·D + mixed_kv_token_ps·C``: T tokens and B sequences in the step, D of them decoding,
    C context tokens that these read, c tokens of a prompt chunk that begins at position p (c·(2p+c) is
    twice the causal query-key pairs; what lies before the chunk is read from the cache).
    Every coefficient is an integer, so a run of K equal decode steps is exactly K·s + inc·K(K−1)/2.
    """

    tokens_ps: tuple[int, ...]
    """By tokens in the step, 0 … max_num_batched_tokens: all that does not depend on context."""
    sequence_ps: int
    kv_token_ps: int
    prefill_token_ps: int
    half_pair_ps: int
    mixed_sequence_ps: int = 0
    """More per decoding sequence when prompts share the attention call: a whole tile for one query."""
    mixed_kv_token_ps: int = 0
    """More per context token then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSpec:
    """One replica's engine: model on GPU with vLLM's settings, as
    :func:`simulations.engine.resolve.resolve` made it."""

    model: str
    gpu: str
    tensor_parallel: int
    step: StepTime
    block_tokens: int
    """Tokens in a KV block."""
    kv_blocks: int
    """Blocks of the cache; vLLM keeps one of them as a null block."""
    max_num_seqs: int
    max_num_batched_tokens: int
    max_model_len: int
    """Prompt plus output. Callers must not submit prompts of this many tokens or more."""
    prefix_caching: bool
    async_scheduling: bool
    """A batch is composed while the one before it runs (default since vLLM 0.14): news take one step
    longer."""
    ingest_us: int
    """HTTP, tokenising and hand-over between arrival and the engine's queue."""
    weights_bytes: int
    """Of the whole model, as it lies on disk."""
    defaults_of: str
    """The vLLM version whose defaults were used."""

    @property
    def kv_tokens(self) -> int:
        """Tokens that fit the cache, as ``cache_config_info`` shows them."""
        return self.kv_blocks * self.block_tokens
