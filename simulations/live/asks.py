"""Requests as clients write them, checked: what of OpenAI's fields the engine model can honour.

Sampling fields (temperature, top_p, stop …) are taken and change nothing: the text is filler. Fields whose
answer would need a model (logprobs, tools, echo …) are refused, not ignored.
"""

import json
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulations.live.prompts import Prompt, of_ids, of_messages, of_text
from simulations.live.refusals import bad_request, invalid

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
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    ignore_eos: bool = False
    max_tokens: int | None = None
    min_tokens: Annotated[int, Field(ge=0)] = 0
    n: Literal[1] = 1
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

    prompt: Any = None
    max_tokens: int | None = COMPLETION_MAX_TOKENS
    best_of: Literal[1] | None = None
    logprobs: None = None
    suffix: None = None

    def prompts(self, vocab: int) -> list[Prompt]:
        """One for a string or a list of ids, several for a list of them."""
        given = self.prompt
        if given in (None, ""):
            raise bad_request(
                "Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)", "prompt"
            )
        if given == []:
            raise bad_request("You must pass at least one prompt")
        if isinstance(given, str):
            return [of_text(given)]
        if isinstance(given, list) and all(isinstance(one, str) for one in given):
            return [of_text(one) for one in given]
        if isinstance(given, list) and all(isinstance(one, list) for one in given):
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

    messages: list[Message]
    max_completion_tokens: int | None = None
    tools: Annotated[list[Any], Field(max_length=0)] | None = None
    top_logprobs: Literal[0] | None = None

    def prompt(self) -> Prompt:
        """All messages through the template."""
        if not self.messages:
            raise bad_request(
                "Cannot apply chat template to an empty conversation. Provide at least one message."
            )
        return of_messages([(message.role, message.text()) for message in self.messages])

    @property
    def most(self) -> int | None:
        """The newer of the two fields wins."""
        newer = self.max_completion_tokens
        return self.max_tokens if newer is None else newer


class Tokenize(BaseModel):
    """POST /tokenize: text, or a chat."""

    model: str | None = None
    prompt: str | None = None
    messages: list[Message] | None = None

    def tokens(self) -> Prompt:
        """What is to be counted."""
        if self.messages is not None:
            return of_messages([(message.role, message.text()) for message in self.messages])
        return of_text(self.prompt or "")


def read(raw: bytes, media_type: str, kind: type[_AskT]) -> _AskT:
    """The request in ``raw``; :class:`simulations.live.refusals.Refusal` for what is none."""
    if media_type != "application/json":
        raise invalid("Unsupported Media Type: Only 'application/json' is allowed")
    ask = checked(read_json(raw), kind)
    if ask.stream_options is not None and not ask.stream:
        raise bad_request(
            "Stream options can only be defined when `stream=True`. (parameter=stream_options)",
            "stream_options",
        )
    return ask


def read_json(raw: bytes) -> Any:
    """The value in ``raw``; a refusal for what is no JSON."""
    try:
        return json.loads(raw)
    except UnicodeDecodeError:
        raise invalid("body: no UTF-8 text", "body") from None
    except json.JSONDecodeError as error:
        raise invalid(f"body.{error.pos}: JSON decode error: {error.msg}", f"body.{error.pos}") from None
    except ValueError as error:
        raise invalid(f"body: {error}", "body") from None
    except RecursionError:
        raise invalid("body: JSON decode error: nested too deeply", "body") from None


_ModelT = TypeVar("_ModelT", bound=BaseModel)


def checked(data: Any, kind: type[_ModelT]) -> _ModelT:
    """``data`` as ``kind``; a refusal that names the field."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(["body", *(str(part) for part in first["loc"])])
        raise invalid(f"{where}: {first['msg']}", where) from None


def _ids(given: Any, vocab: int) -> Prompt:
    if not isinstance(given, list) or not given:
        raise invalid("body.prompt: want text, token ids, or a list of either", "body.prompt")
    try:
        prompt = of_ids(given)
    except (TypeError, OverflowError):
        raise invalid("body.prompt: token ids are whole numbers from 0 on", "body.prompt") from None
    if max(given) >= vocab:
        raise bad_request(f"Token id {max(given)} is out of vocabulary")
    return prompt
