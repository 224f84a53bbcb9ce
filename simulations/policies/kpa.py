"""``kpa``: Knative's pod autoscaler on concurrency, a controller of its own.

Source: knative/serving pkg/autoscaler/scaling/autoscaler.go (the decision),
pkg/autoscaler/config/config.go (defaults), pkg/autoscaler/aggregation (windows),
pkg/reconciler/autoscaling/kpa/scaler.go (zero).

Every 2 s: the stable (60 s) and panic (6 s) window means of *total* concurrency, divided by 70 % of the
target and rounded up, each kept within [floor(ready/2), ceil(1000·ready)]. Panic begins when the panic
window asks for 200 % of the ready pods, never shrinks, and ends after a stable window without that; an
autoscaler that starts beside more than one ready pod starts in panic, at that size. Concurrency is what
the activator and the queue proxies count: requests at pods and those that the router holds.

Deviations: concurrency is read every 2 s, not averaged within each second. Knative's default target of
100 requests is replaced by what a load test of the engine finds, as its documentation advises;
``policy.target=100`` is the default as printed.
"""

import math
from dataclasses import dataclass

from scaler.decision.model import Snapshot
from simulations.policies import inflight, signals
from simulations.policies.base import Actuation, Ask, Gateway, Parameters, Policy
from simulations.policies.parameters import knob, read
from simulations.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Knative's ConfigMap ``config-autoscaler`` and annotations, with its defaults."""

    target: float | None = knob(None, above=0.0)
    """``autoscaling.knative.dev/target``: concurrent requests; None: measured with the mix."""
    utilization: float = knob(0.7, above=0.0, most=1.0)
    """``container-concurrency-target-percentage``."""
    stable_window_s: float = knob(60.0, least=6.0, most=3600.0)
    panic_window_share: float = knob(0.1, least=0.01, most=1.0)
    """``panic-window-percentage``."""
    panic_threshold: float = knob(2.0, least=1.1, most=10.0)
    """``panic-threshold-percentage``."""
    max_scale_up_rate: float = knob(1000.0, above=1.0)
    max_scale_down_rate: float = knob(2.0, above=1.0)
    scale_down_delay_s: float = knob(0.0, least=0.0, most=3600.0)
    activation_scale: int = knob(1, least=1)
    zero_grace_s: float = knob(30.0, least=0.0)
    """``scale-to-zero-grace-period``."""
    prompt_tokens: float = knob(1024.0, least=1.0)
    output_tokens: float = knob(256.0, least=1.0)


class Kpa:
    """Stable and panic windows over total concurrency."""

    def __init__(self, settings: Settings, per_replica: float) -> None:
        self.name = "kpa"
        self.actuation = Actuation(direct=True)
        self.tick_s = 2.0
        self._settings = settings
        self._per_replica = per_replica
        self._stable = signals.Window(settings.stable_window_s)
        self._panic = signals.Window(settings.stable_window_s * settings.panic_window_share)
        self._delay = signals.Window(settings.scale_down_delay_s) if settings.scale_down_delay_s else None
        self._panic_since_s: float | None = None
        self._panic_pods = 0
        self._idle_since_s: float | None = None
        self._started = False

    def tick(self, snapshot: Snapshot, gateway: Gateway) -> Ask:
        """One turn at ``snapshot.now_s``."""
        now_s, ready = snapshot.now_s, signals.ready_count(snapshot)
        self._start(now_s, ready)
        stable, panic = self._observe(now_s, gateway.in_flight)
        in_stable, in_panic = self._within(stable, ready), self._within(panic, ready)
        self._turn(now_s, math.ceil(panic / self._per_replica) / max(1, ready))
        wanted = self._delayed(now_s, self._choose(in_stable, in_panic))
        target = signals.one_target(snapshot)
        replicas = signals.bounded(self._awake(now_s, wanted, target.min_replicas), target)
        mode = "panic" if self._panic_since_s is not None else "stable"
        return Ask(
            replicas=replicas,
            wanted=float(wanted),
            active=replicas > 0,
            reason=f"{mode}: {stable:.1f} in flight over {self._settings.stable_window_s:g} s, "
            f"{panic:.1f} in the panic window, {self._per_replica:g} per replica",
        )

    def _start(self, now_s: float, ready: int) -> None:
        if not self._started and ready > 1:
            self._panic_since_s, self._panic_pods = now_s, ready
        self._started = True

    def _observe(self, now_s: float, in_flight: float) -> tuple[float, float]:
        self._stable.add(now_s, in_flight)
        self._panic.add(now_s, in_flight)
        return signals.or_zero(self._stable.mean()), signals.or_zero(self._panic.mean())

    def _within(self, concurrency: float, ready: int) -> int:
        """Pods for this concurrency, within the rates: 3 ready pods may become 1 (floor 3/2) … 3,000."""
        pods, settings = max(1, ready), self._settings
        desired = math.ceil(concurrency / self._per_replica)
        most = math.ceil(settings.max_scale_up_rate * pods)
        least = math.floor(pods / settings.max_scale_down_rate)
        within = min(max(desired, least), most)
        return max(within, settings.activation_scale) if desired and settings.activation_scale > 1 else within

    def _turn(self, now_s: float, asked_over_ready: float) -> None:
        """Enter, extend or leave panic."""
        if asked_over_ready >= self._settings.panic_threshold:
            self._panic_since_s = now_s
        elif self._panic_since_s is not None and now_s - self._panic_since_s > self._settings.stable_window_s:
            self._panic_since_s, self._panic_pods = None, 0

    def _choose(self, in_stable: int, in_panic: int) -> int:
        if self._panic_since_s is None:
            return in_stable
        self._panic_pods = max(self._panic_pods, in_stable, in_panic)
        return self._panic_pods

    def _delayed(self, now_s: float, pods: int) -> int:
        if self._delay is None:
            return pods
        self._delay.add(now_s, pods)
        return int(signals.or_zero(self._delay.most()))

    def _awake(self, now_s: float, wanted: int, least: int) -> int:
        """The last pod stays for the grace period after a stable window without a request."""
        if wanted > 0 or least > 0:
            self._idle_since_s = None
            return wanted
        if self._idle_since_s is None:
            self._idle_since_s = now_s
        return 0 if now_s - self._idle_since_s >= self._settings.zero_grace_s else 1


def build(parameters: Parameters, scenario: Scenario) -> Policy:
    """The law with the given parameters."""
    settings = read(Settings, "kpa", parameters)
    if settings.target is not None:
        return Kpa(settings, settings.target * settings.utilization)
    measured = inflight.Settings(
        utilization=settings.utilization,
        prompt_tokens=settings.prompt_tokens,
        output_tokens=settings.output_tokens,
    )
    return Kpa(settings, inflight.target(measured, scenario))
