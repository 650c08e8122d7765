"""Requests a web page within bounds; gives the fault, or "" when it answers.

A contributor names the address, and our machine requests it. So the name is resolved once, its
addresses have to be public, and the connection goes to one of those: a name that resolves otherwise the
next time (DNS rebinding) gains nothing. Each redirect is checked alike. httpx2 takes no network backend;
httpcore2, which it stands on, does.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any  # what httpcore2 hands through

import httpcore2
import httpx2

from pipeline.ci.public_address import Address, public, resolve_public
from pipeline.core.escape import plain

AGENT = "schoolhouse-link-check"
MAX_LENGTH = 2000
"""Characters of an address; few browsers and servers take longer ones."""
REDIRECTS = {301, 302, 303, 307, 308}
GONE = {404, 410}


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of a request; the seconds count from the first look-up to the last answer."""

    seconds: float = 20.0
    redirects: int = 5
    ports: frozenset[int] = frozenset({80, 443})
    admit: Callable[[Address], bool] = public


BOUNDS = Bounds()


class SourceRefusedError(Exception):
    """An address that is not requested; says in words why."""


def fetch_page(url: str, bounds: Bounds = BOUNDS) -> str:
    """Request a page by HEAD, then by GET where the server refuses that; read nothing of the page itself.

    Gives the fault, or "".
    """
    until = time.monotonic() + bounds.seconds
    try:
        status = 0
        for method in ("HEAD", "GET"):
            status = _follow(method, url, bounds, until)
            if status < 400 or status in GONE:
                break
    except SourceRefusedError as error:
        return f"is not asked: {error}"
    except (httpcore2.TimeoutException, TimeoutError):
        return f"does not answer within {bounds.seconds:g} s"
    except (httpcore2.ProtocolError, httpcore2.NetworkError, OSError) as error:
        return f"cannot be reached: {plain(str(error) or type(error).__name__, 200)}"
    return f"answers {status}" if status >= 400 else ""


def _follow(method: str, url: str, bounds: Bounds, until: float) -> int:
    """Request an address, follow its redirects, and give the last answer's status."""
    where = _parse(url, bounds)
    for _ in range(bounds.redirects + 1):
        status, location = _ask(method, where, bounds, until)
        if status not in REDIRECTS or not location:
            return status
        where = _parse(location, bounds, where)
    raise SourceRefusedError(
        f"leads from one address to the next more than {bounds.redirects} times"
    )


def _parse(url: str, bounds: Bounds, base: httpx2.URL | None = None) -> httpx2.URL:
    """Read an address, which may be relative to `base`; raises SourceRefusedError for one not to request."""
    if len(url) > MAX_LENGTH:
        raise SourceRefusedError(f"is longer than {MAX_LENGTH} characters")
    try:
        where = base.join(url) if base else httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError) as error:
        raise SourceRefusedError(f"is no web address: {plain(str(error), 100)}") from error
    ports = {"http": 80, "https": 443}
    if where.scheme not in ports:
        raise SourceRefusedError("begins neither with https:// nor with http://")
    if not where.raw_host:
        raise SourceRefusedError("names no host")
    if where.userinfo:
        raise SourceRefusedError("holds a user's name")
    port = where.port or ports[where.scheme]
    if port not in bounds.ports:
        raise SourceRefusedError(f"names port {port}")
    return where


def _ask(method: str, where: httpx2.URL, bounds: Bounds, until: float) -> tuple[int, str]:
    """Send one request; give the answer's status and Location."""
    url = httpcore2.URL(
        scheme=where.raw_scheme, host=where.raw_host, port=where.port, target=where.raw_path
    )
    backend = _Backend(bounds, until)
    with (
        httpcore2.ConnectionPool(network_backend=backend) as pool,
        pool.stream(method, url, headers={"User-Agent": AGENT, "Accept": "*/*"}) as answer,
    ):
        headers = {name.lower(): value for name, value in answer.headers}
        return answer.status, headers.get(b"location", b"").decode("latin-1")


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Backend(httpcore2.NetworkBackend):
    """Connects to an admitted address of the host."""

    def __init__(self, bounds: Bounds, until: float) -> None:
        self._bounds, self._until = bounds, until

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  (the rest of the whole time counts)
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Try one address after the other; raises SourceRefusedError when one of them is not admitted."""
        addresses = resolve_public(host, _left(self._until))
        for address in addresses:
            if not self._bounds.admit(address):
                raise SourceRefusedError(f"{plain(host, 100)} is at {address}, which is not public")
        failed: Exception = OSError("has no address")
        for address in addresses:
            try:
                stream = httpcore2.SyncBackend().connect_tcp(
                    str(address), port, _left(self._until), local_address, socket_options
                )
            except httpcore2.ConnectError as error:
                failed = error
            else:
                return _Stream(stream, self._until)
        raise failed


class _Stream(httpcore2.NetworkStream):
    """Bytes of a connection until the time is up; each wait gets the rest of the time."""

    def __init__(self, stream: httpcore2.NetworkStream, until: float) -> None:
        self._stream, self._until = stream, until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002  (the same)
        return self._stream.read(max_bytes, _left(self._until))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002  (the same)
        self._stream.write(buffer, _left(self._until))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002  (the same)
    ) -> httpcore2.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, _left(self._until))
        return _Stream(stream, self._until)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
