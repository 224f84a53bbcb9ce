"""Work on all cores: tasks in, results out in the tasks' order, whatever order they finish in."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from simulations.errors import SimulationError

Task = TypeVar("Task")
Done = TypeVar("Done")

OnDone = Callable[[int, Done], None]
"""Called in the parent, in the order of finishing, with a task's number and its result."""


def cores() -> int:
    """CPUs that this process may use (a container's cpuset counts, the machine's size does not)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(work: Callable[[Task], Done], tasks: Sequence[Task], jobs: int, on_done: OnDone[Done]) -> list[Done]:
    """``work`` on every task in ``jobs`` fresh processes (spawned, so that nothing is inherited by accident).

    ``work`` must be importable, tasks and results picklable. A task's first exception is raised here, and
    so is KeyboardInterrupt; both end the workers at once: what ``on_done`` saw by then is all there is.
    """
    if jobs == 1 or len(tasks) <= 1:
        return [_inline(work, number, task, on_done) for number, task in enumerate(tasks)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(tasks)), context, initializer=_leave_interrupts_to_parent) as pool:
        try:
            futures = {pool.submit(work, task): number for number, task in enumerate(tasks)}
            return _collect(futures, on_done)
        except BrokenProcessPool:
            raise SimulationError("a worker process died (out of memory?): try fewer --jobs") from None
        except BaseException:
            _end(pool)
            raise


def _inline(work: Callable[[Task], Done], number: int, task: Task, on_done: OnDone[Done]) -> Done:
    result = work(task)
    on_done(number, result)
    return result


def _collect(futures: dict["Future[Done]", int], on_done: OnDone[Done]) -> list[Done]:
    results: dict[int, Done] = {}
    for future in as_completed(futures):
        number = futures[future]
        results[number] = future.result()
        on_done(number, results[number])
    return [results[number] for number in sorted(results)]


def _end(pool: ProcessPoolExecutor) -> None:
    """Stop now: a worker in the middle of a task would otherwise keep the terminal until it is done."""
    for child in multiprocessing.active_children():
        child.terminate()
    pool.shutdown(cancel_futures=True)


def _leave_interrupts_to_parent() -> None:
    """A Ctrl-C reaches every process of the terminal; only the parent answers it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
