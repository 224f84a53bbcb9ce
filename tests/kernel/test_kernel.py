"""The clock: order of events at one instant, and arrivals merged in from the trace's columns."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.kernel import Kernel, Priority

Entry = tuple[int, str]


class Log:
    """Writes down what happened, when."""

    def __init__(self, arrival_us: list[int] | None = None) -> None:
        self.entries: list[Entry] = []
        self.kernel = Kernel(
            arrival_us or [], lambda index, t_us: self.entries.append((t_us, f"request {index}"))
        )

    def note(self, name: str) -> Callable[[int], None]:
        return lambda t_us: self.entries.append((t_us, name))


def test_events_of_one_instant_follow_their_priorities_then_their_sequence() -> None:
    log = Log([5, 5])
    for priority in reversed(Priority):
        if priority not in (Priority.ARRIVAL, Priority.END):
            log.kernel.at(5, priority, log.note(priority.name))
            log.kernel.at(5, priority, log.note(f"{priority.name} again"))
    log.kernel.run(5)
    names = [name for _, name in log.entries]
    want: list[str] = []
    for priority in sorted(Priority):
        if priority is Priority.ARRIVAL:
            want += ["request 0", "request 1"]
        elif priority is not Priority.END:
            want += [priority.name, f"{priority.name} again"]
    assert names == want


def test_an_arrival_that_plans_an_earlier_event_lets_it_happen_before_the_next_arrival() -> None:
    entries: list[Entry] = []

    def send(index: int, t_us: int) -> None:
        entries.append((t_us, f"request {index}"))
        if index == 0:
            kernel.at(15, Priority.GIVE_UP, lambda t: entries.append((t, "gives up")))

    kernel = Kernel([10, 20, 30], send)
    kernel.at(1000, Priority.TICK, lambda t: entries.append((t, "tick")))
    kernel.run(2000)
    assert entries == [
        (10, "request 0"),
        (15, "gives up"),
        (20, "request 1"),
        (30, "request 2"),
        (1000, "tick"),
    ]


def test_nothing_after_the_end_happens() -> None:
    log = Log([10, 11])
    log.kernel.at(11, Priority.CAPACITY, log.note("late"))
    log.kernel.run(10)
    assert log.entries == [(10, "request 0")]


def test_a_repeated_event_keeps_its_period_from_its_first_time() -> None:
    log = Log()
    log.kernel.every(7, Priority.TICK, log.note("tick"), first_us=3)
    log.kernel.run(20)
    assert [t for t, _ in log.entries] == [3, 10, 17]


def test_an_event_in_the_past_is_a_mistake() -> None:
    log = Log([10])
    log.kernel.run(10)
    with pytest.raises(AssertionError, match="cannot be planned"):
        log.kernel.at(9, Priority.POD, log.note("yesterday"))


@given(
    arrivals=st.lists(st.integers(0, 50), max_size=20).map(sorted),
    events=st.lists(
        st.tuples(st.integers(0, 50), st.sampled_from(sorted(set(Priority) - {Priority.END}))), max_size=20
    ),
)
def test_time_never_goes_back_and_nothing_is_lost(
    arrivals: list[int], events: list[tuple[int, Priority]]
) -> None:
    log = Log(arrivals)
    for t_us, priority in events:
        log.kernel.at(t_us, priority, log.note(priority.name))
    log.kernel.run(50)
    assert len(log.entries) == len(arrivals) + len(events)
    assert all(a[0] <= b[0] for a, b in pairwise(log.entries))
