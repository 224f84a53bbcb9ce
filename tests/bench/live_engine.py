"""``hearth engine`` beside the simulator: one load, live over loopback and played through the same model.

What differs is HTTP, two event loops and the machine, and the table shows how much of that there was.
"""

import asyncio
import os
import re
import signal
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simulations.accounting import completed_flags, distribution, judged_until_us, latencies
from simulations.engine.engine import Engine
from simulations.engine.resolve import resolve
from simulations.engine.spec import EngineSpec
from simulations.live.loop import precise_loop
from simulations.load.plan import plan
from simulations.load.recording import Recording
from simulations.load.replay import Target, replay
from simulations.requests import ABSENT, Outcomes, Trace
from simulations.result import Distribution
from simulations.scenario import Engine as Settings
from simulations.scenario import TraceOptions
from simulations.traces.catalog import recorded_path
from simulations.traces.read import read_trace
from simulations.traces.transform import transform
from tests.bench.say import say
from tests.live.contract.metrics import parse, value
from tests.live.contract.starting import MODEL, Running, running_engine

COPIES = 3
"""Of azure-conv: 15.6 requests a second; one H100 with the 8B model is full at about 22."""
SECONDS = 600.0
NOISY_SECONDS = 60.0
_FIGURES = ("mean", "p50", "p90", "p99")


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What a live run left behind."""

    recording: Recording
    own_ttft_s: float
    """Mean, by the engine's own metrics: without HTTP."""
    server_cpu_s: float
    server_log: str


def main() -> None:
    """Print percentiles side by side: without the neighbours on this machine, then for a while with them."""
    compare(SECONDS, first=True)
    compare(NOISY_SECONDS, first=False)


def compare(seconds: float, *, first: bool) -> None:
    """Live and simulated over so many seconds of load; ``first``: before everybody else on this machine."""
    spec = resolve(Settings())
    recorded = read_trace(recorded_path("azure-conv"))
    options = TraceOptions(start_s=600, duration_s=seconds, copies=COPIES)
    trace = transform(recorded, options, 0, spec.max_model_len)
    say(f"\nLive engine beside the simulated one: azure-conv x {COPIES}, {seconds:.0f} s, 8B on one H100")
    say(f"  {_priority(first=first)}")
    with asyncio.Runner(loop_factory=precise_loop) as runner:
        live = runner.run(_live(trace))
    _table(trace, live.recording, simulated(spec, trace))
    _noise(trace, live)


def _priority(*, first: bool) -> str:
    """Set what this process and its children run at: generator and server need a third of a core."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO if first else os.SCHED_OTHER, os.sched_param(int(first)))
    except PermissionError:
        first = False
    if first:
        return "at real-time priority: what else runs on this machine is not in the figures"
    return (
        f"at usual priority: what else runs on this machine (load {os.getloadavg()[0]:.1f}) is in the figures"
    )


def simulated(spec: EngineSpec, trace: Trace) -> Outcomes:
    """The trace through the engine model, with requests arriving when they were due."""
    outcomes = Outcomes(len(trace))
    engine = Engine(spec, outcomes, start_us=0, start_id="bench", replica=0)
    columns = zip(trace.arrival_us, trace.input_tokens, trace.output_tokens, strict=True)
    for index, (at_us, prompt, output) in enumerate(columns):
        engine.advance(at_us)
        engine.submit(index, prompt, output, (), at_us)
    while (next_us := engine.next_us()) is not None:
        engine.advance(next_us)
    return outcomes


async def _live(trace: Trace) -> Live:
    with running_engine("--served-model-name", MODEL) as server:
        recording = await replay(plan(trace, MODEL), Target(url=server.url))
        own_ttft_s = _own_ttft_s(server)
        cpu_s = _cpu_s(server)
        server.process.send_signal(signal.SIGTERM)
        _, log = server.process.communicate()
    return Live(recording=recording, own_ttft_s=own_ttft_s, server_cpu_s=cpu_s, server_log=log)


def _own_ttft_s(server: Running) -> float:
    with urllib.request.urlopen(f"{server.url}/metrics") as answer:
        samples = parse(answer.read().decode())
    seconds, firsts = (
        value(samples, f"vllm:time_to_first_token_seconds_{part}") for part in ("sum", "count")
    )
    return seconds / firsts


def _cpu_s(server: Running) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _figures(trace: Trace, outcomes: Outcomes) -> list[tuple[str, Distribution]]:
    until_us = judged_until_us(trace)
    found = latencies(trace, outcomes, completed_flags(outcomes, until_us), until_us)
    return [("TTFT", found.ttft_s), ("ITL", found.itl_s), ("E2E", found.e2e_s)]


def _table(trace: Trace, recording: Recording, model: Outcomes) -> None:
    say(f"  {'':10}{'simulated':>12}{'live':>12}")
    pairs = zip(_figures(trace, model), _figures(trace, recording.outcomes), strict=True)
    for (name, sim), (_, live) in pairs:
        for quantile in _FIGURES:
            one, other = getattr(sim, quantile), getattr(live, quantile)
            say(f"  {name:5}{quantile:5}{1000 * one:9.1f} ms{1000 * other:9.1f} ms{other / one - 1:+10.1%}")


def _noise(trace: Trace, live: Live) -> None:
    recording = live.recording
    say(f"  mean TTFT by the engine's own metrics, without HTTP: {1000 * live.own_ttft_s:.1f} ms")
    whole = sum(finished != ABSENT for finished in recording.outcomes.finished_us)
    tokens = sum(out for out in recording.tokens_out if out != ABSENT)
    say(f"  {whole:,} of {len(trace):,} requests whole, {tokens:,} tokens")
    say(f"  generator: event loop late {_late(recording.lag_us)}; {recording.cpu_s:.0f} s of CPU")
    late = [
        sent - due for sent, due in zip(recording.sent_us, trace.arrival_us, strict=True) if sent != ABSENT
    ]
    say(f"  generator: requests late {_late(late)}")
    share = 1e6 * live.server_cpu_s / tokens
    say(f"  server: {live.server_cpu_s:.0f} s of CPU, {share:.0f} us a token; wake-ups late: {_steps(live)}")


def _late(lags_us: Sequence[int]) -> str:
    found = distribution(sorted(lags_us))
    return ", ".join(f"{name} {1000 * getattr(found, name):.2f} ms" for name in _FIGURES[1:])


def _steps(live: Live) -> str:
    found = re.search(r"by lateness: (.*)", live.server_log)
    return found.group(1) if found else "not told"


if __name__ == "__main__":
    main()
