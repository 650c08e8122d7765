"""Passes an engine's stream of events on to a client, and tells whose fault it is when it breaks off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import aiohttp
from aiohttp import web

from serve.gateway.compare import STREAM_ERROR
from serve.gateway.failures import FailedError

Ended = Callable[[FailedError | None], None]
"""Told how a stream ended at the engine: well (None), or failed after something was sent."""


class BrokeOffError(Exception):
    """An engine broke off in the middle of a stream: no other engine can go on with it."""


async def pass_on(
    request: web.Request, answer: aiohttp.ClientResponse, adapter: str, ended: Ended
) -> web.StreamResponse:
    """Pass events on as they come. One that breaks off midway breaks off for the client as well.

    Raises aiohttp.ClientError, TimeoutError or FailedError where the engine broke off or failed before
    anything was sent, BrokeOffError where it broke off later, and CancelledError where the client left.
    """
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-cache",
            "x-adapter": adapter,
        }
    )
    chunks = answer.content.iter_any()
    chunk = await anext(chunks, b"")  # before anything is sent: another engine may still do it
    if STREAM_ERROR in chunk:
        raise FailedError("answered")
    failed = None
    try:
        await response.prepare(request)
        while chunk:
            failed = FailedError("answered") if STREAM_ERROR in chunk else failed
            await response.write(chunk)
            chunk = await _next(chunks, request, ended)
        await response.write_eof()
    except ConnectionError as error:
        raise asyncio.CancelledError from error
    ended(failed)
    return response


async def _next(chunks: AsyncIterator[bytes], request: web.Request, ended: Ended) -> bytes:
    """Give the next bytes of a stream, none at its end; one that breaks off ends the connection."""
    try:
        return await anext(chunks, b"")
    except (aiohttp.ClientError, TimeoutError) as error:
        ended(FailedError("silent" if isinstance(error, TimeoutError) else "broke off"))
        if request.transport:
            request.transport.abort()
        raise BrokeOffError from error
