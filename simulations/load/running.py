"""``python -m simulations.load``: check everything, replay, write the files, print the table."""

import asyncio
import io
import resource
import signal
from dataclasses import dataclass
from pathlib import Path

from simulations.cli import outputs, terminal
from simulations.errors import InputError
from simulations.live.loop import precise_loop
from simulations.load import terminal as live_terminal
from simulations.load.endpoint import base_url, find_model
from simulations.load.plan import Kind, Plan, plan
from simulations.load.recording import Recording
from simulations.load.replay import Live, Target, replay
from simulations.load.rows import write_rows
from simulations.load.summary import summarize
from simulations.requests import Trace
from simulations.scenario import Scenario
from simulations.scenario_file import load_scenario
from simulations.traces.catalog import open_trace
from simulations.traces.transform import transform

_ANY_LENGTH = 10**9
"""The context of a server that does not say: nothing is cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for on the command line."""

    trace: str
    url: str
    model: str | None
    prompts: str
    vocabulary: int
    scenario: str | None
    overrides: tuple[str, ...]
    seed: int
    grace_s: float
    json: Path | None
    per_request: Path | None


def run(options: Options) -> None:
    """Raises :class:`InputError`, and :class:`KeyboardInterrupt` once an interrupted run is written."""
    wanted = {"--json": options.json, "--per-request": options.per_request}
    outputs.check(wanted, (options.trace, options.scenario))
    scenario = load_scenario(options.scenario, options.overrides)
    kind = _kind(options.prompts)
    trace = open_trace(options.trace, options.seed)
    with asyncio.Runner(loop_factory=precise_loop) as runner:
        recording = runner.run(_replay(options, scenario, kind, trace))
    _finish(options, scenario, recording)
    if recording.interrupted:
        raise KeyboardInterrupt


def _kind(text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError:
        raise InputError("--prompts", f"is {text!r}", f"give one of {', '.join(Kind)}") from None


async def _replay(options: Options, scenario: Scenario, kind: Kind, trace: Trace) -> Recording:
    url = base_url(options.url)
    model = await find_model(url, options.model)
    cut = transform(trace, scenario.trace, options.seed, model.max_model_len or _ANY_LENGTH)
    planned = plan(cut, model.name, kind=kind, seed=options.seed, vocabulary=options.vocabulary)
    target = Target(
        url=url,
        timeout_s=scenario.client.timeout_s,
        retries=scenario.client.retries,
        retry_delay_s=scenario.client.retry_delay_s,
        grace_s=options.grace_s,
    )
    _allow_many_connections()
    return await _watched(planned, target)


async def _watched(planned: Plan, target: Target) -> Recording:
    stop, live = asyncio.Event(), Live()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    shown = asyncio.create_task(live_terminal.show_progress(live, len(planned.trace)))
    try:
        return await replay(planned, target, stop=stop, live=live)
    finally:
        shown.cancel()


def _allow_many_connections() -> None:
    """Each request under way is an open file: take as many as this user may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _finish(options: Options, scenario: Scenario, recording: Recording) -> None:
    summary = summarize(recording, scenario.slo)
    contents: dict[Path, str] = {}
    if options.json:
        contents[options.json] = summary.to_json()
    if options.per_request:
        stream = io.StringIO()
        write_rows(stream, recording)
        contents[options.per_request] = stream.getvalue()
    outputs.write(contents)
    if outputs.STDOUT not in contents:
        live_terminal.show(terminal.out(), summary, scenario.slo)
