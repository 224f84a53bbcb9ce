"""What clients of an OpenAI server rely on, asked of every kind of engine."""

from typing import Any

import pytest

from tests.live.contract.asking import ask, chat, completion, connect, events, prompt
from tests.live.contract.target import Target


@pytest.mark.parametrize(("method", "path"), [("GET", "/health"), ("GET", "/ping"), ("POST", "/ping")])
def test_it_says_that_it_is_well(engine: Target, method: str, path: str) -> None:
    assert ask(engine, method, path).status == 200


def test_it_has_a_version(engine: Target) -> None:
    version = ask(engine, "GET", "/version").json()["version"]
    assert version.split(".")[:2] == ["0", "32"]


def test_it_lists_its_model(engine: Target) -> None:
    listed = ask(engine, "GET", "/v1/models").json()
    assert listed["object"] == "list"
    (card,) = listed["data"]
    assert (card["id"], card["object"], card["max_model_len"]) == (
        engine.model,
        "model",
        engine.max_model_len,
    )


def test_it_says_how_loaded_it_is(engine: Target) -> None:
    assert ask(engine, "GET", "/load").json()["server_load"] >= 0


def test_a_completion_has_exactly_the_tokens_that_were_asked_for(engine: Target) -> None:
    body = completion(engine, prompt=prompt(engine, 20), max_tokens=5, ignore_eos=True).json()
    assert body["object"] == "text_completion"
    assert body["id"].startswith("cmpl-")
    assert body["model"] == engine.model
    (choice,) = body["choices"]
    assert (choice["index"], choice["finish_reason"], choice["stop_reason"]) == (0, "length", None)
    assert isinstance(choice["text"], str)
    usage = body["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (20, 5, 25)


def test_a_completion_has_sixteen_tokens_unless_told_otherwise(engine: Target) -> None:
    body = completion(engine, prompt=prompt(engine, 3), ignore_eos=True).json()
    assert body["usage"]["completion_tokens"] == 16


def test_several_prompts_get_a_choice_each(engine: Target) -> None:
    prompts = [prompt(engine, 7), prompt(engine, 9)]
    body = completion(engine, prompt=prompts, max_tokens=4, ignore_eos=True).json()
    assert [choice["index"] for choice in body["choices"]] == [0, 1]
    assert (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]) == (16, 8)


@pytest.mark.parametrize("text", ["a warm stone", ["a warm stone", "cold ash"]], ids=["one", "two"])
def test_prompts_may_be_text(engine: Target, text: Any) -> None:
    body = completion(engine, prompt=text, max_tokens=3).json()
    assert len(body["choices"]) == (1 if isinstance(text, str) else len(text))
    assert body["usage"]["prompt_tokens"] >= len(body["choices"])
    assert {choice["finish_reason"] for choice in body["choices"]} <= {"length", "stop"}


def test_a_chat_answers_as_the_assistant(engine: Target) -> None:
    body = chat(engine, max_tokens=6, ignore_eos=True).json()
    assert body["object"] == "chat.completion"
    assert body["id"].startswith("chatcmpl-")
    (choice,) = body["choices"]
    assert choice["message"]["role"] == "assistant"
    assert isinstance(choice["message"]["content"], str)
    assert choice["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == 6


def test_max_completion_tokens_wins_over_max_tokens(engine: Target) -> None:
    body = chat(engine, max_tokens=9, max_completion_tokens=4, ignore_eos=True).json()
    assert body["usage"]["completion_tokens"] == 4


@pytest.mark.parametrize("kind", ["completion", "chat"])
def test_a_stream_ends_with_a_reason_then_usage_then_done(engine: Target, kind: str) -> None:
    fields = {"max_tokens": 6, "ignore_eos": True, "stream": True, "stream_options": {"include_usage": True}}
    if kind == "chat":
        answer = chat(engine, **fields)
    else:
        answer = completion(engine, prompt=prompt(engine, 11), **fields)
    assert answer.kind.startswith("text/event-stream")
    *chunks, usage, done = events(answer.text)
    assert done == "[DONE]"
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] == 6
    assert len({chunk["id"] for chunk in [*chunks, usage]}) == 1
    assert all("usage" not in chunk or chunk["usage"] is None for chunk in chunks)
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert reasons == [None] * (len(chunks) - 1) + ["length"]


def test_a_streamed_chat_names_its_role_first(engine: Target) -> None:
    first, *_ = events(chat(engine, max_tokens=2, stream=True).text)
    assert first["object"] == "chat.completion.chunk"
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}


def test_a_stream_has_no_usage_unless_asked(engine: Target) -> None:
    *chunks, done = events(completion(engine, prompt=prompt(engine, 4), max_tokens=3, stream=True).text)
    assert done == "[DONE]"
    assert all(chunk["choices"] for chunk in chunks)


def test_usage_may_come_with_every_chunk(engine: Target) -> None:
    options = {"include_usage": True, "continuous_usage_stats": True}
    answer = completion(
        engine,
        prompt=prompt(engine, 12),
        max_tokens=5,
        ignore_eos=True,
        stream=True,
        stream_options=options,
    )
    *chunks, last, _ = events(answer.text)
    so_far = [chunk["usage"]["completion_tokens"] for chunk in chunks]
    assert so_far == sorted(so_far)
    assert so_far[-1] == last["usage"]["completion_tokens"] == 5
    assert {chunk["usage"]["prompt_tokens"] for chunk in [*chunks, last]} == {12}


def test_several_streams_in_one_are_told_apart_by_index(engine: Target) -> None:
    prompts = [prompt(engine, 5), prompt(engine, 6)]
    answer = completion(engine, prompt=prompts, max_tokens=4, ignore_eos=True, stream=True)
    *chunks, done = events(answer.text)
    ended = [chunk["choices"][0]["index"] for chunk in chunks if chunk["choices"][0]["finish_reason"]]
    assert (sorted(ended), done) == ([0, 1], "[DONE]")


def test_text_can_be_counted(engine: Target) -> None:
    body = ask(
        engine, "POST", "/tokenize", {"model": engine.model, "prompt": "a warm stone by the fire"}
    ).json()
    assert body["count"] == len(body["tokens"]) > 1
    assert body["max_model_len"] == engine.max_model_len


def test_an_unknown_model_is_not_found(engine: Target) -> None:
    answer = ask(engine, "POST", "/v1/completions", {"model": "nobody", "prompt": "x"})
    error = answer.json()["error"]
    assert (answer.status, error["code"], error["type"]) == (404, 404, "NotFoundError")
    assert "nobody" in error["message"]


@pytest.mark.parametrize(
    ("tokens", "wanted", "message"),
    [
        (
            1100,
            5,
            "context length is 1024 tokens. However, your prompt contains 1100 input tokens, ",
        ),
        (1025, 5, "your prompt contains at least 1025 input tokens, "),
        (1024, 5, "max_tokens must be at least 1, got 0."),
        (10, 1025, "max_tokens=1025 cannot be greater than max_model_len=1024. "),
        (10, 0, "max_tokens must be at least 1, got 0."),
        (10, -1, "max_tokens must be at least 1, got -1."),
    ],
    ids=["prompt", "prompt by one", "no room", "answer", "no answer", "less than none"],
)
def test_what_cannot_fit_is_refused(engine: Target, tokens: int, wanted: int, message: str) -> None:
    answer = completion(engine, prompt=prompt(engine, tokens), max_tokens=wanted)
    error = answer.json()["error"]
    assert (answer.status, error["code"], error["type"]) == (400, 400, "BadRequestError")
    assert message in error["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_that_is_too_long_is_refused_before_any_stream_begins(engine: Target, stream: bool) -> None:
    assert completion(engine, prompt=prompt(engine, 1100), max_tokens=5, stream=stream).status == 400


@pytest.mark.parametrize("wanted", [24, 25, 1000])
def test_an_answer_is_cut_to_what_the_prompt_leaves_of_the_context(engine: Target, wanted: int) -> None:
    body = completion(engine, prompt=prompt(engine, 1000), max_tokens=wanted, ignore_eos=True).json()
    assert body["usage"]["total_tokens"] == 1024
    assert body["choices"][0]["finish_reason"] == "length"


BAD: list[tuple[str, Any]] = [
    ("no JSON", b"{"),
    ("no object", []),
    ("no prompt", {}),
    ("no tokens", {"prompt": []}),
    ("no text", {"prompt": ""}),
    ("prompt of another kind", {"prompt": {"text": "x"}}),
    ("max_tokens as a word", {"prompt": "x", "max_tokens": "many"}),
    ("usage without a stream", {"prompt": "x", "stream_options": {"include_usage": True}}),
    ("more at least than at most", {"prompt": "x", "min_tokens": 5, "max_tokens": 2}),
    ("an id beyond the vocabulary", {"prompt": [10**7]}),
    ("no id", {"prompt": [-1]}),
    ("stream as a word", {"prompt": "x", "stream": "perhaps"}),
]


@pytest.mark.parametrize("body", [body for _, body in BAD], ids=[name for name, _ in BAD])
def test_a_bad_request_is_told_what_is_bad(engine: Target, body: Any) -> None:
    answer = ask(engine, "POST", "/v1/completions", body)
    error = answer.json()["error"]
    assert (answer.status, error["code"]) == (400, 400)
    assert error["message"]


def test_only_json_is_taken(engine: Target) -> None:
    connection = connect(engine)
    connection.request("POST", "/v1/completions", b'{"prompt":"x"}', {"Content-Type": "text/plain"})
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    assert response.status == 400
    assert "Only 'application/json' is allowed" in body


def test_paths_and_methods_that_are_not_there(engine: Target) -> None:
    assert ask(engine, "GET", "/v1/nothing").status == 404
    assert ask(engine, "GET", "/v1/completions").status == 405
