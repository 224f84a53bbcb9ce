"""Completions and chats: a request in, an answer on the wire or in one body."""

import json
import secrets
from collections.abc import Sequence
from time import time
from zlib import crc32

from aiohttp import web

from simulations.live.asks import Ask, Chat, Completion, read
from simulations.live.driver import Job, Listener
from simulations.live.frames import FINGERPRINT, Frames, Head, chat_frames, completion_frames, usage_event
from simulations.live.service import Service
from simulations.live.streams import Gathering, Stream, Whole, Wire, close_stream

SERVICE = web.AppKey("service", Service)

_EVENT_STREAM = {"Content-Type": "text/event-stream; charset=utf-8"}


async def completions(request: web.Request) -> web.StreamResponse:
    """POST /v1/completions."""
    service = request.app[SERVICE]
    since_us = service.pump.now_us()
    ask = read(await request.read(), request.content_type, Completion)
    service.check_model(ask.model)
    prompts = ask.prompts(service.vocab)
    jobs = [service.job(p, ask.max_tokens, ask.min_tokens, ignore_eos=ask.ignore_eos) for p in prompts]
    seeds = [crc32(prompt.data) for prompt in prompts]
    service.trouble.take()
    head = Head(id=f"cmpl-{_token()}", created=int(time()), model=service.settings.name)
    if ask.stream:
        frames = [completion_frames(head, index) for index in range(len(jobs))]
        return await _streamed(request, ask, _Answer(head, "text_completion", jobs, seeds, since_us), frames)
    return await _whole(request, _Answer(head, "text_completion", jobs, seeds, since_us))


async def chat(request: web.Request) -> web.StreamResponse:
    """POST /v1/chat/completions."""
    service = request.app[SERVICE]
    since_us = service.pump.now_us()
    ask = read(await request.read(), request.content_type, Chat)
    service.check_model(ask.model)
    prompt = ask.prompt()
    job = service.job(prompt, ask.most, ask.min_tokens, ignore_eos=ask.ignore_eos)
    service.trouble.take()
    head = Head(id=f"chatcmpl-{_token()}", created=int(time()), model=service.settings.name)
    if ask.stream:
        answer = _Answer(head, "chat.completion.chunk", [job], [crc32(prompt.data)], since_us)
        return await _streamed(request, ask, answer, [chat_frames(head)])
    return await _whole(request, _Answer(head, "chat.completion", [job], [crc32(prompt.data)], since_us))


def _token() -> str:
    """Sixteen hex digits, as in vLLM's ids."""
    return secrets.token_hex(8)


class _Answer:
    """An answer to be given: one choice a job."""

    def __init__(
        self, head: Head, kind: str, jobs: Sequence[Job], seeds: Sequence[int], since_us: int
    ) -> None:
        self.head, self.kind, self.jobs, self.seeds, self.since_us = head, kind, jobs, seeds, since_us
        self.prompt = sum(job.prompt for job in jobs)


async def _streamed(
    request: web.Request, ask: Ask, answer: _Answer, frames: Sequence[Frames]
) -> web.StreamResponse:
    service = request.app[SERVICE]
    response = web.StreamResponse(headers=_EVENT_STREAM)
    chunked = request.version >= (1, 1)
    if chunked:
        response.enable_chunked_encoding()
    else:
        response.force_close()  # nothing else tells such a client where the answer ends
    await response.prepare(request)
    assert request.transport is not None
    wire = Wire(request.transport, chunked=chunked)

    def finish(tokens: int) -> None:
        wanted = usage_event(answer.head, answer.kind, answer.prompt, tokens) if ask.usage else b""
        close_stream(wire, wanted)

    gathering = Gathering(len(answer.jobs), finish)
    taken: list[tuple[int, Listener]] = []
    for job, seed, pieces in zip(answer.jobs, answer.seeds, frames, strict=True):
        out = Stream(
            wire,
            pieces,
            prompt=job.prompt,
            seed=seed,
            usage=ask.continuous_usage,
            ended=gathering.ended,
        )
        taken.append((service.pump.submit(job, out, answer.since_us, out), out))
    await _until(service, gathering, taken)
    await response.write_eof()
    return response


async def _whole(request: web.Request, answer: _Answer) -> web.StreamResponse:
    service = request.app[SERVICE]
    gathering = Gathering(len(answer.jobs))
    choices = [Whole(seed=seed, ended=gathering.ended) for seed in answer.seeds]
    taken: list[tuple[int, Listener]] = [
        (service.pump.submit(job, choice, answer.since_us), choice)
        for job, choice in zip(answer.jobs, choices, strict=True)
    ]
    await _until(service, gathering, taken)
    return web.json_response(_body(answer, choices, gathering.tokens), dumps=_compact)


async def _until(service: Service, gathering: Gathering, taken: Sequence[tuple[int, Listener]]) -> None:
    """Wait for the end; a client that goes away takes along what has not ended of its requests."""
    service.answering += 1
    if service.leaving:
        for index, listener in taken:
            service.pump.call_off(index, listener)
    try:
        await gathering.all_done
    finally:
        service.answering -= 1
        if not gathering.all_done.done() or gathering.all_done.cancelled():
            for index, listener in taken:
                service.pump.abort(index, listener)


def _body(answer: _Answer, choices: Sequence[Whole], tokens: int) -> dict[str, object]:
    """Fields that this engine has no use for are null, as in vLLM's bodies."""
    chat_answer = answer.kind == "chat.completion"
    of = _chat_choice if chat_answer else _text_choice
    usage = {
        "prompt_tokens": answer.prompt,
        "total_tokens": answer.prompt + tokens,
        "completion_tokens": tokens,
        "prompt_tokens_details": None,
        "completion_tokens_details": None,
    }
    return {
        "id": answer.head.id,
        "object": answer.kind,
        "created": answer.head.created,
        "model": answer.head.model,
        "choices": [of(index, choice) for index, choice in enumerate(choices)],
        "service_tier": None,
        "system_fingerprint": FINGERPRINT,
        "usage": usage,
        **(_CHAT_NULLS if chat_answer else {}),
        "kv_transfer_params": None,
        "ec_transfer_params": None,
        "metrics": None,
    }


_CHAT_NULLS = dict.fromkeys(("prompt_logprobs", "prompt_token_ids", "prompt_text"))
_MESSAGE_NULLS = dict.fromkeys(("refusal", "annotations", "audio", "function_call", "reasoning"))
_CHOICE_NULLS = dict.fromkeys(("token_ids", "prompt_logprobs", "prompt_token_ids", "routed_experts"))


def _text_choice(index: int, choice: Whole) -> dict[str, object]:
    return {
        "index": index,
        "text": choice.text(),
        "logprobs": None,
        "finish_reason": choice.reason,
        "stop_reason": None,
        **_CHOICE_NULLS,
    }


def _chat_choice(index: int, choice: Whole) -> dict[str, object]:
    return {
        "index": index,
        "message": {"role": "assistant", "content": choice.text(), **_MESSAGE_NULLS},
        "logprobs": None,
        "finish_reason": choice.reason,
        "stop_reason": None,
        "token_ids": None,
        "routed_experts": None,
    }


def _compact(body: object) -> str:
    return json.dumps(body, separators=(",", ":"))
