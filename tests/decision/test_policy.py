"""Knobs: the defaults are valid, and a bad value is one violation that names key, bound, value and fix."""

import math
from dataclasses import fields, replace
from typing import Any

import pytest

from scaler.decision.policy import Policy, Prior, Roofline, validate


def test_the_defaults_are_valid() -> None:
    assert validate(Policy()) == []


def test_every_knob_has_a_default() -> None:
    assert Policy() == Policy(**{f.name: f.default for f in fields(Policy)})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "value", "constraint"),
    [
        ("ttft_slo_ms", 0.0, "must be greater than 0"),
        ("ttft_slo_ms", math.nan, "must be a finite number"),
        ("itl_slo_ms", math.inf, "must be a finite number"),
        ("itl_slo_ms", -1.0, "must lie between 0 and 1e+09"),
        ("slo_target", 1.5, "must lie between 0 and 1"),
        ("target_utilization", 0.0, "must be greater than 0"),
        ("target_kv_usage", "0.8", "must be a number"),
        ("forecast", "maybe", "must be one of on | off | shadow"),
        ("band", "", "must be one of z | quantile"),
        ("use_kv", 1, "must be true or false"),
        ("prior_scale", 0.0, "must be greater than 0"),
        ("holt_damping", 1.01, "must lie between 0 and 1"),
        ("idle_seconds", -5.0, "must lie between 0 and 1e+09"),
        ("wake_cap", True, "must be a number"),
    ],
)
def test_a_value_out_of_bounds_is_named(key: str, value: Any, constraint: str) -> None:
    (violation,) = validate(replace(Policy(), **{key: value}))
    assert (violation.key, violation.constraint) == (key, constraint)
    assert violation.value is value
    assert violation.fix


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("sigma_min", "sigma_max"),
        ("down_window_min_s", "down_window_max_s"),
        ("fresh_s", "known_s"),
        ("horizon_quantile", "credit_quantile"),
    ],
)
def test_bounds_that_cross_are_named(low: str, high: str) -> None:
    values: dict[str, Any] = {low: 0.9, high: 0.8}
    crossed = replace(Policy(), **values)
    assert [v.key for v in validate(crossed) if "exceed" in v.constraint] == [low]


def test_prior_facts_must_be_positive_and_may_be_absent() -> None:
    facts = Roofline(
        weight_bytes=1.0,
        active_parameters=1.0,
        kv_bytes_per_token=0.0,
        memory_bytes_per_s=math.nan,
        flops_per_s=1.0,
    )
    prior = Prior(prefill_tokens_per_s=-1.0, roofline=facts)
    keys = [v.key for v in validate(replace(Policy(), prior=prior))]
    assert keys == [
        "prior.prefill_tokens_per_s",
        "prior.roofline.kv_bytes_per_token",
        "prior.roofline.memory_bytes_per_s",
    ]
    assert validate(replace(Policy(), prior=Prior())) == []
