"""Tells which doors of the live side stand open to other machines."""

from __future__ import annotations

from urllib.parse import urlsplit

from pipeline.core import direct_http
from pipeline.core.direct_http import is_loopback
from pipeline.core.errors import ConfigError
from serve.settings import ENGINE_KEY, PUBLIC_KEY, Settings, engines


def require_key(settings: Settings) -> None:
    """Raise ConfigError where other machines would be let in without a key, unless that is meant."""
    own = settings.gateway
    if not (own.near or own.open or direct_http.key(PUBLIC_KEY)):
        raise ConfigError(
            f"[gateway] host: others reach {own.host}, and {PUBLIC_KEY} is not set: anybody could ask",
            'set it, or host = "127.0.0.1"; open = true if anybody may ask, and read /metrics',
        )


def open_doors(settings: Settings) -> tuple[str, ...]:
    """Say what stands open: the door without a key, engines whose keys or questions others could see."""
    own, found = settings.gateway, []
    if not (own.near or direct_http.key(PUBLIC_KEY)):
        found.append(
            f"whoever reaches {own.host}:{own.port} may ask, and read /metrics: there is no {PUBLIC_KEY}"
        )
    for each in engines(settings):
        parts = urlsplit(each.url)
        if is_loopback(parts.hostname or ""):
            continue
        if not each.api_key:
            found.append(f"{each.url} is another machine's, and there is no {ENGINE_KEY}")
        if parts.scheme == "http":
            found.append(f"{each.url} is another machine's, and is asked without TLS")
    return tuple(found)
