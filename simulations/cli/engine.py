"""``hearth engine``: the command. Heavy imports wait until it runs: ``--help`` stays quick."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer


def _option(name: str, help_: str, metavar: str | None = None) -> Any:
    return typer.Option(name, help=help_, metavar=metavar, show_default=False)


def engine(
    model: Annotated[
        str | None, _option("--model", "A model of the data file, or the path of a config.json.")
    ] = None,
    served_model_name: Annotated[
        str | None, _option("--served-model-name", "What clients call it; without it the model's own name.")
    ] = None,
    gpu: Annotated[str | None, _option("--gpu", "A GPU of the data file, or a YAML file.")] = None,
    tensor_parallel_size: Annotated[
        int | None, _option("--tensor-parallel-size", "GPUs of the engine.")
    ] = None,
    max_num_seqs: Annotated[int | None, _option("--max-num-seqs", "Sequences that run at once.")] = None,
    max_num_batched_tokens: Annotated[
        int | None, _option("--max-num-batched-tokens", "Tokens of one step.")
    ] = None,
    max_model_len: Annotated[int | None, _option("--max-model-len", "Prompt and output together.")] = None,
    kv_tokens: Annotated[int | None, _option("--kv-tokens", "Tokens that the KV cache holds.")] = None,
    enable_prefix_caching: Annotated[
        bool | None,
        typer.Option(
            "--enable-prefix-caching/--no-enable-prefix-caching", help="On by default.", show_default=False
        ),
    ] = None,
    host: Annotated[str | None, _option("--host", "Address to listen on; all of them by default.")] = None,
    port: Annotated[int | None, _option("--port", "Port to listen on, 8000 by default; 0: any.")] = None,
    startup_seconds: Annotated[
        float | None, _option("--startup-seconds", "From process start to serving; 0 by default.", "S")
    ] = None,
    startup_phase: Annotated[
        list[str] | None,
        _option(
            "--startup-phase",
            "Seconds of one phase: weights, init, load, compile, profile, capture, warmup. Repeatable.",
            "NAME=S",
        ),
    ] = None,
    shutdown_timeout: Annotated[
        float | None,
        _option("--shutdown-timeout", "After SIGTERM requests may end for so long; 0 by default.", "S"),
    ] = None,
    time_scale: Annotated[
        float | None, _option("--time-scale", "An engine so many times as fast, start-up too.", "X")
    ] = None,
    seed: Annotated[int | None, _option("--seed", "Of lengths and chance.")] = None,
    fault: Annotated[
        list[str] | None,
        _option("--fault", "A fault from the start on, such as error_rate=0.1. Repeatable.", "NAME=VALUE"),
    ] = None,
    log_format: Annotated[str | None, _option("--log-format", "plain (vLLM's) or json.")] = None,
    config: Annotated[
        Path | None, _option("--config", "YAML with any of these settings, - written as _.", "FILE")
    ] = None,
) -> int:
    """Serve the simulated engine live: OpenAI's API, vLLM's metrics, no GPU.

    Flags win over HEARTH_ENGINE_* variables (HEARTH_ENGINE_MAX_NUM_SEQS), which win over --config.

    Examples:

    hearth engine --model Qwen/Qwen3-8B --gpu l40s --served-model-name qwen

    hearth engine --startup-seconds 30 --port 8001 --fault slow=2

    hearth engine --kv-tokens 20000 --max-num-seqs 16 --time-scale 10
    """
    given = {
        "model": model,
        "served_model_name": served_model_name,
        "gpu": gpu,
        "tensor_parallel_size": tensor_parallel_size,
        "max_num_seqs": max_num_seqs,
        "max_num_batched_tokens": max_num_batched_tokens,
        "max_model_len": max_model_len,
        "kv_tokens": kv_tokens,
        "enable_prefix_caching": enable_prefix_caching,
        "host": host,
        "port": port,
        "startup_seconds": startup_seconds,
        "shutdown_timeout": shutdown_timeout,
        "time_scale": time_scale,
        "seed": seed,
        "log_format": log_format,
    }
    from simulations.live.serve import serve
    from simulations.live.settings import assignments, load

    flags: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if startup_phase:
        flags["startup_phases"] = assignments("--startup-phase", startup_phase)
    if fault:
        flags["faults"] = assignments("--fault", fault)
    return serve(load(flags, os.environ, config))
