"""Does an adapter act in a real vLLM? Starts one, loads it, and asks it and the base the same."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

from pipeline import portable
from pipeline.base import Base
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
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "vllm.log"
        process = vllm.start(base, port, log)
        try:
            server = Engine(f"http://127.0.0.1:{port}")
            vllm.await_ready(server, process, log)
            return _ask(server, folder, question)
        finally:
            vllm.stop(process)


def _ask(server: Engine, folder: Path, question: str) -> tuple[Problem, ...]:
    try:
        engine.load(server, NAME, folder)
    except EngineRefusedError as error:
        hint = "vLLM says why; train without what it names"
        return (Problem(Where(str(folder)), "refused", error.message, hint),)
    return portable.acts(folder, Server(server.url, vllm.BASE), Server(server.url, NAME), question)
