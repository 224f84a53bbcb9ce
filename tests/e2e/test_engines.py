"""Both kinds of engine as pods: what pods without GPUs run, and the real one."""

import json
import urllib.request
from typing import Any

import pytest

from tests.e2e.cluster.cluster import Cluster
from tests.e2e.cluster.images import Image
from tests.e2e.workloads import ENGINE_PORT, engine, real_vllm

START_WITHIN_S = 400.0
"""Real vLLM on two cores that two nodes share."""


def _chat(cluster: Cluster, name: str) -> Any:
    port = cluster.forward(cluster.pods(f"app={name}")[0].status.pod_ip, ENGINE_PORT)
    hello = {"role": "user", "content": "hello"}
    body = {"model": name, "messages": [hello], "max_tokens": 5, "ignore_eos": True}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        chat = json.load(answer)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return chat, answer.read().decode()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["emulated", "real"])
def test_an_engine_in_a_pod_chats_and_counts_its_tokens(
    cluster: Cluster, engine_image: Image, real_vllm_image: Image, kind: str
) -> None:
    name = f"engine-{kind}"
    if kind == "real":
        cluster.apply(real_vllm(name, real_vllm_image.reference))
    else:
        cluster.apply(engine(name, engine_image.reference, 1))
    cluster.wait_ready(f"app={name}", 1, within_s=START_WITHIN_S)
    chat, metrics = _chat(cluster, name)
    assert chat["usage"]["completion_tokens"] == 5
    assert f'vllm:generation_tokens_total{{engine="0",model_name="{name}"}} 5.0' in metrics
    cluster.kubectl("delete", "deployment,service", name, "--wait=false")
