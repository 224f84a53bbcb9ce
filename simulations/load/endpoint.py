"""The server under load: its address, and what it says of the model it serves."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from simulations.errors import InputError

_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model as ``/v1/models`` lists it."""

    name: str
    max_model_len: int | None
    """The context in tokens; None: the server does not say."""


def base_url(text: str) -> str:
    """``http://host:8000/v1/`` and ``http://host:8000`` are one server. Raises :class:`InputError`."""
    if not _is_address(text):
        raise InputError("--url", f"{text!r} is no address", "give one such as http://127.0.0.1:8000")
    return text.rstrip("/").removesuffix("/v1")


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not close, a port that is none
        return False


async def find_model(url: str, wanted: str | None) -> Model:
    """The model ``wanted``, or the first one served. Raises :class:`InputError` if there is none."""
    models = _models(await _get(f"{url}/v1/models"), url)
    named = {model.name: model for model in models}
    if wanted is None:
        return models[0]
    if wanted not in named:
        raise InputError("--model", f"{url} does not serve {wanted!r}", f"it serves {', '.join(named)}")
    return named[wanted]


async def _get(url: str) -> bytes:
    timeout = aiohttp.ClientTimeout(total=_PATIENCE_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
            body = await response.read()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        reason = str(error) or f"no answer within {_PATIENCE_S:g} s"
        raise InputError(url, f"cannot be asked ({reason})", "check that the server is up") from None
    if response.status != 200:
        raise InputError(url, f"answers HTTP {response.status}", "give an OpenAI-compatible server") from None
    return body


def _models(body: bytes, url: str) -> list[Model]:
    try:
        listed = [_model(item) for item in json.loads(body)["data"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(url, "lists no models", "give an OpenAI-compatible server") from None
    if not listed:
        raise InputError(url, "serves no model", "load one first")
    return listed


def _model(item: Any) -> Model:
    limit = item.get("max_model_len")
    return Model(name=str(item["id"]), max_model_len=limit if isinstance(limit, int) else None)
