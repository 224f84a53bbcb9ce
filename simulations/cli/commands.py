"""The simulator's commands. Heavy imports wait until a command runs: ``--help`` stays quick."""

from pathlib import Path
from typing import Annotated

import typer

RECORDED = "azure-conv, azure-code, aibrix, servegen-m-mid, servegen-m-small"
LOADS = "ramp, sine, burst, prefill, decode, sparse, rush, surge"
POLICIES = (
    "hearth, static:N, hpa-cpu, queue, kv, inflight, kpa, apa, wva, llmd-slo, llmd-tokens, keda-otel, "
    "dynamo, schedule, oracle, lower-bound"
)
"""Written out, since asking the registry would load what ``--help`` does without; tests hold it to that."""

TraceOption = Annotated[
    str,
    typer.Option(
        "--trace",
        help="A trace file (CSV or JSON lines, plain or gzip); or a recorded one: "
        f"{RECORDED}; or synthetic:NAME ({LOADS}).",
    ),
]
ScenarioOption = Annotated[
    str | None, typer.Option("--scenario", help="A scenario file (YAML) or name; defaults without one.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override one setting of the scenario. Repeatable."),
]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
JsonOption = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write the result as JSON; - for stdout.")
]
HtmlOption = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write a report: one HTML file, no network.")
]
JobsOption = Annotated[
    int | None, typer.Option("--jobs", min=1, metavar="N", help="Processes; default: every core.")
]


def simulate(
    trace: TraceOption,
    scenario: ScenarioOption = None,
    policy: Annotated[str, typer.Option("--policy", help=f"Who scales the fleet: {POLICIES}.")] = "hearth",
    seed: SeedOption = 0,
    set_: SetOption = None,
    json: JsonOption = None,
    html: HtmlOption = None,
    per_request: Annotated[
        Path | None, typer.Option("--per-request", metavar="FILE", help="Write one CSV row a request.")
    ] = None,
) -> None:
    """Replay a trace against a simulated fleet under one policy.

    Prints what it came to. Files are written whole, and only once the run has succeeded.

    Examples:

    hearth simulate --trace azure-conv

    hearth simulate --trace azure-conv --policy kv --set policy.target=0.4 --html run.html

    hearth simulate --trace my.csv.gz --scenario my.yaml --json - | jq .slo_attainment
    """
    from simulations.cli.simulating import Outputs, run_one

    wanted = Outputs(json=json, html=html, per_request=per_request)
    run_one(trace, scenario, tuple(set_ or ()), policy, seed, wanted)


def sweep(
    trace: TraceOption,
    scenario: ScenarioOption = None,
    policies: Annotated[
        str,
        typer.Option(
            "--policies",
            metavar="A,B",
            help="Policies to compare (names as in hearth simulate); static: every size.",
        ),
    ] = "hearth,kv,queue,inflight,static",
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many seeds, from 0.")] = 3,
    cold_starts: Annotated[
        str | None, typer.Option("--cold-starts", metavar="S,S", help="Cold starts in seconds: 30,100,180.")
    ] = None,
    copies: Annotated[
        str | None, typer.Option("--copies", metavar="K,K", help="Superposed copies of the trace: 1,4,16.")
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option("--vary", metavar="KEY=A,B", help="Values of any setting, each judged by itself."),
    ] = None,
    set_: SetOption = None,
    tune: Annotated[
        bool, typer.Option("--tune/--no-tune", help="Try each policy over its grid, or once as given.")
    ] = True,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Results; finished cells are kept and reused.")
    ] = Path("out/sweep"),
    json: JsonOption = None,
    jobs: JobsOption = None,
) -> None:
    """Run a grid of policies, settings, seeds and conditions, and recommend a ScaledObject.

    DIR gets sweep.json, sweep.html, scaledobject.yaml and one file per run.
    After Ctrl-C the same command goes on where it stopped.

    Examples:

    hearth sweep --trace azure-conv --copies 8

    hearth sweep --trace azure-conv --policies hearth,kv,static,oracle --cold-starts 30,100,180 --copies 2,8

    hearth sweep --trace my.csv --policies hearth --vary hpa.tolerance=0,0.1 --no-tune
    """
    from simulations.cli import sweeping
    from simulations.sweeps.grid import Plan

    axes = sweeping.axes(cold_starts, copies, tuple(vary or ()))
    plan = Plan(
        trace=trace,
        scenario=scenario,
        overrides=tuple(set_ or ()),
        policies=sweeping.names(policies),
        seeds=seeds,
        axes=axes,
        tune=tune,
    )
    sweeping.run(plan, out, json, jobs)


def demo(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the HTML report goes.")] = Path(
        "out/demo.html"
    ),
    json: JsonOption = None,
    jobs: JobsOption = None,
) -> None:
    """Hearth and its rivals on two recorded hours of traffic: a table, and a report to look at.

    Example:

    hearth demo
    """
    from simulations.cli.demo import run

    run(out, json, jobs)


def calibrate(
    measured: Annotated[
        Path, typer.Argument(metavar="MEASURED", help="CSV: what a real engine did with each request.")
    ],
    scenario: ScenarioOption = None,
    set_: SetOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write the fitted constants, for engine.calibration."),
    ] = None,
    json: JsonOption = None,
) -> None:
    """Fit the engine's constants to a measured run.

    Every second request is held back: the table says how well the fit predicts
    those. MEASURED has the columns timestamp_s, input_tokens, output_tokens,
    queue_s, ttft_s, e2e_s, times in seconds. Set the engine as it was measured.

    Example, of the run in simulations/traces/recorded/measured:

    hearth calibrate vllm-0.19-rtxpro6000-llama-3.1-8b.csv.gz
    --set engine.gpu=rtx-pro-6000 --set engine.max_num_seqs=128
    --set engine.max_num_batched_tokens=2048 --set engine.ingest_ms=0 --out fit.yaml
    """
    from simulations.cli import calibrating

    calibrating.run(measured, scenario, tuple(set_ or ()), out, json)
