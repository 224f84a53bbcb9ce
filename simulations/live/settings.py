"""Settings of ``hearth engine``: flags, then ``HEARTH_ENGINE_*`` environment, then a YAML file."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulations import scenario
from simulations.engine.resolve import resolve
from simulations.engine.spec import EngineSpec
from simulations.errors import InputError
from simulations.live.faults import Faults
from simulations.live.lengths import MEAN_TOKENS, SIGMA
from simulations.live.pace import at_speed
from simulations.scenario import MOST, NonNegative
from simulations.yaml_source import Document, Value, parse

PREFIX = "HEARTH_ENGINE_"
PHASES = ("weights", "init", "load", "compile", "profile", "capture", "warmup")
_LINKED = re.compile(r"(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_LINK_VALUE = re.compile(r"(tcp|udp|sctp)://")


class Settings(BaseModel):
    """All of them. Names are vLLM's where vLLM has the setting."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    model: str = "meta-llama/Llama-3.1-8B"
    served_model_name: str | None = None
    gpu: str = "h100-sxm"
    tensor_parallel_size: Annotated[int, Field(ge=1, le=64)] = 1
    max_num_seqs: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    max_num_batched_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    max_model_len: Annotated[int, Field(ge=2)] | None = None
    kv_tokens: Annotated[int, Field(ge=32, le=MOST)] | None = None
    enable_prefix_caching: bool = True
    ingest_ms: NonNegative = 10.0
    output_tokens_mean: Annotated[float, Field(ge=1, le=10**6)] = MEAN_TOKENS
    output_tokens_sigma: Annotated[float, Field(ge=0, le=5)] = SIGMA
    host: str = "0.0.0.0"  # noqa: S104 - as vLLM's own server; pods are reached from outside
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    time_scale: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 1.0
    seed: int = 0
    startup_seconds: NonNegative | None = None
    startup_phases: dict[
        Literal["weights", "init", "load", "compile", "profile", "capture", "warmup"], NonNegative
    ] = {}
    shutdown_timeout: NonNegative = 0.0
    log_format: Literal["plain", "json"] = "plain"
    faults: Faults = Faults()

    @property
    def name(self) -> str:
        """What clients call the model."""
        return self.served_model_name or self.model

    def spec(self) -> EngineSpec:
        """The engine, at the time scale; :class:`InputError` where model, GPU and limits do not fit."""
        try:
            spec = resolve(self._engine())
        except InputError as error:
            raise InputError(_as_flags(error.where), _as_flags(error.problem), _as_flags(error.fix)) from None
        return at_speed(spec, self.time_scale)

    def _engine(self) -> scenario.Engine:
        return scenario.Engine(
            model=self.model,
            gpu=self.gpu,
            tensor_parallel=self.tensor_parallel_size,
            kv_tokens=self.kv_tokens,
            max_num_seqs=self.max_num_seqs,
            max_num_batched_tokens=self.max_num_batched_tokens,
            max_model_len=self.max_model_len,
            prefix_caching=self.enable_prefix_caching,
            ingest_ms=self.ingest_ms,
        )


def load(flags: Mapping[str, Any], environment: Mapping[str, str], config: Path | None) -> Settings:
    """Settings from the three sources; ``flags`` holds what was given only.

    Raises :class:`InputError` that names the flag, variable or line, and for an unknown key the nearest one.
    """
    merged: dict[str, Any] = {}
    where: dict[str, str] = {}
    for source in (_from_file(config), _from_environment(environment), _from_flags(flags)):
        for key, (value, place) in source.items():
            _check_known(key, place)
            merged[key] = value
            where[key] = place
    if merged.get("startup_seconds") is not None and merged.get("startup_phases"):
        raise InputError(
            where["startup_seconds"],
            "says the same as --startup-phase in another way",
            "give one of the two",
        )
    return _checked(merged, where)


_Found = dict[str, tuple[Any, str]]


def _from_flags(flags: Mapping[str, Any]) -> _Found:
    return {key: (value, _flag(key)) for key, value in flags.items()}


def _from_environment(environment: Mapping[str, str]) -> _Found:
    """Kubernetes puts variables of its own here where a Service is called ``hearth-engine``: those are no
    settings."""
    found: _Found = {}
    for name in sorted(environment):
        key, value = name.removeprefix(PREFIX), environment[name]
        if key == name or _LINKED.fullmatch(key) or _LINK_VALUE.match(value):
            continue
        found[key.lower()] = (parse(value, name).data, name)
    return found


def _from_file(config: Path | None) -> _Found:
    if config is None:
        return {}
    document = parse(_text(config), str(config))
    if document.data is None:
        return {}
    if not isinstance(document.data, dict):
        raise InputError(str(config), "holds no settings", "write key: value lines")
    return {key: (value, _place(document, key, config)) for key, value in document.data.items()}


def _place(document: Document, key: str, config: Path) -> str:
    return f"{document.where((key,), str(config))}: {key}"


def _text(config: Path) -> str:
    try:
        return config.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"--config {config}", (error.strerror or "cannot be read").lower(), "name a readable YAML file"
        ) from None
    except UnicodeDecodeError:
        raise InputError(f"--config {config}", "is binary, not text", "give a UTF-8 YAML file") from None


def _check_known(key: str, place: str) -> None:
    if key in Settings.model_fields:
        return
    near = difflib.get_close_matches(key, Settings.model_fields, n=1, cutoff=0.0)
    raise InputError(place, f"there is no setting {key}", f"did you mean {near[0]}?")


def _checked(merged: dict[str, Any], where: Mapping[str, str]) -> Settings:
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise _translated(error, where) from None


def _translated(error: ValidationError, where: Mapping[str, str]) -> InputError:
    first = error.errors(include_url=False)[0]
    key, inner = str(first["loc"][0]), [str(part) for part in first["loc"][1:] if part != "[key]"]
    place = ".".join([where.get(key, _flag(key)), *inner])
    if first["type"] in ("extra_forbidden", "literal_error") and inner:
        known = tuple(Faults.model_fields) if key == "faults" else PHASES
        near = difflib.get_close_matches(inner[0], known, n=1, cutoff=0.0)[0]
        return InputError(place, f"there is no {inner[0]}", f"did you mean {near}? known: {', '.join(known)}")
    return InputError(
        place, f"is {_shown(first['input'])}", first["msg"].replace("Input should", "it should")
    )


def _shown(value: Value) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


_REPEATED = {"faults": "--fault", "startup_phases": "--startup-phase"}


def _flag(key: str) -> str:
    return _REPEATED.get(key, "--" + key.replace("_", "-"))


def _as_flags(text: str) -> str:
    """A sentence about the scenario's keys as one about this command's flags."""
    text = text.replace("engine.tensor_parallel", "--tensor-parallel-size")
    text = text.replace("engine.gpu_memory_utilization", "--kv-tokens")  # no setting of its own here
    return re.sub(r"\b(?:engine\.)(\w+)", lambda match: "--" + match.group(1).replace("_", "-"), text)


def assignments(flag: str, pairs: list[str]) -> dict[str, Value]:
    """``key=value`` words of a repeatable flag, values as in YAML."""
    found: dict[str, Value] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise InputError(f"{flag} {pair}", "is no assignment", "write key=value")
        found[key.strip().replace("-", "_")] = parse(text, f"{flag} {pair}").data
    return found
