"""What a simulation runs on: every knob of design 5.6 with its default, checked when it is read."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST = 10**9
"""Of seconds (30 years), milliseconds, GB or money. More is a slip, and would overflow columns."""

Positive = Annotated[float, Field(gt=0, le=MOST, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, le=MOST, allow_inf_nan=False)]
Period = Annotated[float, Field(ge=0.1, le=86_400, allow_inf_nan=False)]
"""Seconds between two turns of a loop: real ones take whole seconds, and thousands a second never end."""
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Section(BaseModel):
    """A frozen group of settings that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Engine(Section):
    """One replica's engine. ``None`` means: what vLLM would choose for this model and GPU."""

    model: str = "meta-llama/Llama-3.1-8B"
    """A Hugging Face id of the data file, or the path of any model's ``config.json``."""
    gpu: str = "h100-sxm"
    """A GPU of the data file, or a YAML file with the same fields."""
    tensor_parallel: Annotated[int, Field(ge=1, le=64)] = 1
    """GPUs of one replica."""
    kv_tokens: Annotated[int, Field(ge=16, le=MOST)] | None = None
    """Tokens that the KV cache holds."""
    max_num_seqs: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Sequences that run at once."""
    max_num_batched_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Tokens of one step: the budget that prompts are chunked to."""
    max_model_len: Annotated[int, Field(ge=1)] | None = None
    """The context: prompt plus output."""
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Share of the GPU's memory that the engine takes."""
    prefix_caching: bool = True
    """Matters only for traces with prefixes."""
    ingest_ms: NonNegative = 10.0
    """HTTP, tokenising and hand-over before the engine sees a request (10-16 ms: BLIS' fits on H100)."""
    calibration: str | None = None
    """A YAML file written by ``hearth calibrate``: efficiencies that replace the data file's."""


class Provisioning(Section):
    """Nodes that are added when no GPU is free, and released when empty."""

    max_nodes: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Nodes beyond ``cluster.nodes`` that may be requested; 0 switches provisioning off."""
    seconds_p50: Positive = 200.0
    """Median seconds from request to Ready; lognormal (GPU nodes take 2-8 min)."""
    sigma: Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)] = 0.3
    """Lognormal spread of ``seconds_p50``."""
    idle_release_s: NonNegative = 600.0
    """A provisioned node without pods is released after this long."""


class Cluster(Section):
    """Bounds of the fleet and the nodes that it may use."""

    min_replicas: Annotated[int, Field(ge=0, le=10_000)] = 1
    """Also how many are ready when the run begins."""
    max_replicas: Annotated[int, Field(ge=1, le=10_000)] = 8
    """No policy gets more."""
    nodes: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """None: as many as ``max_replicas`` needs."""
    gpus_per_node: Annotated[int, Field(ge=1, le=1_024)] = 8
    """GPUs of one node."""
    cached_fraction: Share = 1.0
    """Share of nodes that hold the weights at the start."""
    image_cached_fraction: Share = 1.0
    """Share of nodes that hold the engine's image at the start."""
    provisioning: Provisioning = Provisioning()
    router: Literal["least-loaded", "round-robin", "prefix-aware"] = "least-loaded"
    """How requests find a replica: least running + waiting, in turn, or longest known prefix."""
    router_view_s: Period = 1.0
    """How old the router's view of the replicas is."""
    scrape_interval_s: Period = 5.0
    """How often the engines' metrics are scraped."""
    scrape_loss: Share = 0.0
    """Probability that one scrape of one pod fails."""
    foreign_gpus: tuple[tuple[float, float, int], ...] = ()
    """(from_s, to_s, gpus): another tenant takes GPUs of the fleet for a while (exhaustion runs)."""

    @model_validator(mode="after")
    def _ordered(self) -> "Cluster":
        if self.max_replicas < self.min_replicas:
            raise ValueError(
                f"max_replicas {self.max_replicas} is less than min_replicas {self.min_replicas}; "
                f"raise max_replicas to at least {self.min_replicas}"
            )
        return self


class Phases(Section):
    """Seconds of each start-up phase, or GB and GB/s where bytes decide.

    Defaults: Llama-3.1-8B as measured in anyscale/ray-serve-llm-perf-examples, replica_initialization.
    """

    schedule_s: NonNegative = 1.0
    """From creation to binding, where a GPU is free."""
    image_gb: NonNegative = 10.0
    """Pulled on a node without the image."""
    image_gb_per_s: Positive = 0.25
    """The pull rate."""
    process_init_s: NonNegative = 39.0
    """Python, CUDA and the engine's process."""
    weights_gb: NonNegative | None = None
    """None: the model's own size."""
    download_gb_per_s: Positive = 0.8
    """Weights, on a node that does not hold them."""
    disk_gb_per_s: Positive = 4.0
    """Weights, from the node's disk to the GPUs."""
    compile_cold_s: NonNegative = 26.0
    """Compilation without a compile cache."""
    compile_cached_s: NonNegative = 7.0
    """The same with one."""
    compile_cached: bool = False
    """Whether there is a compile cache."""
    profile_s: NonNegative = 3.0
    """Memory profiling."""
    warmup_s: NonNegative = 6.0
    """First steps of the engine."""
    capture_s: NonNegative = 5.0
    """CUDA graph capture."""
    probe_period_s: Positive = 5.0
    """Readiness is seen at the next probe."""


class ColdStart(Section):
    """How long a pod takes from creation to ready: one figure (``seconds``) or phases."""

    seconds: NonNegative | None = 100.0
    """The mean when every node is alike; None: the phases below decide."""
    uncached_extra_s: NonNegative = 0.0
    """With ``seconds``: added on a node without the weights."""
    jitter: Share = 0.1
    """Lognormal sigma of each start."""
    failure: Share = 0.0
    """Probability that one start fails and begins again after the kubelet's back-off."""
    slow_requests: Annotated[int, Field(ge=0)] = 4
    """First requests on a new replica that see extra latency (lazy kernels, allocator)."""
    slow_request_ms: NonNegative = 300.0
    """The extra latency of each."""
    phases: Phases = Phases()


class Slo(Section):
    """The objective that requests are judged by."""

    ttft_ms: Positive = 1000.0
    """Time to the first token, from arrival at the router."""
    itl_ms: Positive = 50.0
    """A request's mean time between two tokens."""
    target: Share = 0.98
    """Share of requests that shall meet both."""


class Keda(Section):
    """Overrides of what the policy's author ships; None keeps the author's."""

    polling_s: Period | None = None
    """KEDA's ``pollingInterval``."""
    cooldown_s: NonNegative | None = None
    """KEDA's ``cooldownPeriod`` before it scales to zero."""


class Rule(Section):
    """One HPA scaling policy."""

    type: Literal["Pods", "Percent"]
    """What ``value`` counts."""
    value: Annotated[int, Field(ge=1)]
    """Largest change within ``period_s``."""
    period_s: Annotated[int, Field(ge=1, le=1800)]
    """Kubernetes' ``periodSeconds``."""


class Direction(Section):
    """``behavior.scaleUp`` or ``behavior.scaleDown``."""

    stabilization_s: Annotated[int, Field(ge=0, le=3600)] | None = None
    """Kubernetes' ``stabilizationWindowSeconds``."""
    tolerance: NonNegative | None = None
    """Relative change that is ignored in this direction."""
    select: Literal["Max", "Min", "Disabled"] = "Max"
    """Which rule wins; ``Disabled`` forbids the direction."""
    rules: tuple[Rule, ...] = ()
    """Rate limits; none leaves Kubernetes' defaults."""


class Hpa(Section):
    """Overrides for every policy; None keeps the author's."""

    sync_s: Period = 15.0
    """Period of the HPA controller."""
    tolerance: NonNegative = 0.1
    """Relative distance from the target that is ignored."""
    scale_up: Direction | None = None
    scale_down: Direction | None = None


class TraceOptions(Section):
    """How the trace is changed before it runs."""

    copies: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Superpose k copies, each shifted by a seeded offset of at most 60 s."""
    time_scale: Positive = 1.0
    """Multiplies every timestamp: 0.5 doubles the rate."""
    length_scale: Positive = 1.0
    """Multiplies prompt and output tokens."""
    start_s: NonNegative = 0.0
    """Where the window begins, in the recording's own seconds."""
    duration_s: Positive | None = None
    """Length of the window; None: to the end."""
    jitter_s: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 0.0
    """Spread of tied timestamps (Mooncake's 3 s grid)."""
    over_long: Literal["count", "drop", "clamp", "reject"] = "count"
    """Prompts beyond the context: counted as missed, dropped from the trace, cut, or an error."""


class Client(Section):
    """What callers do when they wait too long."""

    timeout_s: Positive | None = None
    """A request without its last token by then is given up; None: callers wait."""
    retries: Annotated[int, Field(ge=0, le=20)] = 0
    """How often a request that was given up is tried again."""
    retry_delay_s: NonNegative = 1.0
    """Pause before it."""


class EngineChange(Section):
    """An engine setting changed mid-run: a rolling update to it begins at ``at_s``."""

    at_s: NonNegative
    """When the rolling update begins."""
    engine: dict[str, float | int | str | bool]
    """Keys of ``engine`` and their new values."""


class Scenario(Section):
    """Everything about a run but the trace, the policy's name and the seed."""

    engine: Engine = Engine()
    cluster: Cluster = Cluster()
    cold_start: ColdStart = ColdStart()
    slo: Slo = Slo()
    keda: Keda = Keda()
    hpa: Hpa = Hpa()
    policy: dict[str, float | int | str | bool] = Field(default_factory=dict)
    """Parameters of the policy, by its own names."""
    trace: TraceOptions = TraceOptions()
    client: Client = Client()
    changes: tuple[EngineChange, ...] = ()
    """Engine settings that change mid-run."""
    price_per_gpu_hour: NonNegative = 2.5
    """In whatever currency ``cost`` shall be."""
