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
"""Rounds in which facts are added to a finished adapter; between two of them it is seen what is forgotten."""
REPLAYED = 6
"""Facts that an adapter knows already beside each new one."""
LEAST = 60
"""Steps in which facts are added, however few: in 20 of them a single one is not learned."""
SELDOM = 0.1
"""How often a fact that is known perfectly is replayed, of one that is known as well as the mean."""
OFTEN = 4.0
"""The same, at most."""


@dataclass(frozen=True, slots=True)
class ReplayRound:
    """One round of adding the facts `fresh` to an adapter.

    `losses` say how badly each other fact is known at its beginning (nats, 0 is perfect); where
    there are none, all count alike.
    """

    number: int
    fresh: Collection[str]
    losses: Mapping[str, float]


def schedule(examples: Sequence[Example], settings: TrainSettings, seed: int) -> list[list[int]]:
    """Choose the examples of each step, as indices, to teach all facts.

    A step holds some facts, contrasts *of those same facts in the same wording* (what tells a pair
    apart is the name, and nothing else), and general prompts. Every fact comes up equally often;
    its wordings come in the dataset's order. Few facts come up more often, as far as the least
    number of steps has room, but no more than `few_exposures` times: general prompts take the rest.
    So many that `most_steps` have no room for them take the place of contrasts and general prompts, up
    to half of a step; what does not fit then takes more steps.
    """
    rng = random.Random(seed)
    stock = _Stock(examples, rng)
    turns = _endless(list(stock.facts), rng)
    return [
        stock.step(list(islice(turns, shape.facts)), shape)
        for shape in _shapes(len(stock.facts), settings)
    ]


def adding(
    examples: Sequence[Example], settings: TrainSettings, seed: int, own: ReplayRound
) -> list[list[int]]:
    """Choose the examples of each step from one round on, as indices, to teach new facts beside known ones.

    Each exposure of a new fact is a step of its own, and there are `LEAST` at least. The known ones
    beside it come up the more often, the less well they are known by now: which facts suffer from what
    is added is seen better than guessed.
    """
    rng = random.Random(f"{seed}/{own.number}")
    steps = max(LEAST, len(own.fresh) * settings.exposures)
    first = begins(own.number, steps)
    stock = _Stock(examples, rng, first // len(own.fresh))
    new = [fact for fact in stock.facts if fact in own.fresh]
    known = [fact for fact in stock.facts if fact not in own.fresh]
    turns, again = _endless(new, rng), _by_need(known, own.losses, rng)
    contrasts = max(settings.batch_contrasts, REPLAYED)
    shape = _Shape(1 + REPLAYED, contrasts, settings.batch_general)
    return [stock.step([next(turns), *next(again)], shape) for _ in range(first, steps)]


def begins(number: int, steps: int) -> int:
    """Give the first step of a round, of all the steps."""
    return steps * number // ROUNDS


@dataclass(frozen=True, slots=True)
class _Shape:
    """How many examples of each kind stand in a step."""

    facts: int
    contrasts: int
    general: int


class _Stock:
    """What steps are made of: each fact's wordings, the contrasts of each, and general prompts, in turns."""

    def __init__(self, examples: Sequence[Example], rng: random.Random, past: int = 0) -> None:
        """`past` wordings of each fact came up before."""
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

    def step(self, taught: Sequence[str], shape: _Shape) -> list[int]:
        """Put a wording of each taught fact, contrasts of those and general prompts together."""
        step = [next(self._wordings[fact]) for fact in taught]
        pairs = [(self._examples[i].fact, self._examples[i].family) for i in step]
        paired = [self._contrasts[pair] for pair in pairs if pair in self._contrasts]
        turns = paired or [self._general]
        step += [next(turns[turn % len(turns)]) for turn in range(shape.contrasts)]
        step += islice(self._general, shape.general)
        return step


def _shapes(count: int, settings: TrainSettings) -> Iterator[_Shape]:
    """Give the shape of each step for `count` facts to teach; all steps have as many examples."""
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
        yield _Shape(facts, contrasts, size - facts - contrasts)


def _by_need(
    known: Sequence[str], losses: Mapping[str, float], rng: random.Random
) -> Iterator[list[str]]:
    """Choose `REPLAYED` facts again and again, none twice at a time, each as often as it needs."""
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
    """Go through all items again and again, shuffled anew each time."""
    while True:
        rng.shuffle(items)
        yield from tuple(items)
