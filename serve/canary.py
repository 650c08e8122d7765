"""Does an adapter act in a real vLLM? Starts one, loads it, and asks it and the base the same."""

from __future__ import annotations

import secrets
import socket
import sys
from pathlib import Path

from pipeline import portable
from pipeline.base import Base, cache_folder
from pipeline.errors import Problem, Where
from pipeline.server import Server
from serve import engine, vllm
from serve.engine import Engine, EngineRefusedError

NAME = "candidate"


def try_adapter(folder: Path, base: Base, question: str) -> tuple[Problem, ...] | None:
    """Give what is wrong with an adapter (an absolute path) in the vLLM of `make serve-env`.

    None when there is no such environment. Raises ConfigError when vLLM does not start.
    """
    if not vllm.PYTHON.is_file():
        return None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = cache_folder() / "canary.log"  # kept: when vLLM does not start, this says why
    log.unlink(missing_ok=True)
    process = vllm.start(base, port, log)
    try:
        server = Engine(f"http://127.0.0.1:{port}")
        print("starting vLLM (about a minute) …", file=sys.stderr, flush=True)
        vllm.await_ready(server, process, log)
        return ask(server, folder, question)
    finally:
        vllm.stop(process)


def ask(server: Engine, folder: Path, question: str) -> tuple[Problem, ...]:
    """Load an adapter into a running engine for a moment, and ask it and the base.

    Raises the errors of `pipeline.server.ask`.
    """
    name = f"{NAME}-{secrets.token_hex(4)}"  # vLLM serves a name it knew before from its caches
    try:
        engine.load(server, name, folder)
    except EngineRefusedError as error:
        hint = "vLLM says why; train without what it names"
        return (Problem(Where(str(folder)), "refused", error.message, hint),)
    try:
        base, adapted = Server(server.url, vllm.BASE), Server(server.url, name)
        return portable.acts(folder, base, adapted, question)
    finally:
        engine.unload(server, name)
