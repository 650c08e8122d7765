"""Where a deploy happens, and how its steps ask the engines and the door there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pipeline.core import progress
from pipeline.core.errors import PipelineError
from pipeline.models import client
from pipeline.models.client import Server
from pipeline.models.generate import Answer
from pipeline.models.identity import Identity
from pipeline.publishing.signing import ANYBODY, Trust
from serve.engines import replicas
from serve.engines.api import Engine, EngineAwayError
from serve.gateway import public_client
from serve.gateway.public_client import Door
from serve.rollout import canary
from serve.rollout.canary import Ask
from serve.state import adapters
from serve.state.alias import Adapter

RESTART = "restart-engines"
"""A file of this name in the state folder asks `facts serve` to start its engines anew."""
OLD_ASKED = 3
"""Facts that the old adapter is asked after a rollback."""
DRAINED_SECONDS = 30.0
"""How long an adapter that is no longer live may still be answering before its name is taken away."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a deploy happens: state folder, engines, public door, and what is demanded.

    `base` is the base that is served; `token_ids` tokenises a question as training does; a soak lasts
    `soak_seconds` and an answer may take `answer_seconds` among others; `trust` says whose signature a
    release must have, if anybody's. Once `stopping` is set, no step of a deploy is written down any more.
    """

    state: Path
    engines: tuple[Engine, ...]
    door: Door
    base: Identity
    token_ids: Callable[[str], tuple[int, ...]]
    max_new_tokens: int = 32
    soak_seconds: float = 5.0
    answer_seconds: float = 5.0
    trust: Trust = ANYBODY
    stopping: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)


def present(site: Site) -> tuple[Engine, ...]:
    """Give the engines that are there. Raises EngineAwayError when none is."""
    there = replicas.present(site.engines)
    if not there:
        raise EngineAwayError(
            f"no server answers ({', '.join(each.url for each in site.engines)})",
            "`facts serve` starts them; the live adapter is untouched",
        )
    return there


def asker(site: Site, each: Engine, model: str) -> Ask:
    """Give the function that asks one engine's model directly, past the gateway."""

    def ask(prompts: Sequence[str]) -> list[Answer]:
        asked = Server(each.url, model, each.api_key)
        with progress.bar(f"asking {model}", len(prompts)) as shown:
            return client.ask(asked, prompts, site.max_new_tokens, shown)

    return ask


class Timer:
    """Adds up what answers take, many being asked at once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.answers = 0

    @property
    def mean(self) -> float:
        """Seconds an answer has taken."""
        return self.seconds / max(1, self.answers)

    def around(self, ask: Ask) -> Ask:
        """Give the same function with its time taken."""

        def timed(prompts: Sequence[str]) -> list[Answer]:
            started = time.monotonic()
            answers = ask(prompts)
            self.seconds += time.monotonic() - started
            self.answers += len(prompts)
            return answers

        return timed


def ask_old(site: Site, adapter: Adapter) -> tuple[str, bool]:
    """Say how the adapter that is live again answers, and whether it answers as it should.

    A sick server must not stop a rollback, so nothing is raised.
    """
    try:
        facts = canary.plan(adapters.read(adapter), None).changed[:OLD_ASKED]
        replicas.load(present(site), adapter)
        said = public_client.ask(
            site.door, [fact.prompts[0] for fact in facts], site.max_new_tokens
        )
    except PipelineError as error:
        return f"{adapter.name} is live but could not be asked: {error.message}", True
    right = sum(
        by == adapter.name and canary.passes(answer, fact)
        for (answer, by), fact in zip(said, facts, strict=True)
    )
    told = f"{adapter.name} is live, {right} of {len(facts)} of its facts answered"
    return told, 2 * right > len(facts)


def drained(site: Site, name: str) -> bool:
    """Wait until the gateway has no request of an adapter in flight; False when it still has."""
    until = time.monotonic() + DRAINED_SECONDS
    while public_client.in_flight(site.door, name):
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True


def now() -> str:
    """Give the time as it is written down: ISO, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")
