"""/metrics: the families of the recorded bodies, and values that agree with one another."""

import gzip
from pathlib import Path

import pytest

from tests.live.contract.asking import ask, chat, completion, prompt
from tests.live.contract.metrics import Samples, idle, parse, types, until, value
from tests.live.contract.target import Target

RECORDED = Path(__file__).parents[1] / "data" / "vllm-0.32.0.txt.gz"
_OURS = ("handler", "status", "method", "model_name", "version", "major", "minor", "patchlevel")
"""Labels whose values are the server's own, and may be others than the recorded server's."""


@pytest.fixture(scope="module")
def recorded() -> str:
    """The body of a real vLLM 0.32."""
    return gzip.decompress(RECORDED.read_bytes()).decode()


@pytest.fixture
def body(engine: Target) -> str:
    """The engine's own, after requests of the kinds that the recorded one had."""
    ask(engine, "GET", "/v1/models")
    chat(engine, max_tokens=2)
    completion(engine, prompt=prompt(engine, 30), max_tokens=3)
    until(engine, idle)
    return ask(engine, "GET", "/metrics").text


def shapes(samples: Samples) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    """Names and labels; of labels that are the server's own only the names."""
    return {
        (
            name,
            tuple(
                (key, "" if key in _OURS or name.endswith("config_info") else text) for key, text in labels
            ),
        )
        for name, labels in samples
    }


def test_every_family_has_the_recorded_type(body: str, recorded: str) -> None:
    assert types(body) == types(recorded)


def test_every_series_has_the_recorded_labels_and_bounds(body: str, recorded: str) -> None:
    assert shapes(parse(body)) == shapes(parse(recorded))


def test_it_is_text_that_every_prometheus_reads(engine: Target) -> None:
    answer = ask(engine, "GET", "/metrics")
    assert answer.kind.startswith("text/plain; version=")
    assert "# TYPE vllm:num_requests_running gauge" in answer.text


def test_finished_requests_are_in_every_histogram_of_them(body: str) -> None:
    samples = parse(body)
    finished = value(samples, "vllm:request_success_total")
    assert finished > 0
    for family in (
        "request_prompt_tokens",
        "request_generation_tokens",
        "request_max_num_generation_tokens",
        "request_params_n",
        "request_params_max_tokens",
        "request_time_per_output_token_seconds",
        "e2e_request_latency_seconds",
        "request_queue_time_seconds",
        "request_inference_time_seconds",
        "request_prefill_time_seconds",
        "request_decode_time_seconds",
        "request_num_preemptions",
        "request_prefill_kv_computed_tokens",
    ):
        assert value(samples, f"vllm:{family}_count") == finished, family
        assert value(samples, f"vllm:{family}_bucket", le="+Inf") == finished, family


def test_tokens_add_up(body: str) -> None:
    samples = parse(body)
    prompts, cached = (
        value(samples, "vllm:prompt_tokens_total"),
        value(samples, "vllm:prompt_tokens_cached_total"),
    )
    assert value(samples, "vllm:prompt_tokens_by_source_total") == prompts
    assert value(samples, "vllm:prompt_tokens_by_source_total", source="local_cache_hit") == cached
    generated = value(samples, "vllm:generation_tokens_total")
    firsts = value(samples, "vllm:time_to_first_token_seconds_count")
    assert value(samples, "vllm:inter_token_latency_seconds_count") == generated - firsts
    assert value(samples, "vllm:iteration_tokens_total_sum") == prompts - cached + generated


def test_phases_add_up(body: str) -> None:
    samples = parse(body)

    def total(phase: str) -> float:
        return value(samples, f"vllm:request_{phase}_time_seconds_sum")

    assert total("inference") == pytest.approx(total("prefill") + total("decode"), abs=1e-3)
    assert (
        value(samples, "vllm:e2e_request_latency_seconds_sum") >= total("queue") + total("inference") - 1e-3
    )


def test_an_awake_engine_says_so(body: str) -> None:
    samples = parse(body)
    states = {
        state: value(samples, "vllm:engine_sleep_state", sleep_state=state)
        for state in ("awake", "discard_all")
    }
    assert states == {"awake": 1, "discard_all": 0}


def test_buckets_are_cumulative(body: str) -> None:
    last: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for (name, labels), number in parse(body).items():
        if name.endswith("_bucket"):
            series = name, tuple(pair for pair in labels if pair[0] != "le")
            assert number >= last.get(series, 0.0), series
            last[series] = number
