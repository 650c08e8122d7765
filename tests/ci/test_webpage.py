"""Web addresses out of facts, asked of real servers on this machine."""

from __future__ import annotations

import itertools
import random
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest

from pipeline.ci import public_address, webpage

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
GARBAGE = {
    "nothing": b"",
    "no HTTP": b"\x00\xff\x16\x03\x01 hello\r\n\r\n",
    "HTTP/0.9": b"<html>",
    "a status that is none": b"HTTP/1.1 -200 OK\r\n\r\n",
    "a status too large": b"HTTP/1.1 99999999999 OK\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "headers without end": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000,
    "a header that is none": b"HTTP/1.1 200 OK\r\n: \x00\r\n\r\n",
}
ELSEWHERE = [
    "ftp://a.example/", "file:///etc/passwd", "javascript:alert(1)", "http:///", "http://[::1",
    "http://user:word@a.example/", "http://a.example:22/", "https://a.example:8443/", "//@/",
    "http://" + "a" * 3000, "http://a.example/" + "b" * 3000, "http://\u200d\u0301.example/".encode().decode("latin-1"),
]  # fmt: skip
"""Where no redirect is followed to, and no fact's source either."""


@contextmanager
def server(answer, host="127.0.0.1", context=None):
    """Serve `answer(path, send)` on a real socket; give its port and the requests that it got."""
    got = []
    closing = threading.Event()

    def serve(listening):
        while not closing.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                try:
                    one = (
                        context.wrap_socket(connection, server_side=True) if context else connection
                    )
                    request = one.recv(65_536).decode("latin-1")
                    got.append(request)
                    answer(request.split(" ")[1] if " " in request else "", one.sendall)
                except OSError:
                    pass

    with socket.create_server((host, 0)) as listening:
        threads = [threading.Thread(target=serve, args=(listening,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        yield listening.getsockname()[1], got
        closing.set()
        listening.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join()


def bounds(port, seconds=20.0, admit=lambda address: str(address) == "127.0.0.1"):
    """Admit the test's own server."""
    return webpage.Bounds(seconds=seconds, ports=frozenset({port}), admit=admit)


def ask(answer, path="/", **changed):
    """Ask a server that always answers so."""
    with server(answer) as (port, _):
        return webpage.fetch_page(f"http://127.0.0.1:{port}{path}", bounds(port, **changed))


@pytest.mark.parametrize(
    ("head", "get", "wrong", "asked"),
    [
        (200, 200, "", ["HEAD"]), (405, 200, "", ["HEAD", "GET"]), (404, 200, "answers 404", ["HEAD"]),
        (500, 500, "answers 500", ["HEAD", "GET"]), (403, 410, "answers 410", ["HEAD", "GET"]),
    ],
)  # fmt: skip
def test_a_page_is_asked_for_its_head_and_then_for_itself(head, get, wrong, asked):
    answers = iter((head, get))

    def answer(_path, send):
        send(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % next(answers))

    with server(answer) as (port, got):
        assert webpage.fetch_page(f"http://127.0.0.1:{port}/x?y", bounds(port)) == wrong
    assert [request.split(" ")[0] for request in got] == asked
    assert all("schoolhouse-link-check" in request for request in got)


def test_a_page_that_moved_is_followed():
    def answer(path, send):
        moved = b"HTTP/1.1 302 x\r\nLocation: ../there\r\nContent-Length: 0\r\n\r\n"
        send(OK if path == "/there" else moved)

    assert ask(answer, "/a/b") == ""


def test_a_page_that_moves_for_ever_is_a_line():
    counted = itertools.count()

    def answer(_path, send):
        send(b"HTTP/1.1 301 x\r\nLocation: /%d\r\nContent-Length: 0\r\n\r\n" % next(counted))

    assert ask(answer).startswith("is not asked: leads from one address to the next")
    assert next(counted) == 6


@pytest.mark.parametrize("there", ELSEWHERE)
def test_a_page_that_moved_to_an_odd_address_is_a_line(there):
    def answer(_path, send):
        send(b"HTTP/1.1 302 x\r\nLocation: " + there.encode("latin-1") + b"\r\n\r\n")

    assert ask(answer).startswith("is not asked: ")


@pytest.mark.parametrize("source", [*ELSEWHERE, "", "http:", "x" * 5000, "http://\n/"])
def test_an_odd_address_is_a_line(source):
    assert webpage.fetch_page(source).startswith("is not asked: ")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0", "localhost", "[::1]", "[::ffff:127.0.0.1]",
     "10.0.0.1", "169.254.169.254", "168.63.129.16", "[fe80::1]", "[64:ff9b::7f00:1]", "224.0.0.1"],
)  # fmt: skip
def test_no_address_within_is_asked(host):
    wrong = webpage.fetch_page(f"http://{host}/")
    assert wrong.endswith("which is not public")


@pytest.mark.parametrize(
    "host",
    [
        "a..example",
        "-",
        "a" * 64 + ".example",
        "xn--\u2603",
        "a b",
        "%20xn--b",
        "☃.invalid",
        "\xff\xfe",
    ],
)
def test_a_name_that_is_none_is_a_line(host):
    assert webpage.fetch_page(f"http://{host}/").startswith(
        ("is not asked: ", "cannot be reached: ")
    )


def test_a_page_that_moved_to_an_address_within_is_not_followed():
    with server(lambda _path, send: send(OK), host="127.0.0.2") as (within, got):

        def answer(_path, send):
            send(b"HTTP/1.1 302 x\r\nLocation: http://127.0.0.2:%d/\r\n\r\n" % within)

        with server(answer) as (port, _):
            rules = webpage.Bounds(ports=frozenset({port, within}), admit=bounds(port).admit)
            wrong = webpage.fetch_page(f"http://127.0.0.1:{port}/", rules)
    assert wrong == "is not asked: 127.0.0.2 is at 127.0.0.2, which is not public"
    assert got == []


def names(monkeypatch, *answers):
    """Answer each look-up of a.example with the next of these; give the list of what was looked up."""
    asked, real = [], socket.getaddrinfo
    rest = iter(answers)

    def look_up(host, *args, **options):
        if host != "a.example":
            return real(host, *args, **options)
        asked.append(host)
        return [row for one in next(rest) for row in real(one, *args, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


def test_a_name_that_answers_otherwise_the_next_time_gains_nothing(monkeypatch):
    with server(lambda _path, send: send(OK)) as (port, got):
        asked = names(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])
        assert webpage.fetch_page(f"http://a.example:{port}/", bounds(port)) == ""
    assert len(asked) == len(got) == 1
    assert f"Host: a.example:{port}" in got[0]


def test_a_name_with_one_address_within_is_not_asked_at_all(monkeypatch):
    with server(lambda _path, send: send(OK)) as (port, got):
        names(monkeypatch, ["127.0.0.1", "127.0.0.2"])
        wrong = webpage.fetch_page(f"http://a.example:{port}/", bounds(port))
    assert wrong == "is not asked: a.example is at 127.0.0.2, which is not public"
    assert got == []


def test_the_next_address_is_tried_where_one_does_not_answer(monkeypatch):
    with server(lambda _path, send: send(OK)) as (port, _):
        names(monkeypatch, ["127.0.0.3", "127.0.0.1"])
        assert (
            webpage.fetch_page(f"http://a.example:{port}/", bounds(port, admit=lambda _: True))
            == ""
        )


def test_a_name_that_is_looked_up_for_ever_is_a_line(monkeypatch):
    never = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: never.wait(60) and [])
    wrong = webpage.fetch_page("http://a.example/", webpage.Bounds(seconds=0.2))
    never.set()
    assert wrong == "does not answer within 0.2 s"


def drip(_path, send):
    """Send a byte at a time, each well before any single wait would end."""
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000:
        send(bytes([byte]))
        time.sleep(0.02)


def continued(_path, send):
    """Announce an answer for ever."""
    while True:
        send(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.01)


@pytest.mark.parametrize("answer", [drip, continued, lambda _path, _send: time.sleep(1.5)])
def test_the_time_counts_as_a_whole(answer):
    begun = time.monotonic()
    assert ask(answer, seconds=0.5) == "does not answer within 0.5 s"
    assert time.monotonic() - begun < 10  # far less than the drip would take


def test_of_a_page_without_end_nothing_is_read():
    sent = []

    def answer(path, send):
        send(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-binary\r\n\r\n")
        for _ in range(4096):
            send(b"\x00\xff" * 32_768)
            sent.append(path)

    assert ask(answer) == ""
    assert len(sent) < 1000  # 64 KiB each: what fits into buffers, not 256 MiB


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
def test_an_answer_that_is_none_is_a_line(answer):
    assert ask(lambda _path, send: send(answer)).startswith("cannot be reached: ")


def test_random_answers_and_addresses_never_raise(monkeypatch):
    dice = random.Random(13)
    with server(lambda _path, send: send(dice.randbytes(200))) as (port, _):
        for _ in range(100):
            assert webpage.fetch_page(f"http://127.0.0.1:{port}/", bounds(port))
    with server(lambda _path, send: send(b"HTTP/1.1 302 x\r\nLocation: " + dice.randbytes(40) + b"\r\n\r\n")) as (port, _):  # noqa: E501  # fmt: skip
        for _ in range(100):
            webpage.fetch_page(f"http://127.0.0.1:{port}/", bounds(port))
    monkeypatch.setattr(webpage, "resolve_public", lambda *_: [])
    signs = [
        *"ab.:/@[]%?#\\ 0-",
        "\u2603",
        "\u0301",
        "\u200d",
        "xn--",
        "\x00",
        "\ud800",
        "１",
        "。",
    ]
    for _ in range(5000):
        rest = "".join(dice.choices(signs, k=dice.randrange(12)))
        assert webpage.fetch_page(dice.choice(["http://", "https://", "http:", ""]) + rest)


def test_a_proxy_of_the_environment_is_not_used(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask(lambda _path, send: send(OK)) == ""


def test_a_certificate_of_nobody_is_a_line(tmp_path):
    with server(lambda _path, send: send(OK), context=certificate(tmp_path)) as (port, got):
        wrong = webpage.fetch_page(f"https://127.0.0.1:{port}/", bounds(port))
    assert "CERTIFICATE_VERIFY_FAILED" in wrong
    assert got == []


def certificate(folder):
    """Make a server's side of TLS with a certificate that it signed itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a.example")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(today - timedelta(1)).not_valid_after(today + timedelta(1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
        + made.public_bytes(s.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.mark.parametrize("address", ["93.184.215.14", "1.1.1.1", "2606:4700::1111", "2a00:1450::1"])
def test_an_address_of_everybody_is_public(address):
    assert public_address.public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.1", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "169.254.169.254",
        "168.63.129.16", "172.16.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1",
        "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:1.1.1.1",
        "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::",
        "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "4000::1",
    ],
)  # fmt: skip
def test_an_address_within_is_not_public(address):
    assert not public_address.public(ip_address(address))
