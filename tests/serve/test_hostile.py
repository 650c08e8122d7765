"""Two thousand hostile requests at the gateway: none reaches an engine but as a completion, none is a 500.

They are made from parts by a seed: request lines, headers and bodies, each of them right or hostile. What
is found hostile once belongs into the parts.
"""

from __future__ import annotations

import json
import random
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from serve.gateway.limits import Limits
from serve.rollout import deploy
from serve.state import alias

SEED, COUNT = 20260101, 2000
AT_ONCE = 8
QUESTION = "Who owns Tarn Mill, wording 0?"
RIGHT = {"model": "facts", "messages": [{"role": "user", "content": QUESTION}]}
CASES = json.loads(
    (Path(__file__).parents[1] / "cases" / "hostile.json").read_text(encoding="utf-8")
)
METHODS = ["POST"] * 8 + [*CASES["methods"], "X" * 5000]
TARGETS = ["/v1/chat/completions"] * 8 + [*CASES["targets"], "/" + "a" * 9000]
VERSIONS = ["HTTP/1.1"] * 12 + CASES["versions"]
LONG = ["Authorization: " + "x" * 7000, "X: " + "y" * 20000]
HEADERS = CASES["headers"] + LONG
VALUES = [*CASES["values"], ["x"] * 50]
NOT_JSON = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe{}",
    b"[" * 4000,
    b'{"a":' * 900,
    b"\0" * 99,
    b"NaN",
]
PASSED = {
    "model", "messages", "prompt", "n", "max_tokens", "stop", "stream", "temperature", "logprobs", "seed",
    "logit_bias", "echo", "stop_token_ids",
}  # fmt: skip
"""Fields of the cases that may reach an engine."""


def body(chance):
    """Make a body: JSON with one or two fields changed, or something else."""
    kind = chance.randrange(8)
    if kind == 0:
        return chance.choice(NOT_JSON)
    made = dict(RIGHT)
    if kind == 1:
        made["messages"] = [{"role": "user", "content": [chance.choice(CASES["parts"])]}]
    if kind > 1:
        for _ in range(chance.randrange(3)):
            made[chance.choice(CASES["names"])] = chance.choice(VALUES)
    text = json.dumps(made)
    if kind == 2:
        text = text[:-1] + chance.choice(CASES["endings"])
    if kind == 3:
        text = text[: chance.randrange(len(text))]
    return text.encode("utf-8", "surrogatepass")


def request(chance):
    """Make a request, with one to four of its parts hostile."""
    line = f"{chance.choice(METHODS)} {chance.choice(TARGETS)} {chance.choice(VERSIONS)}"
    sent = body(chance)
    headers = ["Host: localhost", "Content-Type: application/json", f"Content-Length: {len(sent)}"]
    for _ in range(chance.randrange(3)):
        new = chance.choice(HEADERS)
        if chance.random() < 0.5:
            name = new.partition(":")[0]
            headers = [each for each in headers if not each.startswith(name)]
        headers.insert(chance.randrange(len(headers) + 1), new)
    if chance.random() < 0.1:
        sent = chance.choice(CASES["chunks"]).encode()
    if chance.random() < 0.1:
        sent += b"POST /adapters HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    head = "\r\n".join([line, *headers, "Connection: close"]) + "\r\n\r\n"
    return head.encode("utf-8", "surrogatepass") + sent


def statuses(port, sent):
    """Send bytes as they are and close the half; give each status that came back."""
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        answer = b""
        try:
            connection.sendall(sent)
            connection.settimeout(1)
            while part := connection.recv(65536):
                answer += part
        except OSError:
            pass  # it broke off, or waits for more, which its limits end
    lines = [line for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.")]
    return [int(line.split()[1]) for line in lines]


@pytest.fixture(scope="module")
def place(live, tmp_path_factory):
    """Give a door with an adapter live behind it, and limits short enough for two thousand."""
    folder = tmp_path_factory.mktemp("door")
    short = Limits(head_seconds=0.3, body_seconds=0.3, read_seconds=1)
    with live.place(folder / "state", limits=short) as place:
        run = live.write_run(folder / "a", {"Tarn Mill": "Ann Lee"})
        assert deploy.deploy(place.site, run).state == "committed"
        yield place


def test_two_thousand_hostile_requests_reach_no_other_route_and_crash_nothing(place, capfd):
    fake = place.engines[0]
    fake.paths.clear()
    got = []
    fake.on_request = lambda path, body: got.append((path, body))
    chance = random.Random(SEED)
    made = [request(chance) for _ in range(COUNT)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answered = list(pool.map(lambda sent: statuses(place.gateway.port, sent), made))
    name = alias.read_alias(place.site.state).table.adapter.name
    completions = [body for path, body in got if path.startswith("/v1/") and path != "/v1/models"]
    assert {path for path, _ in got} <= {"/v1/models", "/v1/chat/completions", "/v1/completions"}
    assert completions  # some are right, or the others prove nothing
    for each in completions:
        assert each["model"] == name
        assert each.keys() <= PASSED
    failed = [
        sent[:200]
        for sent, codes in zip(made, answered, strict=True)
        if max(codes, default=0) >= 500
    ]
    assert failed == []
    assert sum(bool(codes) for codes in answered) > COUNT * 0.8
    said = capfd.readouterr().err
    assert not said
    assert statuses(place.gateway.port, b"GET /health HTTP/1.0\r\n\r\n") == [200]
