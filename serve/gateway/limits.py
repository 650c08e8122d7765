"""Limits a client's time and connections, on the listening side of the gateway.

aiohttp ends a connection that sends no whole head in time, or stays idle. What it lacks is here: a bound
on connections, for an address and in all, and one on how long bytes may wait for a client to read them.
The time for a body is kept where the body is read (`serve.gateway.requests`).
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import resource
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from aiohttp import web
from aiohttp.http import HttpProcessingError

SPARE_FILES = 200
"""Open files that are neither a client's connection nor one to an engine: logs, journal, libraries."""
LINGER_SECONDS = 10.0
"""Seconds for which a body may go on after the answer, which a client cut off as it sends may not see."""
UNREAD_BYTES = 128 * 1024
FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nContent-Length: 76\r\n\r\n"
    b'{"error": {"message": "too many connections", "type": "full", "code": 503}}\n'
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for a head (and between two requests), for a body, and for bytes to be read; connections."""

    head_seconds: float = 30.0
    body_seconds: float = 30.0
    read_seconds: float = 60.0
    connections: int = 2000
    connections_each: int = 200


@dataclass(slots=True)
class _Open:
    """Connections now open, by address."""

    limits: Limits
    by_address: Counter[str] = field(default_factory=Counter)

    def full(self, address: str) -> bool:
        """Return whether one more connection of this address would be too many."""
        return (
            self.by_address.total() >= self.limits.connections
            or self.by_address[address] >= self.limits.connections_each
        )


class _Connection(asyncio.Protocol):
    """Stands between a connection and aiohttp: counts it, and ends it when its client does not read."""

    def __init__(self, inner: Callable[[], asyncio.Protocol], opened: _Open) -> None:
        self._make, self._opened = inner, opened
        self._inner: asyncio.Protocol | None = None
        self._address = ""
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let it in, or say that there are too many."""
        self._transport = cast("asyncio.Transport", transport)
        # The system keeps little for a client that does not read, and tells of every byte beyond that.
        self._transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD_BYTES
        )
        self._transport.set_write_buffer_limits(0)
        address = network((transport.get_extra_info("peername") or ("",))[0])
        if self._opened.full(address):
            self._transport.write(FULL)
            self._transport.close()
            return
        self._address = address
        self._opened.by_address[address] += 1
        self._inner = self._make()
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it; aiohttp cancels what it was being answered."""
        if self._unread:
            self._unread.cancel()
        if self._inner:
            self._opened.by_address[self._address] -= 1
            if not self._opened.by_address[self._address]:
                del self._opened.by_address[self._address]
            self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass on."""
        if self._inner:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on: a client that has closed its half is gone."""
        return self._inner.eof_received() if self._inner else None

    def pause_writing(self) -> None:
        """Bytes wait for the client from now on."""
        seconds = self._opened.limits.read_seconds
        loop = asyncio.get_running_loop()
        self._unread = loop.call_later(seconds, self._transport.abort)
        if self._inner:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """None waits any more."""
        if self._unread:
            self._unread.cancel()
        if self._inner:
            self._inner.resume_writing()


class _Site(web.TCPSite):
    """A port whose connections are `_Connection`s."""

    def __init__(self, runner: web.AppRunner, host: str, port: int, limits: Limits) -> None:
        super().__init__(runner, host, port)
        self._limits = limits

    async def start(self) -> None:
        """Listen. Raises OSError."""
        await web.BaseSite.start(self)
        inner = cast("Callable[[], asyncio.Protocol]", self._runner.server)
        opened = _Open(self._limits)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Connection(inner, opened), self._host, self._port, backlog=self._backlog
        )
        self._bound_port = self._server.sockets[0].getsockname()[1]


def runner(app: web.Application, limits: Limits, shutdown_seconds: float) -> web.AppRunner:
    """Give what runs the gateway: clients that leave are noticed, and nothing they packed is unpacked."""
    return web.AppRunner(
        app,
        handler_cancellation=True,
        access_log=None,
        shutdown_timeout=shutdown_seconds,
        keepalive_timeout=limits.head_seconds,
        lingering_time=min(limits.body_seconds, LINGER_SECONDS),
        auto_decompress=False,
        logger=_logger(),
    )


async def listen(runner: web.AppRunner, host: str, port: int, limits: Limits) -> web.TCPSite:
    """Open the port of a runner that is set up. Raises OSError when it is taken."""
    _allow_files(2 * limits.connections + SPARE_FILES)
    site = _Site(runner, host, port, limits)
    await site.start()
    return site


def network(text: str) -> str:
    """Give the network that one client may have all of: a /64 of IPv6, else the address."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))


def _allow_files(wanted: int) -> None:
    """Raise the number of files that this process may open, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _logger() -> logging.Logger:
    """Give a logger that leaves out what is no HTTP: it is answered 400, and no fault of ours."""
    logger = logging.getLogger("schoolhouse.gateway")
    logger.addFilter(_ours)
    return logger


def _ours(record: logging.LogRecord) -> bool:
    kind = record.exc_info[0] if record.exc_info else None
    return not (kind and issubclass(kind, (HttpProcessingError, web.RequestPayloadError)))
