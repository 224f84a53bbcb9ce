"""Requests over real sockets, to a server that is slow, hangs, resets, errs or merges."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from simulations.errors import InputError
from simulations.load.endpoint import base_url, find_model
from simulations.load.plan import Kind, Plan
from simulations.load.recording import Failure, Recording
from simulations.load.replay import Live, Target, replay
from simulations.requests import ABSENT
from tests.load.builders import planned, trace
from tests.load.server import Behaviour, Server, serving


def run(behaviour: Behaviour, plan: Plan, **target: Any) -> tuple[Recording, Server]:
    async def both() -> tuple[Recording, Server]:
        async with serving(behaviour) as server:
            return await replay(plan, Target(url=server.url, **target)), server

    return asyncio.run(both())


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("usage", ["each", "last"])
def test_every_answer_is_read_to_its_last_token(kind: Kind, usage: str) -> None:
    got, server = run(Behaviour(usage=usage), planned(trace(5, output_tokens=4), kind=kind))
    assert list(got.tokens_out) == [4] * 5
    assert list(got.tokens_in) == [7] * 5
    assert got.failures == [None] * 5
    assert [len(gaps or ()) for gaps in got.gaps_us] == [3] * 5
    assert len(server.bodies) == 5


def test_times_of_a_request_are_in_order() -> None:
    got, _ = run(Behaviour(first_s=0.005, gap_s=0.002), planned(trace(3, every_us=4000)))
    for index, due in enumerate(got.trace.arrival_us):
        first, last = got.outcomes.first_token_us[index], got.outcomes.finished_us[index]
        assert due <= got.sent_us[index] < first < last <= got.ended_us


def test_merged_chunks_are_as_many_tokens_as_usage_says() -> None:
    got, _ = run(Behaviour(tokens_a_chunk=4), planned(trace(1, output_tokens=10)))
    assert (got.tokens_out[0], got.chunks[0]) == (10, 3)


def test_an_answer_is_over_when_it_says_so_whatever_the_connection_does() -> None:
    got, _ = run(Behaviour(holds=True), planned(trace(2)))
    assert list(got.tokens_out) == [5, 5]
    assert got.failures == [None] * 2
    assert all(at != ABSENT for at in got.outcomes.finished_us)


def test_a_server_that_answers_nobody_does_not_slow_the_arrivals() -> None:
    got, server = run(Behaviour(hang=True), planned(trace(30)), grace_s=0.3)
    assert server.most_open == 30
    assert all(at != ABSENT for at in got.sent_us)
    assert list(got.outcomes.finished_us) == list(got.outcomes.dropped_us) == [ABSENT] * 30
    assert got.failures == [None] * 30  # they were under way


@pytest.mark.parametrize(
    ("behaviour", "target", "failure", "label", "tokens"),
    [
        (Behaviour(status=lambda _: 500), {}, Failure.STATUS, "HTTP 500", 0),
        (Behaviour(hang=True), {"timeout_s": 0.1}, Failure.TIMEOUT, "timeout", 0),
        (Behaviour(gap_s=30), {"timeout_s": 0.3}, Failure.TIMEOUT, "timeout", 1),
        (Behaviour(reset_after=2, gap_s=0.01), {}, Failure.BROKEN, "broken", 2),
        (Behaviour(error_after=2, gap_s=0.01), {}, Failure.ERROR, "error", 2),
        (Behaviour(stop_after=2, stop_reason="abort"), {}, Failure.ABORTED, "aborted", 2),
    ],
    ids=["500", "hangs", "hangs after a token", "resets", "error in the stream", "aborted"],
)
def test_failures_have_a_class(
    behaviour: Behaviour, target: dict[str, Any], failure: Failure, label: str, tokens: int
) -> None:
    got, _ = run(behaviour, planned(trace(1)), **target)
    assert got.failures == [failure]
    assert got.label(0) == label
    assert got.messages[label]
    assert got.tokens_out[0] == tokens
    assert got.outcomes.dropped_us[0] != ABSENT
    assert got.outcomes.finished_us[0] == ABSENT
    assert got.outcomes.attempts[0] == 1


def test_nobody_listening_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refuses, and nobody else gets the port
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        got = asyncio.run(replay(planned(trace(2)), Target(url=url)))
    assert got.failures == [Failure.REFUSED] * 2
    assert list(got.status) == [ABSENT] * 2


def test_a_page_in_place_of_a_stream_is_no_answer() -> None:
    async def raw(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\ndata: <html>\n\nbye\r\n")
        await writer.drain()
        writer.close()

    async def both() -> Recording:
        server = await asyncio.start_server(raw, "127.0.0.1", 0)
        async with server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            return await replay(planned(trace(1)), Target(url=url))

    assert asyncio.run(both()).failures == [Failure.ERROR]


def _failing(times: int, status: int) -> Callable[[int], int]:
    return lambda nth: status if nth < times else 200


@pytest.mark.parametrize(
    ("status", "failing", "retries", "attempts", "answered"),
    [
        (503, 2, 2, 3, True),
        (503, 2, 1, 2, False),
        (503, 1, 0, 1, False),
        (429, 1, 1, 2, True),
        (400, 1, 5, 1, False),
    ],
    ids=["503 twice", "too often", "no retries asked", "too many requests", "a refusal is final"],
)
def test_retries_only_if_asked_and_never_of_a_refusal(
    status: int, failing: int, retries: int, attempts: int, answered: bool
) -> None:
    got, _ = run(
        Behaviour(status=_failing(failing, status)), planned(trace(1)), retries=retries, retry_delay_s=0.0
    )
    assert got.outcomes.attempts[0] == attempts
    assert (got.outcomes.finished_us[0] != ABSENT) == answered
    assert (got.failures[0] is None) == answered


def test_stopped_it_keeps_what_came_by_then() -> None:
    async def scene() -> tuple[Recording, Live]:
        stop, live = asyncio.Event(), Live()
        async with serving() as server:
            slow = planned(trace(2, every_us=3_600_000_000))
            running = asyncio.create_task(replay(slow, Target(url=server.url), stop=stop, live=live))
            while not live.completed:
                await asyncio.sleep(0.001)
            stop.set()
            return await running, live

    got, live = asyncio.run(scene())
    assert got.interrupted
    assert got.sent() == [0]
    assert got.tokens_out[0] == 5
    assert (live.sent, live.in_flight, live.completed, live.tokens_out) == (1, 0, 1, 5)


def test_the_loop_s_lag_is_watched() -> None:
    got, _ = run(Behaviour(first_s=0.2), planned(trace(1)))
    assert len(got.lag_us) >= 1
    assert min(got.lag_us) >= 0


def test_the_first_model_is_taken_unless_one_is_named() -> None:
    async def scene() -> None:
        async with serving(Behaviour(max_model_len=1024)) as server:
            found = await find_model(server.url, None)
            assert (found.name, found.max_model_len) == ("tiny", 1024)
            assert await find_model(server.url, "tiny") == found
            with pytest.raises(InputError, match=r"--model: .* does not serve 'big'; it serves tiny"):
                await find_model(server.url, "big")
            with pytest.raises(InputError, match="HTTP 404"):
                await find_model(f"{server.url}/elsewhere", None)

    asyncio.run(scene())


def test_an_address_is_taken_with_or_without_v1() -> None:
    assert base_url("http://h:1/v1/") == base_url("http://h:1/") == base_url("http://h:1") == "http://h:1"


@pytest.mark.parametrize(
    "text", ["h:1", "ftp://h", "http://", "", "http://[::1", "http://h:port", "http://h:99999"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"--url: .* is no address"):
        base_url(text)
