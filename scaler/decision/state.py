"""History, as a plain value: what was learned (kept for good) and what is going on (mirrored to standbys).

``learned`` stays under 64 KiB as JSON; after losing ``live`` the ask never falls until it has filled again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from scaler.decision.arrivals import UNSIZED, Arrivals, Sizes, begin
from scaler.decision.differences import PodMemory
from scaler.decision.forecast import Ahead, Errors, Holt
from scaler.decision.hysteresis import Churn, Needs
from scaler.decision.season import EMPTY as NO_SEASON
from scaler.decision.season import Season
from scaler.decision.slo import Emergency, Incurable, Verdict, Window
from scaler.decision.steptime import Fit

VERSION = 1
_NO_ERRORS, _NO_INCURABLE, _NO_HOLT = Errors(), Incurable(), Holt()
_NO_AHEAD, _NO_VERDICT, _NO_CHURN = Ahead(), Verdict(), Churn()
LOST_S = 600.0
"""A live state older than this (or from the future) describes another fleet: it is begun anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What outlives restarts."""

    fits: Mapping[str, Fit] = field(default_factory=dict)
    """Step times by ``config_id``, the one used last at the end."""
    sigmas: Mapping[str, float] = field(default_factory=dict)
    """Residual of the capacity by configuration and coarse mix, the one used last at the end."""
    sizes: Sizes = UNSIZED
    startups: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Seconds from creation to ready by node class, newest last."""
    errors: Errors = _NO_ERRORS
    season: Season = NO_SEASON
    utilization: float | None = None
    """Trimmed target utilisation; None: the policy's."""
    incurable: Incurable = _NO_INCURABLE
    seen: frozenset[str] = frozenset()
    """Necessary series that some pod exposed."""
    kv_capacity_tokens: float | None = None
    seats: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    """(most requests that one engine ran at once, times that it was seen to bind) by ``config_id``."""


class Judgement(NamedTuple):
    """What was known before a tick, by which it is judged however often it is polled (live state)."""

    fits: Mapping[str, Fit]
    seats: Mapping[str, tuple[float, int]]
    sigmas: Mapping[str, float]
    utilization: float | None
    incurable: Incurable


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What is going on."""

    now_s: float
    began_s: float
    """Since when it is complete; the down window must have passed since."""
    judged: Judgement
    """What the last tick was judged by."""
    itl_s: float | None = None
    """Mean inter-token latency of the last tick that saw tokens."""
    pods: Mapping[str, PodMemory] = field(default_factory=dict)
    demand: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """(waiting, rejected) of each outside source."""
    arrivals: Arrivals
    holt: Holt = _NO_HOLT
    ahead: Ahead = _NO_AHEAD
    window: Window
    verdict: Verdict = _NO_VERDICT
    trim_s: float
    """When the headroom was last trimmed."""
    trim_requests: float = 0.0
    trim_missed: float = 0.0
    needs: Needs = ()
    churn: Churn = _NO_CHURN
    emergency: Emergency | None = None
    active_s: float
    """When there was last demand, or no certainty of none."""
    ceiling: tuple[int, float] | None = None
    """(replicas, when last confirmed) beyond which no node was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The state of one model."""

    version: int = VERSION
    learned: Learned = Learned()
    live: Live | None = None

    @staticmethod
    def initial() -> "State":
        """Nothing learned, nothing seen."""
        return State()


def judgement(learned: Learned) -> Judgement:
    """What is known at a start."""
    return Judgement(learned.fits, learned.seats, learned.sigmas, learned.utilization, learned.incurable)


def fresh_live(now_s: float, learned: Learned) -> Live:
    """A live state that begins now, with what was learned before."""
    return Live(
        now_s=now_s,
        began_s=now_s,
        judged=judgement(learned),
        arrivals=begin(now_s),
        window=Window(now_s),
        trim_s=now_s,
        active_s=now_s,
    )


def continued(state: State, now_s: float) -> Live:
    """The live state to go on from: the given one, or a new one where it is lost, stale or from the
    future."""
    live = state.live
    if live is None or now_s < live.now_s - 1e-6 or now_s - live.now_s > LOST_S:
        return fresh_live(now_s, state.learned)
    return live


class Draft:
    """The next state while a tick works on it: the same fields, writable."""

    __slots__ = (
        "active_s",
        "ahead",
        "arrivals",
        "began_s",
        "ceiling",
        "churn",
        "demand",
        "emergency",
        "errors",
        "fits",
        "holt",
        "incurable",
        "itl_s",
        "judged",
        "kv_capacity_tokens",
        "needs",
        "pods",
        "season",
        "seats",
        "seen",
        "sigmas",
        "sizes",
        "startups",
        "trim_missed",
        "trim_requests",
        "trim_s",
        "utilization",
        "verdict",
        "window",
    )

    def __init__(self, learned: Learned, live: Live) -> None:
        self.fits, self.sigmas, self.sizes = learned.fits, learned.sigmas, learned.sizes
        self.startups, self.errors, self.season = learned.startups, learned.errors, learned.season
        self.utilization, self.incurable, self.seen = learned.utilization, learned.incurable, learned.seen
        self.kv_capacity_tokens, self.seats = learned.kv_capacity_tokens, learned.seats
        self.began_s, self.pods, self.demand = live.began_s, live.pods, live.demand
        self.judged, self.ceiling, self.itl_s = live.judged, live.ceiling, live.itl_s
        self.arrivals, self.holt, self.ahead = live.arrivals, live.holt, live.ahead
        self.window, self.verdict = live.window, live.verdict
        self.trim_s, self.trim_requests, self.trim_missed = live.trim_s, live.trim_requests, live.trim_missed
        self.needs, self.churn, self.emergency, self.active_s = (
            live.needs,
            live.churn,
            live.emergency,
            live.active_s,
        )

    def judgement(self) -> Judgement:
        """What is known now."""
        return Judgement(self.fits, self.seats, self.sigmas, self.utilization, self.incurable)

    def state(self, now_s: float) -> State:
        """The finished state at ``now_s``."""
        learned = Learned(
            fits=self.fits,
            sigmas=self.sigmas,
            sizes=self.sizes,
            startups=self.startups,
            errors=self.errors,
            season=self.season,
            utilization=self.utilization,
            incurable=self.incurable,
            seen=self.seen,
            kv_capacity_tokens=self.kv_capacity_tokens,
            seats=self.seats,
        )
        live = Live(
            now_s=now_s,
            began_s=self.began_s,
            judged=self.judged,
            itl_s=self.itl_s,
            pods=self.pods,
            demand=self.demand,
            arrivals=self.arrivals,
            holt=self.holt,
            ahead=self.ahead,
            window=self.window,
            verdict=self.verdict,
            trim_s=self.trim_s,
            trim_requests=self.trim_requests,
            trim_missed=self.trim_missed,
            needs=self.needs,
            churn=self.churn,
            emergency=self.emergency,
            active_s=self.active_s,
            ceiling=self.ceiling,
        )
        return State(learned=learned, live=live)
