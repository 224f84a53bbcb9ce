"""The command line: what it passes on, and that what a person does wrong is one line."""

from typing import Any

import pytest

from tests.e2e.cluster import __main__ as command
from tests.e2e.cluster import life, machine


def run(monkeypatch: pytest.MonkeyPatch, line: str) -> tuple[str, list[str]]:
    """(cluster, words) that a command line enters with."""
    entered: list[Any] = []
    monkeypatch.setattr(life, "enter", lambda at, words: entered.append((at.root.name, words)))
    monkeypatch.setattr("sys.argv", ["cluster", *line.split()])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 0
    name, words = entered[0]
    return name, words


@pytest.mark.parametrize(
    ("line", "name", "words"),
    [
        ("kubectl get pods -A", "dev", "get pods -A"),
        ("kubectl --name api -n x exec p -- sh -c ls", "api", "-n x exec p -- sh -c ls"),
        ("kubectl exec p -- ls --help", "dev", "exec p -- ls --help"),
        ("kubectl --help", "dev", "--help"),
    ],
)
def test_kubectl_gets_every_word(monkeypatch: pytest.MonkeyPatch, line: str, name: str, words: str) -> None:
    entered, found = run(monkeypatch, line)
    assert entered == name
    assert " ".join(found[-len(words.split()) :]) == words
    assert [word for word in found[: -len(words.split())] if not word.startswith("--")] == found[:1]


def test_enter_gets_every_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "enter --name api sh -c -- ls") == ("api", ["sh", "-c", "--", "ls"])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("kubectl --name", "--name wants a cluster's name after it"),
        ("kubectl --name .. get pods", "cluster name '..': use a-z"),
        ("down --name ..", "cluster name '..': use a-z"),
        ("down --name no-such/one", "cluster name 'no-such/one': use a-z"),
        ("kill etcd --name no-such", "cluster no-such is not running; make cluster-up starts it"),
        ("enter --name no-such true", "cluster no-such is not running; make cluster-up starts it"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, says: str
) -> None:
    monkeypatch.setattr("sys.argv", ["cluster", *line.split()])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == machine.EXIT_FAILED
    said = capsys.readouterr().err
    assert said.startswith(f"cluster: {says}")
    assert said.count("\n") == 1
