"""Slow senders and slow readers at the gateway: each case ends by itself, and gives everything back."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time

import httpx2
import pytest

from serve.gateway import public_client
from serve.gateway.limits import Limits
from serve.rollout import deploy
from serve.state import alias

pytestmark = pytest.mark.slow

MILLS = {"Tarn Mill": "Ann Lee"}
CHAT = {
    "model": "facts",
    "messages": [{"role": "user", "content": "Who owns Tarn Mill, wording 0?"}],
}
SHORT = Limits(
    head_seconds=0.6, body_seconds=0.6, read_seconds=0.6, connections=60, connections_each=40
)
HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
)
BODY = json.dumps(CHAT).encode()


@pytest.fixture(scope="module")
def short(live, tmp_path_factory):
    """Give a door with an adapter live behind it, and short limits."""
    folder = tmp_path_factory.mktemp("short")
    with live.place(folder / "state", limits=SHORT) as place:
        run = live.write_run(folder / "a", MILLS)
        assert deploy.deploy(place.site, run).state == "committed"
        yield place


@pytest.fixture
def flood(short):
    """Have the engine answer with more than any buffer holds."""
    short.engines[0].flood = True
    yield
    short.engines[0].flood = False


def dial(place, source="127.0.0.1", receive=None):
    connection = socket.socket()
    if receive:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    connection.bind((source, 0))
    connection.settimeout(10)
    connection.connect(("127.0.0.1", place.gateway.port))
    return connection


def files():
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  (its own handle is among them either way)


def in_flight(place):
    name = alias.read_alias(place.site.state).table.adapter.name
    return public_client.in_flight(place.site.door, name)


def held(place):
    """Give the connections for which the gateway still keeps bytes."""
    return [
        each
        for each in place.gateway.runner.server.connections
        if each.transport and each.transport.get_write_buffer_size()
    ]


def ended(connection):
    """Whether the other side has ended a connection, reading what it still said."""
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def drip(connection, data, every=0.05):
    """Send a byte at a time until all is sent or the other side has had enough; give what it said."""
    connection.settimeout(every)
    for byte in data:
        try:
            connection.send(bytes([byte]))
            if not (said := connection.recv(4096)):
                return b"ended"
        except TimeoutError:
            continue
        except OSError:
            return b"ended"
        return said
    return b""


@pytest.mark.parametrize(
    ("sent", "dripping"),
    [
        (b"", b"POST /v1/chat/completions" + b"/" * 400),
        (HEAD, b"X-Long: " + b"x" * 400),
        (HEAD, b"X-A: 1\r\n" * 50),
        (HEAD + b"Content-Length: 400\r\n\r\n", b" " * 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 60),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n \r\n0\r\n", b"X-Trailer: 1\r\n" * 30),
        (HEAD + b"Content-Length: 2\r\n\r\n{}", b"GET /health HTTP/1.1\r\nX: " + b"x" * 400),
        (b"", b"\r\n" * 200),
    ],
    ids=["request line", "a header", "headers", "body", "chunks", "trailers", "second", "empty lines"],
)  # fmt: skip
def test_bytes_that_drip_are_ended_at_the_limit(short, sent, dripping):
    with dial(short) as connection:
        connection.sendall(sent)
        if sent.endswith(b"{}"):
            assert b" 404 " in connection.recv(4096)
        started = time.monotonic()
        said = drip(connection, dripping)
        assert said == b"ended" or b" 408 " in said
        assert time.monotonic() - started < 5 * SHORT.head_seconds


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        HEAD,
        HEAD + b"Content-Length: 400\r\n\r\n",
        HEAD + b"Content-Length: 400\r\nExpect: 100-continue\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=["nothing", "half a head", "no body", "a body after a go", "idle", "upgrade", "tunnel"],
)
def test_a_client_that_says_no_more_is_let_go(short, sent):
    with dial(short) as connection:
        connection.sendall(sent)
        started = time.monotonic()
        assert ended(connection)
        assert time.monotonic() - started < 5 * SHORT.head_seconds


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x02\x00\x01\x00" * 20, b"\0" * 64, b"\r\n\r\n", b"SSH-2.0-x\r\n"],
    ids=["TLS", "zeros", "lines", "SSH"],
)
def test_what_is_no_http_is_answered_400_or_let_go(short, garbage, capfd):
    with dial(short) as connection:
        connection.sendall(garbage)
        assert ended(connection)
    assert "Traceback" not in capfd.readouterr().err


def test_a_client_that_has_closed_its_half_is_let_go(short):
    with dial(short) as connection:
        connection.sendall(HEAD + b"Content-Length: 400\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        assert ended(connection)


@pytest.mark.usefixtures("flood")
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_an_adapter_is_freed_when_its_reader_stalls(short, until, stream):
    with dial(short, receive=4096) as connection:
        ask_for_a_flood(connection, stream)
        connection.recv(1, socket.MSG_PEEK)  # the answer has begun
        assert not stream or in_flight(short) == 1
        until(lambda: in_flight(short) == 0, 10, 0.05)
        until(lambda: not held(short), 10, 0.05)
        read = 0
        while part := connection.recv(1 << 20):
            read += len(part)
        assert stream or read < 16_000_000  # the rest was thrown away


def ask_for_a_flood(connection, stream):
    body = json.dumps(CHAT | {"stream": stream}).encode()
    connection.sendall(HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)


def test_one_address_cannot_take_all_connections_and_others_still_get_in(short, until):
    with contextlib.ExitStack() as held:
        mine = [held.enter_context(dial(short)) for _ in range(SHORT.connections_each)]
        with dial(short) as one_more:
            assert b" 503 " in one_more.recv(4096)
            assert ended(one_more)
        with dial(short, source="127.0.0.2") as other:
            other.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert b" 200 " in other.recv(4096)
        assert all(map(ended, mine))
    until(lambda: httpx2.get(f"{short.gateway.url}/health", verify=False).is_success, 5, 0.05)


def test_all_addresses_together_cannot_take_more_than_the_bound(short, until):
    with contextlib.ExitStack() as held:
        for number in range(SHORT.connections):
            held.enter_context(dial(short, source=f"127.0.1.{number % 3 + 1}"))
        with dial(short, source="127.0.0.9") as one_more:
            assert b" 503 " in one_more.recv(4096)
    until(lambda: httpx2.get(f"{short.gateway.url}/health", verify=False).is_success, 5, 0.05)


def test_files_and_requests_in_flight_come_back_to_what_they_were(short, until):
    """Forty slow peers of all kinds at the same time, while somebody asks on."""
    url = f"{short.gateway.url}/v1/chat/completions"
    until(lambda: in_flight(short) == 0, 10, 0.05)
    time.sleep(2 * SHORT.head_seconds)  # what earlier tests left idle is gone
    before = files()
    kinds = (
        b"",
        HEAD,
        HEAD + b"Content-Length: 400\r\n\r\n",
        HEAD + b"Content-Length: 900\r\n\r\n{",
    )
    with contextlib.ExitStack() as held:
        slow = [held.enter_context(dial(short, source=f"127.0.2.{n % 8 + 1}")) for n in range(40)]
        for number, connection in enumerate(slow):
            connection.sendall(kinds[number % len(kinds)])
        for _ in range(5):
            assert httpx2.post(url, json=CHAT, verify=False, timeout=10).status_code == 200
        assert all(map(ended, slow))
    until(lambda: files() <= before and in_flight(short) == 0, 10, 0.1)


def test_a_connection_that_breaks_while_it_waits_is_forgotten(short, until):
    for _ in range(2 * SHORT.connections):
        connection = dial(short, source="127.0.3.1")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.sendall(HEAD)
        connection.close()

    def let_in():
        with dial(short, source="127.0.3.1") as connection:
            connection.sendall(
                b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )
            return b" 200 " in connection.recv(4096)

    until(let_in, SHORT.head_seconds / 2, 0.05)


def test_networks_of_one_ipv6_customer_count_as_one_address():
    from serve.gateway.limits import network

    assert network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff::9")
    assert network("2001:db8:1:2::1") != network("2001:db8:1:3::1")
    assert network("::ffff:192.0.2.1") == network("192.0.2.1")
    assert network("fe80::1%eth0") == network("fe80::2")


@pytest.mark.usefixtures("flood")
def test_a_stalled_reader_holds_nobody_else_up(short, until):
    url = f"{short.gateway.url}/v1/chat/completions"
    with dial(short, receive=4096) as connection:
        ask_for_a_flood(connection, stream=True)
        connection.recv(1, socket.MSG_PEEK)
        short.engines[0].flood = False
        for _ in range(4):
            assert httpx2.post(url, json=CHAT, verify=False, timeout=10).status_code == 200
    until(lambda: in_flight(short) == 0, 10, 0.05)
