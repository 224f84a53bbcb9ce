"""What a live run came to: the simulator's figures where they exist, and what only a live run can say."""

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from simulations.accounting import completed_flags, distribution, judged_until_us, latencies, rank, verdicts
from simulations.load.recording import Recording
from simulations.requests import ABSENT
from simulations.result import Distribution, Json, rounded
from simulations.scenario import Slo

LATE_S = 0.05
"""A generator whose 99th percentile of lateness exceeds this is said to have fallen behind: it is an ITL's
limit, so what it adds to a TTFT begins to matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureClass:
    """Requests that failed alike."""

    name: str
    requests: int
    first_message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One live run. Counts are of requests that were sent; names that the simulator has too mean the same."""

    trace: str
    notes: tuple[str, ...]
    requests: int
    """That the plan holds; all were sent unless the run was interrupted."""
    sent: int
    completed: int
    dropped: int
    """Failed for good."""
    unfinished: int
    """Under way when the run ended."""
    retried: int
    """Requests that took more than one attempt."""
    failures: tuple[FailureClass, ...]
    """Of the dropped ones, the most frequent first."""
    slo_attainment_flat_ttft: float | None
    """Share of sent requests within ``slo.ttft_ms`` and ``slo.itl_ms``."""
    ttft_s: Distribution
    itl_s: Distribution
    """Each gap counts with its request's mean, as in the simulator."""
    gap_s: Distribution
    """Each gap between two tokens as it was seen."""
    tpot_s: Distribution
    e2e_s: Distribution
    tokens_in: int
    tokens_out: int
    cut_short: int
    """Whole answers with fewer tokens than the trace asked for."""
    span_s: float
    """From the start to the end of the run."""
    late_s: Distribution
    """How late requests were sent: the generator's fault, and inside every latency above."""
    loop_lag_s: Distribution
    """How late the generator's event loop woke up: the noise of every time."""
    cpu_ratio: float
    """Share of a core that the generator took."""
    interrupted: bool

    @property
    def fell_behind(self) -> bool:
        """The generator could not keep up: its own lateness is a visible part of the latencies."""
        return (self.late_s.p99 or 0.0) > LATE_S

    def as_json(self) -> Json:
        """Plain values; distributions and rounding as in the simulator's JSON."""
        names = Summary.__dataclass_fields__
        return {name: _plain(getattr(self, name)) for name in names} | {"fell_behind": self.fell_behind}

    def to_json(self) -> str:
        """One document, one line a key."""
        lines = (
            f'"{k}": {json.dumps(v, ensure_ascii=False, allow_nan=False)}' for k, v in self.as_json().items()
        )
        return "{\n" + ",\n".join(lines) + "\n}\n"


def summarize(recording: Recording, slo: Slo) -> Summary:
    """Fold the columns of a run."""
    served, outcomes = recording.served(), recording.outcomes
    until_us = max(recording.ended_us, judged_until_us(served))
    done = completed_flags(outcomes, until_us)
    sent = recording.sent()
    waits = latencies(served, outcomes, done, until_us)
    failed = [index for index in sent if outcomes.dropped_us[index] != ABSENT]
    met = sum(flat for _, flat in verdicts(served, outcomes, done, slo, lambda _tokens: 0.0))
    return Summary(
        trace=served.name,
        notes=served.notes,
        requests=len(served),
        sent=len(sent),
        completed=sum(done),
        dropped=len(failed),
        unfinished=len(sent) - sum(done) - len(failed),
        retried=sum(attempts > 1 for attempts in outcomes.attempts),
        failures=_failures(recording, failed),
        slo_attainment_flat_ttft=met / len(sent) if sent else None,
        ttft_s=waits.ttft_s,
        itl_s=waits.itl_s,
        gap_s=_each(gaps for gaps in recording.gaps_us if gaps),
        tpot_s=waits.tpot_s,
        e2e_s=waits.e2e_s,
        tokens_in=_known(recording.tokens_in, done),
        tokens_out=_known(recording.tokens_out, done),
        cut_short=_cut_short(recording, done),
        span_s=recording.ended_us / 1e6,
        late_s=distribution([recording.sent_us[i] - served.arrival_us[i] for i in sent]),
        loop_lag_s=distribution(list(recording.lag_us)),
        cpu_ratio=recording.cpu_s / max(recording.ended_us / 1e6, 1e-6),
        interrupted=recording.interrupted,
    )


def _failures(recording: Recording, failed: Iterable[int]) -> tuple[FailureClass, ...]:
    counts = Counter(recording.label(index) for index in failed)
    return tuple(
        FailureClass(name=name, requests=count, first_message=recording.messages.get(name, ""))
        for name, count in counts.most_common()
    )


def _known(tokens: Iterable[int], done: bytearray) -> int:
    return sum(count for count, ok in zip(tokens, done, strict=True) if ok and count != ABSENT)


def _cut_short(recording: Recording, done: bytearray) -> int:
    asked = recording.trace.output_tokens
    return sum(ok and out < want for ok, out, want in zip(done, recording.tokens_out, asked, strict=True))


def _each(columns: Iterable[Iterable[int]]) -> Distribution:
    """Of millions of values, few of them different: counted, not sorted one by one."""
    counts: Counter[int] = Counter()
    for column in columns:
        counts.update(column)
    total = counts.total()
    if not total:
        return distribution([])
    ordered = sorted(counts)
    seen = list(accumulate(counts[value] for value in ordered))
    p50, p90, p99 = (ordered[bisect_left(seen, rank(total, percent))] / 1e6 for percent in (50, 90, 99))
    mean = sum(value * count for value, count in counts.items()) / total / 1e6
    return Distribution(mean=mean, p50=p50, p90=p90, p99=p99)


def _plain(value: object) -> object:
    if isinstance(value, Distribution):
        return value.as_json()
    if isinstance(value, float):
        return rounded(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, FailureClass):
        return {"name": value.name, "requests": value.requests, "first_message": value.first_message}
    return value
