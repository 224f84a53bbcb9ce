"""Reading /metrics: samples by name and labels, and what moved between two readings."""

import re
from collections.abc import Callable, Mapping

from tests.live.contract.asking import ask
from tests.live.contract.target import Target

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_SHOWN = ("source", "finished_reason")
"""Labels that tell series of one family apart."""

Labels = tuple[tuple[str, str], ...]
Samples = dict[tuple[str, Labels], float]


def parse(body: str) -> Samples:
    """Every sample of a body."""
    found: Samples = {}
    for line in body.splitlines():
        if line and not line.startswith("#"):
            matched = _SAMPLE.match(line)
            assert matched, line
            name, labels, value = matched.groups()
            key = name, tuple(sorted(_LABEL.findall(labels or "")))
            assert key not in found, line
            found[key] = float(value)
    return found


def types(body: str) -> dict[str, str]:
    """Type of each family."""
    pairs = (line.split(" ")[2:4] for line in body.splitlines() if line.startswith("# TYPE "))
    return {name: kind for name, kind in pairs}  # noqa: C416 - pairs of lists are no pairs to dict()


def scrape(target: Target) -> Samples:
    """What the engine shows now."""
    answer = ask(target, "GET", "/metrics")
    assert answer.status == 200
    return parse(answer.text)


def value(samples: Samples, name: str, **labels: str) -> float:
    """Sum over the series of ``name`` that have these labels."""
    wanted = set(labels.items())
    found = [number for (known, own), number in samples.items() if known == name and wanted <= set(own)]
    assert found, f"no {name} {labels}"
    return sum(found)


def until(target: Target, met: Callable[[Samples], bool], turns: int = 3000) -> Samples:
    """Scrape until it is so: a scrape takes a millisecond, and there are ``turns`` of them."""
    for _ in range(turns):
        samples = scrape(target)
        if met(samples):
            return samples
    raise AssertionError(f"not within {turns} scrapes")


def idle(samples: Samples) -> bool:
    """Nothing runs and nothing waits."""
    running = value(samples, "vllm:num_requests_running")
    return running + value(samples, "vllm:num_requests_waiting") == 0


def moved(before: Mapping[tuple[str, Labels], float], after: Samples) -> set[str]:
    """Counters and counts of histograms that grew, as ``name`` or ``name[label value]``; none may shrink."""
    grown = set()
    for (name, labels), number in after.items():
        if not name.startswith("vllm:") or not name.endswith(("_total", "_count")):
            continue
        old = before.get((name, labels), 0.0)
        assert number >= old, name
        if number > old:
            shown = [text for key, text in labels if key in _SHOWN]
            grown.add(f"{name}[{shown[0]}]" if shown else name)
    return grown
