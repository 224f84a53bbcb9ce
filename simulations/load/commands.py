"""The command line of the load generator. Heavy imports wait until it runs: ``--help`` stays quick."""

from pathlib import Path
from typing import Annotated

import typer

from simulations.cli.commands import JsonOption, ScenarioOption, SetOption, TraceOption


def load(
    trace: TraceOption,
    url: Annotated[
        str, typer.Option("--url", help="The server: http://host:port, with or without /v1.")
    ] = "http://127.0.0.1:8000",
    model: Annotated[
        str | None, typer.Option("--model", help="Which model to ask; default: the first one served.")
    ] = None,
    prompts: Annotated[
        str,
        typer.Option(
            "--prompts",
            metavar="ids|text|chat",
            help="Token ids of exact length, text of four bytes a token, or such text as a chat.",
        ),
    ] = "ids",
    vocabulary: Annotated[int, typer.Option("--vocabulary", help="Token ids stay below it.")] = 1000,
    scenario: ScenarioOption = None,
    set_: SetOption = None,
    seed: Annotated[
        int, typer.Option("--seed", help="Seed of prompts, of synthetic loads and of copies.")
    ] = 0,
    grace_s: Annotated[
        float, typer.Option("--grace", min=0, metavar="S", help="Wait so long after the last arrival.")
    ] = 300.0,
    json: JsonOption = None,
    per_request: Annotated[
        Path | None, typer.Option("--per-request", metavar="FILE", help="Write one CSV row a request.")
    ] = None,
) -> None:
    """Replay a trace against an OpenAI-compatible server, and say what came back.

    Open loop: every request is sent at its time, however slow the server is.
    Of a scenario the sections trace, client and slo count. Ctrl-C ends the run
    early; what came by then is written.

    Examples:

    python -m simulations.load --trace azure-conv --url http://127.0.0.1:8000

    python -m simulations.load --trace azure-conv --set trace.start_s=600
    --set trace.duration_s=60 --set trace.time_scale=0.5

    python -m simulations.load --trace my.csv --set client.timeout_s=30
    --json run.json --per-request run.csv
    """
    from simulations.load.running import Options, run

    run(
        Options(
            trace=trace,
            url=url,
            model=model,
            prompts=prompts,
            vocabulary=vocabulary,
            scenario=scenario,
            overrides=tuple(set_ or ()),
            seed=seed,
            grace_s=grace_s,
            json=json,
            per_request=per_request,
        )
    )
