"""Errors of the simulator.

SimulationError
└── InputError    something that a person gave: names where, the value and the fix; exit code 2
"""

_CONTROL = {code: repr(chr(code))[1:-1] for code in (*range(32), 127)}
"""Line breaks and escape sequences in what a person named are shown, not obeyed."""


class SimulationError(Exception):
    """Base of everything that the simulator raises on purpose."""


class InputError(SimulationError):
    """Bad input. ``str(error)`` is one line: what (file, line or key), the value, and the fix."""

    def __init__(self, where: str, problem: str, fix: str) -> None:
        self.where, self.problem, self.fix = where, problem, fix
        super().__init__(f"{where}: {problem}; {fix}".translate(_CONTROL))

    def __reduce__(self) -> tuple[type["InputError"], tuple[str, str, str]]:
        """Pickle by the three parts: sweeps raise it in worker processes."""
        return type(self), (self.where, self.problem, self.fix)
