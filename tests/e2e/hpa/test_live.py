"""A part of the table through the real ones, live."""

from pathlib import Path

import pytest

from tests.e2e.cluster.progress import Terminal
from tests.e2e.conftest import unique
from tests.e2e.hpa.cases import named
from tests.e2e.hpa.compare import compare
from tests.e2e.hpa.recording import LATE_MOST_MS
from tests.e2e.hpa.rounds import driven

NAMES = (
    "ten-replicas-keep-eleven",
    "ten-replicas-move-at-11-001",
    "a-level-of-1-1-keeps-five-and-1-101-makes-six",
    "more-than-a-quantity-holds",
    "one-of-two-fails-and-the-other-wants-fewer",
    "a-down-window-takes-the-highest-of-it",
    "two-pods-up-in-five-seconds",
    "the-larger-of-two-down-policies",
    "without-behavior-a-cut-climb-goes-on-after-the",
    "a-level-multiplies-ready-pods-not-those-that-l",
    "a-hand-adds-replicas-and-the-hpa-takes-them-ba",
    "from-zero-by-push-and-back-by-poll",
    "an-active-poll-begins-the-cool-down-anew",
    "with-a-floor-of-zero-both-paths-count-failures",
    "a-fallback-if-higher-lifts",
)


@pytest.mark.timeout(600)
def test_the_real_ones_still_do_what_the_model_does(able: None, tmp_path: Path) -> None:
    made = driven(named(NAMES), tmp_path, Terminal(), cluster=unique("hpa"))
    in_time = [real for real in made if real.late_ms <= LATE_MOST_MS]
    outcome = compare(in_time)
    assert not outcome.differing, "\n".join(outcome.lines())
    assert len(in_time) == len(made), {real.case: real.late_ms for real in made}
