"""Settings become an engine: vLLM's defaults by GPU, and errors that name key, value and fix."""

from pathlib import Path

import pytest

from simulations.engine.facts import roofline_facts
from simulations.engine.gpus import load_gpu
from simulations.engine.resolve import context_note, resolve
from simulations.errors import InputError
from simulations.scenario import Engine

GPU_YAML = """
memory_gib: 40
memory_gb_per_s: 1555
bf16_tflops: 312
fp8_tflops: null
link: nvlink
link_gb_per_s: 300
architecture: ampere
"""


@pytest.mark.parametrize(
    ("gpu", "tokens", "seats"),
    [
        ("h100-sxm", 8192, 1024),
        ("h200-sxm", 8192, 1024),
        ("b200", 8192, 1024),
        ("rtx-pro-6000", 8192, 1024),
        ("a100-sxm-80g", 2048, 256),
        ("a100-pcie-80g", 2048, 256),
        ("l40s", 2048, 256),
        ("l4", 2048, 256),
        ("rtx-4090", 2048, 256),
    ],
)
def test_limits_are_those_of_an_api_server_on_that_gpu(gpu: str, tokens: int, seats: int) -> None:
    spec = resolve(Engine(gpu=gpu))
    assert (spec.max_num_batched_tokens, spec.max_num_seqs) == (tokens, seats)
    assert len(spec.step.tokens_ps) == tokens + 1
    assert spec.defaults_of == "vLLM 0.19"


def test_a_small_token_budget_lowers_the_default_of_seats() -> None:
    assert resolve(Engine(max_num_batched_tokens=128)).max_num_seqs == 128


def test_what_is_given_is_kept() -> None:
    spec = resolve(Engine(kv_tokens=32_000, max_num_seqs=7, max_model_len=900, ingest_ms=1.5))
    assert (spec.kv_tokens, spec.max_num_seqs, spec.max_model_len, spec.ingest_us) == (32_000, 7, 900, 1500)


def test_the_context_is_what_the_cache_holds_when_the_model_wants_more() -> None:
    spec = resolve(Engine(gpu="rtx-4090"))
    assert spec.max_model_len == spec.kv_tokens - 16 < 131_072


def test_a_context_that_was_cut_is_told() -> None:
    big = Engine(model="meta-llama/Llama-3.1-70B", tensor_parallel=2)
    assert "the context is cut from 131,072 to the 8,576 tokens" in context_note(big, resolve(big))
    for whole in (Engine(), Engine(model=big.model, tensor_parallel=2, max_model_len=4096)):
        assert context_note(whole, resolve(whole)) == ""


def test_a_gpu_may_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a100-40.yaml"
    path.write_text(GPU_YAML)
    assert resolve(Engine(gpu=str(path))).kv_tokens < resolve(Engine(gpu="a100-sxm-80g")).kv_tokens


@pytest.mark.parametrize(
    ("settings", "where", "fix"),
    [
        ({"model": "meta-llama/Llama-3.1-70B"}, "engine.gpu", "engine.tensor_parallel to 2"),
        ({"gpu": "h100"}, "engine.gpu", "did you mean h100-sxm?"),
        ({"model": "gpt-2"}, "engine.model", "known"),
        ({"tensor_parallel": 3}, "engine.tensor_parallel", "1, 2, 4, 8"),
        (
            {"max_num_seqs": 512, "max_num_batched_tokens": 256},
            "engine.max_num_batched_tokens",
            "at least 512",
        ),
        ({"max_model_len": 10**7}, "engine.max_model_len", "lower it"),
        ({"kv_tokens": 20}, "engine.kv_tokens", "at least 32"),
        ({"gpu": "nowhere.yaml"}, "engine.gpu nowhere.yaml", "existing"),
        ({"calibration": "nowhere.yaml"}, "engine.calibration nowhere.yaml", "hearth calibrate"),
    ],
)
def test_what_cannot_be_names_key_value_and_fix(settings: dict[str, object], where: str, fix: str) -> None:
    with pytest.raises(InputError) as caught:
        resolve(Engine.model_validate(settings))
    assert caught.value.where == where
    assert fix in caught.value.fix
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("memory_gib: 40", "memory_gib: -1", "memory_gib"),
        ("memory_gib: 40", "", "memory_gib"),
        ("bf16_tflops: 312", "bf16_tflops: fast", "bf16_tflops"),
        ("link: nvlink", "link: string", "link"),
        ("architecture: ampere", "architecture: volta", "architecture"),
        ("memory_gib: 40", "memory_gib: [", "not readable"),
    ],
)
def test_a_bad_gpu_file_says_which_field(tmp_path: Path, old: str, new: str, field: str) -> None:
    path = tmp_path / "gpu.yaml"
    path.write_text(GPU_YAML.replace(old, new))
    with pytest.raises(InputError, match=field):
        load_gpu(str(path))


def test_a_calibration_replaces_efficiencies(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("efficiency: {memory: 0.39}\nfitted_to: a run\n")
    as_shipped, mine = resolve(Engine()), resolve(Engine(calibration=str(path)))
    assert mine.step.tokens_ps[1] > 1.8 * as_shipped.step.tokens_ps[1]
    assert mine.step.kv_token_ps == as_shipped.step.kv_token_ps


@pytest.mark.parametrize(
    "content",
    [
        "efficiency: {memry: 0.5}",
        "efficiency: {memory: fast}",
        "efficiencies: {}",
        "[1]",
        "efficiency: {memory: -1}",
    ],
)
def test_a_bad_calibration_is_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(InputError, match=r"engine\.calibration"):
        resolve(Engine(calibration=str(path)))


def test_facts_for_a_scaler_describe_the_step() -> None:
    facts = roofline_facts(resolve(Engine()))
    assert facts.fixed_s == pytest.approx(0.0064, rel=0.1)
    assert facts.prefill_token_s == pytest.approx(22e-6, rel=0.3)
    assert facts.kv_token_s == pytest.approx(42e-9, rel=0.05)
    assert facts.kv_tokens == pytest.approx(430_000, rel=0.02)
