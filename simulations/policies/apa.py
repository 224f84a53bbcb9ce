"""``apa``: AIBrix's application-specific pod autoscaler on KV usage, a controller of its own.

Source: vllm-project/aibrix pkg/controller/podautoscaler: algorithm/apa.go (the step), context/context.go
(tolerances 0.1, rates 2, cooldowns 0 s up and 300 s down), metrics/client.go (180 s window over the mean
of the pods), autoscaler.go (the pending-replica guard of PR #2671), podautoscaler_controller.go (10 s
resync, stabilisation). KV target 50 % as in its published comparison.

r = mean usage / target; above 1.1 the ask is min(ceil(N·r), ceil(2·N)), below 0.9 it is max(ceil(N·r),
floor(N/2)), with N = spec replicas. While replicas are pending the guard repeats the step with their
usage taken as 0 on the way up (so 2→4→8 cannot cascade) and as the target on the way down.

Stabilisation is as written there: the largest ask of the up window, but the *smallest* of the down
window, the reverse of the HPA's; ``policy.guard=false`` gives the releases before the guard.

Deviation, in its favour: a pod whose metrics cannot be fetched is left out of the mean (the code reads
0.0).
"""

import math
from dataclasses import dataclass

from scaler.decision.model import Snapshot
from simulations.policies import signals
from simulations.policies.base import Actuation, Ask, Gateway, Parameters, Policy
from simulations.policies.parameters import knob, read
from simulations.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The PodAutoscaler's spec and annotations, with AIBrix's defaults."""

    target: float = knob(0.5, above=0.0, most=1.0)
    window_s: float = knob(180.0, above=0.0, most=3600.0)
    """``observeWindowSeconds``."""
    up_tolerance: float = knob(0.1, least=0.0)
    down_tolerance: float = knob(0.1, least=0.0, most=1.0)
    max_up_rate: float = knob(2.0, above=1.0)
    max_down_rate: float = knob(2.0, above=1.0)
    up_cooldown_s: float = knob(0.0, least=0.0)
    down_cooldown_s: float = knob(300.0, least=0.0)
    guard: bool = knob(default=True)
    """Count pending replicas (PR #2671)."""


class Apa:
    """A proportional step on the mean KV usage of the pods."""

    def __init__(self, settings: Settings) -> None:
        self.name = "apa"
        self.actuation = Actuation(direct=True)
        self.tick_s = 10.0
        self._settings = settings
        self._usage = signals.Window(settings.window_s)
        self._asks: list[tuple[float, int]] = []

    def tick(self, snapshot: Snapshot, _: Gateway) -> Ask:
        """One reconcile at ``snapshot.now_s``."""
        target = signals.one_target(snapshot)
        current, usage = target.spec_replicas, self._mean_usage(snapshot)
        if current is None or usage is None:
            return Ask(replicas=current, reason="no usage known: no change")
        if current == 0 and target.min_replicas > 0:
            return Ask(replicas=0, reason="scaling is disabled at 0 replicas")
        asked = self._guarded(usage, current, min(signals.ready_count(snapshot), current))
        replicas = signals.bounded(self._stabilized(snapshot.now_s, asked, current), target)
        return Ask(
            replicas=replicas,
            wanted=float(asked),
            reason=f"mean KV usage {usage:.2f} over {self._settings.window_s:g} s, "
            f"target {self._settings.target:g}, {current} replicas: {asked}",
        )

    def _mean_usage(self, snapshot: Snapshot) -> float | None:
        now = [v for _, one in signals.scraped(snapshot) if (v := one.kv_usage_ratio) is not None]
        if now:
            self._usage.add(snapshot.now_s, math.fsum(now) / len(now))
        self._usage.forget(snapshot.now_s)
        return self._usage.mean()

    def _step(self, usage: float, current: int) -> int:
        """The published step: 4 replicas at usage 0.9 of target 0.5 ask min(ceil(7.2), 8) = 8."""
        settings = self._settings
        ratio = usage / settings.target
        if ratio > 1.0 + settings.up_tolerance:
            return min(math.ceil(current * ratio), math.ceil(settings.max_up_rate * current))
        if ratio < 1.0 - settings.down_tolerance:
            return max(math.ceil(current * ratio), math.floor(current / settings.max_down_rate))
        return current

    def _guarded(self, usage: float, current: int, ready: int) -> int:
        """With pending replicas: missing on the way up, at target on the way down, never reversing the step.

        2 ready of 4 at usage 1.0, target 0.5: the step asks 8; 1.0·2/4 = 0.5 is on target, so 4.
        """
        asked, pending, settings = self._step(usage, current), current - ready, self._settings
        if not settings.guard or pending <= 0 or asked == current or current <= 0:
            return asked
        filled = 0.0 if asked > current else settings.target * pending
        adjusted = math.ceil(current * ((usage * ready + filled) / current) / settings.target)
        low, high = sorted((current, asked))
        return max(low, min(high, adjusted))

    def _stabilized(self, now_s: float, asked: int, current: int) -> int:
        settings = self._settings
        longest_s = max(settings.up_cooldown_s, settings.down_cooldown_s)
        self._asks = [(t, n) for t, n in self._asks if t > now_s - longest_s]
        self._asks.append((now_s, asked))
        if asked == current:
            return current
        window_s = settings.up_cooldown_s if asked > current else settings.down_cooldown_s
        recent = [n for t, n in self._asks if t > now_s - window_s] or [asked]
        return max(recent) if asked > current else min(recent)


def build(parameters: Parameters, scenario: Scenario) -> Policy:  # noqa: ARG001 - every law's factory alike
    """The law with the given parameters."""
    return Apa(read(Settings, "apa", parameters))
