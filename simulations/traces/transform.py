"""Changes a trace before it runs: window, time and length scale, ties, copies, prompts beyond the context.

In this order, so that ``start_s`` and ``duration_s`` are in the recording's own seconds and jitter and the
copies' offsets in those of the run. What was changed stands in the trace's notes.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from simulations.errors import InputError
from simulations.requests import Trace
from simulations.rng import stream
from simulations.scenario import TraceOptions
from simulations.traces.columns import MAX_SPAN_S, MAX_TOKENS, Prefix

MAX_OFFSET_US = 60_000_000
"""A copy begins at most 60 s after the original."""


def transform(trace: Trace, options: TraceOptions, seed: int, max_model_len: int) -> Trace:
    """The trace that a run replays. Raises :class:`InputError` if nothing is left or ``reject`` applies."""
    trace = _window(trace, options.start_s, options.duration_s)
    trace = _scaled_time(trace, options.time_scale)
    trace = _scaled_lengths(trace, options.length_scale)
    trace = _spread_ties(trace, options.jitter_s, seed)
    trace = _copies(trace, options.copies, seed)
    return _within_context(trace, options.over_long, max_model_len)


def over_long(input_tokens: int, max_model_len: int) -> bool:
    """An engine refuses the prompt, since no room is left for one output token (vLLM: >= max_model_len)."""
    return input_tokens >= max_model_len


# --- time


def _window(trace: Trace, start_s: float, duration_s: float | None) -> Trace:
    if start_s == 0 and duration_s is None:
        return trace
    start_us = round(start_s * 1e6)
    first = bisect_left(trace.arrival_us, start_us)
    last = (
        len(trace)
        if duration_s is None
        else bisect_left(trace.arrival_us, start_us + round(duration_s * 1e6))
    )
    if first >= last:
        raise InputError(
            "trace.start_s, trace.duration_s",
            f"no request of {trace.name} lies in that window",
            f"it spans 0 to {trace.arrival_us[-1] / 1e6:g} s",
        )
    kept = range(first, last)
    note = f"window: {len(kept)} of {len(trace)} requests"
    cut = _picked(trace, kept, note)
    return replace(cut, arrival_us=array("q", [us - start_us for us in cut.arrival_us]))


def _scaled_time(trace: Trace, scale: float) -> Trace:
    if scale == 1:
        return trace
    if trace.arrival_us[-1] / 1e6 * scale > MAX_SPAN_S:
        raise InputError("trace.time_scale", f"{scale:g} makes the trace longer than 400 days", "give less")
    return _noted(
        replace(trace, arrival_us=array("q", [round(us * scale) for us in trace.arrival_us])),
        f"time_scale {scale:g}",
    )


def _spread_ties(trace: Trace, jitter_s: float, seed: int) -> Trace:
    """Move each of several requests with one stamp by up to ``jitter_s``; single stamps stay."""
    if jitter_s == 0:
        return trace
    draws = stream(seed, "trace.jitter")
    stamps = trace.arrival_us
    moved, count = [], 0
    last = len(stamps) - 1
    for i, us in enumerate(stamps):
        tied = (i > 0 and stamps[i - 1] == us) or (i < last and stamps[i + 1] == us)
        count += tied
        moved.append(us + draws.randrange(round(jitter_s * 1e6) + 1) if tied else us)
    order = sorted(range(len(moved)), key=moved.__getitem__)
    spread = replace(trace, arrival_us=array("q", moved))
    return _picked(spread, order, f"tied requests spread over {jitter_s:g} s: {count}")


# --- lengths


def _scaled_lengths(trace: Trace, scale: float) -> Trace:
    if scale == 1:
        return trace
    if any(max(column) * scale > MAX_TOKENS for column in (trace.input_tokens, trace.output_tokens)):
        raise InputError(
            "trace.length_scale", f"{scale:g} makes requests longer than {MAX_TOKENS:,} tokens", "give less"
        )
    scaled = replace(
        trace,
        input_tokens=_times(trace.input_tokens, scale),
        output_tokens=_times(trace.output_tokens, scale),
        prefixes=trace.prefixes and [_scaled_chain(chain, scale) for chain in trace.prefixes],
    )
    return _noted(scaled, f"length_scale {scale:g}")


def _times(tokens: Sequence[int], scale: float) -> "array[int]":
    return array("q", [max(1, round(count * scale)) for count in tokens])


def _scaled_chain(chain: Prefix, scale: float) -> Prefix:
    """Scale the blocks' boundaries: equal beginnings stay equal, and the sum never exceeds the prompt."""
    scaled, begin, total = [], 0, 0
    for name, tokens in chain:
        total += tokens
        end = round(total * scale)
        if end > begin:
            scaled.append((name, end - begin))
        begin = end
    return tuple(scaled)


# --- copies


def _copies(trace: Trace, copies: int, seed: int) -> Trace:
    """Superpose the trace and copies of it, each shifted by a seeded offset of at most 60 s.

    The first stays where it is, so that one copy is the recording itself and k + 1 copies contain k.
    Copies are other users: their prefixes are their own. Equal stamps keep the order (copy, request).
    """
    if copies == 1:
        return trace
    n = len(trace)
    draws = stream(seed, "trace.copies")
    offsets = [0, *(draws.randrange(MAX_OFFSET_US + 1) for _ in range(copies - 1))]
    total = n * copies
    # One sort of (stamp, copy, request) packed into an integer each: 3 times faster than sorting tuples.
    keys = [
        (us + offset) * total + copy * n + i
        for copy, offset in enumerate(offsets)
        for i, us in enumerate(trace.arrival_us)
    ]
    keys.sort()
    sources = array("q", [key % total for key in keys])
    merged = replace(
        trace,
        arrival_us=array("q", [key // total for key in keys]),
        input_tokens=array("q", [trace.input_tokens[source % n] for source in sources]),
        output_tokens=array("q", [trace.output_tokens[source % n] for source in sources]),
        prefixes=trace.prefixes and list(_own_prefixes(trace.prefixes, sources, copies)),
    )
    return _noted(merged, f"{copies} copies, shifted by at most 60 s")


def _own_prefixes(prefixes: Sequence[Prefix], sources: Sequence[int], copies: int) -> Iterator[Prefix]:
    n = len(prefixes)
    for source in sources:
        copy, i = divmod(source, n)
        yield tuple((name * copies + copy, tokens) for name, tokens in prefixes[i])


# --- context


def _within_context(trace: Trace, mode: str, max_model_len: int) -> Trace:
    """Count, drop, clamp or reject prompts beyond the context; cut outputs where an engine would stop."""
    found = [i for i, tokens in enumerate(trace.input_tokens) if over_long(tokens, max_model_len)]
    if found:
        trace = _HANDLERS[mode](trace, found, max_model_len)
    return _stopped_at_context(trace, max_model_len)


def _counted(trace: Trace, found: list[int], max_model_len: int) -> Trace:
    return _noted(trace, f"{_prompts(len(found), max_model_len)} (refused, counted as missed)")


def _dropped(trace: Trace, found: list[int], max_model_len: int) -> Trace:
    gone = set(found)
    kept = [i for i in range(len(trace)) if i not in gone]
    if not kept:
        raise InputError(
            "trace.over_long", f"drop leaves no request of {trace.name}", "raise engine.max_model_len"
        )
    return _picked(trace, kept, f"{_prompts(len(found), max_model_len)} (dropped from the trace)")


def _clamped(trace: Trace, found: list[int], max_model_len: int) -> Trace:
    """Cut the prompt so that its output still fits, to one token at least."""
    inputs = array("q", trace.input_tokens)
    prefixes = None if trace.prefixes is None else list(trace.prefixes)
    for i in found:
        inputs[i] = max(1, max_model_len - trace.output_tokens[i])
        if prefixes is not None:
            prefixes[i] = _cut_chain(prefixes[i], inputs[i])
    note = f"{_prompts(len(found), max_model_len)} (cut to fit with their outputs)"
    return _noted(replace(trace, input_tokens=inputs, prefixes=prefixes), note)


def _rejected(trace: Trace, found: list[int], max_model_len: int) -> Trace:
    first = found[0]
    raise InputError(
        f"{trace.name}, request {first + 1}",
        f"{_prompts(len(found), max_model_len)}, the first with {trace.input_tokens[first]}",
        "set trace.over_long to count, drop or clamp, or raise engine.max_model_len",
    )


_HANDLERS: dict[str, Callable[[Trace, list[int], int], Trace]] = {
    "count": _counted,
    "drop": _dropped,
    "clamp": _clamped,
    "reject": _rejected,
}


def _prompts(count: int, max_model_len: int) -> str:
    return f"prompts beyond the context of {max_model_len} tokens: {count}"


def _cut_chain(chain: Prefix, tokens: int) -> Prefix:
    kept = []
    for name, count in chain:
        if tokens <= 0:
            break
        kept.append((name, min(count, tokens)))
        tokens -= count
    return tuple(kept)


def _stopped_at_context(trace: Trace, max_model_len: int) -> Trace:
    """An engine ends an output where the context ends; so do we, and say how many."""
    pairs = enumerate(zip(trace.input_tokens, trace.output_tokens, strict=True))
    found = [i for i, (prompt, output) in pairs if prompt < max_model_len < prompt + output]
    if not found:
        return trace
    outputs = array("q", trace.output_tokens)
    for i in found:
        outputs[i] = max_model_len - trace.input_tokens[i]
    return _noted(
        replace(trace, output_tokens=outputs),
        f"outputs cut at the context of {max_model_len} tokens: {len(found)}",
    )


# --- shared


def _picked(trace: Trace, indices: Sequence[int], note: str) -> Trace:
    picked = replace(
        trace,
        arrival_us=array("q", [trace.arrival_us[i] for i in indices]),
        input_tokens=array("q", [trace.input_tokens[i] for i in indices]),
        output_tokens=array("q", [trace.output_tokens[i] for i in indices]),
        prefixes=trace.prefixes and [trace.prefixes[i] for i in indices],
    )
    return _noted(picked, note)


def _noted(trace: Trace, note: str) -> Trace:
    return replace(trace, notes=(*trace.notes, note))
