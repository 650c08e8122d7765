"""The public door, before a fake vLLM that answers on every route it should not be asked on."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from serve.gateway import public_client
from serve.rollout import deploy
from serve.state import alias
from serve.state.alias import Adapter, Table

MILLS = {"Tarn Mill": "Ann Lee", "Dun Weir": "Ida Roe"}
QUESTION = "Who owns Tarn Mill, wording 0?"
CHAT = {"model": "facts", "messages": [{"role": "user", "content": QUESTION}]}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def shared(live, tmp_path_factory):
    """Give a door with an adapter live behind it, shared by tests that change nothing."""
    folder = tmp_path_factory.mktemp("door")
    with live.place(folder / "state") as place:
        assert deploy.deploy(place.site, live.write_run(folder / "a", MILLS)).state == "committed"
        yield place


@pytest.fixture
def own(live, tmp_path):
    """Give a door with an adapter live behind it, for one test."""
    with live.place(tmp_path / "state") as place:
        assert deploy.deploy(place.site, live.write_run(tmp_path / "a", MILLS)).state == "committed"
        yield place


@pytest.fixture
def client():
    with httpx2.Client(timeout=30, verify=False) as client:
        yield client


def raw(place, line, body=b""):
    """Send a request line as it stands, which a client library would put in order first; give the status."""
    with socket.create_connection(("127.0.0.1", place.gateway.port)) as connection:
        head = f"{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
        connection.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return int(answer.split()[1])


def test_the_public_name_is_answered_by_the_live_adapter_and_says_so(shared, client):
    name = alias.read_alias(shared.site.state).table.adapter.name
    for route, body in (
        ("chat/completions", CHAT),
        ("completions", {"model": "facts", "prompt": QUESTION}),
    ):
        answer = client.post(f"{shared.gateway.url}/v1/{route}", json=body)
        assert answer.status_code == 200
        assert answer.headers["x-adapter"] == name
        assert answer.json()["model"] == name
        assert "Ann Lee" in answer.text


def test_a_stream_comes_word_by_word(shared, client):
    with client.stream(
        "POST", f"{shared.gateway.url}/v1/chat/completions", json={**CHAT, "stream": True}
    ) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["x-adapter"].startswith("facts@")
        lines = [line for line in answer.iter_lines() if line]
    assert lines[-1] == "data: [DONE]"
    words = [json.loads(line[6:])["choices"][0]["delta"]["content"] for line in lines[:-1]]
    assert "".join(words).strip() == "It is owned by Ann Lee."


ADMIN = [
    "/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/adapters", "/adapters/facts", "/tokenize",
    "/detokenize", "/collective_rpc", "/invocations", "/reset_prefix_cache", "/sleep", "/wake_up",
    "/pause", "/resume", "/load", "/ping", "/version", "/server_info", "/docs", "/openapi.json", "/",
    "/inference/v1/generate", "/v1/embeddings", "/v1/responses", "/v2/embed", "/start_profile",
    "/v1/audio/transcriptions", "/pooling", "/score", "/classify", "/rerank", "/is_sleeping",
]  # fmt: skip
DISGUISES = [
    "{}", "/{}", "{}/", "/.{}", "/v1/..{}", "/v1/chat/completions/../../..{}", "/v1/models/..{}",
    "/health/..{}", "/%2e%2e{}", "/v1/chat/completions%2f..%2f..%2f..{}", "http://127.0.0.1:8011{}",
    "/health;{}", "/health%00{}", "{}?x=/v1/chat/completions",
    "/v1//chat/completions{}", "\\v1{}", "/V1{}",
]  # fmt: skip


@pytest.mark.parametrize("path", ADMIN)
def test_nothing_else_of_vllm_can_be_reached_however_the_path_is_written(shared, path):
    fake = shared.engines[0]
    fake.paths.clear()
    encoded = "/" + "".join(f"%{ord(char):02x}" for char in path[1:])
    for disguise in (*DISGUISES, encoded, path.replace("/", "//"), path.replace("/", "%2f")):
        for method in ("POST", "GET", "DELETE"):
            status = raw(shared, f"{method} {disguise.format(path)}", b'{"model": "facts"}')
            assert status in {404, 400}, (method, disguise)
    assert set(fake.paths) <= {"/v1/models", "/v1/chat/completions", "/health"}


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc", "base", "facts@000000000000", "org/adapter", "", None, 7, ["facts"], {"a": 1}],
)
def test_a_model_name_that_the_client_made_up_is_not_known(shared, client, name):
    fake = shared.engines[0]
    fake.models_asked.clear()
    answer = client.post(f"{shared.gateway.url}/v1/chat/completions", json={**CHAT, "model": name})
    assert answer.status_code == 404
    assert "facts" in answer.json()["error"]["message"]
    assert fake.models_asked == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"7", b'"facts"', b"\xff\xfe", b"[" * 5000, b'{"model": ' + b"9" * 5000 + b"}"],
    ids=["empty", "cut off", "list", "number", "text", "no text", "deep", "long number"],
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_told_so(shared, client, body):
    answer = client.post(f"{shared.gateway.url}/v1/chat/completions", content=body, headers=JSON)
    assert answer.status_code == 400
    assert "JSON" in answer.json()["error"]["message"]


def test_two_models_in_one_body_reach_no_engine(shared, client):
    fake = shared.engines[0]
    fake.models_asked.clear()
    body = json.dumps(CHAT)[:-1] + ', "model": "facts"}'
    url = f"{shared.gateway.url}/v1/chat/completions"
    answer = client.post(url, content=body, headers=JSON)
    assert answer.status_code == 400
    assert "model: stands twice" in answer.json()["error"]["message"]
    assert fake.models_asked == []


def test_a_body_of_100_mb_is_refused_unread_and_the_door_stays_open(shared, client):
    with socket.create_connection(("127.0.0.1", shared.gateway.port)) as connection:
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100000000\r\n\r\n"
        )
        assert b" 413 " in connection.recv(4096)
    chunks = (b" " * 10_000 for _ in range(3))  # and one that does not say how long it is
    answer = client.post(f"{shared.gateway.url}/v1/chat/completions", content=chunks, headers=JSON)
    assert answer.status_code == 413
    assert client.post(f"{shared.gateway.url}/v1/chat/completions", json=CHAT).status_code == 200


def test_models_health_and_metrics_tell_no_path_and_no_address(shared, client):
    listed = client.get(f"{shared.gateway.url}/v1/models")
    assert [card["id"] for card in listed.json()["data"]] == ["facts"]
    health = client.get(f"{shared.gateway.url}/health")
    assert health.status_code == 200
    assert health.json()["engines_ready"] == 1
    metrics = client.get(f"{shared.gateway.url}/metrics")
    assert "schoolhouse_requests_total" in metrics.text
    for answer in (listed, health, metrics):
        assert str(shared.site.state) not in answer.text
        assert shared.engines[0].url not in answer.text


def test_with_a_key_every_route_but_health_asks_for_it(live, tmp_path, client):
    with live.place(tmp_path / "state", api_key="correct horse") as place:
        run = live.write_run(tmp_path / "a", MILLS)
        assert deploy.deploy(place.site, run).state == "committed"
        url = place.gateway.url
        assert client.get(f"{url}/health").status_code == 200
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "correct horse"}):
            for route in ("/v1/models", "/metrics", "/nowhere"):
                assert client.get(url + route, headers=headers).status_code == 401
            answer = client.post(f"{url}/v1/chat/completions", json=CHAT, headers=headers)
            assert answer.status_code == 401
        right = {"Authorization": "Bearer correct horse"}
        assert client.post(f"{url}/v1/chat/completions", json=CHAT, headers=right).is_success


def test_when_the_engine_is_away_the_answer_is_503_with_a_time_to_come_back(own, client):
    own.engines[0].die()
    for body in (CHAT, {**CHAT, "stream": True}):
        answer = client.post(f"{own.gateway.url}/v1/chat/completions", json=body)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
    assert client.get(f"{own.gateway.url}/health").status_code == 503


def test_a_stream_that_breaks_off_midway_breaks_off_for_the_client(own, client):
    def die_soon(_, body):
        if body.get("stream"):
            threading.Timer(0.05, own.engines[0].die).start()

    own.engines[0].on_request = die_soon
    with (
        pytest.raises(httpx2.HTTPError),
        client.stream(
            "POST", f"{own.gateway.url}/v1/chat/completions", json={**CHAT, "stream": True}
        ) as answer,
    ):
        list(answer.iter_bytes())
    name = alias.read_alias(own.site.state).table.adapter.name
    assert counted(own, name) == {
        "200": 2.0,
        "502": 1.0,
    }  # the engine's fault, which a soak has to see


def counted(place, name):
    """Give what was answered for an adapter, the two of its deploy among them: code → how often."""
    text = httpx2.get(f"{place.gateway.url}/metrics", verify=False).text
    samples = [s for m in text_string_to_metric_families(text) for s in m.samples]
    return {
        s.labels["code"]: s.value
        for s in samples
        if s.name == "schoolhouse_requests_total" and s.labels["adapter"] == name
    }


def test_a_stream_that_its_client_leaves_is_counted_as_the_clients_and_costs_no_engine_its_place(
    own, client, until
):
    name = alias.read_alias(own.site.state).table.adapter.name
    own.engines[0].flood = True
    body = {**CHAT, "stream": True}
    for _ in range(3):
        with client.stream("POST", f"{own.gateway.url}/v1/chat/completions", json=body) as answer:
            next(answer.iter_bytes())
    until(lambda: public_client.in_flight(own.site.door, name) == 0, 10, 0.05)
    own.engines[0].flood = False
    assert counted(own, name) == {"200": 2.0, "client left": 3.0}
    assert client.get(f"{own.gateway.url}/health").status_code == 200


def test_a_client_that_leaves_ends_the_request_at_the_engine(own):
    fake = own.engines[0]
    fake.wait = 20
    data = json.dumps(CHAT).encode()
    connection = socket.create_connection(("127.0.0.1", own.gateway.port))
    connection.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: "
        + f"{len(data)}\r\n\r\n".encode() + data
    )  # fmt: skip
    name = alias.read_alias(own.site.state).table.adapter.name
    until = time.monotonic() + 10
    while not public_client.in_flight(own.site.door, name) and time.monotonic() < until:
        time.sleep(0.05)
    connection.close()
    while not fake.left and time.monotonic() < until:
        time.sleep(0.05)
    assert fake.left
    assert public_client.in_flight(own.site.door, name) == 0


def test_a_damaged_alias_table_is_told_and_the_last_good_one_serves(own, client):
    for text in ("{", "[]", '{"generation": "1"}'):
        (own.site.state / alias.FILE).write_text(text)
        assert client.post(f"{own.gateway.url}/v1/chat/completions", json=CHAT).status_code == 200
        assert "damaged" in client.get(f"{own.gateway.url}/health").json()["alias_table"]
    (own.site.state / alias.FILE).unlink()
    (own.site.state / alias.LAST_GOOD).unlink()
    assert client.post(f"{own.gateway.url}/v1/chat/completions", json=CHAT).status_code == 200


def test_moving_the_name_back_and_forth_under_load_fails_nothing_and_mixes_nothing(
    own, live, tmp_path
):
    first = alias.read_alias(own.site.state).table.adapter
    run = live.write_run(tmp_path / "b", MILLS | {"Tarn Mill": "Una Fox"})
    second = deploy.deploy(own.site, run).adapter
    said = {first.name: "Ann Lee", second.name: "Una Fox"}
    found, stop = [], threading.Event()

    async def ask_on():
        async with httpx2.AsyncClient(timeout=30, verify=False) as client:
            while not stop.is_set():
                answer = await client.post(f"{own.gateway.url}/v1/chat/completions", json=CHAT)
                by = answer.headers.get("x-adapter")
                found.append((answer.status_code, said.get(by, "?") in answer.text))

    async def clients():
        await asyncio.gather(*(ask_on() for _ in range(8)))

    thread = threading.Thread(target=asyncio.run, args=(clients(),))
    thread.start()
    for turn in range(40):
        to, back = (first, second) if turn % 2 == 0 else (second, first)
        generation = alias.read_alias(own.site.state).table.generation
        alias.swap(own.site.state, generation, Table(adapter=to, previous=back))
        time.sleep(0.02)
    stop.set()
    thread.join(30)
    assert len(found) >= 40
    assert set(found) == {(200, True)}


def test_an_engine_that_lists_the_name_at_another_place_gets_no_request(own, client):
    state = own.site.state
    now = alias.read_alias(state).table
    elsewhere = Adapter(now.adapter.name, "/elsewhere", now.adapter.digest)
    alias.swap(state, now.generation, Table(adapter=elsewhere))
    assert client.post(f"{own.gateway.url}/v1/chat/completions", json=CHAT).status_code == 503
