"""The table of cases."""

from tests.e2e.hpa.case import Case, Script

CASES: tuple[Case, ...] = (
    Case(says="ten replicas keep eleven", start=10, metrics=(Script(steps=((0, 11.0),)),)),
    Case(says="ten replicas move at 11.001", start=10, metrics=(Script(steps=((0, 11.001),)),)),
    Case(
        says="from zero by poll",
        start=0,
        low=0,
        polling_s=3,
        active=((0, False), (7, True)),
        metrics=(Script(steps=((0, 0.0), (7, 5.0))),),
        cooldown_s=5,
    ),
    Case(
        says="from zero by push and back",
        start=0,
        low=0,
        polling_s=5,
        push=True,
        active=((0, False), (7, True), (12, False)),
        metrics=(Script(steps=((0, 0.0), (7, 5.0), (12, 0.0))),),
        cooldown_s=5,
        seconds=24,
    ),
    Case(says="an outage holds", metrics=(Script(steps=((0, 4.0), (6, None))),), start=4),
)
