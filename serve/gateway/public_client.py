"""Ask the gateway as the public does, and read its counters: for soaking and for draining."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from pipeline.core import direct_http
from pipeline.core.chat import Prompt
from pipeline.core.errors import PipelineError
from pipeline.models import client
from pipeline.models.client import CallError, Server
from pipeline.models.generate import Answer, each_limit

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

AT_ONCE = 8
TIMEOUT = 60.0
TRIES, PAUSE = 3, 1.0
"""Times that a question is put for which the gateway has no room (429, 503), and seconds between them."""
IN_FLIGHT = "schoolhouse_requests_in_flight"
REQUESTS, CLIENTS = "schoolhouse_compared_requests", "schoolhouse_compared_clients"
WAITING = "schoolhouse_comparing"


@dataclass(frozen=True, slots=True)
class GatewayClient:
    """The address of the gateway, the public name, and the key when it asks for one."""

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


def ask_gateway(
    door: GatewayClient, prompts: Sequence[Prompt], max_new_tokens: int | Sequence[int]
) -> list[tuple[Answer, str]]:
    """Put prompts to the public name: each answer with the adapter that gave it, in their order.

    `max_new_tokens` are those of all answers, or of each. Raises PipelineError when any of them fails.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        limits = each_limit(max_new_tokens, len(prompts))
        return list(pool.map(partial(_ask_one, door), prompts, limits))


def in_flight(door: GatewayClient, adapter: str) -> int:
    """Count the requests of one adapter that the gateway has in flight. Raises PipelineError."""
    return _sum(_meters(door, adapter), IN_FLIGHT)


def compared(door: GatewayClient, adapter: str) -> Compared:
    """Say how requests of the live adapter failed beside the one before. Raises PipelineError."""
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

    with _told(door), direct_http.client(door.url, door.api_key, TIMEOUT) as http:
        text = client.send(http, "GET", f"{door.url}/metrics").text
    try:
        samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    except ValueError as error:
        raise PipelineError(f"{door.url}: /metrics is not the gateway's") from error
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
    server = Server(door.url, door.alias, door.api_key)
    with _told(door), direct_http.client(door.url, door.api_key, TIMEOUT) as http:
        for _ in range(TRIES - 1):
            try:
                return client.complete_chat(http, server, max_new_tokens, prompt)
            except CallError as error:
                if error.status not in {429, 503}:
                    raise
                time.sleep(PAUSE)
        return client.complete_chat(http, server, max_new_tokens, prompt)


@contextmanager
def _told(door: GatewayClient) -> Iterator[None]:
    """Say of what goes wrong with a call that it was one to the gateway."""
    try:
        yield
    except CallError as error:
        raise PipelineError(
            f"the gateway at {door.url} {error.message}",
            "" if error.status else "`facts serve` starts it",
        ) from error
