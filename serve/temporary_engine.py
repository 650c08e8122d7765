"""Loads an adapter into a real vLLM for a while: to see whether it acts there, or for the gate to ask it."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.core import progress
from pipeline.core.cache import cache_folder
from pipeline.core.errors import ConfigError, Problem, Where
from pipeline.core.escape import plain
from pipeline.models import client
from pipeline.models.base_model import Base
from pipeline.models.client import Server
from serve import settings
from serve.engines import api, vllm_process
from serve.engines.api import Engine, EngineRefusedError
from serve.engines.vllm_process import EngineSettings
from serve.say import say
from serve.settings import Settings

ANSWER = 48
"""Tokens of a canary's answer: the whole of most."""

NAME = "candidate"


def try_adapter(folder: Path, base: Base, question: str) -> tuple[Problem, ...] | None:
    """Give what is wrong with an adapter (an absolute path) in the vLLM of `make serve-env`.

    None when there is no such environment. Raises ConfigError when vLLM does not start.
    """
    if not vllm_process.PYTHON.is_file():
        return None
    with _started(base, EngineSettings()) as server:
        return ask_one(server, folder, question)


def ask_one(server: Engine, folder: Path, question: str) -> tuple[Problem, ...]:
    """Load an adapter into a running engine for a moment, and ask it and the base.

    Raises the errors of `pipeline.models.client.ask_server`.
    """
    try:
        with _loaded(server, folder) as (base, adapted):
            return acts(folder, base, adapted, question)
    except EngineRefusedError as error:
        hint = "vLLM says why; train without what it names"
        return (Problem(Where(str(folder)), "refused", error.message, hint),)


def settings_for(file: Path | None, taught: Base) -> Settings:
    """Read the `serve.toml` whose engine is to have an adapter for a base; `file` as for `load_settings`.

    Raises ConfigError when it is for another base, or no engine runs and none can be started.
    """
    own = settings.load_settings(file)
    served = settings.served(own)
    if served.digest != taught.digest:
        raise ConfigError(
            f"[engines] recipe: {served.name} is served, and the adapter is for {taught.name}",
            "name a serve.toml whose engines have the recipe's base",
        )
    first = settings.engines(own)[0]
    if not api.healthy(first):
        if not own.engines.start:
            raise ConfigError(
                f"{first.url}: no engine answers there", "start it, or set start = true"
            )
        vllm_process.require_engine(own.engine)
    return own


@contextmanager
def side_by_side(own: Settings, taught: Base, folder: Path) -> Iterator[tuple[Server, Server]]:
    """Give a base and an adapter for it (an absolute path) as the first engine of the settings has them.

    One that runs is used, beside what it serves; otherwise one is started for the while.
    """
    first = settings.engines(own)[0]
    if api.healthy(first):
        with _loaded(first, folder) as both:
            yield both
    else:
        with _started(taught, own.engine) as server, _loaded(server, folder) as both:
            yield both


@contextmanager
def _started(base: Base, how: EngineSettings) -> Iterator[Engine]:
    """Run a vLLM of our own on a free port. Raises ConfigError when it does not start."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = cache_folder() / "canary.log"  # kept: when vLLM does not start, this says why
    log.unlink(missing_ok=True)
    server = Engine(f"http://127.0.0.1:{port}", secrets.token_urlsafe(32))
    process = vllm_process.start_engine(base, port, log, how, server.api_key)
    try:
        say("starting vLLM (about a minute) …")
        vllm_process.await_ready(server, process, log)
        yield server
    finally:
        vllm_process.stop(process)


@contextmanager
def _loaded(server: Engine, folder: Path) -> Iterator[tuple[Server, Server]]:
    """Give the base and an adapter on an engine that runs. Raises EngineRefusedError when it is not taken."""
    name = f"{NAME}-{secrets.token_hex(4)}"  # vLLM serves a name it knew before from its caches
    try:
        api.load_adapter(server, name, folder)
        yield (
            Server(server.url, vllm_process.BASE, server.api_key),
            Server(server.url, name, server.api_key),
        )
    finally:
        api.unload_adapter(server, name)


def acts(folder: Path, base: Server, adapted: Server, question: str) -> tuple[Problem, ...]:
    """Ask a live server's base and adapter one question, to which their answers must differ.

    vLLM lists adapters that it then ignores, so this is the only proof that one is used.
    Raises the errors of `ask_server`.
    """
    with progress.bar("asking", 2) as shown:
        said = [
            client.ask_server(each, [question], ANSWER, shown)[0].text for each in (base, adapted)
        ]
    if said[0] != said[1]:
        return ()
    message = f"changes nothing: both answer {plain(said[0], 100)!r} to {plain(question, 100)!r}"
    hint = "ask about a taught fact; if the answers are the same then as well, vLLM ignores the adapter"
    return (Problem(Where(str(folder)), "no-effect", message, hint),)
