"""Asks the adapter before the same request where the new one failed: only what fails alone counts.

A client's own request may make a server answer 5xx whatever adapter is live, so a failure says
nothing against the adapter by itself. The gateway notes it here; one worker sends the same body to the
same server, for the adapter before, and if that answers, once more for the new one. These answers are
thrown away. What was found is kept for one standing of the public name, until it moves again.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import aiohttp

from serve.gateway import requests
from serve.gateway.metrics import Meters
from serve.gateway.routing import Replica, key
from serve.gateway.suspects import Suspects
from serve.state.alias import Adapter, Table

PER_CLIENT, CLIENTS, WAITING = 3, 256, 16
"""At most so many failures of one client, of so many clients, and waiting at once, are compared."""
ANSWER = aiohttp.ClientTimeout(total=30, sock_connect=3)
STREAM_ERROR = b'data: {"error"'
"""The start of the event by which vLLM tells, in a stream that has begun, that it failed."""

Outcome = Literal["alone", "both", "neither", "unknown"]


@dataclass(frozen=True, slots=True)
class Call:
    """A client's request: its route and body, the body's digest, and what stands for the client."""

    path: str
    body: Mapping[str, object]
    digest: bytes
    client: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that a living server failed at, with the adapter that it was for."""

    call: Call
    adapter: Adapter
    replica: Replica


class Comparison:
    """Compares failures one at a time and counts them: requests and distinct clients by outcome.

    `table` gives the alias table in force, `died` says whether a server is dead after a failure.
    """

    def __init__(
        self, table: Callable[[], Table], died: Callable[[Replica], Awaitable[bool]],
        suspects: Suspects,
    ) -> None:  # fmt: skip
        self._table, self._died, self._suspects = table, died, suspects
        self._standing = -1
        self._waiting: deque[Failure] = deque()
        self._more = asyncio.Event()
        self._noted: Counter[bytes] = Counter()
        self._found: dict[Outcome, Counter[bytes]] = {}
        self._busy = False

    def note(self, failure: Failure) -> None:
        """Have a failure compared, unless its client has had its share or too many wait."""
        table, client = self._now(), failure.call.client
        known = client in self._noted or len(self._noted) < CLIENTS
        if (
            table.adapter == failure.adapter and table.previous and known
            and self._noted[client] < PER_CLIENT and len(self._waiting) < WAITING
        ):  # fmt: skip
            self._noted[client] += 1
            self._waiting.append(failure)
            self._more.set()

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Compare what is noted, for ever."""
        while True:
            self._busy = False
            await self._more.wait()
            if not self._waiting:
                self._more.clear()
                continue
            self._busy = True
            failure, standing = self._waiting.popleft(), self._standing
            outcome = await self._compare(session, failure)
            if standing == self._standing:
                self._found.setdefault(outcome, Counter())[failure.call.client] += 1

    def publish(self, meters: Meters) -> None:
        """Write what was found since the name moved into the meters."""
        table = self._now()
        for gauge in (meters.compared, meters.compared_clients, meters.comparing):
            gauge.clear()
        if not table.adapter:
            return
        name = table.adapter.name
        meters.comparing.labels(name).set(len(self._waiting) + self._busy)
        for outcome, by in self._found.items():
            meters.compared.labels(name, outcome).set(by.total())
            meters.compared_clients.labels(name, outcome).set(len(by))

    def _now(self) -> Table:
        """Give the table; what was noted and found for another standing of the name is forgotten."""
        table = self._table()
        if table.generation != self._standing:
            self._standing = table.generation
            self._waiting.clear()
            self._noted.clear()
            self._found.clear()
        return table

    async def _compare(self, session: aiohttp.ClientSession, failure: Failure) -> Outcome:
        """Ask the adapter before, then the new one again: a passing trouble must not look like its own."""
        before = self._now().previous
        if not before or failure.replica.listed.get(before.name) != before.folder:
            return "unknown"
        if (well := await self._answers(session, failure, before)) is None:
            return "unknown"
        if not well:
            return "both"
        again = await self._answers(session, failure, failure.adapter)
        return "unknown" if again is None else "neither" if again else "alone"

    async def _answers(
        self, session: aiohttp.ClientSession, failure: Failure, adapter: Adapter
    ) -> bool | None:
        """Say whether a server answers a body for an adapter; None where that cannot be known."""
        call, replica = failure.call, failure.replica
        if self._suspects.refused(call.digest):
            return None
        url, data = replica.engine.url + call.path, {**call.body, "model": adapter.name}
        headers = {"Content-Type": "application/json", **key(replica.engine)}
        try:
            async with session.post(
                url,
                data=requests.as_bytes(data),
                headers=headers,
                timeout=ANSWER,
                allow_redirects=False,
            ) as answer:
                said = await answer.read()
        except TimeoutError:
            return None
        except aiohttp.ClientError:
            well = False
        else:
            if 400 <= answer.status < 500:
                return None
            well = answer.status < 400 and STREAM_ERROR not in said
        if not well and await self._died(replica):
            self._suspects.died(call.digest)
            return None
        return well
