"""Requests as clients write them, checked: what of OpenAI's fields the engine model can honour.

Sampling fields (temperature, top_p, stop …) are taken and change nothing: the text is filler. Fields whose
answer would need a model (logprobs, tools, echo …) are refused, not ignored.
"""

import json
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulations.live.prompts import Prompt, of_ids, of_messages, of_text
from simulations.live.refusals import bad_request

COMPLETION_MAX_TOKENS = 16
"""OpenAI's default of /v1/completions; a chat may use all that the context leaves."""

_AskT = TypeVar("_AskT", bound="Ask")


class StreamOptions(BaseModel):
    """``stream_options``."""

    include_usage: bool = False
    continuous_usage_stats: bool = False


class Ask(BaseModel):
    """What both kinds of request have; more fields may be there, and are not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    model: str | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    ignore_eos: bool = False
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    min_tokens: Annotated[int, Field(ge=0)] = 0
    n: Literal[1] | None = 1
    logprobs: Literal[False] | None = None
    echo: Literal[False] | None = False

    @property
    def usage(self) -> bool:
        """A last chunk with the usage is wanted."""
        return self.stream_options is not None and self.stream_options.include_usage

    @property
    def continuous_usage(self) -> bool:
        """Every chunk shall carry the usage so far."""
        return self.usage and self.stream_options is not None and self.stream_options.continuous_usage_stats


class Completion(Ask):
    """POST /v1/completions."""

    prompt: Any
    max_tokens: Annotated[int, Field(ge=1)] | None = COMPLETION_MAX_TOKENS
    best_of: Literal[1] | None = None
    suffix: None = None

    def prompts(self, vocab: int) -> list[Prompt]:
        """One for a string or a list of ids, several for a list of them."""
        given = self.prompt
        if isinstance(given, str):
            return [of_text(given)]
        if isinstance(given, list) and given and all(isinstance(one, str) for one in given):
            return [of_text(one) for one in given]
        if isinstance(given, list) and given and all(isinstance(one, list) for one in given):
            return [_ids(one, vocab) for one in given]
        return [_ids(given, vocab)]


class Message(BaseModel):
    """One message of a chat; of its content only text counts."""

    role: str
    content: str | list[dict[str, Any]] | None = None

    def text(self) -> str:
        """All its text parts; refuses pictures and sounds."""
        if not isinstance(self.content, list):
            return self.content or ""
        for part in self.content:
            if part.get("type") != "text":
                raise bad_request(f"{part.get('type')} is not supported: this engine reads text", "messages")
        return "".join(str(part.get("text", "")) for part in self.content)


class Chat(Ask):
    """POST /v1/chat/completions."""

    messages: Annotated[list[Message], Field(min_length=1)]
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    tools: Annotated[list[Any], Field(max_length=0)] | None = None
    top_logprobs: Literal[0] | None = None

    def prompt(self) -> Prompt:
        """All messages through the template."""
        return of_messages([(message.role, message.text()) for message in self.messages])

    @property
    def most(self) -> int | None:
        """The newer of the two fields wins."""
        return self.max_completion_tokens or self.max_tokens


class Tokenize(BaseModel):
    """POST /tokenize."""

    model: str | None = None
    prompt: str


def read(raw: bytes, kind: type[_AskT]) -> _AskT:
    """The request in ``raw``; :class:`simulations.live.refusals.Refusal` for what is none."""
    return checked(read_json(raw), kind)


def read_json(raw: bytes) -> Any:
    """The value in ``raw``; a refusal in FastAPI's words for what is no JSON."""
    try:
        return json.loads(raw)
    except UnicodeDecodeError:
        raise bad_request("the body is no UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise bad_request(f"JSON decode error at {error.pos}: {error.msg}") from None
    except RecursionError:
        raise bad_request("JSON decode error: nested too deeply") from None


_ModelT = TypeVar("_ModelT", bound=BaseModel)


def checked(data: Any, kind: type[_ModelT]) -> _ModelT:
    """``data`` as ``kind``; a refusal that names the field."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise bad_request(f"{where}: {first['msg']}", where) from None


def _ids(given: Any, vocab: int) -> Prompt:
    if not isinstance(given, list) or not given:
        raise bad_request("prompt: want text, or a list of texts, of token ids or of lists of them", "prompt")
    try:
        prompt = of_ids(given)
    except (TypeError, OverflowError):
        raise bad_request("prompt: token ids are whole numbers from 0 on", "prompt") from None
    if max(given) >= vocab:
        raise bad_request(f"Token id {max(given)} is out of vocabulary", "prompt")
    return prompt
