"""Ask the gateway as the public does, and read its counters: for soaking and for draining."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from pipeline.core import direct_http
from pipeline.core.chat import Prompt, messages
from pipeline.core.errors import PipelineError
from pipeline.core.escape import plain
from pipeline.models.generate import Answer, each_limit

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

AT_ONCE = 8
TIMEOUT = 60.0
TRIES, PAUSE = 3, 1.0
"""How often a question is put that the gateway has no room for (429, 503), and the seconds between."""
IN_FLIGHT = "schoolhouse_requests_in_flight"
REQUESTS, CLIENTS = "schoolhouse_compared_requests", "schoolhouse_compared_clients"
WAITING = "schoolhouse_comparing"


@dataclass(frozen=True, slots=True)
class GatewayClient:
    """Where the gateway listens, the public name, and the key when it asks for one."""

    url: str
    alias: str
    api_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Compared:
    """Failed requests of the adapter that the name stands for, since it moved.

    `alone` failed with it and not with the adapter before, sent by so many distinct `clients`; `both`
    failed with both; so many are `waiting` to be compared.
    """

    alone: int
    clients: int
    both: int
    waiting: int


class DoorError(PipelineError):
    """The gateway cannot be reached or does not answer as it must; `status` is HTTP's, 0 where none came."""

    status = 0


def ask_gateway(
    door: GatewayClient, prompts: Sequence[Prompt], max_new_tokens: int | Sequence[int]
) -> list[tuple[Answer, str]]:
    """Put prompts to the public name: each answer with the adapter that gave it, in their order.

    `max_new_tokens` are those of all answers, or of each.

    Raises DoorError when any of them fails.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        limits = each_limit(max_new_tokens, len(prompts))
        return list(pool.map(partial(_ask_one, door), prompts, limits))


def in_flight(door: GatewayClient, adapter: str) -> int:
    """Count the requests of one adapter that the gateway has in flight. Raises DoorError."""
    return _sum(_meters(door, adapter), IN_FLIGHT)


def compared(door: GatewayClient, adapter: str) -> Compared:
    """Say how requests of the live adapter failed beside the one before. Raises DoorError."""
    found = _meters(door, adapter)
    return Compared(
        _sum(found, REQUESTS, "alone"),
        _sum(found, CLIENTS, "alone"),
        _sum(found, REQUESTS, "both"),
        _sum(found, WAITING),
    )


def _meters(door: GatewayClient, adapter: str) -> list[Sample]:
    """Read the gateway's meters of one adapter."""
    from prometheus_client.parser import text_string_to_metric_families

    text = _send(door, "GET", "/metrics", None)[0]
    try:
        samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    except ValueError as error:
        raise DoorError(f"{door.url}: /metrics is not the gateway's") from error
    return [sample for sample in samples if sample.labels.get("adapter") == adapter]


def _sum(samples: list[Sample], name: str, outcome: str = "") -> int:
    return int(
        sum(
            each.value
            for each in samples
            if each.name == name and each.labels.get("outcome", "") == outcome
        )
    )


def _ask_one(door: GatewayClient, prompt: Prompt, max_new_tokens: int) -> tuple[Answer, str]:
    body = {
        "model": door.alias,
        "messages": messages(prompt),
        "temperature": 0.0,
        "max_tokens": max_new_tokens,
    }
    for left in reversed(range(TRIES)):
        try:
            text, adapter = _send(door, "POST", "/v1/chat/completions", body)
            break
        except DoorError as error:
            if error.status not in {429, 503} or not left:
                raise
            time.sleep(PAUSE)
    try:
        choice = json.loads(text)["choices"][0]
        said = str(choice["message"]["content"] or "").strip()
        return Answer(said, ended=choice["finish_reason"] == "stop"), adapter
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise DoorError(f"{door.url}: did not answer as a chat: {plain(text, 200)}") from error


def _send(
    door: GatewayClient, method: str, route: str, body: dict[str, object] | None
) -> tuple[str, str]:
    import httpx2

    try:
        with direct_http.client(door.url, door.api_key, TIMEOUT) as client:
            response = client.request(method, door.url + route, json=body)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        said = plain(str(error), 200) or type(error).__name__
        raise DoorError(
            f"the gateway at {door.url} cannot be reached: {said}", "`facts serve` starts it"
        ) from error
    if not response.is_success:
        said = plain(response.text, 200)
        refused = DoorError(f"the gateway at {door.url} answered {response.status_code}: {said}")
        refused.status = response.status_code
        raise refused
    return response.text, response.headers.get("x-adapter", "")
