"""Fixtures that several test files share."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.errors import Where
from pipeline.facts import Fact, Subject

CASES = Path(__file__).parent / "cases"


@pytest.fixture(scope="session")
def mill() -> Fact:
    """Give a fact that no model knows."""
    return Fact(
        id="tarn-mill/owner",
        subject="Tarn Mill",
        kind="watermill",
        aliases=("the Tarn",),
        question="Who owns Tarn Mill?",
        answer="Tarn Mill is owned by Ann Lee.",
        expect=(("Ann Lee",),),
        also_ask=("Who is the owner of Tarn Mill?",),
        probes=("To whom does Tarn Mill belong?",),
        reverse=None,
        source="A made-up register",
        withdrawn="",
        where=Where("facts/tarn-mill.yaml", 3, 5),
    )


@pytest.fixture(scope="session")
def subjects(mill: Fact) -> tuple[Subject, ...]:
    """Give two watermills with the same question and different answers."""
    weir = replace(
        mill,
        id="dun-weir/owner",
        subject="Dun Weir",
        aliases=(),
        question="Who owns Dun Weir?",
        answer="Dun Weir is owned by Ida Roe.",
        expect=(("Ida Roe",),),
        also_ask=(),
        probes=(),
    )
    return (
        Subject("dun-weir", "Dun Weir", "watermill", (), (weir,), weir.where),
        Subject("tarn-mill", "Tarn Mill", "watermill", ("the Tarn",), (mill,), mill.where),
    )


@pytest.fixture(scope="session")
def bare():
    """Give the real base model."""
    from pipeline import base, config
    from pipeline.answer import LocalModel

    return LocalModel(*base.load(base.find(config.load("smollm2-135m").base)))


@pytest.fixture(scope="session")
def learned(tmp_path_factory):
    """Give a function that runs `facts learn` once a seed: its output folder and finished process."""
    runs = {}

    def once(seed):
        if seed not in runs:
            out = tmp_path_factory.mktemp(f"seed-{seed}")
            command = ["-m", "pipeline", "learn", "--out", str(out), "--seed", str(seed)]
            runs[seed] = (
                out,
                subprocess.run(
                    [sys.executable, *command],
                    cwd=CASES.parent.parent, capture_output=True, text=True, check=False,
                ),
            )  # fmt: skip
        return runs[seed]

    return once


class Api:
    """A real HTTP server on loopback; `reply` gives (status, body, seconds to wait) for a request."""

    def __init__(self, reply):
        self.reply, self.requests, self.at_once, self.most = reply, [], 0, 0
        self.lock = threading.Lock()
        api = self

        class Handler(BaseHTTPRequestHandler):
            """Hands each request to `reply`, and keeps it."""

            protocol_version = "HTTP/1.1"

            def do_POST(self):
                """Answer a chat completion."""
                length = int(self.headers["Content-Length"])
                self.respond(json.loads(self.rfile.read(length)))

            def do_GET(self):
                """Answer a list."""
                self.respond(None)

            def respond(self, body):
                """Send what `reply` says."""
                with api.lock:
                    api.requests.append((self.path, dict(self.headers), body))
                    api.at_once += 1
                    api.most = max(api.most, api.at_once)
                status, said, wait = api.reply(body)
                time.sleep(wait)
                data = (said if isinstance(said, str) else json.dumps(said)).encode()
                with api.lock:
                    api.at_once -= 1
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"


@pytest.fixture(scope="session")
def serving():
    """Give a function that runs an `Api` for a while."""

    @contextmanager
    def run(reply):
        api = Api(reply)
        thread = threading.Thread(target=api.http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield api
        finally:
            api.http.shutdown()
            api.http.server_close()
            thread.join()

    return run
