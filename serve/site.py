"""Names the place of a deploy: the state folder, the engines, the public door, and its demands."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pipeline.models.identity import Identity
from pipeline.publishing.signing import ANYBODY, Trust
from serve.engines import replicas
from serve.engines.api import Engine, EngineAwayError
from serve.gateway.public_client import GatewayClient

RESTART = "restart-engines"
"""A file of this name in the state folder asks `facts serve` to start its engines anew."""


@dataclass(frozen=True, slots=True)
class Site:
    """The place of a deploy: state folder, engines, public door, and what a deploy demands.

    `base` is the base that is served; `token_ids` tokenises a question as training does; a soak lasts
    `soak_seconds` and an answer may take `answer_seconds` among others; `trust` says whose signature a
    release must have, if anybody's. Once `stopping` is set, no step of a deploy is written down any more.
    """

    state: Path
    engines: tuple[Engine, ...]
    door: GatewayClient
    base: Identity
    token_ids: Callable[[str], tuple[int, ...]]
    max_new_tokens: int = 32
    soak_seconds: float = 5.0
    answer_seconds: float = 5.0
    trust: Trust = ANYBODY
    stopping: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)


def present(site: Site) -> tuple[Engine, ...]:
    """Give the engines that are there. Raises EngineAwayError when none is."""
    there = replicas.answering(site.engines)
    if not there:
        raise EngineAwayError(
            f"no server answers ({', '.join(each.url for each in site.engines)})",
            "`facts serve` starts them; the live adapter is untouched",
        )
    return there


def now() -> str:
    """Give the time as it is written down: ISO, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")
