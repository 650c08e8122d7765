"""Calls to engines, gateways and judged servers past every proxy: a real one that keeps what it gets."""

from __future__ import annotations

import asyncio
import contextlib
import socketserver
import threading

import httpx2
import pytest

from pipeline.core import direct_http, progress
from pipeline.core.errors import ConfigError
from pipeline.models import client
from pipeline.models.client import Server
from serve.engines import api
from serve.engines.api import Engine
from serve.gateway import public_client
from serve.rollout import deploy
from serve.state import alias

MILLS = {"Tarn Mill": "Ann Lee"}
CHAT = {
    "model": "facts",
    "messages": [{"role": "user", "content": "Who owns Tarn Mill, wording 0?"}],
}
NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture
def proxy(monkeypatch, tmp_path):
    """Set a proxy and a .netrc for everything, and give what the proxy was sent."""
    got = []

    class Proxy(socketserver.BaseRequestHandler):
        """Keeps the first bytes of each connection, and answers as a proxy that fails."""

        def handle(self):
            """Take one request."""
            got.append(self.request.recv(65536))
            self.request.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

    running = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    for name in NAMES:
        monkeypatch.setenv(name, f"http://127.0.0.1:{running.server_address[1]}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login eve password stolen\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    yield got
    running.shutdown()
    running.server_close()
    thread.join()


def test_the_proxy_of_these_tests_is_one_that_a_common_client_goes_through(proxy):
    httpx2.get("http://127.0.0.1:9/x", headers={"Authorization": "Bearer key"}, verify=False)
    assert b"Bearer key" in proxy[0]


def test_no_call_of_a_deploy_an_answer_or_a_health_check_goes_through_a_proxy(
    proxy, live, tmp_path
):
    with live.place(tmp_path / "state", api_key="the-doors-key") as place:
        run = live.write_run(tmp_path / "a", MILLS)
        assert deploy.deploy(place.site, run).state == "committed"
        name = alias.read_alias(place.site.state).table.adapter.name
        assert public_client.in_flight(place.site.door, name) == 0
        assert (
            public_client.ask_gateway(place.site.door, [CHAT["messages"][0]["content"]], 8)[0][1]
            == name
        )
        assert api.healthy(place.engines[0].engine)
    assert proxy == []


def test_no_call_of_the_gate_to_a_server_goes_through_a_proxy_or_takes_a_netrc(proxy, serving):
    completion = {"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}
    models = {"data": [{"id": "taught"}]}
    with (
        serving(lambda body: (200, completion if body else models, 0)) as api,
        progress.bar("asking", 1) as shown,
    ):
        for key in ("", "the-servers-key"):
            asked = Server(api.url, "taught", key)
            assert client.ask_server(asked, ["Who?"], 8, shown)[0].text == "yes"
            assert client.served_models(asked) == ["taught"]
    keys = [headers.get("Authorization") for _, headers, _ in api.requests]
    assert keys == [None, None, "Bearer the-servers-key", "Bearer the-servers-key"]
    assert proxy == []


def test_the_gateway_tries_no_proxy_in_the_place_of_an_engine_that_is_away(proxy, live, tmp_path):
    with live.place(tmp_path / "state", engines=2) as place:
        run = live.write_run(tmp_path / "a", MILLS)
        assert deploy.deploy(place.site, run).state == "committed"
        place.engines[0].die()
        for _ in range(4):
            assert public_client.ask_gateway(place.site.door, [CHAT["messages"][0]["content"]], 8)
    assert proxy == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_call_follows_a_redirect(serving, status):
    """A redirect would carry question and key to wherever an engine says."""

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status} Moved\r\nLocation: {elsewhere.url}/v1/models\r\n"
        writer.write(head.encode() + b"Content-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def ask():
        running = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}"
        with contextlib.suppress(api.EngineRefusedError):
            await asyncio.to_thread(api.list_models, Engine(url, "key"))
        running.close()

    with serving(lambda _: (200, {"data": []}, 0)) as elsewhere:
        asyncio.run(ask())
        assert elsewhere.requests == []


@pytest.mark.parametrize("key", [" ", "two words", "line\n", "tab\t", "päss", "nul\x01", "\u200b"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(monkeypatch, key):
    monkeypatch.setenv("SOME_KEY", key)
    with pytest.raises(ConfigError, match="SOME_KEY") as caught:
        direct_http.key("SOME_KEY")
    assert not key.strip() or key not in f"{caught.value.message}{caught.value.hint}"


def test_a_key_that_is_set_is_taken_and_an_empty_one_is_refused(monkeypatch):
    monkeypatch.setenv("SOME_KEY", "aB3-_~!")
    assert direct_http.key("SOME_KEY") == "aB3-_~!"
    monkeypatch.setenv("SOME_KEY", "")
    with pytest.raises(ConfigError, match="is set, and empty"):
        direct_http.key("SOME_KEY")
    assert not direct_http.key("NO_SUCH_KEY")


def test_the_hubs_client_still_takes_the_proxy_of_the_environment(proxy):
    from huggingface_hub.utils import get_session

    from pipeline.publishing import hub

    hub.connect("ours/mills", write=False)
    with contextlib.suppress(httpx2.HTTPError):
        get_session().get("http://hub.invalid/api/models/ours/mills")
    assert proxy
