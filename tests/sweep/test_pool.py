"""Work in processes: order, errors, interruption.

A spawned process must be able to import the work, so the work here is the standard library's and our own.
"""

import math
import multiprocessing
import os
from pathlib import Path

import pytest

from simulations import pool
from simulations.cli import outputs
from simulations.errors import InputError, SimulationError


def ignore(_number: int, _result: object) -> None:
    """Nobody looks at progress here."""


@pytest.mark.parametrize("jobs", [1, 2], ids=["in this process", "in two"])
def test_results_come_in_the_order_of_the_tasks_and_each_is_reported_once(jobs: int) -> None:
    seen: list[tuple[int, int]] = []
    found = pool.run(math.factorial, range(7), jobs, lambda number, result: seen.append((number, result)))
    assert found == [math.factorial(n) for n in range(7)]
    assert sorted(seen) == [(n, math.factorial(n)) for n in range(7)]


def test_bad_input_in_a_worker_arrives_as_itself() -> None:
    nowhere: list[dict[str, Path | None]] = [{"--json": Path("no/such/directory/x.json")}] * 2
    with pytest.raises(InputError, match=r"--json: there is no directory .*; make it"):
        pool.run(outputs.check, nowhere, 2, ignore)


def test_a_worker_that_dies_is_named_as_the_cause() -> None:
    with pytest.raises(SimulationError, match="a worker process died"):
        pool.run(os._exit, [1, 1], 2, ignore)


def test_an_interrupt_is_passed_on_and_leaves_no_worker_behind() -> None:
    def interrupt(_number: int, _result: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pool.run(math.factorial, range(50), 2, interrupt)
    assert multiprocessing.active_children() == []
