"""The ``vllm:*`` families of a real vLLM 0.32, from the state of a driver: names, labels, buckets, order."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

from scaler.decision.model import Histogram, Samples
from simulations.engine.spec import EngineSpec
from simulations.live.driver import Driver
from simulations.live.tally import REASONS, Tally

ENGINE = "0"
"""The index of the only engine core."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the families take their values."""

    driver: Driver
    model_name: str
    created_s: float
    """Unix time of the engine's start, for ``_created``."""


class VllmCollector:
    """A collector for a registry of prometheus-client."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def collect(self) -> Iterator[Metric]:
        """All families, in the order of a real body."""
        samples = self._source.driver.engine.samples()
        yield from self._estimates()
        yield from self._gauges(samples)
        yield from self._counters(samples)
        yield from self._histograms(samples)
        yield cache_config(self._source.driver.spec)

    def _estimates(self) -> Iterator[Metric]:
        """Off by default in vLLM too (``--enable-mfu-metrics``), and zero then."""
        for name in ("flops", "read_bytes", "write_bytes"):
            yield self._counter(f"estimated_{name}_per_gpu", "Not estimated here.", 0.0)

    def _gauges(self, samples: Samples) -> Iterator[Metric]:
        assert samples.waiting is not None
        running, waiting, usage = samples.running, samples.waiting, samples.kv_usage_ratio
        yield self._gauge("num_requests_running", "Requests in the running batch.", running)
        yield self._gauge("num_requests_waiting", "Requests that wait to be processed.", waiting)
        reasons = {"capacity": waiting, "deferred": 0.0}
        help_ = "Waiting requests by reason: for capacity, or deferred by something passing."
        yield self._gauges_by("num_requests_waiting_by_reason", help_, "reason", reasons)
        level = self._source.driver.asleep
        states = {"awake": level is None, "weights_offloaded": level == 1, "discard_all": level == 2}
        help_ = "1 for the state that holds: awake, or asleep at level 1 or 2."
        yield self._gauges_by("engine_sleep_state", help_, "sleep_state", states)
        yield self._gauge("kv_cache_usage_perc", "Share of the KV cache in use, 0 to 1.", usage)

    def _counters(self, samples: Samples) -> Iterator[Metric]:
        prompts, computed = samples.prompt_tokens_total or 0.0, samples.prompt_tokens_computed_total or 0.0
        hits = samples.prefix_hits_tokens_total or 0.0
        queries = samples.prefix_queries_tokens_total
        yield self._counter("prefix_cache_queries", "Tokens looked up in the prefix cache.", queries)
        yield self._counter("prefix_cache_hits", "Tokens found in the prefix cache.", hits)
        for name in ("external_prefix_cache_queries", "external_prefix_cache_hits"):
            yield self._counter(name, "Tokens of a shared cache outside this engine.", 0.0)
        for name in ("mm_cache_queries", "mm_cache_hits"):
            yield self._counter(name, "Items of the multi-modal cache.", 0.0)
        yield self._counter("num_preemptions", "Requests sent back to the queue.", samples.preemptions_total)
        yield self._counter("prompt_tokens", "Prompt tokens, counted at the first new token.", prompts)
        sources = {
            "local_compute": computed,
            "local_cache_hit": prompts - computed,
            "external_kv_transfer": 0.0,
        }
        yield self._counters_by("prompt_tokens_by_source", "Prompt tokens by source.", "source", sources)
        yield self._counter("prompt_tokens_cached", "Prompt tokens that were cached.", prompts - computed)
        tiers = {"device": hits, "host": 0.0, "p2p": 0.0, "disk": 0.0, "external_unspecified": 0.0}
        help_ = "Prefix-cache hits by tier, counted at admission."
        yield self._counters_by("prompt_tokens_cached_by_source", help_, "source", tiers)
        yield self._counter("generation_tokens", "Tokens generated.", samples.generation_tokens_total)
        tally = self._source.driver.tally
        ended = {reason: tally.reasons[reason] for reason in REASONS}
        yield self._counters_by("request_success", "Finished requests.", "finished_reason", ended)
        yield self._rejections()

    def _rejections(self) -> Metric:
        """Queue limits are off by default, so nothing is ever rejected; no engine label, as in vLLM."""
        family = CounterMetricFamily(
            "vllm:admission_rejections", "Rejected by a queue limit.", labels=["model_name", "reason"]
        )
        for reason in ("max_num_queued_reqs", "max_num_queued_tokens"):
            family.add_metric([self._source.model_name, reason], 0.0, created=self._source.created_s)
        return family

    def _histograms(self, samples: Samples) -> Iterator[Metric]:
        engine, tally = self._source.driver.engine, self._source.driver.tally
        for name, histogram in _of_lengths(tally, engine.iterations.snapshot()):
            yield self._histogram(name, histogram)
        for name, histogram in _of_times(tally, samples):
            yield self._histogram(name, histogram)
        yield self._histogram("request_num_preemptions", tally.preemptions.snapshot())
        yield self._histogram("request_prefill_kv_computed_tokens", tally.computed_tokens.snapshot())

    def _gauge(self, name: str, help_: str, value: float | None) -> Metric:
        family = GaugeMetricFamily(f"vllm:{name}", help_, labels=["model_name", "engine"])
        family.add_metric([self._source.model_name, ENGINE], _known(value))
        return family

    def _gauges_by(self, name: str, help_: str, label: str, values: Mapping[str, float]) -> Metric:
        family = GaugeMetricFamily(f"vllm:{name}", help_, labels=["model_name", "engine", label])
        for key, value in values.items():
            family.add_metric([self._source.model_name, ENGINE, key], float(value))
        return family

    def _counter(self, name: str, help_: str, value: float | None) -> Metric:
        family = CounterMetricFamily(f"vllm:{name}", help_, labels=["model_name", "engine"])
        family.add_metric([self._source.model_name, ENGINE], _known(value), created=self._source.created_s)
        return family

    def _counters_by(self, name: str, help_: str, label: str, values: Mapping[str, float]) -> Metric:
        family = CounterMetricFamily(f"vllm:{name}", help_, labels=["model_name", "engine", label])
        for key, value in values.items():
            family.add_metric(
                [self._source.model_name, ENGINE, key], float(value), created=self._source.created_s
            )
        return family

    def _histogram(self, name: str, histogram: Histogram) -> Metric:
        help_ = f"Histogram of {name.replace('_', ' ')}."
        family = HistogramMetricFamily(f"vllm:{name}", help_, labels=["model_name", "engine"])
        labels = [self._source.model_name, ENGINE]
        buckets = [(_le(le), count) for le, count in zip(histogram.le, histogram.counts, strict=True)]
        family.add_metric(labels, buckets, histogram.sum)
        own = dict(zip(("model_name", "engine"), labels, strict=True))
        family.add_sample(f"vllm:{name}_created", own, self._source.created_s)
        return family


def _known(value: float | None) -> float:
    assert value is not None
    return value


def _le(bound: float) -> str:
    return str(floatToGoString(bound))  # type: ignore[no-untyped-call]  # the library's only untyped helper


def _of_lengths(tally: Tally, iterations: Histogram) -> Iterable[tuple[str, Histogram]]:
    return (
        ("request_prompt_tokens", tally.prompt_tokens.snapshot()),
        ("request_generation_tokens", tally.generation_tokens.snapshot()),
        ("iteration_tokens_total", iterations),
        ("request_max_num_generation_tokens", tally.max_generation_tokens.snapshot()),
        ("request_params_n", tally.n.snapshot()),
        ("request_params_max_tokens", tally.max_tokens.snapshot()),
    )


def _of_times(tally: Tally, samples: Samples) -> Iterable[tuple[str, Histogram]]:
    assert samples.ttft_s is not None
    assert samples.itl_s is not None
    assert samples.queue_s is not None
    return (
        ("time_to_first_token_seconds", samples.ttft_s),
        ("inter_token_latency_seconds", samples.itl_s),
        ("request_time_per_output_token_seconds", tally.time_per_token.snapshot()),
        ("e2e_request_latency_seconds", tally.e2e.snapshot()),
        ("request_queue_time_seconds", samples.queue_s),
        ("request_inference_time_seconds", tally.inference.snapshot()),
        ("request_prefill_time_seconds", tally.prefill.snapshot()),
        ("request_decode_time_seconds", tally.decode.snapshot()),
    )


def cache_config(spec: EngineSpec) -> Metric:
    """vllm:cache_config_info: vLLM's CacheConfig as labels; what this engine has no notion of says None."""
    block = str(spec.block_tokens)
    settings = dict.fromkeys(_UNKNOWN_CACHE_SETTINGS, "None") | _CACHE_DEFAULTS
    settings |= {
        "block_size": block,
        "effective_attention_block_size": block,
        "enable_prefix_caching": str(spec.prefix_caching),
        "engine": ENGINE,
        "kv_cache_max_concurrency": str(spec.kv_tokens / spec.max_model_len),
        "kv_cache_size_tokens": str(spec.kv_tokens),
        "num_gpu_blocks": str(spec.kv_blocks),
    }
    family = GaugeMetricFamily(
        "vllm:cache_config_info", "The engine's cache settings.", labels=list(settings)
    )
    family.add_metric(list(settings.values()), 1.0)
    return family


_UNKNOWN_CACHE_SETTINGS = (
    "cache_hit_alignment_tokens",
    "hash_block_size",
    "kv_cache_layout",
    "kv_cache_memory_bytes",
    "kv_offloading_size",
    "mamba_block_size",
    "mamba_page_size_padded",
    "num_cpu_blocks",
    "num_gpu_blocks_override",
    "prefix_match_unit",
    "skip_page_size_padded",
    "sliding_window",
)
_CACHE_DEFAULTS = {
    "_block_size_resolved": "True",
    "cache_dtype": "auto",
    "enable_mamba_shared_prefix_checkpoint": "False",
    "gpu_memory_utilization": "0.9",
    "is_attention_free": "False",
    "kv_cache_dtype_skip_layers": "[]",
    "kv_offloading_backend": "native",
    "kv_sharing_fast_prefill": "False",
    "mamba_cache_dtype": "auto",
    "mamba_cache_mode": "none",
    "mamba_ssm_cache_dtype": "float32",
    "prefix_cache_retention_interval": "0",
    "prefix_caching_hash_algo": "sha256",
    "replayssm_buffer_len": "16",
    "swa_bounded_replay": "True",
    "use_kda_recoverssm": "False",
    "use_replayssm": "False",
    "user_specified_block_size": "False",
}
