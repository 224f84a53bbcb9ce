"""The command line without a process of its own: a tenth of the time, for the tables of bad input."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.cli import main
from tests.cli.run import ENVIRONMENT, Done

Inside = Callable[..., Done]


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inside:
    """Call ``main`` as the console script does, in an empty directory, 80 columns wide."""

    def call(*arguments: str) -> Done:
        monkeypatch.chdir(tmp_path)
        for name in ("COLUMNS", "TERM", "NO_COLOR"):
            monkeypatch.setenv(name, ENVIRONMENT[name])
        monkeypatch.setattr(sys, "argv", ["hearth", *arguments])
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capsys.readouterr()
        code = exit_.value.code
        return Done(code=code if isinstance(code, int) else 0, out=captured.out, err=captured.err)

    return call
