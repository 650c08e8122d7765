"""Checks the caller: its key, the name by which it asks, and the site of a browser's page."""

from __future__ import annotations

import hmac
import ipaddress
import socket
from urllib.parse import urlsplit

from aiohttp import web

from serve.gateway.requests import RequestRefusedError

OPEN = "/health"
"""The one route that asks for nothing: load balancers look at it."""


def check_caller(request: web.Request, api_key: str, host: str) -> None:
    """Let a request pass, or raise RefusedError: 401, 403 or 421. `host` is where the gateway listens.

    A keyless gateway answers to its own names alone: otherwise a web page whose name is made to point
    here (DNS rebinding) could ask it from its visitor's browser.
    """
    if request.path == OPEN:
        return
    if api_key:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, f"Bearer {api_key}".encode()):
            raise RequestRefusedError(
                401, "a key is needed: Authorization: Bearer …", "invalid_api_key"
            )
    elif not _ours(request.headers.getall("Host", []), host):
        raise RequestRefusedError(
            421, "this name is not the gateway's; ask by address, or have it ask for a key"
        )
    if request.method not in {"GET", "HEAD"} and _from_another_site(request):
        raise RequestRefusedError(403, "a page of another site may not ask here")


def _ours(named: list[str], host: str) -> bool:
    """Return whether a Host header is an address, which no name server moves, or a name of this machine."""
    if len(named) != 1:
        return False
    try:
        name = urlsplit(f"//{named[0]}").hostname or ""
    except ValueError:
        return False
    if name in {"localhost", host.lower(), socket.gethostname().lower()}:
        return True
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _from_another_site(request: web.Request) -> bool:
    """Return whether a browser says that a page of another origin sends this; other clients say nothing."""
    if request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
        return True
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    asked = request.headers.get("Host", "").lower()
    return origin.lower() not in {f"http://{asked}", f"https://{asked}"}
