"""What llm-d's gateway knows of latency: each request's TTFT estimated as it arrives, and its TPOT.

llm-d's ``predicted-latency-producer`` trains online on the state of the chosen server at arrival (KV usage,
waiting, running, prompt length, tokens in flight) and records the predicted TTFT and TPOT of each request in
a histogram. Here the trained predictor is replaced by the engine model itself, the best that training could
find: TTFT is the prompt tokens ahead and the request's own, at the speed of chunks beside the present
decodes, or, where no capacity is left, the wait for as many completions as requests are ahead. TPOT is the
mean inter-token time of the server at that moment. Quantiles are exact over the requests of the window;
histogram buckets are not modelled.
"""

from collections import deque
from dataclasses import dataclass

from scaler.decision.model import Pod, Samples, Snapshot
from simulations.policies import signals
from simulations.policies.base import Gateway
from simulations.policies.profiling import Profile

FULL = 0.9
"""KV usage from which waiting requests wait for completions, not for prefill."""


class Weighted:
    """Values of the last ``length_s`` seconds, each standing for a number of requests."""

    __slots__ = ("_length_s", "_points")

    def __init__(self, length_s: float) -> None:
        self._length_s = length_s
        self._points: deque[tuple[float, float, float]] = deque()

    def add(self, now_s: float, value: float, weight: float) -> None:
        """``weight`` requests with ``value``; none are not kept."""
        if weight > 0.0:
            self._points.append((now_s, value, weight))

    def quantile(self, now_s: float, share: float) -> float | None:
        """The value that ``share`` of the requests do not exceed; None without requests in the window."""
        while self._points and self._points[0][0] <= now_s - self._length_s:
            self._points.popleft()
        left = share * sum(weight for _, _, weight in self._points)
        for value, weight in sorted((value, weight) for _, value, weight in self._points):
            left -= weight
            if left <= 1e-9:
                return value
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Counters of one engine at its last scrape."""

    start_id: str
    first_tokens: float
    gaps: float
    gap_s: float


class TimePerToken:
    """P-quantile over requests of the mean inter-token time on their server."""

    def __init__(self, window_s: float) -> None:
        self._requests = Weighted(window_s)
        self._seen: dict[str, Seen] = {}

    def observe(self, snapshot: Snapshot) -> None:
        """Mean gap of each engine since its last scrape, weighted by the first tokens that it gave."""
        seen: dict[str, Seen] = {}
        for pod, samples in signals.scraped(snapshot):
            now, before = _seen(samples), self._seen.get(pod.name)
            if now is None:
                continue
            seen[pod.name] = now
            if before is None or before.start_id != now.start_id or now.gaps <= before.gaps:
                continue
            mean_s = (now.gap_s - before.gap_s) / (now.gaps - before.gaps)
            self._requests.add(snapshot.now_s, mean_s, now.first_tokens - before.first_tokens)
        self._seen = seen

    def quantile(self, now_s: float, share: float) -> float | None:
        """Seconds; None without requests in the window."""
        return self._requests.quantile(now_s, share)


def _seen(samples: Samples) -> Seen | None:
    if samples.itl_s is None or samples.ttft_s is None:
        return None
    return Seen(
        start_id=samples.start_id,
        first_tokens=samples.ttft_s.counts[-1],
        gaps=samples.itl_s.counts[-1],
        gap_s=samples.itl_s.sum,
    )


class PredictedTtft:
    """TTFT of the requests that arrive, estimated from the servers' state at that moment."""

    def __init__(self, window_s: float, profile: Profile) -> None:
        self._requests = Weighted(window_s)
        self._profile = profile
        self._finished = signals.Counters(window_s)
        self._arrivals = 0

    def observe(self, snapshot: Snapshot, gateway: Gateway) -> None:
        """This tick's arrivals, spread over the ready pods as least-loaded routing does."""
        self._finished.observe(snapshot, _finished)
        arrived, self._arrivals = gateway.arrivals_total - self._arrivals, gateway.arrivals_total
        pods = list(signals.scraped(snapshot))
        if not arrived or not pods:
            return
        prompt = gateway.input_tokens_total / gateway.arrivals_total
        ahead = gateway.in_flight_prompt_tokens / len(pods)
        rate = self._finished.rate(snapshot.now_s)
        per_pod = 0.0 if rate is None else rate[0] / len(pods)
        for pod in pods:
            ttft_s = self._estimate(pod, prompt, ahead, per_pod)
            self._requests.add(snapshot.now_s, ttft_s, arrived / len(pods))

    def _estimate(
        self, pod: tuple[Pod, Samples], prompt: float, ahead: float, finished_per_s: float
    ) -> float:
        """8,192 tokens ahead, chunks of 8,192 at 0.5 s beside the decodes, a prompt of 4,096: 0.75 s."""
        samples, profile = pod[1], self._profile
        running, waiting = signals.or_zero(samples.running), signals.or_zero(samples.waiting)
        kv = signals.or_zero(signals.kv_tokens(samples))
        chunk = max(1.0, profile.max_num_batched_tokens - running)
        per_token_s = profile.step_s(chunk, running, kv) / chunk
        own_s = prompt * per_token_s
        full = signals.or_zero(samples.kv_usage_ratio) >= FULL or running >= profile.max_num_seqs
        if full and waiting and finished_per_s > 0.0:
            return own_s + (waiting + 1.0) / finished_per_s
        return own_s + ahead * per_token_s

    def quantile(self, now_s: float, share: float) -> float | None:
        """Seconds; None without arrivals in the window."""
        return self._requests.quantile(now_s, share)


def _finished(samples: Samples) -> signals.Vector | None:
    return None if samples.requests_finished_total is None else (samples.requests_finished_total,)
