"""The public door: a few routes, one public model name, and nothing else of vLLM behind it.

A request for the alias is written anew with the adapter's immutable name and sent to a fixed route
of an engine; neither the client's path nor its headers go through, so no admin route can be reached
whatever they say. The adapter is chosen once a request: a redeploy never mixes two in one answer.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any  # JSON of a client has no narrower type before it is read

import aiohttp
from aiohttp import web

from serve import failures, meters
from serve.alias import Adapter
from serve.compare import STREAM_ERROR, Call, Failure
from serve.engine import Engine
from serve.failures import FailedError, Failures, NotTakenError
from serve.meters import Meters
from serve.routing import Desk, Replica, Routes, key

COMPLETIONS = ("/v1/chat/completions", "/v1/completions")
RETRY_SECONDS = "5"
ATTEMPTS = 4
"""Engines that were away, or moves of the alias, that one request lives through before it gets a 503."""
KEEP_SECONDS = 2.0
"""How long an idle connection is kept: vLLM closes its own after 5, and a request must not meet that."""
UPSTREAM = aiohttp.ClientTimeout(total=None, sock_connect=3, sock_read=300)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Settings:
    """The public name, where the alias table is, how large a body may be, and the key if there is one."""

    alias: str
    state: Path
    max_body_bytes: int
    api_key: str = field(default="", repr=False)


def application(settings: Settings, engines: tuple[Engine, ...]) -> web.Application:
    """Build the gateway; run it with `handler_cancellation`, so that a client that leaves is noticed."""
    app = web.Application(middlewares=[_guard(settings)], client_max_size=settings.max_body_bytes)
    gateway = Gateway(settings, Desk(settings.state), meters.make())

    async def upstream(_: web.Application) -> AsyncIterator[None]:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_SECONDS)
        async with aiohttp.ClientSession(connector=connector, timeout=UPSTREAM) as session:
            gateway.routes = gateway.failures.routes = Routes(engines, session)
            polling = asyncio.create_task(gateway.routes.poll())
            comparing = asyncio.create_task(gateway.failures.comparison.run(session))
            yield
            polling.cancel()
            comparing.cancel()
            gateway.failures.close()

    app.cleanup_ctx.append(upstream)
    app.router.add_get("/health", gateway.health, allow_head=False)
    app.router.add_get("/metrics", gateway.metrics, allow_head=False)
    app.router.add_get("/v1/models", gateway.models, allow_head=False)
    for route in COMPLETIONS:
        app.router.add_post(route, gateway.complete)
    return app


class Gateway:
    """The handlers, with what they share: the alias table, the engines and the meters."""

    def __init__(self, settings: Settings, desk: Desk, metered: Meters) -> None:
        self.settings = settings
        self.desk = desk
        self.meters = metered
        self.failures = Failures(desk.table)
        self.routes: Routes  # set while the application runs

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Send a completion to an engine that has the live adapter; try others while nothing was answered."""
        body = await _json_body(request)
        if body.get("model") != self.settings.alias:
            return _error(
                404, f"the model here is called {self.settings.alias!r}", "model_not_found"
            )
        forwarded = ",".join(request.headers.getall("X-Forwarded-For", []))
        address = failures.address(request.remote or "", forwarded)
        call = self.failures.call(request.path, body, address)
        if self.failures.suspects.refused(call.digest):
            return self._unanswered(call, "", failed=True)
        return await self._answer(request, call)

    async def _answer(self, request: web.Request, call: Call) -> web.StreamResponse:
        """Ask engines until one answers: all that do not take it, and one more after one that failed."""
        tried: set[Replica] = set()
        adapter, failed = self.desk.table().adapter, False
        for _ in range(ATTEMPTS):
            if adapter is None:
                return self._away("", "no adapter is live yet")
            replica = await self.routes.choose(adapter, tried)
            if replica is not None:
                try:
                    return await self._forward(request, call, adapter, replica)
                except NotTakenError:
                    replica.listed = {}  # until the next round of asking says otherwise
                    tried.add(replica)
                except FailedError as error:
                    following = self.failures.follow(Failure(call, adapter, replica), error)
                    again = await asyncio.shield(following) and not failed
                    failed = True
                    if not again:
                        break
                    if error.answered:
                        tried.add(replica)
            now = self.desk.table().adapter
            if replica is None and now == adapter:
                break
            if now != adapter:
                adapter, tried = now, set()
        return self._unanswered(call, adapter.name if adapter else "", failed=failed)

    async def models(self, _: web.Request) -> web.Response:
        """List the one public name."""
        card = {"id": self.settings.alias, "object": "model", "owned_by": "schoolhouse"}
        return web.json_response({"object": "list", "data": [card]})

    async def health(self, _: web.Request) -> web.Response:
        """Tell whether requests would be answered now: 200 or 503."""
        adapter = self.desk.table().adapter
        ready = len(self.routes.ready(adapter)) if adapter else 0
        told = {
            "status": "ok" if ready else "away",
            "adapter": adapter.name if adapter else None,
            "engines_ready": ready,
            "engines": len(self.routes.replicas),
            "alias_table": "damaged, the last good one is used" if self.desk.damage else "ok",
        }
        return web.json_response(told, status=200 if ready else 503)

    async def metrics(self, _: web.Request) -> web.Response:
        """Give the meters in Prometheus' text format."""
        table = self.desk.table()
        self.meters.generation.set(table.generation)
        self.meters.ready.set(len(self.routes.ready(table.adapter)) if table.adapter else 0)
        self.failures.comparison.publish(self.meters)
        return web.Response(body=meters.as_text(self.meters), content_type="text/plain")

    async def _forward(
        self, request: web.Request, call: Call, adapter: Adapter, replica: Replica
    ) -> web.StreamResponse:
        """Have one engine answer. Raises NotTakenError or FailedError while nothing was answered."""
        data = json.dumps({**call.body, "model": adapter.name}).encode()
        headers = {"Content-Type": "application/json", **key(replica.engine)}
        url = replica.engine.url + request.path
        started = time.perf_counter()
        replica.in_flight += 1
        self.meters.in_flight.labels(adapter.name).inc()
        code = "gone"
        try:
            async with self.routes.session.post(url, data=data, headers=headers) as answer:
                if answer.status == 404:
                    raise NotTakenError
                if answer.status >= 500:
                    raise FailedError("answered")
                code = str(answer.status)
                if answer.content_type == "text/event-stream":
                    ended = partial(self._ended, Failure(call, adapter, replica))
                    return await _stream(request, answer, adapter, ended)
                read = await answer.read()
                if answer.ok:
                    self.failures.suspects.answered(call.digest)
                return web.Response(
                    body=read,
                    status=answer.status,
                    content_type=answer.content_type,
                    headers={"x-adapter": adapter.name},
                )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotTakenError from error
        except (aiohttp.ClientError, TimeoutError) as error:
            code = "gone"
            how = "silent" if isinstance(error, TimeoutError) else "broke off"
            raise FailedError(how) from error
        except asyncio.CancelledError:
            code = "client left"
            raise
        finally:
            replica.in_flight -= 1
            self.meters.in_flight.labels(adapter.name).dec()
            self.meters.requests.labels(adapter.name, code).inc()
            self.meters.seconds.observe(time.perf_counter() - started)

    def _ended(self, failure: Failure, how: FailedError | None) -> None:
        """Note how a stream ended at the engine: well (None), or after something was answered."""
        if how:
            self.failures.follow(failure, how)
        else:
            self.failures.suspects.answered(failure.call.digest)

    def _unanswered(self, call: Call, adapter: str, *, failed: bool) -> web.Response:
        """Say why no engine has answered, and when to come back."""
        if seconds := self.failures.suspects.refused(call.digest):
            said = f"a server broke off while it had this very request, refused for {seconds} s"
            return self._away(adapter, said, str(seconds))
        if not failed:
            return self._away(adapter, "the model is away for a moment")
        self.meters.requests.labels(adapter, "502").inc()
        return _error(502, "the model's server failed at this request", "server_error")

    def _away(self, adapter: str, message: str, seconds: str = RETRY_SECONDS) -> web.Response:
        self.meters.requests.labels(adapter, "503").inc()
        response = _error(503, message, "unavailable")
        response.headers["Retry-After"] = seconds
        return response


async def _stream(
    request: web.Request,
    answer: aiohttp.ClientResponse,
    adapter: Adapter,
    ended: Callable[[FailedError | None], None],
) -> web.StreamResponse:
    """Pass events on as they come. One that breaks off midway breaks off for the client as well.

    `ended` is told how, once something was sent; before that, FailedError is raised.
    """
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-cache",
            "x-adapter": adapter.name,
        }
    )
    first = (
        await answer.content.readany()
    )  # before anything is sent: another engine may still do it
    if STREAM_ERROR in first:
        raise FailedError("answered")
    failed = None
    await response.prepare(request)
    await response.write(first)
    try:
        async for chunk in answer.content.iter_any():
            failed = FailedError("answered") if STREAM_ERROR in chunk else failed
            await response.write(chunk)
    except (aiohttp.ClientError, TimeoutError) as error:
        ended(FailedError("silent" if isinstance(error, TimeoutError) else "broke off"))
        if request.transport:
            request.transport.abort()
        raise asyncio.CancelledError from error
    await response.write_eof()
    ended(failed)
    return response


async def _json_body(request: web.Request) -> dict[str, Any]:
    """Read a JSON object. Raises the HTTP errors 400 and 413."""
    if (request.content_length or 0) > request.client_max_size:
        raise web.HTTPRequestEntityTooLarge(request.client_max_size, request.content_length or 0)
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise web.HTTPBadRequest(reason="the body is not JSON") from error
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(reason="the body is not a JSON object")
    return body


def _guard(settings: Settings) -> Any:  # aiohttp's middleware type is private to it
    """Ask for the key, and put every error into the shape that OpenAI clients read."""
    wanted = f"Bearer {settings.api_key}".encode()

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        locked = settings.api_key and request.path != "/health"
        if locked and not hmac.compare_digest(given, wanted):
            return _error(401, "a key is needed: Authorization: Bearer …", "invalid_api_key")
        try:
            return await handler(request)
        except web.HTTPException as error:
            return _error(error.status, error.reason, "invalid_request_error")

    return guard


def _error(status: int, message: str, kind: str) -> web.Response:
    body = {"error": {"message": message, "type": kind, "code": status}}
    return web.json_response(body, status=status)
