"""A web address → what is wrong with it, or "" when it answers; asked within bounds, whatever it is.

Whoever adds a fact names the address, and our machine asks for it. So the name is looked up once, its
addresses have to be public, and the connection is made to the one that was looked at: a name that
answers otherwise the next time gains nothing. Each redirect is a new address to look at. httpx2 takes
no backend for its connections; httpcore2, which it stands on, does.
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
LONGEST = 2000
"""Characters of an address; browsers and servers take few longer ones."""
REDIRECTS = {301, 302, 303, 307, 308}
GONE = {404, 410}


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far an address is followed: the time counts from the first look-up to the last answer."""

    seconds: float = 20.0
    redirects: int = 5
    ports: frozenset[int] = frozenset({80, 443})
    admit: Callable[[Address], bool] = public


BOUNDS = Bounds()


class SourceRefusedError(Exception):
    """An address that is not asked; says in words why."""


def fetch_page(url: str, bounds: Bounds = BOUNDS) -> str:
    """Ask for the head of a page, then for the page where a server wants no such question.

    Of the page itself nothing is read. Gives what is wrong, or "".
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
    """Ask, go where the answer points to, and give the last answer's status."""
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
    """Read an address, which may be relative to `base`; raises RefusedError for one that is not asked."""
    if len(url) > LONGEST:
        raise SourceRefusedError(f"is longer than {LONGEST} characters")
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
    """Send one request; give the answer's status and where it points to."""
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
    """Connects to an address of the name that was looked up and admitted."""

    def __init__(self, bounds: Bounds, until: float) -> None:
        self._bounds, self._until = bounds, until

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  (what is left of the whole time counts)
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Try one address after the other; raises RefusedError when one of them is not admitted."""
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
    """Bytes of a connection until the time is up; each wait gets what is left of it."""

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
