"""``llmd-slo``: llm-d's SLO-aware KEDA recipe: one saturation signal, latency over objective.

Source: llm-d/llm-d PR #2011, guides/workload-autoscaling/README.slo-aware.md (law, tunables, HPA
behaviour) and slo-aware/benchmark-templates/plot_run.py (the formula as scored).

Every 15 s a recording rule takes s_raw = max(P90 TTFT / SLO, P90 TPOT / SLO) of the last minute (no traffic:
0), and s = avg_over_time(min(s_raw, 2))[45s]. With n provisioned and r ready replicas:

- s > 0.55: n + ceil(n·(s·c/0.55 − 1)), with the warm-up credit c = r/n where 0 < r < n, else 1
- s < 0.40: n − floor(n·(1 − s/0.40))
- otherwise n

The answer goes through KEDA's scalingModifiers with target 1 (AverageValue) to an HPA: up max(100 %, 4 pods)
per 60 s after a 30 s window, down 1 pod per 120 s after a 180 s window.

``signal=predicted`` is what was benchmarked: the gateway's latency predictor, which knows a request's
latency when it arrives (:mod:`simulations.policies.latency_estimates`). ``signal=actual`` is the recipe's
own fallback: the engines' measured TTFT histogram. TPOT is a request's mean over its tokens in both.
"""

import math
from dataclasses import dataclass

from scaler.decision.model import Samples, Snapshot
from simulations.policies import averaged, signals
from simulations.policies.base import Actuation, Ask, Gateway, Metric, Parameters, Policy
from simulations.policies.latency_estimates import PredictedTtft, TimePerToken
from simulations.policies.parameters import knob, read
from simulations.policies.profiling import Profile, measure
from simulations.scenario import Direction, Rule, Scenario, Slo


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The recipe's tunables at their benchmarked values."""

    up: float = knob(0.55, above=0.0)
    """θ_up."""
    down: float = knob(0.40, least=0.0)
    """θ_dn."""
    clamp: float = knob(2.0, above=0.0)
    """C: the most that one sample of the signal counts."""
    smoothing_s: float = knob(45.0, above=0.0)
    quantile: float = knob(0.9, above=0.0, most=1.0)
    rate_window_s: float = knob(60.0, above=0.0)
    rule_interval_s: float = knob(15.0, above=0.0)
    """How often the recording rules are evaluated."""
    credit: bool = knob(default=True)
    """Count pods that are warming up."""
    signal: str = knob("predicted", choices=("predicted", "actual"))


def behaviour() -> Actuation:
    """The ScaledObject's HPA: burst up, drain slowly."""
    return Actuation(
        polling_s=15.0,
        scale_up=Direction(
            stabilization_s=30,
            rules=(Rule(type="Percent", value=100, period_s=60), Rule(type="Pods", value=4, period_s=60)),
        ),
        scale_down=Direction(stabilization_s=180, rules=(Rule(type="Pods", value=1, period_s=120),)),
    )


def desired(settings: Settings, saturation: float, provisioned: int, ready: int) -> int:
    """The formula: 3 provisioned and ready at s = 1.1 ask 3 + ceil(3·(2 − 1)) = 6; at s = 0.2 they ask 2."""
    n = provisioned
    if saturation > settings.up:
        credited = ready / n if settings.credit and 0 < ready < n else 1.0
        return n + math.ceil(n * (saturation * credited / settings.up - 1.0))
    if saturation < settings.down:
        return n - math.floor(n * (1.0 - saturation / settings.down))
    return n


class LlmdSlo:
    """Latency over objective, clamped, smoothed, times replicas."""

    def __init__(self, settings: Settings, slo: Slo, profile: Profile) -> None:
        self.name = "llmd-slo"
        self.actuation = behaviour()
        self.tick_s = 5.0
        self._settings = settings
        self._slo = slo
        self._measured = MeasuredTtft(settings.rate_window_s)
        self._predicted = PredictedTtft(settings.rate_window_s, profile)
        self._tpot = TimePerToken(settings.rate_window_s)
        self._smoothed = signals.Window(settings.smoothing_s)
        self._next_rule_s = -math.inf

    def tick(self, snapshot: Snapshot, gateway: Gateway) -> Ask:
        """Scrape; evaluate the rules when they are due; answer the formula of this moment."""
        self._measured.observe(snapshot)
        self._predicted.observe(snapshot, gateway)
        self._tpot.observe(snapshot)
        if snapshot.now_s >= self._next_rule_s:
            self._smoothed.add(snapshot.now_s, min(self._raw(snapshot.now_s), self._settings.clamp))
            self._next_rule_s = snapshot.now_s + self._settings.rule_interval_s
        return self._ask(snapshot, signals.or_zero(self._smoothed.mean()))

    def _raw(self, now_s: float) -> float:
        source = self._predicted if self._settings.signal == "predicted" else self._measured
        ttft_s = source.quantile(now_s, self._settings.quantile)
        tpot_s = self._tpot.quantile(now_s, self._settings.quantile)
        over = signals.or_zero(ttft_s) / (self._slo.ttft_ms / 1e3)
        return max(over, signals.or_zero(tpot_s) / (self._slo.itl_ms / 1e3))

    def _ask(self, snapshot: Snapshot, saturation: float) -> Ask:
        provisioned = signals.one_target(snapshot).status_replicas
        if provisioned is None:
            return Ask(metrics=(Metric(name=self.name, value=None, target=1.0),), reason="replicas unknown")
        wanted = desired(self._settings, saturation, provisioned, signals.ready_count(snapshot))
        return Ask(
            metrics=(Metric(name=self.name, value=float(wanted), target=1.0),),
            wanted=float(wanted),
            active=saturation > 0.0 or averaged.held(snapshot) > 0.0,
            reason=f"saturation {saturation:.2f} of {provisioned} replicas: {wanted}",
        )


class MeasuredTtft:
    """``histogram_quantile(q, sum(rate(ttft_bucket[window])) by (le))`` over the pods."""

    def __init__(self, window_s: float) -> None:
        self._counters = signals.Counters(window_s)
        self._le: tuple[float, ...] = ()

    def observe(self, snapshot: Snapshot) -> None:
        """Take in the newest scrapes."""
        self._counters.observe(snapshot, self._buckets)

    def _buckets(self, samples: Samples) -> signals.Vector | None:
        if samples.ttft_s is None:
            return None
        self._le = samples.ttft_s.le
        return samples.ttft_s.counts

    def quantile(self, now_s: float, share: float) -> float | None:
        """Seconds; None without observations in the window."""
        rates = self._counters.rate(now_s)
        return None if rates is None else signals.quantile(share, self._le, rates)


def build(parameters: Parameters, scenario: Scenario) -> Policy:
    """The law with the given parameters, against the scenario's objective."""
    return LlmdSlo(read(Settings, "llmd-slo", parameters), scenario.slo, measure(scenario.engine))
