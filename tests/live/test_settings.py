"""Flags over environment over file; whatever is wrong is one line that names the place and the way out."""

from pathlib import Path
from typing import Any

import pytest

from simulations.errors import InputError
from simulations.live.settings import assignments, load


def the_file(folder: Path, text: str) -> Path:
    """A config file."""
    path = folder / "engine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    config = the_file(tmp_path, "port: 1\nseed: 1\ngpu: l4\nmodel: Qwen/Qwen3-8B\n")
    environment = {"HEARTH_ENGINE_PORT": "2", "HEARTH_ENGINE_SEED": "2", "HEARTH_SCALER_PORT": "9"}
    settings = load({"port": 3}, environment, config)
    assert (settings.port, settings.seed, settings.gpu, settings.name) == (3, 2, "l4", "Qwen/Qwen3-8B")


def test_without_any_source_it_is_an_8b_model_on_an_h100() -> None:
    settings = load({}, {}, None)
    assert (settings.model, settings.gpu, settings.port) == ("meta-llama/Llama-3.1-8B", "h100-sxm", 8000)
    assert settings.spec().max_model_len == 131_072


def test_sections_come_from_files_and_variables_too(tmp_path: Path) -> None:
    config = the_file(tmp_path, "faults: {slow: 2}\n")
    settings = load({}, {"HEARTH_ENGINE_STARTUP_PHASES": "{load: 3, warmup: 1.5}"}, config)
    assert (settings.faults.slow, settings.startup_phases) == (2, {"load": 3, "warmup": 1.5})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HEARTH_ENGINE_PORT", "tcp://10.0.0.1:8000"),
        ("HEARTH_ENGINE_SERVICE_HOST", "10.0.0.1"),
        ("HEARTH_ENGINE_SERVICE_PORT_HTTP", "8000"),
        ("HEARTH_ENGINE_PORT_8000_TCP", "tcp://10.0.0.1:8000"),
        ("HEARTH_ENGINE_PORT_8000_TCP_ADDR", "10.0.0.1"),
    ],
)
def test_variables_that_kubernetes_makes_of_a_service_are_no_settings(name: str, value: str) -> None:
    assert load({}, {name: value}, None).port == 8000


def test_a_time_scale_divides_every_duration() -> None:
    usual, fast = (load({"time_scale": scale}, {}, None).spec() for scale in (1, 10))
    assert fast.ingest_us * 10 == usual.ingest_us
    assert fast.step.tokens_ps[100] == pytest.approx(usual.step.tokens_ps[100] / 10)
    assert (fast.kv_tokens, fast.max_num_seqs) == (usual.kv_tokens, usual.max_num_seqs)


BAD: list[tuple[dict[str, Any], dict[str, str], str, str]] = [
    ({"prot": 1}, {}, "", "--prot: there is no setting prot; did you mean port?"),
    ({}, {"HEARTH_ENGINE_PROT": "1"}, "", "HEARTH_ENGINE_PROT: there is no setting prot; did you mean port?"),
    ({}, {}, "gpu: l4\nprot: 1\n", "line 2: prot: there is no setting prot; did you mean port?"),
    ({"port": 70_000}, {}, "", "--port: is 70000; it should be less than or equal to 65535"),
    ({}, {"HEARTH_ENGINE_SEED": "many"}, "", "HEARTH_ENGINE_SEED: is 'many'; it should be a valid integer"),
    ({}, {}, "time_scale: 0\n", "line 1: time_scale: is 0; it should be greater than 0"),
    ({}, {}, "- a\n", "holds no settings; write key: value lines"),
    ({"faults": {"hagn": True}}, {}, "", "--fault.hagn: there is no hagn; did you mean hang?"),
    ({"startup_phases": {"lod": 1}}, {}, "", "--startup-phase.lod: there is no lod; did you mean load?"),
    ({"startup_phases": {"load": 1}, "startup_seconds": 3}, {}, "", "give one of the two"),
]


@pytest.mark.parametrize(("flags", "environment", "text", "says"), BAD, ids=[says for *_, says in BAD])
def test_bad_settings(
    flags: dict[str, Any], environment: dict[str, str], text: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as error:
        load(flags, environment, the_file(tmp_path, text) if text else None)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"model": "meta-llama/Llama-3.1-70B"}, "set --tensor-parallel-size to 2 or choose a larger GPU"),
        ({"tensor_parallel_size": 3}, "--tensor-parallel-size: 3 does not divide"),
        ({"max_num_seqs": 900, "max_num_batched_tokens": 100}, "lower --max-num-seqs"),
        ({"kv_tokens": 1000, "max_model_len": 4000}, "--max-model-len: 4000 is more than the 976 tokens"),
        ({"kv_tokens": 1000, "max_model_len": 4000}, "raise --kv-tokens or --tensor-parallel-size"),
        ({"gpu": "h1000"}, "--gpu: 'h1000' is not known"),
    ],
    ids=["too large", "heads", "seats", "context", "its way out", "GPU"],
)
def test_an_engine_that_cannot_be_is_refused_in_this_command_s_words(
    flags: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError) as error:
        load(flags, {}, None).spec()
    assert says in str(error.value)


def test_a_config_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load({}, {}, tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is binary"):
        load({}, {}, tmp_path / "binary.yaml")


def test_assignments_are_key_and_yaml_value() -> None:
    assert assignments("--fault", ["hang=true", "error-rate=0.5"]) == {"hang": True, "error_rate": 0.5}
    with pytest.raises(InputError, match="write key=value"):
        assignments("--fault", ["hang"])
