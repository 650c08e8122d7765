"""An engine's stream of events, passed on to a client; and whose fault it is when it breaks off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web


class BrokeOffError(Exception):
    """An engine broke off in the middle of a stream: no other engine can go on with it."""


async def pass_on(
    request: web.Request, answer: aiohttp.ClientResponse, adapter: str
) -> web.StreamResponse:
    """Pass events on as they come. One that breaks off midway breaks off for the client as well.

    Raises aiohttp.ClientError or TimeoutError where the engine broke off before anything was sent,
    BrokeOffError where it did so later, and CancelledError where the client left.
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
    try:
        await response.prepare(request)
        while chunk:
            await response.write(chunk)
            chunk = await _next(chunks, request)
        await response.write_eof()
    except ConnectionError as error:
        raise asyncio.CancelledError from error
    return response


async def _next(chunks: AsyncIterator[bytes], request: web.Request) -> bytes:
    """Give the next bytes of a stream, none at its end; one that breaks off ends the connection."""
    try:
        return await anext(chunks, b"")
    except (aiohttp.ClientError, TimeoutError) as error:
        if request.transport:
            request.transport.abort()
        raise BrokeOffError from error
