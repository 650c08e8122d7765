"""Soaks a new adapter: watches the public's own requests, and whether the servers bear it.

A failed request counts only when it fails with the new adapter alone: the gateway asks the adapter
before, on the same server, and the new one again (`serve.gateway.compare`). And one client, or one odd
request, decides nothing.
"""

from __future__ import annotations

import time

from pipeline.core.errors import PipelineError
from serve.engines import replicas
from serve.engines.api import Engine, EngineAwayError
from serve.gateway import public_client
from serve.site import Site
from serve.state.alias import Adapter

REQUESTS, CLIENTS = 3, 2
"""So many requests, of so many distinct clients, must fail with the new adapter alone to stop it."""
COMPARED_SECONDS = 60.0
"""Seconds after the soak for which failed requests that still wait are compared."""
LOOK_SECONDS = 0.5


def watch(site: Site, there: tuple[Engine, ...], adapter: Adapter) -> str:
    """Watch the public name for the soak's time and say what was seen.

    Raises EngineAwayError when a server dies or loses the adapter, PipelineError when requests fail
    with it alone.
    """
    until = time.monotonic() + site.soak_seconds
    latest = until + COMPARED_SECONDS
    while True:
        if len(replicas.answering(there)) < len(there):
            raise EngineAwayError("a server died while the new adapter was soaking")
        if not all(replicas.has(each, adapter) for each in there):
            raise EngineAwayError("a server lost the new adapter while it was soaking")
        found = public_client.compared(site.door, adapter.name)
        if found.alone >= REQUESTS and found.clients >= CLIENTS:
            raise PipelineError(
                f"{found.alone} public requests of {found.clients} clients failed with it, and not "
                "with the adapter before",
                "the gateway's /metrics count them; see the servers' logs",
            )
        left = until - time.monotonic()
        if left <= 0 and (not found.waiting or time.monotonic() > latest):
            return f"{found.alone} failed requests were its own, {found.both} were not"
        time.sleep(min(LOOK_SECONDS, left) if left > 0 else LOOK_SECONDS)
