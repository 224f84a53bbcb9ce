"""Help, version, and what they must not import."""

import subprocess
import sys
from pathlib import Path

import pytest

from runtime.cli import COMMANDS
from simulations.cli import commands
from simulations.policies import registry
from simulations.traces import catalog, synthetic
from tests.cli.conftest import Inside
from tests.cli.run import hearth

HEAVY = ("bokeh", "pydantic", "numpy", "yaml", "simulations.run", "simulations.scenario")


def test_the_version_is_the_package_s(tmp_path: Path) -> None:
    from importlib.metadata import version

    done = hearth("--version", cwd=tmp_path)
    assert (done.code, done.out) == (0, f"hearth {version('hearth')}\n")


@pytest.mark.parametrize("command", [None, *COMMANDS], ids=lambda command: command or "hearth itself")
def test_every_help_has_an_example_and_fits_80_columns(command: str | None, inside: Inside) -> None:
    done = inside(*([command] if command else []), "--help")
    assert done.code == 0
    assert "Example" in done.out
    assert f"hearth {command or 'simulate'}" in done.out
    assert max(len(line) for line in done.out.splitlines()) <= 80


def test_a_command_that_does_not_exist_is_refused(inside: Inside) -> None:
    done = inside("simulat")
    assert done.code == 2
    assert "simulate" in done.err  # what was probably meant


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_asking_for_help_loads_nothing_heavy(argument: str) -> None:
    code = (
        "import sys\n"
        "from runtime.cli import main\n"
        f"sys.argv = ['hearth', {argument!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert "LOADED []" in done.stdout


def test_help_names_every_trace_and_policy_that_there_is() -> None:
    assert sorted(commands.RECORDED.split(", ")) == sorted(catalog.RECORDED)
    assert sorted(commands.LOADS.split(", ")) == sorted(synthetic.LOADS)
    assert sorted(commands.POLICIES.replace(":N", "").split(", ")) == sorted(registry.NAMES)
