"""Places in the engine's columns, used again: a server that runs for months keeps what is under way only."""

from simulations.requests import ABSENT, Outcomes

_FIRST = 1024


class Slots:
    """Hands out indices into :class:`Outcomes`; the columns grow to the most ever in use at once."""

    def __init__(self) -> None:
        self.outcomes = Outcomes(_FIRST)
        self._free = list(range(_FIRST - 1, -1, -1))

    def take(self) -> int:
        """A free index; its times are absent."""
        if not self._free:
            self._grow()
        return self._free.pop()

    def give_back(self, index: int) -> None:
        """Whoever had it is done: the engine must not know it any more."""
        outcomes = self.outcomes
        outcomes.scheduled_us[index] = ABSENT
        outcomes.first_token_us[index] = ABSENT
        outcomes.finished_us[index] = ABSENT
        self._free.append(index)

    def _grow(self) -> None:
        outcomes = self.outcomes
        old = outcomes.size
        for column in (
            outcomes.scheduled_us,
            outcomes.first_token_us,
            outcomes.finished_us,
            outcomes.dropped_us,
            outcomes.replica,
        ):
            column.extend([ABSENT] * old)
        outcomes.attempts.extend([0] * old)
        outcomes.size = 2 * old
        self._free.extend(range(2 * old - 1, old - 1, -1))
