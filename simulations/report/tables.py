"""Tables of the report, in words that need no glossary. Every text is escaped here."""

from collections.abc import Iterable, Sequence
from html import escape

from simulations import words
from simulations.result import Distribution, Result

Row = Sequence[str]


def table(head: Row, rows: Iterable[Row], *, caption: str = "", best: Sequence[int] = ()) -> str:
    """An HTML table; the first column is text, the others are figures. ``best``: rows to stress."""
    lines = [f'<div class="scroll"><table>{f"<caption>{escape(caption)}</caption>" if caption else ""}']
    lines.append(
        "<thead><tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr></thead><tbody>"
    )
    for number, row in enumerate(rows):
        mark = ' class="stress"' if number in best else ""
        lines.append(f"<tr{mark}>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>")
    lines.append("</tbody></table></div>")
    return "\n".join(lines)


def facts(pairs: Iterable[tuple[str, str, str]]) -> str:
    """Figure, name and explanation, as cards."""
    cards = (
        f'<div class="card"><div class="figure">{escape(figure)}</div>'
        f'<div class="name">{escape(name)}</div><div class="hint">{escape(hint)}</div></div>'
        for figure, name, hint in pairs
    )
    return f'<div class="cards">{"".join(cards)}</div>'


def summary(result: Result) -> str:
    """The cards of one run."""
    return facts(
        [
            (
                words.percent(result.slo_attainment),
                "met the SLO",
                _slo(result),
            ),
            (f"{result.gpu_hours:.2f}", "GPU-hours", f"cost {result.cost:.2f} at {_price(result)} each"),
            (
                f"{result.mean_replicas:.2f}",
                "replicas on average",
                f"at most {result.peak_replicas}; scaled up {result.scale_ups}×, down {result.scale_downs}×",
            ),
            (f"{result.starts}", "cold starts", _kinds(result)),
            (
                words.milliseconds(result.ttft_s.p99),
                "first token, 99 of 100",
                f"half within {words.milliseconds(result.ttft_s.p50)}",
            ),
            (
                _lost(result),
                "requests not answered",
                f"of {result.requests:,}: dropped, timed out or unfinished",
            ),
        ]
    )


def _slo(result: Result) -> str:
    slo = result.scenario.slo
    return (
        f"first token within {slo.ttft_ms:g} ms (or twice an idle engine's time), then at most "
        f"{slo.itl_ms:g} ms a token; aim {100 * slo.target:g} %"
    )


def latencies(result: Result) -> str:
    """Mean and percentiles of every latency of one run."""
    rows = (
        _latency("wait for a first turn", result.queue_s),
        _latency("first token (TTFT)", result.ttft_s),
        _latency("between tokens (ITL)", result.itl_s),
        _latency("per output token (TPOT)", result.tpot_s),
        _latency("whole answer", result.e2e_s),
    )
    return table(("latency", "mean", "half within", "9 of 10", "99 of 100"), rows)


def _latency(name: str, values: Distribution) -> Row:
    return name, *(words.milliseconds(value) for value in (values.mean, values.p50, values.p90, values.p99))


COMPARISON = (
    "policy", "met the SLO", "GPU-hours", "mean replicas", "peak", "cold starts", "TTFT p50", "TTFT p99",
    "ITL p99", "unanswered",
)  # fmt: skip


def comparison(results: Sequence[Result]) -> str:
    """One row a policy; those that met the target are stressed."""
    stressed = [i for i, result in enumerate(results) if meets(result)]
    return table(COMPARISON, [_compared(result) for result in results], best=stressed)


def fleet(result: Result) -> Row:
    """Who scaled it, what was met, and what the fleet was: the first columns of every comparison."""
    return (
        result.policy,
        words.percent(result.slo_attainment),
        f"{result.gpu_hours:.2f}",
        f"{result.mean_replicas:.2f}",
        f"{result.peak_replicas}",
        f"{result.starts}",
    )


def _compared(result: Result) -> Row:
    return (
        *fleet(result),
        words.milliseconds(result.ttft_s.p50),
        words.milliseconds(result.ttft_s.p99),
        words.milliseconds(result.itl_s.p99),
        _lost(result),
    )


def meets(result: Result) -> bool:
    """The run reached the share that its SLO aims at."""
    return result.slo_attainment is not None and result.slo_attainment >= result.scenario.slo.target


def _lost(result: Result) -> str:
    return f"{result.requests - result.completed:,}"


def _price(result: Result) -> str:
    return f"{result.scenario.price_per_gpu_hour:g}"


def _kinds(result: Result) -> str:
    spoken = {
        "cached": "with weights on the node",
        "uncached": "fetched them",
        "new_node": "on an added node",
    }
    return ", ".join(f"{count} {spoken[kind]}" for kind, count in result.cold_starts if count) or "none"
