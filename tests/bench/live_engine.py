"""``hearth engine`` beside the simulator: one load, live over loopback and played through the same model.

What differs is HTTP, two event loops and the machine, and the table shows how much of that there was.
"""

import asyncio
import os
import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass

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
from tests.live.contract.starting import MODEL, Running, running_engine

COPIES = 3
"""Of azure-conv: 15.6 requests a second; one H100 with the 8B model is full at about 22."""
SECONDS = 600.0
_QUANTILES = ("p50", "p90", "p99")


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What a live run left behind."""

    recording: Recording
    server_cpu_s: float
    server_log: str


def main() -> None:
    """Print percentiles side by side, and what the machine added."""
    compare(SECONDS)


def compare(seconds: float) -> None:
    """The same with a load of ``seconds``."""
    spec = resolve(Settings())
    recorded = read_trace(recorded_path("azure-conv"))
    options = TraceOptions(start_s=600, duration_s=seconds, copies=COPIES)
    trace = transform(recorded, options, 0, spec.max_model_len)
    say(f"\nLive engine beside the simulated one: azure-conv x {COPIES}, {seconds:.0f} s, 8B on one H100")
    with asyncio.Runner(loop_factory=precise_loop) as runner:
        live = runner.run(_live(trace))
    _table(trace, live.recording, simulated(spec, trace))
    _noise(trace, live)


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
        cpu_s = _cpu_s(server)
        server.process.send_signal(signal.SIGTERM)
        _, log = server.process.communicate()
    return Live(recording=recording, server_cpu_s=cpu_s, server_log=log)


def _cpu_s(server: Running) -> float:
    with open(f"/proc/{server.process.pid}/stat", encoding="ascii") as stat:  # noqa: PTH123 - a kernel file
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _figures(trace: Trace, outcomes: Outcomes) -> list[tuple[str, Distribution]]:
    until_us = judged_until_us(trace)
    found = latencies(trace, outcomes, completed_flags(outcomes, until_us), until_us)
    return [("TTFT", found.ttft_s), ("ITL", found.itl_s), ("E2E", found.e2e_s)]


def _table(trace: Trace, recording: Recording, model: Outcomes) -> None:
    say(f"  {'':10}{'simulated':>12}{'live':>12}{'':>10}")
    pairs = zip(_figures(trace, model), _figures(trace, recording.outcomes), strict=True)
    for (name, sim), (_, live) in pairs:
        for quantile in _QUANTILES:
            one, other = getattr(sim, quantile), getattr(live, quantile)
            say(f"  {name:5}{quantile:5}{1000 * one:9.1f} ms{1000 * other:9.1f} ms{other / one - 1:+10.1%}")


def _noise(trace: Trace, live: Live) -> None:
    recording = live.recording
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
    return ", ".join(f"{name} {1000 * getattr(found, name):.2f} ms" for name in _QUANTILES)


def _steps(live: Live) -> str:
    found = re.search(r"by lateness: (.*)", live.server_log)
    return found.group(1) if found else "not told"


if __name__ == "__main__":
    main()
