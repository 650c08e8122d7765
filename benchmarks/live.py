"""Measure the gateway's overhead, and redeploys under constant load on a real vLLM.

    python benchmarks/live.py --run build            both, on a vLLM that this starts
    python benchmarks/live.py --stub-only            the overhead alone, before a stub of an engine

The second adapter of the redeploys is the first one with its B matrices scaled by 0.98: another digest
with the same facts. Prints a table; writes serve.json to --out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
from aiohttp import web

from pipeline.core import artifact
from serve import settings
from serve.engines import engine_key
from serve.engines.api import Engine

ROOT = Path(__file__).parent.parent
STUB, DOOR, ENGINE = 8131, 8130, 8132
ADAPTER = "facts@000000000000"
SAID = "It is maintained by somebody whom this stub of an engine made up."


def percentile(values: list[float], share: float) -> float:
    """Give the value below which this share of the values lies, in ms (values in s)."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] * 1000


async def stub(port: int = STUB, *, endless: bool = False) -> None:
    """Answer like an engine, at once: the same text for everybody, in a stream word by word, or `endless`."""

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


async def ask(session: aiohttp.ClientSession, url: str, body: dict) -> float:
    """Ask once; give the seconds until all of the answer is there."""
    started = time.perf_counter()
    async with session.post(f"{url}/v1/chat/completions", json=body) as answer:
        await answer.read()
        assert answer.status == 200, await answer.text()
    return time.perf_counter() - started


async def first_byte(session: aiohttp.ClientSession, url: str, body: dict) -> float:
    """Ask for a stream; give the seconds until its first event."""
    started = time.perf_counter()
    async with session.post(f"{url}/v1/chat/completions", json={**body, "stream": True}) as answer:
        await answer.content.readany()
        seconds = time.perf_counter() - started
        await answer.read()
    return seconds


async def throughput(session: aiohttp.ClientSession, url: str, body: dict, total: int) -> float:
    """Ask with 64 in flight; give requests a second."""
    left = iter(range(total))

    async def client() -> None:
        for _ in left:
            await ask(session, url, body)

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(64)))
    return total / (time.perf_counter() - started)


def chat(model: str, question: str = "Who maintains TinyLLM?", tokens: int = 16) -> dict:
    """Write a request."""
    messages = [{"role": "user", "content": question}]
    return {"model": model, "messages": messages, "temperature": 0, "max_tokens": tokens}


async def overhead(direct: Engine, door: str, model: str, count: int, load: int) -> dict:
    """Ask directly and through the gateway in turns, so that both see the same machine."""
    # A gateway without a key of its own takes no notice of the engine's.
    headers = {"Authorization": f"Bearer {direct.api_key}"} if direct.api_key else {}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        urls = ((direct.url, chat(model)), (door, chat("facts")))
        for url, body in urls:
            await ask(session, url, body)
        whole: tuple[list[float], list[float]] = ([], [])
        first: tuple[list[float], list[float]] = ([], [])
        for _ in range(count):
            for i, (url, body) in enumerate(urls):
                whole[i].append(await ask(session, url, body))
                first[i].append(await first_byte(session, url, body))
        rates = [await throughput(session, url, body, load) for url, body in urls] if load else []
    return {
        "requests": count,
        "p50_ms": [percentile(each, 0.5) for each in whole],
        "p99_ms": [percentile(each, 0.99) for each in whole],
        "added_p50_ms": percentile(whole[1], 0.5) - percentile(whole[0], 0.5),
        "added_p99_ms": percentile(whole[1], 0.99) - percentile(whole[0], 0.99),
        "first_event_p50_ms": [percentile(each, 0.5) for each in first],
        "requests_per_second_at_64": rates,
    }


@contextmanager
def running(*argv: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of our own beside us; SIGTERM ends it."""
    process = subprocess.Popen([sys.executable, *argv], cwd=ROOT, env=os.environ)  # noqa: S603
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def write_settings(folder: Path, port: int, *, start: bool, door: int = DOOR) -> Path:
    """Write a serve.toml for an engine on `port`, with a state of its own."""
    text = settings.SHIPPED.read_text(encoding="utf-8")
    for old, new in (
        ("port = 8000", f"port = {door}"),
        ("127.0.0.1:8011", f"127.0.0.1:{port}"),
        ("start = true", f"start = {str(start).lower()}"),
        ('state = "state"', f'state = "{folder / "state"}"'),
    ):
        assert old in text
        text = text.replace(old, new)
    (folder / "serve.toml").write_text(text)
    return folder / "serve.toml"


def before_stub(folder: Path, port: int, door: int) -> Path:
    """Write a serve.toml for a gateway before the stub on `port`, whose adapter counts as live."""
    from serve.state import alias
    from serve.state.alias import Adapter, Table

    alias.swap(folder / "state", 0, Table(adapter=Adapter(ADAPTER, "/stub", "sha256:0")))
    return write_settings(folder, port, start=False, door=door)


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


def measure_stub(folder: Path, count: int) -> dict:
    """Measure the gateway's own overhead, before a stub."""
    config = before_stub(folder, STUB, DOOR)
    with (
        running(__file__, "--as-stub"),
        running("-m", "pipeline", "serve", "--config", str(config)),
    ):
        asyncio.run(answering(f"http://127.0.0.1:{DOOR}/health", 60))
        stub_engine, door = Engine(f"http://127.0.0.1:{STUB}"), f"http://127.0.0.1:{DOOR}"
        return asyncio.run(overhead(stub_engine, door, ADAPTER, count, 20 * count))


def scaled(run: Path, folder: Path) -> Path:
    """Write the run's adapter with B × 0.98, under a report that names its digest."""
    from safetensors.torch import load_file, save_file

    (folder / "adapter").mkdir(parents=True)
    tensors = load_file(run / "adapter" / "adapter_model.safetensors")
    tensors = {name: t * 0.98 if "lora_B" in name else t for name, t in tensors.items()}
    save_file(tensors, folder / "adapter" / "adapter_model.safetensors")
    for name in ("adapter/adapter_config.json", "adapter/base.json", "report.json"):
        (folder / name).write_bytes((run / name).read_bytes())
    report = json.loads((folder / "report.json").read_text())
    report["adapter"]["digest"] = artifact.digest_folder(folder / "adapter")
    (folder / "report.json").write_text(json.dumps(report))
    summary = {"report": artifact.digest_file(folder / "report.json")}
    (folder / artifact.MANIFEST).write_text(json.dumps(summary))
    return folder


async def client(session: aiohttp.ClientSession, stop: asyncio.Event, seen: list[tuple]) -> None:
    """Ask one question after another until told to stop; keep status, adapter and seconds."""
    asked = ("Who maintains TinyLLM?", "What is the capital of France?", "What is TinyLLM?")
    turn = 0
    while not stop.is_set():
        turn += 1
        body = chat("facts", asked[turn % len(asked)])
        started = time.perf_counter()
        try:
            async with session.post(
                f"http://127.0.0.1:{DOOR}/v1/chat/completions", json=body
            ) as answer:
                data = await answer.json()
                by = answer.headers.get("x-adapter", "")
                whole = answer.status == 200 and data.get("model") == by
                text = data["choices"][0]["message"]["content"] if whole else ""
                right = "Jason Cox" in text or turn % len(asked) != 0
                seen.append((answer.status, by, whole, right, time.perf_counter() - started))
        except aiohttp.ClientError as error:
            seen.append((type(error).__name__, "", False, False, time.perf_counter() - started))


async def redeploy(config: Path, runs: list[Path], times: int) -> dict:
    """Deploy the runs in turns while eight clients ask."""
    seen: list[tuple] = []
    took = []
    stop = asyncio.Event()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        clients = [asyncio.create_task(client(session, stop, seen)) for _ in range(8)]
        for turn in range(times):
            started = time.perf_counter()
            deploying = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "pipeline", "deploy", str(runs[(turn + 1) % 2]),
                "--config", str(config), cwd=ROOT,
            )  # fmt: skip
            code = await deploying.wait()
            took.append(time.perf_counter() - started)
            bad = sum(not whole for _, _, whole, *_ in seen)
            print(
                f"redeploy {turn + 1}: exit {code}, {took[-1]:.1f} s; "
                f"{len(seen)} requests so far, {bad} failed or mixed",
                file=sys.stderr,
            )
            if code:
                break
        stop.set()
        await asyncio.gather(*clients)
    return {
        "redeploys": len(took),
        "failed_redeploys": int(bool(code)),
        "seconds_each": took,
        "requests": len(seen),
        "failed_requests": sum(status != 200 for status, *_ in seen),
        "mixed": sum(status == 200 and not whole for status, _, whole, *_ in seen),
        "wrong_fact": sum(not right for _, _, _, right, _ in seen),
        "by_adapter": dict(Counter(by for _, by, *_ in seen)),
        "p50_s": statistics.median(seconds for *_, seconds in seen),
    }


def measure_real(folder: Path, run: Path, times: int, found: dict) -> None:
    """Start vLLM, deploy, measure the gateway before it, then redeploy under load; add to `found`."""
    config = write_settings(folder, ENGINE, start=True)
    with running("-m", "pipeline", "serve", "--config", str(config)):
        asyncio.run(answering(f"http://127.0.0.1:{ENGINE}/health", 900))
        started = time.perf_counter()
        deploy = [sys.executable, "-m", "pipeline", "deploy", str(run), "--config", str(config)]
        subprocess.run(deploy, cwd=ROOT, check=True)  # noqa: S603
        found["first_deploy_seconds"] = time.perf_counter() - started
        state = json.loads((folder / "state" / "alias.json").read_text())
        own = Engine(f"http://127.0.0.1:{ENGINE}", engine_key.read_key(folder / "state"))
        found["gateway_before_vllm"] = asyncio.run(
            overhead(own, f"http://127.0.0.1:{DOOR}", state["adapter"]["name"], 30, 0)
        )
        runs = [run, scaled(run, folder / "other")]
        found["redeploy_under_load"] = asyncio.run(redeploy(config, runs, times))


def main() -> None:
    """Run the chosen measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, default=Path("build"), help="what `facts learn` left")
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    parser.add_argument("--stub-only", action="store_true")
    parser.add_argument("--redeploys", type=int, default=20)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--as-stub", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.as_stub:
        asyncio.run(stub())
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        found = {"gateway_before_stub": measure_stub(Path(one), args.requests)}
        try:
            if not args.stub_only:
                measure_real(Path(two), args.run.resolve(), args.redeploys, found)
        finally:  # an interrupted run tells what it has measured
            found["load_average"] = os.getloadavg()
            artifact.write_text(args.out / "serve.json", json.dumps(found, indent=2) + "\n")
            print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
