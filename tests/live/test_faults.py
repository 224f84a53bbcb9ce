"""Faults on request: each does what it says, ends when it is cleared, and a wrong one is refused by name."""

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.live.serving import served


def test_errors_hit_the_share_that_was_asked_for() -> None:
    async def story() -> list[int]:
        async with served() as one:
            await one.fault(error_rate=0.5)
            codes = [(await one.complete(max_tokens=1))[0] for _ in range(60)]
            assert {*codes} == {200, 500}
            await one.client.delete("/faults")
            return [(await one.complete(max_tokens=1))[0] for _ in range(5)]

    assert asyncio.run(story()) == [200] * 5


def test_a_hang_takes_requests_and_gives_nothing_until_it_ends() -> None:
    async def story() -> tuple[int, Any]:
        async with served() as one:
            await one.fault(hang=True)
            waiting = asyncio.create_task(one.complete(max_tokens=3, ignore_eos=True))
            while not len(one.service.driver):
                await asyncio.sleep(0)
            assert (await one.get("/health"))[0] == 200
            assert (await one.get("/metrics"))[0] == 200
            assert not waiting.done()
            await one.client.delete("/faults")
            return await waiting

    status, body = asyncio.run(story())
    assert (status, body["usage"]["completion_tokens"]) == (200, 3)


def test_a_client_may_leave_a_hanging_engine() -> None:
    async def story() -> int:
        async with served() as one:
            await one.fault(hang=True)
            waiting = asyncio.create_task(one.complete(max_tokens=3))
            while not len(one.service.driver):
                await asyncio.sleep(0)
            waiting.cancel()
            while len(one.service.driver):
                await asyncio.sleep(0)
            await one.client.delete("/faults")
            return (await one.complete(max_tokens=1))[0]

    assert asyncio.run(story()) == 200


def test_frozen_metrics_show_the_past_until_they_thaw() -> None:
    async def story() -> tuple[bool, bool]:
        async with served() as one:
            await one.fault(frozen_metrics=True)
            _, before = await one.get("/metrics")
            await one.complete(max_tokens=4)
            _, frozen = await one.get("/metrics")
            await one.fault(frozen_metrics=False)
            _, thawed = await one.get("/metrics")
            return before == frozen, before == thawed

    assert asyncio.run(story()) == (True, False)


def test_not_ready_is_503_and_completions_go_on() -> None:
    async def story() -> list[int]:
        async with served() as one:
            await one.fault(not_ready=True)
            codes = [(await one.get("/health"))[0], (await one.complete(max_tokens=1))[0]]
            await one.client.delete("/faults")
            return [*codes, (await one.get("/health"))[0]]

    assert asyncio.run(story()) == [503, 200, 200]


def test_a_dropped_scrape_is_a_closed_connection() -> None:
    async def story() -> int:
        async with served() as one:
            await one.fault(drop_scrapes=1)
            with pytest.raises(aiohttp.ClientError):
                await one.get("/metrics")
            await one.fault(drop_scrapes=0)
            return (await one.get("/metrics"))[0]

    assert asyncio.run(story()) == 200


def test_slow_is_as_many_times_as_long() -> None:
    async def story() -> float:
        async with served(time_scale=100) as one:
            tally = one.service.driver.tally
            await one.complete(max_tokens=50, ignore_eos=True)
            usual_us = tally.decode.sum
            await one.fault(slow=3)
            await one.complete(max_tokens=50, ignore_eos=True)
            return (tally.decode.sum - usual_us) / usual_us

    assert asyncio.run(story()) == pytest.approx(3, rel=0.01)


@pytest.mark.parametrize(
    ("faults", "requests"),
    [({"crash_after_requests": 0}, 0), ({"crash_after_requests": 2}, 2), ({"crash_after_s": 0}, 0)],
    ids=["now", "at the second request", "by time"],
)
def test_a_crash_comes_when_it_was_asked_for(faults: dict[str, Any], requests: int) -> None:
    async def story() -> list[int]:
        async with served() as one:
            await one.fault(**faults)
            for _ in range(requests):
                assert one.crashes == []
                await one.complete(max_tokens=1)
            await one.get("/health")
            return one.crashes

    assert asyncio.run(story()) == [1]


def test_another_fault_does_not_put_off_a_crash() -> None:
    async def story() -> list[int]:
        async with served() as one:
            await one.fault(crash_after_requests=2)
            await one.complete(max_tokens=1)
            await one.fault(slow=2)
            await one.complete(max_tokens=1)
            return one.crashes

    assert asyncio.run(story()) == [1]


def test_a_crash_may_be_called_off() -> None:
    async def story() -> list[int]:
        async with served() as one:
            await one.fault(crash_after_s=0.5, crash_after_requests=1)
            await one.client.delete("/faults")
            await one.complete(max_tokens=1)
            return one.crashes

    assert asyncio.run(story()) == []


def test_faults_from_the_start_on() -> None:
    async def story() -> tuple[int, list[int]]:
        async with served(faults={"not_ready": True, "crash_after_requests": 0}) as one:
            return (await one.get("/health"))[0], one.crashes

    assert asyncio.run(story()) == (503, [1])


def test_faults_that_are_not_named_stay_as_they_are() -> None:
    async def story() -> Any:
        async with served() as one:
            await one.fault(slow=2)
            return (await one.fault(error_rate=0.25))[1]

    shown = asyncio.run(story())
    assert (shown["slow"], shown["error_rate"], shown["hang"]) == (2, 0.25, False)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"hangs": True}, '"hangs"; known: hang, '),
        ({"error_rate": 2}, "error_rate: "),
        ({"slow": 0.5}, "slow: "),
        ([], "an object"),
    ],
    ids=["unknown", "share beyond 1", "faster", "no object"],
)
def test_a_wrong_fault_is_refused_by_name_and_changes_nothing(body: Any, names: str) -> None:
    async def story() -> tuple[int, str, Any]:
        async with served() as one:
            before = one.service.trouble.faults
            async with one.client.post("/faults", json=body) as answer:
                error = (await answer.json())["error"]
                return answer.status, error["message"], one.service.trouble.faults == before

    status, message, unchanged = asyncio.run(story())
    assert (status, unchanged) == (400, True)
    assert names in message
