"""Waiting for what says nothing when it is done: look, pause, look again, and give up in time."""

import time
from collections.abc import Callable


def until(ready: Callable[[], bool], within_s: float, every_s: float = 0.05) -> bool:
    """Look every ``every_s`` until ``ready()``; False if it was not within ``within_s``."""
    deadline = time.monotonic() + within_s
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True
