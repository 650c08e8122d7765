"""A server of the OpenAI API that answers as a test wants."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


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
                """Send the answer of `reply`."""
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

        class Queueing(ThreadingHTTPServer):
            """Lets all of a crowd that comes at once wait, where five may otherwise."""

            request_queue_size = 128

        self.http = Queueing(("127.0.0.1", 0), Handler)
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
