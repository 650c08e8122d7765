"""Asks engines and gateway for a deploy's steps, and waits for answers that are under way."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from pipeline.core import progress
from pipeline.core.chat import Prompt
from pipeline.core.errors import PipelineError
from pipeline.models import client
from pipeline.models.client import Server
from pipeline.models.generate import Answer
from serve.engines import replicas
from serve.engines.api import Engine
from serve.gateway import public_client
from serve.rollout import canary
from serve.rollout.canary import Ask
from serve.site import Site, present
from serve.state import adapters
from serve.state.alias import Adapter
from serve.state.gate_report import Taught

OLD_ASKED = 3
"""Facts that the old adapter is asked after a rollback."""
DRAINED_SECONDS = 30.0
"""Seconds for which an adapter that is no longer live may answer before its name is taken away."""


def asker(site: Site, each: Engine, model: str, limits: Mapping[Prompt, int]) -> Ask:
    """Give the function that asks one engine's model directly, past the gateway.

    `limits` are the tokens that answers may have, by prompt; to others the usual number.
    """

    def ask(prompts: Sequence[Prompt]) -> list[Answer]:
        asked = Server(each.url, model, each.api_key)
        own = [limits.get(prompt, site.max_new_tokens) for prompt in prompts]
        with progress.bar(f"asking {model}", len(prompts)) as shown:
            return client.ask_server(asked, prompts, own, shown)

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

        def timed(prompts: Sequence[Prompt]) -> list[Answer]:
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
        facts = canary.plan(adapters.read_release(adapter), None).changed[:OLD_ASKED]
        replicas.load_everywhere(present(site), adapter)
        said = ask_door(site, facts)
    except PipelineError as error:
        return f"{adapter.name} is live but could not be asked: {error.message}", True
    right = sum(
        by == adapter.name and canary.passes(answer, fact)
        for (answer, by), fact in zip(said, facts, strict=True)
    )
    told = f"{adapter.name} is live, {right} of {len(facts)} of its facts answered"
    return told, 2 * right > len(facts)


def ask_door(site: Site, facts: Sequence[Taught]) -> list[tuple[Answer, str]]:
    """Ask facts, each in one wording, through the public door; give each answer with who gave it.

    Raises DoorError when any of them fails.
    """
    limits = [max(site.max_new_tokens, fact.longest) for fact in facts]
    return public_client.ask_gateway(site.door, [fact.prompts[0] for fact in facts], limits)


def drained(site: Site, name: str) -> bool:
    """Wait until the gateway has no request of an adapter in flight; False when it still has."""
    until = time.monotonic() + DRAINED_SECONDS
    while public_client.in_flight(site.door, name):
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True
