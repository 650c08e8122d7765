"""Requests at the real gateway: whatever comes in is answered, never with 500, and two routes go on."""

from __future__ import annotations

import json
import logging
import re
import socket

import livedoubles
import pytest
from aiohttp import web
from hypothesis import example, given
from hypothesis import strategies as st
from support.mutations import edited, edits, wrong

from serve.state import alias
from serve.state.alias import Adapter, Table

CHAT = {
    "model": "facts",
    "messages": [{"role": "user", "content": "Who?"}],
    "max_tokens": 5,
    "stream": False,
}
PROMPT = {
    "model": "facts",
    "prompt": "Who?",
    "temperature": 0.0,
    "n": 1,
    "logprobs": 1,
    "stop": ["x"],
}
PATHS = (
    "/v1/chat/completions", "/v1/completions", "/v1/models", "/health", "/metrics", "/", "*",
    "/v1/load_lora_adapter",
    "/tokenize", "/v1/../tokenize", "/v1/chat/completions/..%2f..%2f..%2ftokenize", "//tokenize",
    "/v1/chat/completions/",
    "http://127.0.0.1/tokenize", "/v1/chat/completions?x=%0d%0ay", "/%00", "/\xff", "/v1/models#x",
    "/" + "a" * 9000,
)  # fmt: skip
METHODS = (
    "POST",
    "POST",
    "GET",
    "PUT",
    "DELETE",
    "OPTIONS",
    "HEAD",
    "CONNECT",
    "TRACE",
    "post",
    "PRI",
    "X" * 50,
)
HEADERS = st.sampled_from(
    ["Content-Encoding: gzip", "Content-Encoding: br", "Content-Encoding: zstd", "Content-Encoding: deflate",
     "Content-Encoding: x", "Expect: 100-continue", "Expect: x", "Upgrade: websocket", "Connection: upgrade",
     "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: x",
     "Content-Length: 0",
     "Content-Length: -1", "Content-Length: 9" + "9" * 30, "Content-Length: x", "Host: a, b", "Host:",
     "X-Adapter: base",
     "Authorization: Bearer x", "Authorization: \xff", "Cookie: a=b; c", "Range: bytes=0-",
     "X: " + "y" * 9000,
     "Content-Type: text/plain", "Content-Type: application/json; charset=utf-16", "Content-Type: \x01",
     "Origin: null",
     "Accept-Encoding: gzip", "If-Match: *", "X:y\r\n z", ": x", "no colon", "X-Forwarded-For: 127.0.0.1",
     "Sec-Fetch-Site: cross-site", "Content-Type: multipart/form-data"]
)  # fmt: skip
ODD_BODIES = st.sampled_from(
    [b"", b"{", b"[]", b"null", b"7", b'"x"', b"\xff", b"\x1f\x8b\x08\x00", b"[" * 50_000, b"{" * 9,
    b'{"a":' * 5_000,
     b'{"model": "facts", "prompt": 1' + b"0" * 5_000 + b"}", b'{"model": "facts", "prompt": "\\ud800"}',
     b" " * 20_000,
     b'{"model": "facts", "model": "base", "prompt": "x"}', b'{"model": "facts", "prompt": NaN}',
     b"0\r\n\r\n",
     b"5\r\n{", b"zz\r\n", b"ffffffffffffffff\r\nx"]
)  # fmt: skip
BODIES = st.one_of(wrong(CHAT), wrong(PROMPT), ODD_BODIES, st.just(json.dumps(CHAT).encode()))
TOKENS = (
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b":", b" ", b"\0", b"\xff", b"HTTP/1.1", b"HTTP/2.0",
    b"HTTP/0.9", b"GET ", b"POST ",
    b"/tokenize", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"%", b"..", b"{", b'"',
    b"5\r\nhello\r\n",
)  # fmt: skip
WHOLE = (
    b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\n"
)
ANSWER = re.compile(rb"HTTP/\d\.\d ([1-5]\d\d) [^\r\n]*\r\n(?:[!-~]+:[^\r\n]*\r\n)*\r\n")
STATUSES = {100, 200, 503, *range(400, 500)}


class TakingAll(livedoubles.FakeVllm):
    """A fake that answers every completion, and keeps what it was asked."""

    def __init__(self):
        self.asked = []
        super().__init__()

    async def _chat(self, request):
        self.asked.append(
            (request.method, request.path, dict(request.headers), await request.json())
        )
        return web.json_response({"model": "x", "choices": []})


class Gateway:
    """The gateway with one adapter live, and what its server logs as its own error."""

    def __init__(self, place, adapter):
        self.place, self.adapter, self.logged = place, adapter, []
        self.engine = place.engines[0]
        self.engine.adapters[adapter.name] = adapter.folder

    def sent(self, raw, seconds):
        """Send bytes as they stand; give all that is answered until it ends or nothing more comes."""
        answer = b""
        with socket.create_connection(("127.0.0.1", self.place.gateway.port)) as connection:
            connection.settimeout(seconds)
            try:
                connection.sendall(raw)
                while part := connection.recv(65536):
                    answer += part
            except OSError:  # it says no more, or has ended the connection
                pass
        return answer

    def assert_holds(self, raw, seconds=0.3):
        """Assert what holds of any bytes; give the first status, 0 for none."""
        self.engine.asked.clear()
        self.engine.paths.clear()
        answer = self.sent(raw, seconds)
        # Taken away as it is read: what comes late fails the next example, and none after that.
        logged = [self.logged.pop() for _ in range(len(self.logged))]
        assert not logged, logging.Formatter().format(logged[0])
        assert b"Traceback" not in answer
        assert set(self.engine.paths) <= {
            "/v1/models",
            "/v1/chat/completions",
            "/v1/completions",
            "/health",
        }
        for method, path, headers, body in self.engine.asked:
            assert method == "POST"
            assert path in PATHS[:2]
            assert body["model"] == self.adapter.name
            assert headers["Content-Type"].startswith("application/json")
            assert not {"X-Adapter", "Cookie", "X-Forwarded-For", "Origin"} & headers.keys()
        if not answer:
            return 0
        found = ANSWER.match(answer)
        assert found, answer[:200]
        assert int(found[1]) in STATUSES, answer[:300]
        return int(found[1])


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """Give the gateway before a fake that answers all that comes."""
    state = tmp_path_factory.mktemp("requests") / "state"
    folder = state / "adapters" / "facts@1"
    folder.mkdir(parents=True)
    adapter = Adapter("facts@1", str(folder), "sha256:" + "1" * 64)
    alias.swap(state, 0, Table(adapter=adapter))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(livedoubles, "FakeVllm", TakingAll)
        with livedoubles.place(state) as place:
            door = Gateway(place, adapter)
            listener = logging.Handler(logging.ERROR)
            listener.emit = door.logged.append
            logging.getLogger("aiohttp").addHandler(listener)
            yield door
            logging.getLogger("aiohttp").removeHandler(listener)


def request(method, path, headers, body):
    """Write a request that says how long its body is, unless a header says otherwise."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *headers]
    given = " ".join(headers).lower()
    if "content-type:" not in given:
        lines.append("Content-Type: application/json")
    if "content-length:" not in given and "transfer-encoding:" not in given:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def test_a_right_request_reaches_the_engine_under_the_adapters_own_name(gateway):
    for path, body in zip(PATHS[:2], (CHAT, PROMPT), strict=True):
        raw = request("POST", path, ["Cookie: a=b"], json.dumps(body).encode())
        assert gateway.assert_holds(raw, 20) == 200
        assert len(gateway.place.engines[0].asked) == 1 or gateway.engine.paths.count(path) == 1


@given(path=st.sampled_from(PATHS[:2]), body=BODIES)
def test_any_body_is_answered_and_never_with_500(gateway, path, body):
    assert gateway.assert_holds(request("POST", path, [], body), 20)


@given(
    method=st.sampled_from(METHODS),
    path=st.one_of(st.sampled_from(PATHS), st.from_regex(r"/[!-~]{0,30}", fullmatch=True)),
    headers=st.lists(HEADERS, max_size=3),
    body=BODIES,
)
@example(method="POST", path=PATHS[0], headers=["Content-Encoding: gzip"], body=b"x")
@example(method="POST", path=PATHS[0], headers=["Transfer-Encoding: chunked"], body=b"zz\r\n")
def test_any_method_path_and_headers_are_answered_and_never_with_500(
    gateway, method, path, headers, body
):
    gateway.assert_holds(request(method, path, headers, body))


@given(changes=edits(TOKENS))
def test_any_bytes_are_answered_and_never_with_500(gateway, changes):
    body = json.dumps(PROMPT).encode()
    raw = WHOLE + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    gateway.assert_holds(edited(raw, changes))
