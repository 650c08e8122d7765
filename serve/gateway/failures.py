"""Handles the failure of an engine at a request: suspects, compares, and lets another engine try.

A server that refused the connection or does not have the adapter never took the request, which any
other may do. One that answered 5xx, or broke off after the request was sent, may have died of it: one
other may try, unless it did die and the body was never answered before.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import secrets
from collections.abc import Callable, Mapping

from serve.gateway import suspects
from serve.gateway.compare import Call, Comparison, Failure
from serve.gateway.limits import network
from serve.gateway.routing import Replica, Routes
from serve.gateway.suspects import Suspects
from serve.state.alias import Table


class NotTakenError(Exception):
    """An engine was away or has lost the adapter: it never took the request."""


class FailedError(Exception):
    """An engine took the request and failed: it answered so, broke off, or was silent for too long."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.answered, self.silent = how == "answered", how == "silent"


class Failures:
    """Suspects and comparisons of one gateway; `table` gives the alias table in force."""

    def __init__(self, table: Callable[[], Table]) -> None:
        self.suspects = Suspects()
        self.comparison = Comparison(table, self._died, self.suspects)
        self.routes: Routes  # set while the application runs
        self._salt = secrets.token_bytes(16)
        self._running: set[asyncio.Task[bool]] = set()

    def call(self, path: str, body: Mapping[str, object], address: str) -> Call:
        """Give a request as it is remembered here: no address and, once it has ended, no body."""
        client = hashlib.blake2b(network(address).encode(), key=self._salt, digest_size=8)
        return Call(path, body, suspects.body_digest(path, body), client.digest())

    def follow(self, failure: Failure, how: FailedError) -> asyncio.Task[bool]:
        """Do what follows, whether or not the client waits for it; True: another may try once more."""
        task = asyncio.create_task(self._follow(failure, how))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def close(self) -> None:
        """Leave off whatever still follows."""
        for task in self._running:
            task.cancel()

    async def _follow(self, failure: Failure, how: FailedError) -> bool:
        if how.silent:  # it may hang for this one: another would hang as well
            self.suspects.died(failure.call.digest)
            return False
        if await self._died(failure.replica):
            return self.suspects.died(failure.call.digest)
        self.comparison.note(failure)
        return True

    async def _died(self, replica: Replica) -> bool:
        return await self.routes.died(replica)


def address(peer: str, forwarded: str) -> str:
    """Give a client's address: what the last proxy says where that runs on this machine, else the peer's."""
    try:
        local = ipaddress.ip_address(peer).is_loopback
    except ValueError:
        local = False
    return forwarded.rpartition(",")[2].strip() if local and forwarded else peer
