"""Reading traces: every layout as it is published, and one clear line for every way a file can be bad."""

import gzip
import json
from pathlib import Path

import pytest

from simulations.errors import InputError
from simulations.traces.read import read_trace

HEAD = "timestamp_s,input_tokens,output_tokens\n"


def a_file(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "want"),
    [
        pytest.param(
            HEAD + "0,10,5\n0,20,1\n1.5,30,2\n", [(0, 10, 5), (0, 20, 1), (1_500_000, 30, 2)], id="ours"
        ),
        pytest.param(
            HEAD + "0.25,10,5", [(250_000, 10, 5)], id="no line end at the end, silence at the start"
        ),
        pytest.param(
            "\ufeff" + HEAD + "0,10,5\r\n\r\n", [(0, 10, 5)], id="byte order mark, CRLF, a blank line"
        ),
        pytest.param(
            "output_tokens,timestamp_s,input_tokens\n5,0,10\n", [(0, 10, 5)], id="columns in any order"
        ),
        pytest.param(
            HEAD + "1700000000.5,10,5\n1700000001,1,1\n", [(0, 10, 5), (500_000, 1, 1)], id="dates as stamps"
        ),
        pytest.param(HEAD + "0,10.0,5\n", [(0, 10, 5)], id="whole tokens written as a float"),
        pytest.param(
            "TIMESTAMP,ContextTokens,GeneratedTokens\n"
            "2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.9951690,396,109",
            [(0, 374, 44), (4_314_579, 396, 109)],
            id="Azure 2023: 100 ns, no zone, no line end",
        ),
        pytest.param(
            "TIMESTAMP,ContextTokens,GeneratedTokens\n"
            "2024-05-10 23:59:59.500000+00:00,10,1\n2024-05-11 00:00:00+00:00,20,2\n",
            [(0, 10, 1), (500_000, 20, 2)],
            id="Azure 2024: with zone, fraction sometimes left out",
        ),
        pytest.param(
            "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
            "5,ChatGPT,472,18,490,Conversation log\n7,GPT-4,100,0,100,API log\n45,ChatGPT,0,3,3,API log\n"
            "45.5,ChatGPT,9,8,17,API log\n",
            [(0, 472, 18), (40_500_000, 9, 8)],
            id="BurstGPT 1 and 2: failures left out",
        ),
        pytest.param(
            "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
            "19440110.0,1722ac82,43,GPT-4,906,446,1352,Conversation log\n"
            "19440161.0,,2,ChatGPT,36,29,65,API log\n",
            [(0, 906, 446), (51_000_000, 36, 29)],
            id="BurstGPT 3: sessions",
        ),
    ],
)
def test_layouts(tmp_path: Path, content: str, want: list[tuple[int, int, int]]) -> None:
    for path in (a_file(tmp_path, content), a_file(tmp_path, gzip.compress(content.encode()), "z.csv.gz")):
        trace = read_trace(path)
        assert list(zip(trace.arrival_us, trace.input_tokens, trace.output_tokens, strict=True)) == want
        assert trace.prefixes is None
    assert trace.name == "z"


def test_failures_of_an_original_are_noted(tmp_path: Path) -> None:
    head = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    trace = read_trace(a_file(tmp_path, head + "1,m,5,0,5,x\n2,m,5,1,6,x\n"))
    assert trace.notes == ("rows without prompt or output (failures) that were left out: 1",)
    assert list(trace.arrival_us) == [0]


def test_mooncake_blocks_become_prefix_chains(tmp_path: Path) -> None:
    rows = [
        {"timestamp": 0, "input_length": 1100, "output_length": 5, "hash_ids": [0, 1, 2]},
        {"timestamp": 3052, "input_length": 1024, "output_length": 6, "hash_ids": [0, 7]},
        {"timestamp": 3052, "input_length": 100, "output_length": 7, "hash_ids": []},
    ]
    trace = read_trace(a_file(tmp_path, "".join(json.dumps(row) + "\n" for row in rows), "m.jsonl"))
    assert list(trace.arrival_us) == [0, 3_052_000, 3_052_000]
    assert trace.prefixes is not None
    assert list(trace.prefixes) == [((0, 512), (1, 512), (2, 76)), ((0, 512), (7, 512)), ()]


def test_prefix_columns(tmp_path: Path) -> None:
    head = "timestamp_s,input_tokens,output_tokens,prefix_id,prefix_tokens\n"
    trace = read_trace(
        a_file(tmp_path, head + "0,10,1,system,8\n0,10,1,other,10\n0,10,1,,\n0,9,1,system,8\n")
    )
    assert trace.prefixes is not None
    assert list(trace.prefixes) == [((0, 8),), ((1, 10),), (), ((0, 8),)]


def test_a_prefix_that_grows_begins_with_its_shorter_self(tmp_path: Path) -> None:
    head = "timestamp_s,input_tokens,output_tokens,prefix_id,prefix_tokens\n"
    rows = "0,50,1,a,32\n1,90,1,b,80\n2,150,1,a,100\n3,80,1,a,64\n4,40,1,a,32\n"
    trace = read_trace(a_file(tmp_path, head + rows))
    assert trace.prefixes is not None
    assert list(trace.prefixes) == [
        ((0, 32),),
        ((1, 80),),
        ((0, 32), (2, 32), (3, 36)),
        ((0, 32), (2, 32)),
        ((0, 32),),
    ]


def test_columns_that_no_one_reads_are_named(tmp_path: Path) -> None:
    trace = read_trace(a_file(tmp_path, "timestamp_s,input_tokens,output_tokens,user\n0,1,1,x\n"))
    assert trace.notes == ("columns that were ignored: user",)


MOON = '{"timestamp": 0, "input_length": 10, "output_length": 5, "hash_ids": [1]}\n'
BAD = [
    pytest.param("", ["is empty"], id="an empty file"),
    pytest.param(HEAD, ["holds no request"], id="a header alone"),
    pytest.param(
        "a,b,c\n1,2,3\n", ["line 1", "'a,b,c'", "timestamp_s,input_tokens,output_tokens"], id="another header"
    ),
    pytest.param("0,10,5\n1,20,5\n", ["line 1", "'0,10,5'"], id="no header"),
    pytest.param(HEAD + "5,1,1\n4,1,1\n", ["line 3", "1 s before", "sort"], id="an unsorted row"),
    pytest.param(HEAD + "0,1,1\n1,1\n", ["line 3", "ends after 2 of 3"], id="a row that is cut off"),
    pytest.param(HEAD + "0,1,1,9\n", ["line 2", "has 4 of 3"], id="a row that is too long"),
    pytest.param(HEAD + "nan,1,1\n", ["line 2", "timestamp_s is 'nan'"], id="a stamp that is NaN"),
    pytest.param(HEAD + "inf,1,1\n", ["line 2", "timestamp_s is 'inf'"], id="a stamp that is infinite"),
    pytest.param(HEAD + "now,1,1\n", ["line 2", "timestamp_s is 'now'"], id="a stamp that is a word"),
    pytest.param(HEAD + "-1,1,1\n", ["-1 s, before 0"], id="a negative stamp"),
    pytest.param(HEAD + "0,nan,1\n", ["line 2", "input_tokens is 'nan'"], id="tokens that are NaN"),
    pytest.param(HEAD + "0,1e400,1\n", ["line 2", "input_tokens is '1e400'"], id="tokens that are infinite"),
    pytest.param(HEAD + "0,1,2.5\n", ["line 2", "output_tokens is '2.5'"], id="half a token"),
    pytest.param(HEAD + "0,1,\n", ["line 2", "output_tokens is ''"], id="a cell that is empty"),
    pytest.param(HEAD + "0,-3,1\n", ["line 2", "-3 input tokens"], id="negative tokens"),
    pytest.param(HEAD + "0,1,0\n", ["line 2", "0 output tokens"], id="no output in our own layout"),
    pytest.param(
        HEAD + "0,10000001,1\n", ["line 2", "10000001 input tokens", "10,000,000"], id="absurd tokens"
    ),
    pytest.param(HEAD + "1700000000048,1,1\n", ["1.7e+12 s", "ms"], id="milliseconds since 1970"),
    pytest.param(
        HEAD + "0,1,1\n86400000,1,1\n", ["spans 1,000 days", "milliseconds"], id="milliseconds as seconds"
    ),
    pytest.param(b"\x00\x01\x02\xff" * 50, ["is binary"], id="binary"),
    pytest.param((HEAD + "0,1,1\n").encode() + b"\xff\xfe\xfd", ["is binary"], id="binary after some rows"),
    pytest.param((HEAD + "0,1,1\n").encode("utf-16"), ["is binary"], id="UTF-16"),
    pytest.param(
        gzip.compress((HEAD + "0,1,1\n" * 999).encode())[:-12], ["gzip data is cut off"], id="a cut gzip"
    ),
    pytest.param(b"\x1f\x8bnot gzip at all", ["gzip data is cut off or damaged"], id="a damaged gzip"),
    pytest.param(gzip.compress(b""), ["is empty"], id="an empty gzip"),
    pytest.param(
        "version https://git-lfs.github.com/spec/v1\noid sha256:1\n", ["Git LFS pointer"], id="an LFS pointer"
    ),
    pytest.param(
        HEAD.strip() + ",input_tokens\n0,1,2,3\n", ["line 1", "two columns input_tokens"], id="a column twice"
    ),
    pytest.param(
        HEAD.strip() + ",prefix_id\n0,1,1,a\n", ["no prefix_tokens"], id="half of the prefix columns"
    ),
    pytest.param(
        HEAD.strip() + ",prefix_id,prefix_tokens\n0,5,1,a,6\n",
        ["line 2", "prefix_tokens is 6 of 5"],
        id="a long prefix",
    ),
    pytest.param(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-13-16 18:15,1,1\n",
        ["line 2", "TIMESTAMP is"],
        id="no such date",
    ),
    pytest.param(MOON + MOON[:30], ["line 2", "no JSON"], id="a JSON line that is cut off"),
    pytest.param(MOON + "[1]\n", ["line 2", "one JSON object"], id="a JSON list"),
    pytest.param(
        '{"timestamp": 0, "input_length": 10}\n', ["line 1", "no output_length"], id="a missing JSON key"
    ),
    pytest.param(MOON.replace("10", "NaN"), ["line 1", "input_length is nan"], id="NaN in JSON"),
    pytest.param(MOON.replace("10", "true"), ["line 1", "input_length is True"], id="true for a number"),
    pytest.param(MOON.replace("[1]", "7"), ["line 1", "hash_ids is '7'"], id="hash ids that are no list"),
    pytest.param(MOON.replace(" 5", " -5"), ["line 1", "-5 output tokens"], id="negative JSON tokens"),
]


@pytest.mark.parametrize(("content", "words"), BAD)
def test_bad_files_get_one_line_with_place_value_and_fix(
    tmp_path: Path, content: str | bytes, words: list[str]
) -> None:
    path = a_file(tmp_path, content)
    with pytest.raises(InputError) as caught:
        read_trace(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert caught.value.fix
    for word in words:
        assert word in message


def test_a_path_that_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_trace(tmp_path / "none.csv")
    with pytest.raises(InputError, match="is a directory"):
        read_trace(tmp_path)
