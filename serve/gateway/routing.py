"""Chooses the engine of a request: one that has the wanted adapter, the least busy first.

What engines list is asked once a second, and at once when no engine is known to have an adapter. An
engine that lost its adapters, or comes back with an old one, therefore gets no request for a new one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from pipeline.core.errors import PipelineError
from serve.engines.api import Engine
from serve.say import say
from serve.state import alias
from serve.state.alias import Adapter, Table

POLL_SECONDS = 1.0
LISTING = aiohttp.ClientTimeout(total=3)


@dataclass(slots=True, eq=False)
class Replica:
    """An engine, what it lists (name → folder), and how many requests it has from here.

    `dead`: it was found dead, and may still list what it can no longer answer with.
    """

    engine: Engine
    listed: dict[str, str] = field(default_factory=dict)
    in_flight: int = 0
    dead: bool = False


class AliasReader:
    """Gives the alias table as it is now, reading the file only when it was replaced.

    A damaged file is told once on stderr and in `damage`; the newest table read stays in force.
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self._table = Table()
        self._seen: tuple[int, int, int] | None = None
        self.damage = ""

    def table(self) -> Table:
        """Give the table in force."""
        seen = self._stamp()
        if seen != self._seen:
            self._seen = seen
            try:
                reading = alias.read_alias(self._state)
            except PipelineError as error:
                self._tell(error.message)
            else:
                doubtful = reading.damage or reading.table.generation == 0
                older = bool(doubtful and reading.table.generation < self._table.generation)
                self._tell(reading.damage or ("the alias table is gone" if older else ""))
                if not older:
                    self._table = reading.table
        return self._table

    def _stamp(self) -> tuple[int, int, int]:
        try:
            stat = os.stat(self._state / alias.FILE)  # noqa: PTH116  (each request: Path costs more)
        except OSError:
            return (0, 0, 0)
        return (stat.st_ino, stat.st_mtime_ns, stat.st_size)

    def _tell(self, damage: str) -> None:
        if damage and damage != self.damage:
            say(f"gateway: {damage}")
        self.damage = damage


class Routes:
    """All replicas, and what is known of them."""

    def __init__(self, engines: Iterable[Engine], session: aiohttp.ClientSession) -> None:
        self.replicas = tuple(Replica(engine) for engine in engines)
        self.session = session
        self._refreshing: asyncio.Task[None] | None = None

    async def choose(self, adapter: Adapter, tried: set[Replica]) -> Replica | None:
        """Give the least busy replica that has the adapter and was not tried, or None."""
        ready = self.ready(adapter, tried)
        if not ready:
            await self.refresh()
            ready = self.ready(adapter, tried)
        return min(ready, key=lambda replica: replica.in_flight, default=None)

    def ready(self, adapter: Adapter, tried: Iterable[Replica] = ()) -> list[Replica]:
        """Give the replicas that are known to have the adapter where it belongs."""
        return [
            replica
            for replica in self.replicas
            if replica.listed.get(adapter.name) == adapter.folder and replica not in tried
        ]

    async def refresh(self) -> None:
        """Ask every engine what it lists; callers at the same time share one round."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._ask_all())
        await asyncio.shield(self._refreshing)

    async def poll(self) -> None:
        """Refresh once a second, until cancelled; then no call is left under way."""
        try:
            while True:
                await self.refresh()
                await asyncio.sleep(POLL_SECONDS)
        finally:
            if self._refreshing:
                self._refreshing.cancel()
                await asyncio.gather(self._refreshing, return_exceptions=True)

    async def died(self, replica: Replica) -> bool:
        """Say whether an engine is dead; one that is gets no request until it answers again."""
        url = f"{replica.engine.url}/health"
        try:
            async with self.session.get(
                url, headers=key(replica.engine), timeout=LISTING
            ) as answer:
                replica.dead = not answer.ok
        except TimeoutError:
            replica.dead = False  # slow, as far as anybody knows
        except aiohttp.ClientError:
            replica.dead = True
        if replica.dead:
            replica.listed = {}
        return replica.dead

    async def _ask_all(self) -> None:
        await asyncio.gather(*(self._ask(replica) for replica in self.replicas))

    async def _ask(self, replica: Replica) -> None:
        if replica.dead and await self.died(replica):
            return
        url = f"{replica.engine.url}/v1/models"
        try:
            async with self.session.get(
                url, headers=key(replica.engine), timeout=LISTING, allow_redirects=False
            ) as answer:
                answer.raise_for_status()
                data = await answer.json()
            replica.listed = {card["id"]: card.get("root") or "" for card in data["data"]}
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError):
            replica.listed = {}


def key(engine: Engine) -> dict[str, str]:
    """Give the header with the engine's own key, when it has one."""
    return {"Authorization": f"Bearer {engine.api_key}"} if engine.api_key else {}
