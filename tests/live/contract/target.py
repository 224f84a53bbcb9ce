"""An engine under contract: where it is, and the few facts that tests need to know about it."""

import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How an engine shall be started. Every kind understands these and no others."""

    max_num_seqs: int = 16
    max_model_len: int = 1024
    kv_tokens: int | None = None
    """Tokens that the KV cache shall hold, about; None: plenty."""
    shutdown_timeout_s: int = 0
    """How long what runs may still run after SIGTERM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A running engine of one kind: ``hearth`` or ``vllm``."""

    kind: str
    url: str
    """Without a slash at its end."""
    model: str
    """As clients name it."""
    max_model_len: int
    vocab: int
    """Token ids below this are safe to send."""
    process: "subprocess.Popen[str]"
    """The server itself: a signal to it is what a kubelet's would be."""


Starter = Callable[[Wanted], AbstractContextManager[Target]]
"""Starts an engine that is gone when the context ends."""

Start = Callable[[Wanted], Target]
"""Starts an engine, or hands out one that runs with the same settings already."""
