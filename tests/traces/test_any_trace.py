"""Whatever bytes a file holds: a sorted, sensible trace, or one line that says what is wrong."""

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from simulations.errors import InputError
from simulations.requests import Trace
from simulations.traces.columns import MAX_TOKENS
from simulations.traces.read import read_trace

CELLS = st.sampled_from(
    [
        "0",
        "1",
        "7.5",
        "-1",
        "nan",
        "inf",
        "1e400",
        "1e15",
        "9" * 5000,
        "",
        " ",
        '"',
        "x",
        "10000001",
        "\0",
        "2023-11-16",
    ]
)
HEADERS = st.sampled_from(
    [
        "timestamp_s,input_tokens,output_tokens",
        "timestamp_s,input_tokens,output_tokens,prefix_id,prefix_tokens",
        "TIMESTAMP,ContextTokens,GeneratedTokens",
        "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type",
        '{"timestamp": 0, "input_length": 10, "output_length": 5, "hash_ids": [1]}',
    ]
)
ROWS = st.lists(st.lists(CELLS, min_size=2, max_size=6).map(",".join), max_size=4)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "t"


def is_trace_or_one_line(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    trace: Trace | None = None
    message = ""
    try:
        trace = read_trace(path)
    except InputError as error:
        message = str(error)
    if trace is None:
        assert "\n" not in message
        assert len(message) < 600
        return
    assert len(trace) > 0
    assert list(trace.arrival_us) == sorted(trace.arrival_us)
    assert trace.arrival_us[0] >= 0
    assert all(1 <= tokens <= MAX_TOKENS for tokens in (*trace.input_tokens, *trace.output_tokens))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(header=HEADERS, rows=ROWS, cut=st.integers(0, 30), packed=st.booleans())
@example(
    header='{"timestamp": 1' + "0" * 30 + ', "input_length": 1, "output_length": 1}',
    rows=[],
    cut=0,
    packed=False,
)
@example(header="{" + "[" * 100_000, rows=[], cut=0, packed=False)
@example(header='{"timestamp": ' + "9" * 5000 + "}", rows=[], cut=0, packed=False)
def test_nearly_good_files(scratch: Path, header: str, rows: list[str], cut: int, packed: bool) -> None:
    content = "\n".join([header, *rows, ""]).encode()
    content = gzip.compress(content, mtime=0) if packed else content
    is_trace_or_one_line(scratch, content[: max(0, len(content) - cut)])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(content=st.binary(max_size=60))
def test_any_bytes(scratch: Path, content: bytes) -> None:
    is_trace_or_one_line(scratch, content)
