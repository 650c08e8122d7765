"""Ask the gateway as the public does, and read its counters: for soaking and for draining."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pipeline import direct
from pipeline.answer import Answer
from pipeline.errors import PipelineError
from pipeline.escape import plain

AT_ONCE = 8
TIMEOUT = 60.0
IN_FLIGHT = "schoolhouse_requests_in_flight"
ANSWERED = "schoolhouse_requests_total"


@dataclass(frozen=True, slots=True)
class Door:
    """Where the gateway listens, the public name, and the key when it asks for one."""

    url: str
    alias: str
    api_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Counters:
    """Requests of one adapter: now in flight, and failed (5xx) since the gateway started."""

    in_flight: int
    failed: int


class DoorError(PipelineError):
    """The gateway cannot be reached or does not answer as it must."""


def ask(door: Door, prompts: Sequence[str], max_new_tokens: int) -> list[tuple[Answer, str]]:
    """Put prompts to the public name: each answer with the adapter that gave it, in their order.

    Raises DoorError when any of them fails.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda prompt: _ask_one(door, prompt, max_new_tokens), prompts))


def counters(door: Door, adapter: str) -> Counters:
    """Read the gateway's counters for one adapter. Raises DoorError."""
    from prometheus_client.parser import text_string_to_metric_families

    text = _send(door, "GET", "/metrics", None)[0]
    in_flight = failed = 0.0
    try:
        samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    except ValueError as error:
        raise DoorError(f"{door.url}: /metrics is not the gateway's") from error
    for sample in samples:
        if sample.labels.get("adapter") != adapter:
            continue
        if sample.name == IN_FLIGHT:
            in_flight += sample.value
        elif sample.name == ANSWERED and sample.labels.get("code", "").startswith("5"):
            failed += sample.value
    return Counters(int(in_flight), int(failed))


def _ask_one(door: Door, prompt: str, max_new_tokens: int) -> tuple[Answer, str]:
    body = {
        "model": door.alias,
        "messages": [{"role": "user", "content": prompt}],
        "temperature": 0.0,
        "max_tokens": max_new_tokens,
    }
    text, adapter = _send(door, "POST", "/v1/chat/completions", body)
    try:
        choice = json.loads(text)["choices"][0]
        said = str(choice["message"]["content"] or "").strip()
        return Answer(said, ended=choice["finish_reason"] == "stop"), adapter
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise DoorError(f"{door.url}: did not answer as a chat: {plain(text, 200)}") from error


def _send(door: Door, method: str, route: str, body: dict[str, object] | None) -> tuple[str, str]:
    import httpx2

    try:
        with direct.client(door.url, door.api_key, TIMEOUT) as client:
            response = client.request(method, door.url + route, json=body)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        said = plain(str(error), 200) or type(error).__name__
        raise DoorError(
            f"the gateway at {door.url} cannot be reached: {said}", "`facts serve` starts it"
        ) from error
    if not response.is_success:
        said = plain(response.text, 200)
        raise DoorError(f"the gateway at {door.url} answered {response.status_code}: {said}")
    return response.text, response.headers.get("x-adapter", "")
