"""Faults on request: what can be wrong with an engine, switched on and off while it runs."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Faults(BaseModel):
    """All of them, none by default. Each holds until it is changed or cleared."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hang: bool = False
    """Requests are taken, and nothing comes of them; /health and /metrics still answer."""
    error_rate: Share = 0.0
    """Share of completions that are answered 500."""
    frozen_metrics: bool = False
    """/metrics goes on showing what it showed when this began."""
    drop_scrapes: Share = 0.0
    """Share of scrapes whose connection is closed without an answer."""
    not_ready: bool = False
    """/health answers 503."""
    slow: Annotated[float, Field(ge=1, le=1000, allow_inf_nan=False)] = 1.0
    """Steps take so many times as long."""
    crash_after_requests: Annotated[int, Field(ge=0)] | None = None
    """The process ends with code 1 at so many requests after this was set; 0: now."""
    crash_after_s: Annotated[float, Field(ge=0, le=10**6, allow_inf_nan=False)] | None = None
    """The same by time."""
