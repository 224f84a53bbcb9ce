"""What only this engine promises: lengths, words, refusals of what it cannot do, sleep, odd clients."""

import asyncio
import json
from typing import Any

import pytest

from simulations.live.logs import LOGGER
from simulations.live.prompts import of_messages, of_text
from tests.live.serving import served


def test_the_same_request_gets_the_same_words() -> None:
    async def story() -> list[str]:
        async with served() as one:
            fields = {"prompt": "warm", "max_tokens": 20, "ignore_eos": True}
            return [(await one.complete(**fields))[1]["choices"][0]["text"] for _ in range(2)]

    first, second = asyncio.run(story())
    assert first == second
    assert len(first.split()) == 20


def test_a_stream_and_a_whole_answer_have_the_same_words() -> None:
    async def story() -> tuple[str, str]:
        async with served() as one:
            fields = {"prompt": "warm", "max_tokens": 20, "ignore_eos": True}
            whole = (await one.complete(**fields))[1]["choices"][0]["text"]
            async with one.client.post("/v1/completions", json={**fields, "stream": True}) as answer:
                return whole, streamed_text(await answer.text())

    whole, streamed = asyncio.run(story())
    assert whole == streamed


def streamed_text(body: str) -> str:
    """The words of a streamed completion."""
    events = [event.removeprefix("data: ") for event in body.split("\n\n") if event]
    assert events.pop() == "[DONE]"
    return "".join(json.loads(event)["choices"][0]["text"] for event in events)


def test_answers_stop_by_themselves_at_lengths_that_the_seed_decides() -> None:
    async def lengths(seed: int) -> list[tuple[int, str]]:
        async with served(seed=seed, output_tokens_mean=30) as one:
            bodies = [(await one.complete(max_tokens=60))[1] for _ in range(25)]
            return [
                (body["usage"]["completion_tokens"], body["choices"][0]["finish_reason"]) for body in bodies
            ]

    one, again, other = (asyncio.run(lengths(seed)) for seed in (1, 1, 2))
    assert one == again != other
    assert {reason for _, reason in one} == {"stop", "length"}
    assert all((tokens == 60) == (reason == "length") for tokens, reason in one)


def test_where_a_model_stops_its_last_token_is_no_word() -> None:
    async def story() -> Any:
        async with served(output_tokens_mean=8, output_tokens_sigma=0) as one:
            return (await one.complete(max_tokens=60))[1]

    body = asyncio.run(story())
    assert body["choices"][0]["finish_reason"] == "stop"
    assert len(body["choices"][0]["text"].split()) == body["usage"]["completion_tokens"] - 1 == 7


def test_min_tokens_keeps_a_short_answer_going() -> None:
    async def story() -> Any:
        async with served(output_tokens_mean=2, output_tokens_sigma=0) as one:
            return (await one.complete(max_tokens=60, min_tokens=9))[1]

    assert asyncio.run(story())["usage"]["completion_tokens"] == 9


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": 1}, "logprobs"),
        ({"echo": True}, "echo"),
        ({"best_of": 2}, "best_of"),
        ({"suffix": "!"}, "suffix"),
        ({"prompt": [1, 2, 10**9]}, "out of vocabulary"),
        ({"prompt": [1, -2]}, "prompt"),
        ({"prompt": [[1], "x"]}, "prompt"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else value,
)
def test_what_it_cannot_do_is_refused_by_name(fields: dict[str, Any], names: str) -> None:
    async def story() -> tuple[int, Any]:
        async with served() as one:
            return await one.complete(**fields)

    status, body = asyncio.run(story())
    assert status == 400
    assert names in body["error"]["message"]


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [(b'{"max_tokens":' + b"1" * 5000 + b"}", "identity"), (b"{}", "gzip"), (b"[" * 10**5, "identity")],
    ids=["a number without end", "no gzip", "brackets without end"],
)
def test_a_body_that_cannot_be_read_is_the_client_s_fault(raw: bytes, encoding: str) -> None:
    async def story() -> int:
        async with served() as one:
            headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
            async with one.client.post("/v1/completions", data=raw, headers=headers) as answer:
                return answer.status

    assert asyncio.run(story()) == 400


def test_pictures_are_refused() -> None:
    async def story() -> tuple[int, str]:
        async with served() as one:
            content = [{"type": "text", "text": "what is"}, {"type": "image_url", "image_url": {"url": "x"}}]
            body = {"messages": [{"role": "user", "content": content}]}
            async with one.client.post("/v1/chat/completions", json=body) as answer:
                return answer.status, (await answer.json())["error"]["message"]

    status, message = asyncio.run(story())
    assert status == 400
    assert "image_url" in message


def test_a_chat_grows_by_what_is_said() -> None:
    first = of_messages([("user", "hello there")])
    longer = of_messages([("user", "hello there"), ("assistant", "warm"), ("user", "more")])
    assert first.tokens == 4 + 3 + 4  # template, 11 bytes, template of the answer
    assert longer.tokens == first.tokens + 1 + 2 * 4 + 1
    assert longer.data.startswith(first.data)  # so the next turn finds the first one in the prefix cache


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 1), ("a", 1), ("abcd", 1), ("abcde", 2), ("é" * 4, 2)], ids=repr
)
def test_text_counts_a_token_for_four_bytes(text: str, tokens: int) -> None:
    assert of_text(text).tokens == tokens


def test_sleep_aborts_waits_and_wakes_piece_by_piece() -> None:
    async def story() -> list[Any]:
        async with served(time_scale=1) as one:
            running = asyncio.create_task(one.complete(max_tokens=4000, ignore_eos=True))
            while not len(one.service.driver):
                await asyncio.sleep(0)
            slept = await one.post("/sleep?level=2")
            aborted = (await running)[1]["choices"][0]["finish_reason"]
            _, metrics = await one.get("/metrics")
            assert 'sleep_state="discard_all"} 1.0' in metrics
            later = asyncio.create_task(one.complete(max_tokens=1))
            while not len(one.service.driver):
                await asyncio.sleep(0)
            woken = [await one.post("/wake_up?tags=weights"), await one.get("/is_sleeping")]
            woken += [await one.post("/wake_up?tags=kv_cache"), await one.get("/is_sleeping")]
            return [slept, aborted, woken, (await later)[0]]

    slept, aborted, woken, later = asyncio.run(story())
    assert slept == (200, {"status": "sleeping", "level": 2})
    assert aborted == "abort"
    assert woken[0] == (200, {"status": "sleeping", "tags": ["weights"]})
    assert woken[1] == (200, '{"is_sleeping": true}')
    assert woken[2] == (200, {"status": "awake", "tags": ["kv_cache"]})
    assert woken[3] == (200, '{"is_sleeping": false}')
    assert later == 200


@pytest.mark.parametrize("path", ["/sleep?level=3", "/sleep?mode=wait", "/wake_up?tags=dreams"])
def test_an_unknown_kind_of_sleep_is_refused(path: str) -> None:
    async def story() -> tuple[int, Any]:
        async with served() as one:
            return await one.post(path)

    assert asyncio.run(story())[0] == 400


@pytest.mark.parametrize("kept", [b"", b"Connection: keep-alive\r\n"], ids=["once", "keep-alive"])
def test_a_client_of_http_1_0_gets_its_stream_unchunked_and_its_end(kept: bytes) -> None:
    async def story() -> bytes:
        async with served() as one:
            server = one.client.server
            reader, writer = await asyncio.open_connection(server.host, server.port)
            body = b'{"prompt":"x","max_tokens":3,"ignore_eos":true,"stream":true}'
            head = b"POST /v1/completions HTTP/1.0\r\nContent-Type: application/json\r\n" + kept
            writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer

    head, _, body = asyncio.run(story()).partition(b"\r\n\r\n")
    assert b"chunked" not in head.lower()
    assert len(streamed_text(body.decode()).split()) == 3


def test_a_client_that_does_not_read_gets_several_tokens_in_one_event_later() -> None:
    async def story() -> tuple[int, str]:
        async with served(max_model_len=40_000) as one:
            fields = {"max_tokens": 30_000, "ignore_eos": True, "prompt": "x", "stream": True}
            async with one.client.post("/v1/completions", json=fields) as answer:
                while len(one.service.driver):  # the engine is done before anybody reads
                    await asyncio.sleep(0)
                body = await answer.text()
            return body.count("data: "), streamed_text(body)

    events, text = asyncio.run(story())
    assert len(text.split()) == 30_000
    assert events < 20_000


def test_nothing_is_left_of_requests_that_are_over() -> None:
    async def story() -> tuple[int, int, str]:
        async with served() as one:
            await asyncio.gather(*(one.complete(max_tokens=5) for _ in range(40)))
            _, load = await one.get("/load")
            return len(one.service.driver), len(one.service.driver.engine.unfinished()), load

    assert asyncio.run(story()) == (0, 0, '{"server_load": 0}')


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_a_client_that_leaves_is_no_error_of_the_server(stream: bool) -> None:
    async def story() -> str:
        async with served(time_scale=1) as one:
            body = {"prompt": "x", "max_tokens": 4000, "ignore_eos": True, "stream": stream}
            asking = asyncio.create_task(one.client.post("/v1/completions", json=body))
            while not len(one.service.driver):
                await asyncio.sleep(0)
            if stream:
                (await asking).close()
            else:
                asking.cancel()
            while len(one.service.driver):
                await asyncio.sleep(0)
            return (await one.get("/metrics"))[1]

    metrics = asyncio.run(story())
    assert 'http_requests_total{handler="/v1/completions",method="POST",status="2xx"} 1.0' in metrics
    assert "5xx" not in metrics


def test_who_leaves_without_waiting_leaves_nothing_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> int:
        async with served() as one:
            server = one.client.server
            _, writer = await asyncio.open_connection(server.host, server.port)
            body = b'{"prompt":"x","max_tokens":3,"stream":true}'
            head = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            writer.close()
            while not (await one.get("/metrics"))[1].count('http_requests_total{handler="/v1/completions"'):
                pass
            return len(one.service.driver)

    monkeypatch.setattr(LOGGER, "propagate", True)
    assert asyncio.run(story()) == 0
    assert caplog.text == ""


def test_an_engine_that_fails_ends_the_process_instead_of_looking_well(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> list[int]:
        async with served() as one:
            asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
            asking = asyncio.create_task(one.complete(max_tokens=5))
            while not len(one.service.driver):
                await asyncio.sleep(0)
            monkeypatch.setattr(one.service.driver, "tick", None)
            while not one.crashes:
                await asyncio.sleep(0)
            monkeypatch.undo()
            asking.cancel()
            return one.crashes

    monkeypatch.setattr(LOGGER, "propagate", True)
    assert asyncio.run(story()) == [1]
    assert "EngineCore encountered a fatal error." in caplog.text
