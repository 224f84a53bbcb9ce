"""How many tokens an answer has: a model says stop when it is done, a simulation has to draw it."""

import math
import random
from dataclasses import dataclass

MEAN_TOKENS = 200.0
SIGMA = 0.8
"""Conversations of the Azure 2023 trace: mean 211 output tokens, p50 129, p99 601."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a request says about the length of its answer, in tokens."""

    most: int
    """``max_tokens``, or what the context leaves."""
    least: int = 0
    """``min_tokens``."""
    ignore_eos: bool = False


def draw(
    wish: Wish, rng: random.Random, *, mean: float = MEAN_TOKENS, sigma: float = SIGMA
) -> tuple[int, str]:
    """(output tokens, reason): exactly ``most`` if the end is ignored, else lognormal and cut at ``most``."""
    if wish.ignore_eos:
        return wish.most, "length"
    natural = round(math.exp(rng.normalvariate(math.log(mean) - sigma * sigma / 2, sigma)))
    wanted = max(1, wish.least, natural)
    return (wanted, "stop") if wanted < wish.most else (wish.most, "length")
