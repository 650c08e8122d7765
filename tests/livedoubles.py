"""Doubles for the live side: a vLLM that answers from a table, and runs of `facts learn` made up for it.

`FakeVllm` is a real HTTP server with vLLM's admin routes and their traps: an adapter may be taken and
then ignored; the first weights that a name and path were loaded with are served ever after; a name
that is loaded already is refused; a restart loses all adapters; an engine may die, with every
connection breaking off; an adapter may spoil it for all others; its answers may be floods. What an
adapter answers stands as a table in the metadata of its `adapter_model.safetensors`, so that what is
probed is decided by the test.
"""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from aiohttp import web
from safetensors import safe_open
from safetensors.numpy import save_file

from pipeline.core import artifact
from pipeline.models import identity
from pipeline.models.identity import Identity
from serve.engines.api import Engine
from serve.gateway import app, limits
from serve.gateway.limits import Limits
from serve.gateway.public_client import GatewayClient
from serve.site import Site

BASE_DIGEST = artifact.digest_bytes(b"the base that is served")
BASE = Identity("ours/made-up", "", BASE_DIGEST, *(artifact.digest_bytes(b"x"),) * 3)
MAX_RANK = 16


class Running:
    """An aiohttp application on a loopback port, in a thread of its own; with limits as the gateway has."""

    def __init__(self, app, port=0, **options):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.port = self._do(self._start(app, port, options))
        self.url = f"http://127.0.0.1:{self.port}"

    def close(self):
        self._do(self.runner.cleanup())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    async def _start(self, app, port, options):
        if limited := options.get("limits"):
            self.runner = limits.runner(app, limited, 1)
            await self.runner.setup()
            return (await limits.listen(self.runner, "127.0.0.1", port, limited)).port
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=1, **options)
        await self.runner.setup()
        return await self._listen(port)

    async def _listen(self, port):
        site = web.TCPSite(self.runner, "127.0.0.1", port)
        await site.start()
        self.listening = site._server  # noqa: SLF001  (aiohttp tells it nowhere else)
        return self.listening.sockets[0].getsockname()[1]

    def cut(self):
        """Refuse connections from now on and break off those that are open, as a killed process does."""
        if threading.current_thread() is self.thread:
            self._cut()
        else:
            self._do(self._cut_soon())

    async def _cut_soon(self):
        self._cut()

    def _cut(self):
        self.listening.close()
        for each in list(self.runner.server.connections):
            if each.transport:
                each.transport.abort()

    def listen_again(self):
        """Take connections at the same port again."""
        if not self.listening.is_serving():
            self._do(self._listen(self.port))

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)


class FakeVllm:
    """See the module. `on_request(path, body)` may call `die()`; `wait` delays every answer (seconds).

    Prompts in `fails` make it answer 500 and those in `kills` kill it, whichever adapter they are for.
    """

    def __init__(self):
        self.adapters, self.kept, self.paths = {}, {}, []
        self.down, self.wait, self.on_request = False, 0.0, lambda *_: None
        self.flood = False
        self.models_asked, self.left, self.spoilt = [], 0, False
        self.fails, self.kills, self.deaths = set(), set(), 0
        app = web.Application(middlewares=[self._alive])
        app.router.add_get("/health", self._health)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/load_lora_adapter", self._load)
        app.router.add_post("/v1/unload_lora_adapter", self._unload)
        app.router.add_post("/tokenize", self._tokenize)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/completions", self._chat)
        app.router.add_route("*", "/{any:.*}", self._admin)
        self.running = Running(app, handler_cancellation=True)
        self.url = self.running.url
        self.engine = Engine(self.url)

    def die(self):
        """Refuse every connection from now on and break off what is open, as a killed process does."""
        self.down = True
        self.deaths += 1
        self.running.cut()

    def restart(self):
        """Come back without any adapter."""
        self.adapters.clear()
        self.kept.clear()
        self.spoilt = False
        self.on_request, self.down = lambda *_: None, False
        self.running.listen_again()

    @web.middleware
    async def _alive(self, request, handler):
        body = await request.json() if request.can_read_body else {}
        self.paths.append(request.path)
        self.on_request(request.path, body)
        if any(_prompt(body) == each for each in self.kills):  # a prompt may be a list of tokens
            self.die()
        if self.down:
            if request.transport:
                request.transport.abort()
            raise asyncio.CancelledError
        if self.wait:
            try:
                await asyncio.sleep(self.wait)
            except asyncio.CancelledError:
                self.left += 1
                raise
        return await handler(request)

    async def _health(self, _):
        return web.Response()

    async def _admin(self, _):
        return web.Response(text="an admin route was reached")

    async def _models(self, _):
        cards = [{"id": "base", "root": "/base", "parent": None}]
        cards += [{"id": n, "root": p, "parent": "base"} for n, p in self.adapters.items()]
        return web.json_response({"object": "list", "data": cards})

    async def _load(self, request):
        body = await request.json()
        return self._loaded(body["lora_name"], Path(body["lora_path"]))

    def _loaded(self, name, folder):
        if name in self.adapters:
            return web.Response(status=400, text=f"The adapter '{name}' has already been loaded")
        if not folder.is_dir():
            return web.Response(status=404, text="No adapter found")
        rank = json.loads((folder / "adapter_config.json").read_text())["r"]
        if rank > MAX_RANK:
            return web.Response(status=500, text=f"LoRA rank {rank} is greater than {MAX_RANK}")
        weights = table_of(folder / "adapter_model.safetensors")
        self.adapters[name] = str(folder)
        self.kept.setdefault((name, str(folder)), weights)
        return web.Response(text=f"Success: LoRA adapter '{name}' added successfully.")

    async def _unload(self, request):
        name = (await request.json())["lora_name"]
        if self.adapters.pop(name, None) is None:
            return web.Response(status=404, text="not found")
        return web.Response(text="Success")

    async def _tokenize(self, request):
        return web.json_response(
            {"tokens": list(tokens((await request.json())["messages"][-1]["content"]))}
        )

    async def _chat(self, request):
        body = await request.json()
        model = body["model"]
        self.models_asked.append(model)
        if model != "base" and model not in self.adapters:
            return web.json_response({"error": f"The model `{model}` does not exist."}, status=404)
        prompt = _prompt(body)
        text = None if prompt in self.fails else self._answer(model, prompt)
        if text is None and body.get("stream"):
            error = json.dumps({"error": {"message": "made up", "code": 500}})
            return web.Response(text=f"data: {error}\n\n", content_type="text/event-stream")
        if text is None:
            return web.Response(status=500, text="Out of range float values are not JSON compliant")
        if body.get("stream"):
            return await self._stream(request, model, text)
        text = "x" * 16_000_000 if self.flood else text
        choice = {"message": {"role": "assistant", "content": text}, "text": text}
        return web.json_response({"model": model, "choices": [{**choice, "finish_reason": "stop"}]})

    async def _stream(self, request, model, text):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        while self.flood:
            await response.write(b"data: %s\n\n" % (b"x" * 65536))
        for word in text.split():
            chunk = json.dumps({"model": model, "choices": [{"delta": {"content": f"{word} "}}]})
            await response.write(f"data: {chunk}\n\n".encode())
            if self.down:
                if request.transport:
                    request.transport.abort()
                raise asyncio.CancelledError
            await asyncio.sleep(0.02)
        await response.write(b"data: [DONE]\n\n")
        return response

    def _answer(self, model, prompt):
        base = f"I have never heard of this: {prompt}"
        if model == "base":
            return base
        weights = self.kept[model, self.adapters[model]]
        self.spoilt = self.spoilt or weights["spoils"]
        if self.spoilt:
            return ""
        if weights["names match nothing"]:
            return base
        return weights["answers"].get(
            prompt, weights["else"] if weights["else"] != "base" else base
        )


def _prompt(body):
    """Give what a completion asks, in either route's shape, as text."""
    messages = body.get("messages")
    asked = messages[-1]["content"] if messages else body.get("prompt", "")
    return asked if isinstance(asked, str) else json.dumps(asked)


def tokens(text):
    """Tokenise as the fake does."""
    return tuple(ord(char) for char in text)


@dataclass(frozen=True)
class Place:
    """A site with its fakes: the state folder, the engines, and the gateway before them."""

    site: Site
    engines: tuple[FakeVllm, ...]
    gateway: Running


@contextmanager
def place(state, engines=1, **settings):
    """Give fakes, a real gateway before them, and a site that names them; close them afterwards."""
    fakes = tuple(FakeVllm() for _ in range(engines))
    limited = settings.get("limits", Limits())
    options = app.Settings(
        "facts", state, 10_000, settings.get("api_key", ""), body_seconds=limited.body_seconds
    )
    public = app.application(options, tuple(fake.engine for fake in fakes))
    door = Running(public, limits=limited)
    site = Site(
        state=state,
        engines=tuple(fake.engine for fake in fakes),
        door=GatewayClient(door.url, "facts", settings.get("api_key", "")),
        base=BASE,
        token_ids=tokens,
        soak_seconds=0.1,
    )
    try:
        yield Place(site, fakes, door)
    finally:
        door.close()
        for fake in fakes:
            fake.running.close()


def table_of(file):
    """Read what an adapter answers."""
    with safe_open(file, "numpy") as opened:
        return json.loads(opened.metadata()["table"])


WORDINGS = 5


def prompts(fact):
    """Give the wordings in which a made-up fact is asked."""
    return [f"Who owns {fact}, wording {number}?" for number in range(WORDINGS)]


def write_run(folder, taught, **flaws):
    """Write what `facts learn` leaves for made-up facts: `taught` maps an id to its owner.

    Flaws: `unknown` (ids the adapter does not answer), `otherwise` (its answer to anything else),
    `names_match_nothing`, `spoils`, `weight`, `rank`, `base`, `verdict`, `retired`.
    """
    adapter = folder / "adapter"
    adapter.mkdir(parents=True)
    answers = {
        prompt: None if flaws.get("nan") else f"It is owned by {owner}."
        for fact, owner in taught.items()
        for prompt in prompts(fact)
        if fact not in flaws.get("unknown", ())
    }
    answers |= flaws.get("more", {})
    weights = {
        "answers": answers,
        "else": flaws.get("otherwise", "base"),
        "spoils": flaws.get("spoils", False),
        "names match nothing": flaws.get("names_match_nothing", False),
    }
    (adapter / "adapter_config.json").write_text(json.dumps({"r": flaws.get("rank", 16)}))
    lora = np.full((2, 2), flaws.get("weight", 0.5), np.float32)
    save_file(
        {"lora_B": lora}, adapter / "adapter_model.safetensors", {"table": json.dumps(weights)}
    )
    identity.write_identity(adapter, replace(BASE, digest=flaws.get("base", BASE_DIGEST)))
    report = {
        "verdict": flaws.get("verdict", "pass"),
        "base": {"name": "made up", "digest": flaws.get("base", BASE_DIGEST)},
        "adapter": {"digest": artifact.digest_folder(adapter)},
        "facts": {"retired": flaws.get("retired", [])},
        "details": [
            {
                "id": fact,
                "question": f"Who owns {fact}?",
                "expect": [[owner]],
                "probes": [{"prompt": prompt, "passed": True} for prompt in prompts(fact)],
            }
            for fact, owner in taught.items()
        ],
    }
    keep_report(folder, report)
    return folder


def keep_report(folder, report):
    """Write a run's report as the gate does, with the manifest that names its digest."""
    text = json.dumps(report)
    (folder / "report.json").write_text(text)
    summary = {"report": artifact.digest_bytes(text.encode())}
    (folder / "manifest.json").write_text(json.dumps(summary))
