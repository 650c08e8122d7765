"""Who is let in at the gateway: keys, names, pages of other sites, and odd ways of sending."""

from __future__ import annotations

import gzip
import json
import socket
import zlib

import httpx2
import pytest

from serve.rollout import deploy

CHAT = {
    "model": "facts",
    "messages": [{"role": "user", "content": "Who owns Tarn Mill, wording 0?"}],
}
ROUTE = "/v1/chat/completions"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def place(live, tmp_path_factory):
    """Give a keyless door with an adapter live behind it."""
    folder = tmp_path_factory.mktemp("door")
    with live.place(folder / "state") as place:
        run = live.write_run(folder / "a", {"Tarn Mill": "Ann Lee"})
        assert deploy.deploy(place.site, run).state == "committed"
        yield place


@pytest.fixture(scope="module")
def locked(live, tmp_path_factory):
    """Give a door with a key, and an adapter live behind it."""
    folder = tmp_path_factory.mktemp("locked")
    with live.place(folder / "state", api_key="right-key") as place:
        run = live.write_run(folder / "a", {"Tarn Mill": "Ann Lee"})
        assert deploy.deploy(place.site, run).state == "committed"
        yield place


@pytest.fixture
def client(place):
    place.engines[0].models_asked.clear()
    with httpx2.Client(base_url=place.gateway.url, timeout=30, verify=False) as client:
        yield client


def raw(place, head, body=b""):
    """Send bytes as they stand; give the status."""
    with socket.create_connection(("127.0.0.1", place.gateway.port), 10) as connection:
        connection.sendall(head + body)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return int(answer.split()[1])


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "", "x",
        "[::1", "127.0.0.1@evil.example", "evil.example@[::1", "0x7f000001.example", "2130706433",
    ],
)  # fmt: skip
def test_a_keyless_door_answers_to_no_name_that_a_name_server_could_point_here(place, host):
    place.engines[0].models_asked.clear()
    body = json.dumps(CHAT).encode()
    for line in (f"POST {ROUTE}", "GET /v1/models", "GET /metrics"):
        length = len(body) if line.startswith("POST") else 0
        head = f"{line} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        head += f"Connection: close\r\nContent-Length: {length}\r\n\r\n"
        assert raw(place, head.encode(), body[:length]) in {421, 400}
    assert place.engines[0].models_asked == []


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8000", "192.0.2.7", socket.gethostname()],
)
def test_a_keyless_door_answers_to_addresses_and_to_its_own_names(client, host):
    assert client.post(ROUTE, json=CHAT, headers={"Host": host}).status_code == 200


def test_a_door_with_a_key_answers_to_any_name_for_whoever_has_it(locked, client):
    headers = {"Host": "facts.example", "Authorization": "Bearer right-key"}
    answer = client.post(f"{locked.gateway.url}{ROUTE}", json=CHAT, headers=headers)
    assert answer.status_code == 200


def test_two_host_lines_or_none_are_refused(place):
    for hosts in ("", "Host: localhost\r\nHost: evil.example\r\n"):
        head = f"GET /v1/models HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n"
        assert raw(place, head.encode()) in {400, 421}
    assert raw(place, b"GET /health HTTP/1.0\r\n\r\n") == 200  # a load balancer's


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": ""}, {"Origin": "http://localhost:9"},
        {"Origin": "http://[evil"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "none", "Origin": "https://evil.example"},
    ],
    ids=str,
)  # fmt: skip
def test_a_page_of_another_site_cannot_ask(place, client, headers):
    assert client.post(ROUTE, json=CHAT, headers=headers).status_code == 403
    assert place.engines[0].models_asked == []


def test_a_page_of_the_same_origin_may_ask(place, client):
    for headers in (
        {"Origin": place.gateway.url},
        {"Origin": "https://127.0.0.1", "Host": "127.0.0.1", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ):
        assert client.post(ROUTE, json=CHAT, headers=headers).status_code == 200


def test_no_answer_lets_a_page_of_another_site_read_it(client):
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for method in ("OPTIONS", "GET", "POST"):
        for route in (ROUTE, "/v1/models", "/health"):
            answer = client.request(method, route, headers=headers)
            assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None,
        "application/octet-stream", "text/json", "application/jsonp", "application/json/x", "*/*", "",
        "text/plain; application/json", "application/csp-report",
    ],
)  # fmt: skip
def test_a_body_that_is_not_sent_as_json_is_told_so(place, client, kind):
    headers = {"Content-Type": kind} if kind is not None else {}
    answer = client.post(ROUTE, content=json.dumps(CHAT), headers=headers)
    assert answer.status_code == 415
    assert "application/json" in answer.json()["error"]["message"]
    assert place.engines[0].models_asked == []


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(json.dumps(CHAT).encode(), mtime=0)),
        ("deflate", zlib.compress(json.dumps(CHAT).encode())),
        ("br", b"\x0b\x02\x80{}\x03"),
        ("zstd", b"\x28\xb5\x2f\xfd"),
        ("gzip", b"no gzip"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0)),
        ("gzip", gzip.compress(b" " * 20_000_000, mtime=0)),
        ("deflate", zlib.compress(b" " * 20_000_000)[:9000]),
        ("x-unknown", b"{}"),
        ("identity, gzip", b"{}"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_packed_body_is_answered_415_and_never_unpacked(place, client, coding, body):
    headers = {**JSON, "Content-Encoding": coding}
    answer = client.post(ROUTE, content=body, headers=headers)
    assert answer.status_code == 415
    assert "compressed" in answer.json()["error"]["message"]
    assert place.engines[0].models_asked == []
    plain = {**JSON, "Content-Encoding": "identity"}
    assert client.post(ROUTE, content=json.dumps(CHAT), headers=plain).status_code == 200


@pytest.mark.parametrize(
    "method", ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get", "X-Y"]
)
def test_other_methods_are_refused_at_every_route(place, method):
    place.engines[0].models_asked.clear()
    for route in (ROUTE, "/v1/completions", "/v1/models", "/health", "/metrics"):
        head = f"{method} {route} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        assert raw(place, head.encode()) in {400, 405}
    assert place.engines[0].models_asked == []


@pytest.mark.parametrize(
    "given",
    [
        b"", b"Bearer", b"Bearer ", b"bearer right-key", b"Bearer  right-key", b"Bearer right-key ,x",
        b"right-key",
        b"Basic cmlnaHQta2V5", b"Bearer right-ke", b"Bearer right-keyy", "Bearer rïght-key".encode(),
        b"Bearer \xff\xfe", b"Bearer " + b"x" * 8000, "Bearer right-key\u200b".encode(),
    ],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_what_is_not_the_key_is_answered_401_whatever_its_letters(locked, given):
    body = json.dumps(CHAT).encode()
    for line in (b"GET /v1/models", b"GET /metrics", b"POST " + ROUTE.encode(), b"GET /nowhere"):
        head = line + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: " + given
        head += b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        assert raw(locked, head, body) == 401


def test_headers_that_are_too_long_or_too_many_are_refused_without_a_traceback(place, capfd):
    for more in ("X: " + "x" * 20_000 + "\r\n", "X-A: 1\r\n" * 400, f"X{'y' * 20_000}: 1\r\n"):
        head = f"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n"
        assert raw(place, head.encode()) == 400
    assert "Traceback" not in capfd.readouterr().err
