"""Opens HTTP connections to engines, gateways and judged servers: past every proxy, with one key.

No proxy of the environment sees the calls or the key, no `.netrc` adds credentials, no redirect is
followed. Calls to the Hub and to GitHub are not made here; those go through a proxy where one is set.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from pipeline.core.arguments import variable
from pipeline.core.errors import ConfigError

if TYPE_CHECKING:
    from httpx2 import Client


def client(url: str, api_key: str, timeout: float) -> Client:
    """Give a client for calls to one server; close it after use. `timeout` is in seconds."""
    import httpx2

    # Reading the certificates costs 20 ms, which plain HTTP on loopback need not pay a hundred times.
    verify = httpx2.create_ssl_context() if url.lower().startswith("https:") else False
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    return httpx2.Client(
        headers=headers, timeout=timeout, verify=verify, trust_env=False, follow_redirects=False
    )


def key(name: str) -> str:
    """Read a key from an environment variable; empty where there is none.

    Raises ConfigError for one that is set and empty, or that no header can carry; it is not shown.
    """
    found = variable(name) or ""
    if not all("!" <= char <= "~" for char in found):
        raise ConfigError(
            f"{name}: holds a space, a line break, or what is not ASCII",
            f"`export {name}=$(openssl rand -hex 32)` makes a good one; unset it for none",
        )
    return found


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine's own, out of reach for others."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
