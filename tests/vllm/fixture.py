"""Real vLLM for tests. Every test that takes it carries the marker ``vllm``: the fast lane leaves them out.

Where it is not installed, tests are skipped with the command that installs it, unless ``HEARTH_REQUIRE_VLLM``
is set (CI sets it): then they fail.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.cluster.machine import UnableError
from tests.vllm.install import installed
from tests.vllm.serving import Flags, Vllm, serving


def environment() -> Path:
    """The installed environment; skips or fails with what is missing."""
    try:
        return installed()
    except UnableError as error:
        if os.environ.get("HEARTH_REQUIRE_VLLM"):
            pytest.fail(f"HEARTH_REQUIRE_VLLM is set, and {error}")
        pytest.skip(str(error))


@contextmanager
def real_vllm(flags: Flags) -> Iterator[Vllm]:
    """A server with these flags."""
    with serving(environment(), flags) as server:
        yield server
