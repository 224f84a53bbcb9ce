"""Named random streams: adding a consumer never shifts the numbers that another one sees."""

import random


def stream(seed: int, name: str) -> random.Random:
    """The stream ``name`` of a run with this seed; the same pair always gives the same numbers."""
    return random.Random(f"{seed}/{name}")
