"""What a simulation runs on: every knob of design 5.6 with its default, checked when it is read."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Section(BaseModel):
    """A frozen group of settings that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Engine(Section):
    """One replica's engine. ``None`` means: what vLLM would choose for this model and GPU."""

    model: str = "meta-llama/Llama-3.1-8B"
    gpu: str = "h100-sxm"
    tensor_parallel: Annotated[int, Field(ge=1, le=64)] = 1
    kv_tokens: Annotated[int, Field(ge=16)] | None = None
    max_num_seqs: Annotated[int, Field(ge=1)] | None = None
    max_num_batched_tokens: Annotated[int, Field(ge=1)] | None = None
    max_model_len: Annotated[int, Field(ge=1)] | None = None
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] = 0.9
    prefix_caching: bool = True
    ingest_ms: NonNegative = 10.0
    """HTTP, tokenising and hand-over before the engine sees a request; 10-16 ms measured (simulation.md 5)."""
    calibration: str | None = None
    """A YAML file written by ``hearth calibrate``: efficiencies that replace the data file's."""


class Provisioning(Section):
    """Nodes that are added when no GPU is free, and released when empty."""

    max_nodes: Annotated[int, Field(ge=0)] = 0
    """Nodes beyond ``cluster.nodes`` that may be requested; 0 switches provisioning off."""
    seconds_p50: Positive = 200.0
    """Median seconds from request to Ready; lognormal (GPU nodes take 2-8 min, simulation.md 5)."""
    sigma: NonNegative = 0.3
    idle_release_s: NonNegative = 600.0


class Cluster(Section):
    """Bounds of the fleet and the nodes that it may use."""

    min_replicas: Annotated[int, Field(ge=0)] = 1
    max_replicas: Annotated[int, Field(ge=1)] = 8
    nodes: Annotated[int, Field(ge=1)] | None = None
    """None: as many as ``max_replicas`` needs."""
    gpus_per_node: Annotated[int, Field(ge=1)] = 8
    cached_fraction: Share = 1.0
    """Share of nodes that hold the weights at the start."""
    image_cached_fraction: Share = 1.0
    provisioning: Provisioning = Provisioning()
    router: Literal["least-loaded", "round-robin", "prefix-aware"] = "least-loaded"
    router_view_s: Positive = 1.0
    scrape_interval_s: Positive = 5.0
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
    """Seconds of each start-up phase (or GB and GB/s where bytes decide); simulation.md 5 'Start-up phases'."""

    schedule_s: NonNegative = 1.0
    image_gb: NonNegative = 10.0
    image_gb_per_s: Positive = 0.25
    process_init_s: NonNegative = 39.0
    weights_gb: NonNegative | None = None
    """None: the model's own size."""
    download_gb_per_s: Positive = 0.8
    disk_gb_per_s: Positive = 4.0
    compile_cold_s: NonNegative = 26.0
    compile_cached_s: NonNegative = 7.0
    compile_cached: bool = False
    profile_s: NonNegative = 3.0
    warmup_s: NonNegative = 6.0
    capture_s: NonNegative = 5.0
    probe_period_s: Positive = 5.0


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
    phases: Phases = Phases()


class Slo(Section):
    """The objective (design 5.6 'Accounting')."""

    ttft_ms: Positive = 1000.0
    itl_ms: Positive = 50.0
    target: Share = 0.98


class Keda(Section):
    """Overrides of what the policy's author ships; None keeps the author's."""

    polling_s: Positive | None = None
    cooldown_s: NonNegative | None = None


class Rule(Section):
    """One HPA scaling policy."""

    type: Literal["Pods", "Percent"]
    value: Annotated[int, Field(ge=1)]
    period_s: Annotated[int, Field(ge=1, le=1800)]


class Direction(Section):
    """``behavior.scaleUp`` or ``behavior.scaleDown``."""

    stabilization_s: Annotated[int, Field(ge=0, le=3600)] | None = None
    tolerance: NonNegative | None = None
    select: Literal["Max", "Min", "Disabled"] = "Max"
    rules: tuple[Rule, ...] = ()


class Hpa(Section):
    """Overrides for every policy; None keeps the author's."""

    sync_s: Positive = 15.0
    tolerance: NonNegative = 0.1
    scale_up: Direction | None = None
    scale_down: Direction | None = None


class TraceOptions(Section):
    """How the trace is changed before it runs."""

    copies: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Superpose k copies, each shifted by a seeded offset of at most 60 s."""
    time_scale: Positive = 1.0
    """Multiplies every timestamp: 0.5 doubles the rate."""
    length_scale: Positive = 1.0
    start_s: NonNegative = 0.0
    duration_s: Positive | None = None
    jitter_s: NonNegative = 0.0
    """Spread of tied timestamps (Mooncake's 3 s grid)."""
    over_long: Literal["count", "drop", "clamp", "reject"] = "count"
    """Prompts beyond the context: counted as missed, dropped from the trace, cut, or an error."""


class Client(Section):
    """What callers do when they wait too long."""

    timeout_s: Positive | None = None
    retries: Annotated[int, Field(ge=0, le=20)] = 0
    retry_delay_s: NonNegative = 1.0


class EngineChange(Section):
    """An engine setting changed mid-run: pods created after ``at_s`` use it (a rolling update replaces the old)."""

    at_s: NonNegative
    engine: dict[str, float | int | str | bool]


class Scenario(Section):
    """Everything about a run but the trace, the policy's name and the seed."""

    engine: Engine = Engine()
    cluster: Cluster = Cluster()
    cold_start: ColdStart = ColdStart()
    slo: Slo = Slo()
    keda: Keda = Keda()
    hpa: Hpa = Hpa()
    policy: dict[str, float | int | str | bool] = Field(default_factory=dict)
    trace: TraceOptions = TraceOptions()
    client: Client = Client()
    changes: tuple[EngineChange, ...] = ()
    price_per_gpu_hour: NonNegative = 2.5
