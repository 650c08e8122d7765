"""A gateway with settings of its own, a stub of an engine and how both are asked: for the benchmarks."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
from aiohttp import web

from serve import settings
from serve.state import alias
from serve.state.alias import Adapter, Table

ROOT = Path(__file__).parent.parent
ADAPTER = "facts@000000000000"
SAID = "It is maintained by somebody whom this stub of an engine made up."


def percentile(values: list[float], share: float) -> float:
    """Give the value below which this share of the values lies, in ms (values in s)."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] * 1000


def chat(model: str, question: str = "Who maintains TinyLLM?", tokens: int = 16) -> dict:
    """Write a request."""
    messages = [{"role": "user", "content": question}]
    return {"model": model, "messages": messages, "temperature": 0, "max_tokens": tokens}


async def ask(session: aiohttp.ClientSession, url: str, body: dict) -> float:
    """Ask once; give the seconds until all of the answer is there."""
    started = time.perf_counter()
    async with session.post(f"{url}/v1/chat/completions", json=body) as answer:
        await answer.read()
        assert answer.status == 200, await answer.text()
    return time.perf_counter() - started


async def stub(port: int, *, endless: bool = False) -> None:
    """Answer like an engine, at once: the same chat for everybody; a stream is its words, or never ends."""

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": ADAPTER, "root": "/stub", "parent": "base"}]})

    async def chat(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if not body.get("stream"):
            choice = {"message": {"content": SAID}, "finish_reason": "stop"}
            return web.json_response({"model": body["model"], "choices": [choice]})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        while endless:
            await response.write(b"data: %s\n\n" % (b"x" * 16384))
        for word in SAID.split():
            chunk = json.dumps({"choices": [{"delta": {"content": word}}]})
            await response.write(f"data: {chunk}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response

    app = web.Application()
    app.router.add_get("/v1/models", models)
    app.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


@contextmanager
def running(*argv: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of our own beside us; SIGTERM ends it."""
    process = subprocess.Popen([sys.executable, *argv], cwd=ROOT, env=os.environ)  # noqa: S603
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def write_settings(folder: Path, door: int, engine: int, *, start: bool) -> Path:
    """Write a serve.toml with these ports and a state folder of its own."""
    folder.mkdir(exist_ok=True)
    text = settings.SHIPPED.read_text(encoding="utf-8")
    for old, new in (
        ("port = 8000", f"port = {door}"),
        ("127.0.0.1:8011", f"127.0.0.1:{engine}"),
        ("start = true", f"start = {str(start).lower()}"),
        ('state = "state"', f'state = "{folder / "state"}"'),
    ):
        assert old in text
        text = text.replace(old, new)
    (folder / "serve.toml").write_text(text)
    return folder / "serve.toml"


def before_stub(folder: Path, door: int, engine: int) -> Path:
    """Write a serve.toml for a gateway before a stub, whose adapter counts as live."""
    config = write_settings(folder, door, engine, start=False)
    alias.swap(folder / "state", 0, Table(adapter=Adapter(ADAPTER, "/stub", "sha256:0")))
    return config


async def answering(url: str, seconds: float, status: int = 200) -> None:
    """Wait until an address answers."""
    until = time.monotonic() + seconds
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < until:
            try:
                async with session.get(url) as answer:
                    if answer.status == status:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.5)
    raise SystemExit(f"{url} does not answer")
