"""The HTTP application: routes beside completions, and how errors are told."""

import json

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import ValidationError

from simulations.live.answers import SERVICE, chat, completions
from simulations.live.asks import Tokenize, checked, read_json
from simulations.live.driver import WAKE_TAGS
from simulations.live.faults import Faults
from simulations.live.logs import LOGGER
from simulations.live.prompts import token_ids
from simulations.live.refusals import Refusal, bad_request, broken
from simulations.live.service import Service

VERSION = "0.32.0"
"""The vLLM whose API and metrics this is."""
MOST_BODY_BYTES = 64 << 20
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""With 1.0.0 a Prometheus 2 would be sent names without their colon."""


def build(service: Service) -> web.Application:
    """An application over a service."""
    app = web.Application(middlewares=[service.http.middleware(), _refusals], client_max_size=MOST_BODY_BYTES)
    app[SERVICE] = service
    app.router.add_post("/v1/completions", completions)
    app.router.add_post("/v1/chat/completions", chat)
    app.router.add_get("/v1/models", _models)
    app.router.add_get("/health", _health, allow_head=False)
    app.router.add_route("*", "/ping", _health)
    app.router.add_get("/version", _version)
    app.router.add_get("/load", _load)
    app.router.add_get("/metrics", _metrics)
    app.router.add_post("/tokenize", _tokenize)
    app.router.add_post("/sleep", _sleep)
    app.router.add_post("/wake_up", _wake_up)
    app.router.add_get("/is_sleeping", _is_sleeping)
    app.router.add_get("/faults", _faults)
    app.router.add_post("/faults", _set_faults)
    app.router.add_delete("/faults", _clear_faults)
    return app


@web.middleware
async def _refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refusals and accidents in the body that vLLM gives them."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return _told(refusal)
    except web.RequestPayloadError as error:
        return _told(bad_request(" ".join(str(error).split())))
    except web.HTTPRequestEntityTooLarge as error:
        return _told(Refusal(413, "BadRequestError", error.text or "the body is too large"))
    except web.HTTPException as error:
        return web.json_response({"detail": error.reason}, status=error.status, headers=_kept(error))
    except ConnectionResetError:
        return web.Response()  # nobody is there to read it; vLLM counts it as answered too
    except Exception:  # noqa: BLE001 - whatever went wrong, the client gets this body and the log the reason
        LOGGER.exception("%s %s failed", request.method, request.path)
        return _told(broken("Internal error; the log says more."))


def _told(refusal: Refusal) -> web.Response:
    return web.json_response(refusal.body(), status=refusal.status)


def _kept(error: web.HTTPException) -> dict[str, str]:
    """Headers that mean something beyond the body that is replaced."""
    return {name: error.headers[name] for name in ("Allow",) if name in error.headers}


async def _models(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    card = {
        "id": service.settings.name,
        "object": "model",
        "created": service.created,
        "owned_by": "vllm",
        "root": service.settings.model,
        "parent": None,
        "max_model_len": service.spec.max_model_len,
        "permission": [_permission(service)],
    }
    return web.json_response({"object": "list", "data": [card]})


def _permission(service: Service) -> dict[str, object]:
    allowed = {"allow_create_engine": False, "allow_sampling": True, "allow_logprobs": False}
    allowed |= {"allow_search_indices": False, "allow_view": True, "allow_fine_tuning": False}
    named = {"id": "modelperm-hearth", "object": "model_permission", "created": service.created}
    return {**named, **allowed, "organization": "*", "group": None, "is_blocking": False}


async def _health(request: web.Request) -> web.Response:
    return web.Response(status=503 if request.app[SERVICE].trouble.faults.not_ready else 200)


async def _version(_request: web.Request) -> web.Response:
    return web.json_response({"version": VERSION})


async def _load(request: web.Request) -> web.Response:
    return web.json_response({"server_load": request.app[SERVICE].answering})


async def _metrics(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    if service.trouble.unlucky(service.trouble.faults.drop_scrapes) and request.transport is not None:
        request.transport.abort()
    return web.Response(body=service.metrics(), headers={"Content-Type": METRICS_TYPE})


async def _tokenize(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    ask = checked(read_json(await request.read()), Tokenize)
    service.check_model(ask.model)
    ids = token_ids(ask.tokens(), service.vocab)
    body = {"count": len(ids), "max_model_len": service.spec.max_model_len, "tokens": ids, "token_strs": None}
    return web.json_response(body)


async def _sleep(request: web.Request) -> web.Response:
    """Level 0 pauses, 1 offloads the weights, 2 drops them; what runs is aborted, as by vLLM's default."""
    service = request.app[SERVICE]
    level, mode = request.query.get("level", "1"), request.query.get("mode", "abort")
    if level not in ("0", "1", "2"):
        raise bad_request(f"level is {level}; want 0, 1 or 2", "level")
    if mode != "abort":
        raise bad_request(f"mode {mode} is not supported; want abort", "mode")
    service.pump.do(lambda now_us: service.driver.sleep(int(level), now_us))
    return web.json_response({"status": "sleeping", "level": int(level)})


async def _wake_up(request: web.Request) -> web.Response:
    service = request.app[SERVICE]
    tags = request.query.getall("tags", [])
    unknown = sorted(set(tags) - WAKE_TAGS)
    if unknown:
        raise bad_request(f"there is no tag {unknown[0]}; known: {', '.join(sorted(WAKE_TAGS))}", "tags")
    awake = True

    def wake(now_us: int) -> None:
        nonlocal awake
        awake = service.driver.wake(frozenset(tags), now_us)

    service.pump.do(wake)
    return web.json_response({"status": "awake" if awake else "sleeping", "tags": tags or None})


async def _is_sleeping(request: web.Request) -> web.Response:
    return web.json_response({"is_sleeping": request.app[SERVICE].driver.asleep is not None})


async def _faults(request: web.Request) -> web.Response:
    return web.json_response(request.app[SERVICE].trouble.faults.model_dump())


async def _set_faults(request: web.Request) -> web.Response:
    """The fields that are given change, the others stay."""
    service = request.app[SERVICE]
    given = read_json(await request.read())
    if not isinstance(given, dict):
        raise bad_request('want an object with faults, such as {"hang": true}')
    service.set_faults(_merged(service.trouble.faults, given))
    return await _faults(request)


def _merged(old: Faults, given: dict[str, object]) -> Faults:
    try:
        return Faults.model_validate({**old.model_dump(), **given})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = ", ".join(Faults.model_fields)
            raise bad_request(f"there is no fault {json.dumps(name)}; known: {known}", name) from None
        raise bad_request(f"{name}: {first['msg']}", name) from None


async def _clear_faults(request: web.Request) -> web.Response:
    request.app[SERVICE].set_faults(Faults())
    return await _faults(request)
