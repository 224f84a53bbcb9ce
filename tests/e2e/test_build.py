"""What real Go says of modules that are not there."""

from pathlib import Path

import pytest

from tests.e2e.cluster import build
from tests.e2e.cluster.machine import ClusterError
from tests.e2e.cluster.programs import Program
from tests.e2e.cluster.progress import Silent


def test_an_unknown_module_version_is_one_line_and_the_log(
    able: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEARTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GOPROXY", "off")
    module = tmp_path / "module"
    module.mkdir()
    (module / "go.mod").write_text("module x\ngo 1.26\nrequire example.com/nowhere v9.9.9\n")
    program = Program(name="nowhere", module=str(module), package="example.com/nowhere")
    with pytest.raises(ClusterError) as failed:
        build.built([program], Silent())
    what, log = str(failed.value).split("; log: ")
    assert what.startswith("go list nowhere: ")
    assert "example.com/nowhere" in what
    assert Path(log).read_text()
    assert not build.binary(program).exists()
