# ruff: noqa: INP001  (vLLM imports it by this name, from this folder)
"""Runs inside vLLM, by its --middleware: every route but /health asks for the key.

vLLM's own check guards /v1 and three more prefixes; POST /adapters loads an adapter, and /invocations asks
one, without it. The key is vLLM's own, from VLLM_API_KEY; without one nothing is asked for. Nothing of this
project is imported here: the engine has an environment of its own.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Awaitable, Callable
from typing import Any

App = Callable[[Any, Any, Any], Awaitable[None]]


class OnlyWithKey:
    """An ASGI middleware: answers 401, or refuses a websocket, where the key is not the engine's."""

    def __init__(self, app: App) -> None:
        key = os.environ.get("VLLM_API_KEY", "")
        self.app, self.wanted = app, f"Bearer {key}".encode() if key else b""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on what has the key, what needs none, and what is no request."""
        open_to_all = scope["type"] == "lifespan" or scope.get("path") == "/health"
        given = [value for name, value in scope.get("headers", ()) if name == b"authorization"]
        if (
            open_to_all
            or not self.wanted
            or (len(given) == 1 and hmac.compare_digest(given[0], self.wanted))
        ):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 401, "headers": headers})
            await send({"type": "http.response.body", "body": b'{"error": "Unauthorized"}'})
