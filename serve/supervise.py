"""Runs `facts serve`: the gateway in this process, a vLLM beside it, and what puts things right.

Engines that end are started again, engines that lost their adapters get them back from the alias
table, deploys that were cut off are finished. SIGTERM ends the door first, then the engines.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from pipeline.core import lock
from pipeline.core.errors import ConfigError, PipelineError
from pipeline.models import base_model
from pipeline.models.base_model import Base
from serve.admin import server
from serve.admin.work import Worker
from serve.engines import api, replicas, vllm_process
from serve.engines.api import Engine
from serve.gateway import app, limits
from serve.gateway.limits import Limits
from serve.rollout import deploy, tidy
from serve.rollout.deploy import BusyError
from serve.say import libraries, say
from serve.settings import Settings, served
from serve.site import RESTART, Site
from serve.state import alias, journal

LOOK_SECONDS = 2.0
LONGEST_PAUSE = 60.0
"""Longest wait before an engine that ends again and again is started once more."""
SICK_LOOKS = 5
"""Looks in a row that find a once ready engine not answering, after which it is started anew."""


@dataclass(slots=True)
class Child:
    """An engine that we run: its process, or when it is to be started, and how often it had to be.

    `card` holds the card's lock while it starts: an engine measures there how much memory is free.
    """

    engine: Engine
    port: int
    base: Base
    log: Path
    process: subprocess.Popen[bytes] | None = None
    was_ready: bool = False
    sick: int = 0
    starts: int = 0
    start_at: float = 0.0
    waiting: bool = False
    card: ExitStack = field(default_factory=ExitStack)

    def end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        """End its process, if it has one, and give the card back."""
        if self.process:
            how(self.process)
        self.process = None
        self.card.close()


def serve(settings: Settings, site: Site) -> None:
    """Run until SIGTERM or Ctrl-C, in a state folder that is this account's (`ownership.claim`).

    Raises ConfigError when it runs here already or cannot start.
    """
    libraries()
    try:
        with lock.exclusive(site.state / "serve.lock", wait=False):
            asyncio.run(_listen(settings, site))
    except BlockingIOError as error:
        raise ConfigError(
            f"`facts serve` runs already with {site.state}", "stop it, or name another state folder"
        ) from error


async def _listen(settings: Settings, site: Site) -> None:
    """Serve, and answer the admin socket meanwhile."""
    async with server.listening(
        settings.socket, settings.deploy.group, Worker(settings, site).perform
    ):
        await _serve(settings, site)


async def _serve(settings: Settings, site: Site) -> None:
    stopping = asyncio.Event()

    def stop() -> None:
        stopping.set()
        site.stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    children: list[Child] = []
    idle: dict[str, float] = {}
    runner = await _open_door(settings, site)
    try:
        if settings.engines.start:
            found = served(settings)
            base_model.complete(found)
            _tidy_at_start(site.state)
            children += [_child(each, found, settings) for each in site.engines]
        while not stopping.is_set():
            if children and (site.state / RESTART).exists():
                (site.state / RESTART).unlink()
                say("the live adapter no longer answers as it did: starting vLLM anew")
                for child in children:
                    child.end(vllm_process.kill)
            for child in children:
                healthy = await asyncio.to_thread(api.healthy, child.engine, timeout=2)
                look_after(child, settings, healthy=healthy)
            await asyncio.to_thread(put_right, site)
            await asyncio.to_thread(tidy_up, site, idle)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), LOOK_SECONDS)
    finally:
        say("stopping: no new requests; those in flight are finished")
        await runner.cleanup()
        for child in children:
            await asyncio.to_thread(child.end, vllm_process.stop)
        say("stopped")


async def _open_door(settings: Settings, site: Site) -> web.AppRunner:
    """Start listening. Raises ConfigError when the port is taken."""
    own = settings.gateway
    public = app.Settings(
        own.alias,
        site.state,
        own.max_body_bytes,
        site.door.api_key,
        max_tokens=settings.engines.max_model_len,
        host=own.host,
    )
    bounds = Limits(connections=own.connections, connections_each=own.connections_each)
    public_app = app.application(public, site.engines)
    runner = limits.runner(public_app, bounds, vllm_process.DRAIN_SECONDS)
    await runner.setup()
    try:
        await limits.listen(runner, own.host, own.port, bounds)
    except OSError as error:
        await runner.cleanup()
        raise ConfigError(
            f"cannot listen on {own.host}:{own.port}: {error.strerror}",
            "see [gateway] in serve.toml",
        ) from error
    say(f"the door is open at http://{own.host}:{own.port}; the model there is {own.alias!r}")
    return runner


def _child(each: Engine, found: Base, settings: Settings) -> Child:
    port = urlsplit(each.url).port
    assert port, "settings demand one"
    return Child(each, port, found, settings.state / f"vllm-{port}.log")


def look_after(child: Child, settings: Settings, *, healthy: bool) -> None:
    """Start an engine that is due, or that ended or answers no more; wait longer each time.

    Call it from the main thread: an engine ends with the thread that started it.
    """
    if not child.process:
        if time.monotonic() >= child.start_at:
            _start(child, settings)
        return
    if healthy and not child.was_ready:
        say(f"{child.engine.url}: ready")
        child.was_ready, child.starts = True, 0
        child.card.close()
    child.sick = 0 if healthy else child.sick + 1
    code = child.process.poll()
    if code is not None or (child.was_ready and child.sick >= SICK_LOOKS):
        child.end(vllm_process.kill)
        pause = min(2.0**child.starts, LONGEST_PAUSE)
        child.start_at = time.monotonic() + pause
        why = f"ended (code {code})" if code is not None else "does not answer"
        say(f"{child.engine.url}: {why}; started again in {pause:.0f} s, see {child.log}")


def _start(child: Child, settings: Settings) -> None:
    """Start an engine, unless somebody else has the card: then it is tried again at the next look."""
    try:
        child.card.enter_context(lock.gpu(wait=False))
    except BlockingIOError:
        if not child.waiting:
            say(f"{child.engine.url}: waits for the card, which another run has")
        child.waiting = True
        return
    child.waiting = child.was_ready = False
    child.starts, child.sick = child.starts + 1, 0
    say(f"{child.engine.url}: starting vLLM for {child.base.name}; its log is {child.log}")
    key = child.engine.api_key
    child.process = vllm_process.start_engine(
        child.base, child.port, child.log, settings.engine, key
    )


def put_right(site: Site) -> None:
    """Bring back what engines have lost, and finish a deploy that was cut off."""
    try:
        for line in replicas.heal(site.engines, alias.read_alias(site.state).table.wanted):
            say(line)
        if journal.unfinished(journal.read_journal(site.state)) and replicas.answering(
            site.engines
        ):
            with deploy.alone(site.state):
                deploy.settle(site)
    except BusyError:
        pass  # whoever holds the lock is at it
    except PipelineError as error:
        say(error.message)


def tidy_up(site: Site, idle: dict[str, float]) -> None:
    """Remove what nothing needs any more; `idle` is kept from call to call (`serve.rollout.tidy.due`)."""
    try:
        folders = tidy.due(site, idle)
        entries = journal.read_journal(site.state)
        if folders or len(entries) > 2 * len(journal.compacted(entries)):
            with deploy.alone(site.state):
                tidy.remove(site.state, folders)
                journal.compact(site.state)
    except PipelineError:
        pass  # a server or the door is away, or a deploy runs: there is time


def _tidy_at_start(state: Path) -> None:
    """Remove all that nothing refers to: none of the servers that read it runs yet."""
    with suppress(BusyError), deploy.alone(state):
        tidy.remove(state, tidy.leftovers(state))
