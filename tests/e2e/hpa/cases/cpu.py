"""A resource metric, which the HPA reads past KEDA: the CPU of every pod against half of its one core."""

from typing import Unpack

from simulations.scenario import Direction
from tests.e2e.hpa.case import Case, Script
from tests.e2e.hpa.cases.metrics import AT_ONCE, Settings


def cpu(says: str, start: int, *steps: tuple[float, float | None], **more: Unpack[Settings]) -> Case:
    """Cores that every pod uses; target 50 % of one."""
    script = Script(steps=steps, target=50, kind="Utilization")
    return Case(says=f"cpu: {says}", start=start, metrics=(script,), **more)


CASES: tuple[Case, ...] = (
    cpu("55 percent of fifty are within the tolerance", 4, (0, 0.55), down=AT_ONCE),
    cpu("56 percent of fifty make five of four", 4, (0, 0.56), (3, 0.5), down=AT_ONCE),
    cpu("percent are cut off, so 55.9 are 55", 4, (0, 0.559), down=AT_ONCE),
    cpu("a quarter of a core halves the fleet", 8, (0, 0.5), (5, 0.25), (7, 0.5), down=AT_ONCE),
    cpu(
        "pods that load count as idle on the way up",
        4,
        (0, 0.5),
        (5, 0.9),
        ready_after_s=12,
        high=12,
        down=AT_ONCE,
    ),
    cpu("un-Ready pods have no say on the way down", 6, (0, 0.5), (7, 0.2), unready=((3, 2),), down=AT_ONCE),
    cpu("un-Ready pods keep the fleet from growing", 6, (0, 0.5), (7, 0.6), unready=((3, 2),), down=AT_ONCE),
    cpu(
        "pods without a sample count as full on the way down",
        6,
        (0, 0.5),
        (7, 0.3),
        silent=((0, 0), (5, 2)),
        down=AT_ONCE,
    ),
    cpu(
        "pods without a sample count as idle on the way up",
        6,
        (0, 0.5),
        (7, 0.9),
        (9, 0.5),
        silent=((0, 0), (5, 2)),
        down=AT_ONCE,
    ),
    cpu(
        "one pod without a sample, counted as idle, keeps six from seven",
        6,
        (0, 0.5),
        (7, 0.65),
        silent=((0, 0), (5, 1)),
        down=AT_ONCE,
    ),
    cpu(
        "one un-Ready pod, counted as idle, keeps six from seven",
        6,
        (0, 0.5),
        (7, 0.65),
        unready=((3, 1),),
        down=AT_ONCE,
    ),
    cpu("no samples at all hold the fleet", 4, (0, 0.5), (5, None), (11, 0.25), down=AT_ONCE),
    cpu("no pod is ready", 3, (0, 0.9), ready_after_s=None, down=AT_ONCE),
    cpu("a tolerance of its own", 4, (0, 0.55), (3, 0.5), up=Direction(tolerance=0.05, stabilization_s=0)),
)
