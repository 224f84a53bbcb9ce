"""The house keeps its own rules: borders between packages, a lock file that can be installed anywhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_borders_between_packages_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([str(lint)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_lock_file_has_a_hash_for_every_requirement_and_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    requirements = re.findall(
        r"^[a-z0-9][^\n]*==[^\n]*\\\n((?:    --hash=sha256:[0-9a-f]{64}[^\n]*\n?)+)", text, re.M
    )
    assert len(requirements) == len(re.findall(r"^[a-z0-9][^\n]*==", text, re.M))


@pytest.mark.parametrize("core", ["scaler/decision", "cache_agent/planning"])
def test_a_pure_core_reads_no_clock_no_chance_and_no_environment(core: str) -> None:
    banned = re.compile(
        r"^\s*(import|from) (time|random|os|datetime|logging|pathlib|socket|subprocess|asyncio)\b", re.M
    )
    for path in sorted((ROOT / core).rglob("*.py")):
        if path.name == "schemas.py":  # the generator writes files; nothing in the core imports it
            continue
        assert not banned.search(path.read_text()), path


def test_every_make_target_that_the_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = set(re.findall(r"\bmake ([a-z0-9-]+)", (ROOT / "README.md").read_text()))
    assert named <= targets
