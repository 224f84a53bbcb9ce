"""The engines under contract. A kind is one way to start them; every test runs against each kind."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.live.contract.starting import hearth_engine
from tests.live.contract.target import Start, Starter, Target, Wanted
from tests.vllm.contract import vllm_engine

STARTERS: dict[str, Starter] = {"hearth": hearth_engine, "vllm": vllm_engine}
SLOW = (pytest.mark.vllm, pytest.mark.timeout(600))
"""Real vLLM takes half a minute to start, on a busy machine longer."""


@pytest.fixture(scope="session", params=["hearth", pytest.param("vllm", marks=SLOW)])
def starter(request: Any) -> Starter:
    """Starts an engine of one kind, which is gone when the context ends."""
    return STARTERS[request.param]


@pytest.fixture(scope="session")
def start(starter: Starter) -> Iterator[Start]:
    """As ``starter``, to the end of the session; engines with equal settings are one."""
    running: dict[Wanted, Target] = {}
    with ExitStack() as stack:

        def start_one(wanted: Wanted) -> Target:
            if wanted not in running:
                running[wanted] = stack.enter_context(starter(wanted))
            return running[wanted]

        yield start_one


@pytest.fixture
def engine(start: Start) -> Target:
    """An engine with room for everything that a test of the API asks for."""
    return start(Wanted())


@pytest.fixture
def mortal(starter: Starter) -> Iterator[Target]:
    """An engine of its own, for a test that ends it; a request can keep it busy for as long as that takes."""
    with starter(Wanted(max_model_len=32_768)) as target:
        yield target
