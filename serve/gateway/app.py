"""The public gateway: a few routes, one public model name, and nothing else of vLLM behind it.

A request for the alias is written anew with the adapter's immutable name and sent to a fixed route
of an engine; neither the client's path nor its headers go through, so no admin route can be reached
whatever they say. The adapter is chosen once a request: a redeploy never mixes two in one answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from serve.engines import fields
from serve.engines.api import Engine
from serve.gateway import failures, guard, metrics, requests, stream
from serve.gateway.compare import Call, Failure
from serve.gateway.failures import FailedError, Failures, NotTakenError
from serve.gateway.metrics import Meters
from serve.gateway.requests import RequestRefusedError
from serve.gateway.routing import AliasReader, Replica, Routes, key
from serve.gateway.stream import BrokeOffError
from serve.state.alias import Adapter

RETRY_SECONDS = "5"
ATTEMPTS = 4
"""Engines that were away, or moves of the alias, that one request lives through before it gets a 503."""
KEEP_SECONDS = 2.0
"""Seconds for which an idle connection is kept: vLLM closes its own after 5, which no request must meet."""
UPSTREAM = aiohttp.ClientTimeout(total=None, sock_connect=3, sock_read=300)


@dataclass(frozen=True, slots=True)
class Settings:
    """The public name, where the alias table is, how large a body may be, and the key if there is one."""

    alias: str
    state: Path
    max_body_bytes: int
    api_key: str = field(default="", repr=False)
    max_tokens: int = 1024
    body_seconds: float = 30.0
    host: str = "127.0.0.1"


def application(settings: Settings, engines: tuple[Engine, ...]) -> web.Application:
    """Build the gateway; `serve.gateway.limits.runner` runs it."""
    app = web.Application(middlewares=[_guard(settings)], client_max_size=settings.max_body_bytes)
    gateway = Gateway(settings, AliasReader(settings.state), metrics.make_meters())

    async def upstream(_: web.Application) -> AsyncIterator[None]:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_SECONDS)
        async with aiohttp.ClientSession(
            connector=connector, timeout=UPSTREAM, trust_env=False
        ) as session:
            gateway.routes = gateway.failures.routes = Routes(engines, session)
            polling = asyncio.create_task(gateway.routes.poll())
            comparing = asyncio.create_task(gateway.failures.comparison.run(session))
            yield
            polling.cancel()
            comparing.cancel()
            gateway.failures.close()
            await asyncio.gather(polling, comparing, return_exceptions=True)

    app.cleanup_ctx.append(upstream)
    app.router.add_get("/health", gateway.health, allow_head=False)
    app.router.add_get("/metrics", gateway.metrics, allow_head=False)
    app.router.add_get("/v1/models", gateway.models, allow_head=False)
    for route in (fields.CHAT, fields.TEXT):
        app.router.add_post(route, gateway.complete)
    return app


class Gateway:
    """The handlers, with what they share: the alias table, the engines and the meters."""

    def __init__(self, settings: Settings, desk: AliasReader, metered: Meters) -> None:
        self.settings = settings
        self.desk = desk
        self.meters = metered
        self.failures = Failures(desk.table)
        self.routes: Routes  # set while the application runs

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Send a completion to an engine that has the live adapter; try others while nothing was answered."""
        own = self.settings
        body = await requests.read_request(request, own.alias, own.max_tokens, own.body_seconds)
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
        """Return whether requests would be answered now: 200 or 503."""
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
        return web.Response(body=metrics.metrics_as_text(self.meters), content_type="text/plain")

    async def _forward(
        self, request: web.Request, call: Call, adapter: Adapter, replica: Replica
    ) -> web.StreamResponse:
        """Have one engine answer. Raises NotTakenError or FailedError while nothing was answered."""
        data = requests.as_bytes({**call.body, "model": adapter.name})
        headers = {"Content-Type": "application/json", **key(replica.engine)}
        url = replica.engine.url + request.path
        started = time.perf_counter()
        replica.in_flight += 1
        self.meters.in_flight.labels(adapter.name).inc()
        code = "gone"
        try:
            async with self.routes.session.post(
                url, data=data, headers=headers, allow_redirects=False
            ) as answer:
                if answer.status == 404:
                    raise NotTakenError
                if answer.status >= 500:
                    raise FailedError("answered")
                code = str(answer.status)
                if answer.content_type == "text/event-stream":
                    ended = partial(self._ended, Failure(call, adapter, replica))
                    return await stream.pass_on(request, answer, adapter.name, ended)
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
        except BrokeOffError as error:
            code = "502"
            raise asyncio.CancelledError from error  # aiohttp ends the connection, and tells nobody
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


def _guard(settings: Settings) -> Middleware:
    """Let in who may ask, and put every error into the shape that OpenAI clients read."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            guard.check_caller(request, settings.api_key, settings.host)
            return await handler(request)
        except RequestRefusedError as error:
            return _error(error.status, error.message, error.kind)
        except web.HTTPException as error:
            return _error(error.status, error.reason, "invalid_request_error")

    return guarded


def _error(status: int, message: str, kind: str) -> web.Response:
    body = {"error": {"message": message, "type": kind, "code": status}}
    return web.json_response(body, status=status)
