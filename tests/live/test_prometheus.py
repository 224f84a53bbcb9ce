"""A real Prometheus 2 scrapes the engine: every family arrives as vLLM calls it, colon included.

Carries the marker ``cluster``; without a ``prometheus`` in PATH it is skipped, unless
``HEARTH_REQUIRE_CLUSTER`` is set (CI sets it): then it fails.
"""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from tests.live.contract.asking import completion
from tests.live.contract.metrics import scrape
from tests.live.contract.starting import hearth_engine
from tests.live.contract.target import Wanted
from tests.live.test_process import a_free_port

TURNS, TURN_S = 300, 0.1
"""Prometheus 2.42 looks at what is to be scraped for the first time 5 s after its start."""
CONFIG = """
global: {scrape_interval: 200ms, scrape_timeout: 200ms}
scrape_configs: [{job_name: engine, static_configs: [{targets: ["%s"]}]}]
"""


@pytest.fixture
def prometheus() -> str:
    """The program."""
    found = shutil.which("prometheus")
    if found is None and os.environ.get("HEARTH_REQUIRE_CLUSTER"):
        pytest.fail("HEARTH_REQUIRE_CLUSTER is set, and there is no prometheus; apt-get install prometheus")
    if found is None:
        pytest.skip("there is no prometheus; apt-get install prometheus")
    return found


@contextmanager
def scraping(program: str, target: str, folder: Path) -> Iterator[str]:
    """A Prometheus that scrapes ``target`` (host:port); its address."""
    config, address = folder / "prometheus.yml", f"127.0.0.1:{a_free_port()}"
    config.write_text(CONFIG % target)
    flags = [f"--config.file={config}", f"--storage.tsdb.path={folder}/data"]
    command = [program, *flags, f"--web.listen-address={address}", "--log.level=error"]
    with subprocess.Popen(command) as process:
        try:
            yield f"http://{address}"
        finally:
            process.terminate()


def found(url: str, query: str) -> list[Any]:
    """What an instant query finds; nothing while Prometheus starts."""
    try:
        with urlopen(f"{url}/api/v1/query?query={quote(query)}") as answer:
            return list(json.load(answer)["data"]["result"])
    except URLError:
        return []


def until_found(url: str, query: str) -> list[Any]:
    """Ask until there is something."""
    for _ in range(TURNS):
        if series := found(url, query):
            return series
        threading.Event().wait(TURN_S)
    raise AssertionError(f"{query}: nothing within {TURNS * TURN_S:g} s")


@pytest.mark.cluster
def test_prometheus_takes_every_sample_under_the_name_that_vllm_gives_it(
    prometheus: str, tmp_path: Path
) -> None:
    with hearth_engine(Wanted()) as target:
        for _ in range(3):
            assert completion(target, prompt="x", max_tokens=4, ignore_eos=True).status == 200
        shown = {key: number for key, number in scrape(target).items() if key[0].startswith("vllm:")}
        with scraping(prometheus, target.url.removeprefix("http://"), tmp_path) as url:
            until_found(url, "vllm:request_success_total > 0")
            taken = found(url, '{__name__=~"vllm.*"}')
            p90 = found(url, "histogram_quantile(0.9, vllm:time_to_first_token_seconds_bucket)")
    own = {"__name__", "job", "instance"}
    got = {
        (
            one["metric"]["__name__"],
            frozenset(pair for pair in one["metric"].items() if pair[0] not in own),
        ): (float(one["value"][1]))
        for one in taken
    }
    assert got == {(name, frozenset(labels)): number for (name, labels), number in shown.items()}
    assert float(p90[0]["value"][1]) > 0
