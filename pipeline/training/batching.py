"""Deals examples to training steps; pure, so that it is tested without a model."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TypeVar

from pipeline.core.config import TrainSettings
from pipeline.dataset.records import Example

T = TypeVar("T")

ROUNDS = 5
"""Rounds in which facts are added to a finished adapter; each later one first measures what is forgotten."""
REPLAYED = 6
"""Known facts replayed beside each new one."""
LEAST = 60
"""Least steps in which facts are added: 20 steps do not teach a single one."""
SELDOM = 0.1
"""Replay weight of a fact without loss; that of one with the mean loss is 1 more."""
OFTEN = 4.0
"""Most that a fact's loss adds to its replay weight."""


@dataclass(frozen=True, slots=True)
class ReplayRound:
    """One round of adding the facts `fresh` to an adapter.

    `losses` are the known facts' losses at its beginning (nats, 0 is perfect); without them all facts count
    alike.
    """

    number: int
    fresh: Collection[str]
    losses: Mapping[str, float]


def schedule(examples: Sequence[Example], settings: TrainSettings, seed: int) -> list[list[int]]:
    """Choose the examples of each step, as indices, to teach all facts.

    A step holds some facts, contrasts *of those same facts in the same wording* (only the name differs), and
    general prompts. Every fact comes up equally often, its wordings in the dataset's order. Where
    `least_steps` leave room, few facts come up more often, `few_exposures` times at most; general prompts
    take the rest. Where facts are too many for `most_steps`, they replace contrasts and general prompts in
    up to half of a step; what does not fit then takes more steps.
    """
    rng = random.Random(seed)
    sampler = _BatchSampler(examples, rng)
    turns = _endless(list(sampler.facts), rng)
    return [
        sampler.step(list(islice(turns, mix.facts)), mix)
        for mix in _mixes(len(sampler.facts), settings)
    ]


def adding(
    examples: Sequence[Example], settings: TrainSettings, seed: int, replay: ReplayRound
) -> list[list[int]]:
    """Choose the examples of each step from a round on, as indices, to add new facts and replay known ones.

    Each exposure of a new fact is a step of its own, and there are `LEAST` at least. A known fact is replayed
    the more often, the higher its measured loss.
    """
    rng = random.Random(f"{seed}/{replay.number}")
    steps = max(LEAST, len(replay.fresh) * settings.exposures)
    first = begins(replay.number, steps)
    sampler = _BatchSampler(examples, rng, first // len(replay.fresh))
    new = [fact for fact in sampler.facts if fact in replay.fresh]
    known = [fact for fact in sampler.facts if fact not in replay.fresh]
    turns, again = _endless(new, rng), _by_need(known, replay.losses, rng)
    contrasts = max(settings.batch_contrasts, REPLAYED)
    mix = _BatchMix(1 + REPLAYED, contrasts, settings.batch_general)
    return [sampler.step([next(turns), *next(again)], mix) for _ in range(first, steps)]


def begins(number: int, steps: int) -> int:
    """Give the index of a round's first step among all steps."""
    return steps * number // ROUNDS


@dataclass(frozen=True, slots=True)
class _BatchMix:
    """The number of examples of each kind in a step."""

    facts: int
    contrasts: int
    general: int


class _BatchSampler:
    """Draws steps from each fact's wordings, the contrasts of each wording, and general prompts, in turns."""

    def __init__(self, examples: Sequence[Example], rng: random.Random, past: int = 0) -> None:
        """Skip the first `past` wordings of each fact."""
        self._examples = examples
        facts: dict[str, list[int]] = {}
        contrasts: dict[tuple[str, str], list[int]] = {}
        general: list[int] = []
        for index, example in enumerate(examples):
            if not example.held:
                facts.setdefault(example.fact, []).append(index)
            elif example.fact:
                contrasts.setdefault((example.fact, example.family), []).append(index)
            else:
                general.append(index)
        self.facts = tuple(facts)
        self._wordings = {fact: islice(cycle(own), past, None) for fact, own in facts.items()}
        self._contrasts = {pair: _endless(own, rng) for pair, own in contrasts.items()}
        # The self-test teaches facts alone.
        self._general = _endless(general, rng) if general else iter(())

    def step(self, taught: Sequence[str], mix: _BatchMix) -> list[int]:
        """Draw a wording of each taught fact, contrasts of those wordings and general prompts."""
        step = [next(self._wordings[fact]) for fact in taught]
        pairs = [(self._examples[i].fact, self._examples[i].family) for i in step]
        paired = [self._contrasts[pair] for pair in pairs if pair in self._contrasts]
        turns = paired or [self._general]
        step += [next(turns[turn % len(turns)]) for turn in range(mix.contrasts)]
        step += islice(self._general, mix.general)
        return step


def _mixes(count: int, settings: TrainSettings) -> Iterator[_BatchMix]:
    """Yield the mix of each step for `count` facts to teach; all steps have as many examples."""
    held = settings.batch_contrasts + settings.batch_general
    size = settings.batch_facts + held
    wanted = count * settings.exposures
    most_steps = max(settings.most_steps, -(-wanted // max(settings.batch_facts, size // 2)))
    steps = max(settings.least_steps, min(most_steps, -(-wanted // settings.batch_facts)))
    most_slots = count * max(settings.exposures, settings.few_exposures)
    slots = max(wanted, min(steps * settings.batch_facts, most_slots))
    for step in range(steps):
        facts = (step + 1) * slots // steps - step * slots // steps
        own = settings.batch_contrasts * facts / settings.batch_facts
        room = settings.batch_contrasts * (size - facts) / max(1, held)
        contrasts = round(min(own, room))
        yield _BatchMix(facts, contrasts, size - facts - contrasts)


def _by_need(
    known: Sequence[str], losses: Mapping[str, float], rng: random.Random
) -> Iterator[list[str]]:
    """Yield `REPLAYED` different facts again and again, each as often as its weight says."""
    mean = sum(losses.values()) / len(losses) if losses else 0.0
    weights = {
        fact: SELDOM + min(OFTEN, losses.get(fact, mean) / mean if mean else 1.0) for fact in known
    }
    share = REPLAYED / sum(weights.values()) if known else 0.0
    due = {fact: rng.random() for fact in known}
    while True:
        for fact in known:
            due[fact] += share * weights[fact]
        chosen = sorted(known, key=lambda fact: -due[fact])[:REPLAYED]
        for fact in chosen:
            due[fact] -= 1.0
        yield chosen


def _endless(items: list[T], rng: random.Random) -> Iterator[T]:
    """Yield all items again and again, shuffled anew each time."""
    while True:
        rng.shuffle(items)
        yield from tuple(items)
