"""Real vLLM as one of the kinds of engine that keep the contract in ``tests/live/contract``."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.live.contract.target import Target, Wanted
from tests.vllm import tiny
from tests.vllm.fixture import real_vllm
from tests.vllm.serving import BLOCK_TOKENS, Flags


@contextmanager
def vllm_engine(wanted: Wanted) -> Iterator[Target]:
    """A running vLLM; it is gone afterwards."""
    flags = Flags(
        max_num_seqs=wanted.max_num_seqs,
        max_model_len=wanted.max_model_len,
        kv_blocks=None if wanted.kv_tokens is None else wanted.kv_tokens // BLOCK_TOKENS,
        more=("--shutdown-timeout", str(wanted.shutdown_timeout_s)),
    )
    with real_vllm(flags) as server:
        yield Target(
            kind="vllm",
            url=server.url,
            model=server.model,
            max_model_len=wanted.max_model_len,
            vocab=tiny.VOCABULARY,
            process=server.process,
        )
