"""Calibration files: efficiencies fitted to a measured run that replace the data file's (``hearth
calibrate``)."""

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import yaml

from simulations.engine.gpus import Efficiency, Gpu, Link
from simulations.errors import InputError

_GROUPS = {"efficiency": Efficiency, "link": Link}


def apply_calibration(gpu: Gpu, path: str) -> Gpu:
    """``gpu`` with the efficiencies of the file at ``path``."""
    content = _read(path)
    unknown = [key for key in content if key not in {*_GROUPS, "fitted_to", "errors"}]
    if unknown:
        raise InputError(
            f"engine.calibration {path}: {unknown[0]}", "unknown key", "use a file of hearth calibrate"
        )
    return replace(
        gpu,
        efficiency=replace(gpu.efficiency, **_numbers(content, "efficiency", path)),
        link=replace(gpu.link, **_numbers(content, "link", path)),
    )


def _read(path: str) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"engine.calibration {path}", "there is no such file", "run hearth calibrate first"
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        line = str(error).replace("\n", " ")
        raise InputError(
            f"engine.calibration {path}", f"not readable ({line})", "run hearth calibrate again"
        ) from None
    if not isinstance(content, dict):
        raise InputError(f"engine.calibration {path}", "not a mapping", "use a file of hearth calibrate")
    return content


def _numbers(content: Mapping[str, Any], group: str, path: str) -> dict[str, float]:
    known = [f.name for f in fields(_GROUPS[group])]
    values = content.get(group) or {}
    for key, value in values.items():
        where = f"engine.calibration {path}: {group}.{key}"
        if key not in known:
            raise InputError(where, "unknown key", f"use one of {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise InputError(where, f"{value!r} is not a number of at least 0", "give one")
    return {key: float(value) for key, value in values.items()}
