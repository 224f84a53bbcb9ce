"""What real KEDA 2.21.0 and a real HPA controller of Kubernetes 1.37.2 did, and what the model does.

``python -m tests.e2e.hpa record`` makes the recordings; how is told in design 0008.
"""

import pytest

from tests.e2e.hpa.cases import CASES
from tests.e2e.hpa.compare import RECORDED
from tests.e2e.hpa.recording import LATE_MOST_MS, Recording, load
from tests.e2e.hpa.replay import differences
from tests.e2e.hpa.virtual import apart

BY_NAME = {case.name: case for case in CASES}
RECORDINGS = load(RECORDED)


def every(recordings: list[Recording]) -> pytest.MarkDecorator:
    """One test a recording, by the case's sentence."""
    ids = [BY_NAME[real.case].says for real in recordings]
    return pytest.mark.parametrize("real", recordings, ids=ids)


@every(RECORDINGS)
def test_at_the_same_instants_every_sync_and_poll_ends_the_same(real: Recording) -> None:
    assert differences(BY_NAME[real.case], real) == []


@every(RECORDINGS)
def test_on_clocks_of_its_own_the_timeline_is_the_same_within_one_sync(real: Recording) -> None:
    assert apart(BY_NAME[real.case], real) == []


def test_every_case_is_recorded_and_there_are_enough() -> None:
    assert [real.case for real in RECORDINGS] == [case.name for case in CASES]
    assert len(CASES) >= 50


def test_the_machine_was_calm_enough_to_tell() -> None:
    late = {real.case: real.late_ms for real in RECORDINGS if real.late_ms > LATE_MOST_MS}
    assert late == {}
