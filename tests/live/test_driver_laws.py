"""Laws of the live engine: whatever befalls it, every request ends or is called off, and nothing is left."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from scaler.decision.model import Histogram
from simulations.live.driver import WAKE_TAGS, Driver
from simulations.live.prompts import blocks, of_ids
from tests.engine.builders import MS, SPEC
from tests.live.builders import Heard, a_driver, a_job, run_out

TINY = replace(SPEC, kv_blocks=31, async_scheduling=True, ingest_us=500)
"""Room for a few requests: some of them are preempted."""
ACTS = st.one_of(
    st.tuples(st.just("submit"), st.integers(1, 60), st.integers(1, 40)),
    st.tuples(st.just("submit"), st.integers(1, 60), st.integers(1, 40)),
    st.tuples(st.just("abort"), st.integers(0, 40), st.just(0)),
    st.tuples(st.just("sleep"), st.integers(0, 2), st.just(0)),
    st.tuples(st.just("wake"), st.integers(0, 2), st.just(0)),
    st.tuples(st.sampled_from(["hang", "unhang", "abort all", "tick"]), st.just(0), st.just(0)),
    st.tuples(st.just("pace"), st.integers(1, 5), st.just(0)),
)
STORIES = st.lists(st.tuples(st.sampled_from([0, 1, 300, 1200, 2 * MS, 9 * MS]), ACTS), max_size=40)
TAGS = (frozenset[str](), frozenset({"weights"}), WAKE_TAGS)


class Story:
    """What was submitted, and what befell it."""

    def __init__(self) -> None:
        self.driver = a_driver(TINY)
        self.heard: list[Heard] = []
        self.indices: list[int] = []
        self.called_off: set[int] = set()

    def act(self, what: str, one: int, other: int, now_us: int) -> None:
        """One thing happens."""
        driver = self.driver
        if what == "submit":
            self._submit(one, other, now_us)
        elif what == "abort" and self.heard:
            number = one % len(self.heard)
            self.called_off.add(number)
            driver.abort(self.indices[number], self.heard[number], now_us)
        elif what == "wake":
            driver.wake(TAGS[one], now_us)
        elif what == "sleep":
            driver.sleep(one, now_us)
        elif what == "pace":
            driver.set_pace(one, now_us)
        elif what in _PLAIN:
            _PLAIN[what](driver, now_us)

    def _submit(self, prompt: int, output: int, now_us: int) -> None:
        heard = Heard(self.driver)
        chain = blocks(of_ids(range(prompt)), TINY.block_tokens)
        index = self.driver.submit(a_job(prompt, output, blocks=chain), heard, now_us, heard, now_us - 300)
        self.heard.append(heard)
        self.indices.append(index)


_PLAIN = {
    "hang": Driver.hang,
    "unhang": Driver.unhang,
    "abort all": Driver.abort_all,
    "tick": Driver.tick,
}


def counters(driver: Driver) -> list[float]:
    """What may never shrink."""
    samples = driver.engine.samples()
    counts = [histogram.counts[-1] for histogram in (samples.ttft_s, samples.itl_s) if histogram is not None]
    totals = (samples.generation_tokens_total, samples.prompt_tokens_total, samples.preemptions_total)
    return [*counts, *(total or 0.0 for total in totals), driver.tally.reasons.total()]


def rises(histogram: Histogram) -> bool:
    """Buckets are cumulative."""
    return list(histogram.counts) == sorted(histogram.counts)


@settings(max_examples=200, deadline=None)
@given(STORIES)
def test_whatever_befalls_it_every_request_ends_once_and_nothing_is_left(
    acts: list[tuple[int, tuple[str, int, int]]],
) -> None:
    story, now_us = Story(), 0
    driver = story.driver
    before = counters(driver)
    for gap_us, (what, one, other) in acts:
        now_us += gap_us
        story.act(what, one, other, now_us)
        after = counters(driver)
        assert all(old <= new for old, new in zip(before, after, strict=True))
        before = after
    driver.unhang(now_us)
    assert driver.wake(frozenset(), now_us) is True
    run_out(driver)
    over = [number for number, heard in enumerate(story.heard) if heard.end is None]
    assert set(over) <= story.called_off
    assert (len(driver), driver.engine.unfinished(), driver.engine.kv_usage_ratio()) == (0, [], 0)
    ended = [heard.end for heard in story.heard if heard.end is not None and heard.end[1] != "abort"]
    assert driver.tally.reasons.total() == len(ended)
    assert driver.tally.generation_tokens.sum == sum(total for total, _ in ended)
    assert rises(driver.tally.e2e.snapshot())
    assert rises(driver.engine.iterations.snapshot())
