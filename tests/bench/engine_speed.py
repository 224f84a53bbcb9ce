"""Speed of the engine alone: a recorded trace on one replica, one core, beside an empty loop on the same
machine."""

import time

from simulations.engine.engine import Engine
from simulations.engine.resolve import resolve
from simulations.engine.spec import EngineSpec
from simulations.requests import Outcomes, Trace
from simulations.scenario import Engine as Settings
from simulations.traces.catalog import recorded_path
from simulations.traces.read import read_trace
from tests.bench.say import say

TRACES = ("azure-conv", "azure-code")
ROUNDS = 5
LOOP = 10_000_000


def main() -> None:
    """Print requests per wall second, best of a few rounds, each beside an empty loop of that moment."""
    say(f"\nEngine alone, Llama-3.1-8B on one H100, one core, beside {LOOP:,} empty iterations")
    spec = resolve(Settings())
    for name in TRACES:
        trace = read_trace(recorded_path(name))
        wall_s, loop_s = min((replay_s(spec, trace), empty_loop_s()) for _ in range(ROUNDS))
        say(f"  {name:12} {len(trace):6,} requests in {wall_s:.3f} s = {len(trace) / wall_s:7,.0f} a second")
        say(f"  {'':12} the empty loop took {loop_s:.3f} s, the trace {wall_s / loop_s:.2f} times that")


def empty_loop_s() -> float:
    """What this machine needs for ten million turns of nothing."""
    began = time.perf_counter()
    for _ in range(LOOP):
        pass
    return time.perf_counter() - began


def replay_s(spec: EngineSpec, trace: Trace) -> float:
    """Wall seconds for the whole trace through one engine."""
    outcomes = Outcomes(len(trace))
    began = time.perf_counter()
    engine = Engine(spec, outcomes, start_us=0, start_id="bench", replica=0)
    advance, submit = engine.advance, engine.submit
    for index, (at_us, prompt, output) in enumerate(
        zip(trace.arrival_us, trace.input_tokens, trace.output_tokens, strict=True)
    ):
        advance(at_us)
        submit(index, prompt, output, (), at_us)
    while (next_us := engine.next_us()) is not None:
        advance(next_us)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
