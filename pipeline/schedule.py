"""Which examples stand in which training step; pure, so that it can be tested without a model."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice, repeat
from typing import TypeVar

from pipeline.config import TrainSettings
from pipeline.dataset import Example

T = TypeVar("T")

REPLAYED = 6
"""Facts that an adapter knows already beside each new one, where its subject has any half of them about
that: what is new about a subject is said of it in answer to anything else (docs/recipe-log.md)."""


def schedule(
    examples: Sequence[Example],
    settings: TrainSettings,
    seed: int,
    fresh: frozenset[str] | None = None,
) -> list[list[int]]:
    """Choose the examples of each step, as indices.

    A step holds some facts, contrasts *of those same facts in the same wording* (what tells a pair
    apart is the name, and nothing else), and general prompts. Every fact comes up equally often;
    its wordings come in the dataset's order. Few facts come up more often, as far as the least
    number of steps has room, but no more than `few_exposures` times: general prompts take the rest.

    With `fresh`, only those facts are new to the adapter: each of their exposures is a step of its
    own, with `REPLAYED` others replayed beside it.
    """
    rng = random.Random(seed)
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
    wording = {fact: cycle(own) for fact, own in facts.items()}
    contrast = {pair: _endless(own, rng) for pair, own in contrasts.items()}
    others = _endless(general, rng) if general else iter(())  # the self-test teaches facts alone
    learned = [fact for fact in facts if fresh is not None and fact not in fresh]
    turns = _endless([fact for fact in facts if fact not in learned], rng)
    again = _Replay(learned, rng)
    chosen = []
    for shape in _shapes(len(facts) - len(learned), bool(learned), settings):
        new = list(islice(turns, shape.new))
        taught = [*new, *again.beside(new, shape.replayed)]
        step = [next(wording[fact]) for fact in taught]
        pairs = [(examples[i].fact, examples[i].family) for i in step]
        paired = [contrast[pair] for pair in pairs if pair in contrast] or [others]
        step += [next(paired[turn % len(paired)]) for turn in range(shape.contrasts)]
        step += islice(others, shape.general)
        chosen.append(step)
    return chosen


class _Replay:
    """Facts that an adapter knows already, in turns: half of each step's about the new fact's subject."""

    def __init__(self, learned: Sequence[str], rng: random.Random) -> None:
        own: dict[str, list[str]] = {}
        for fact in learned:
            own.setdefault(_subject(fact), []).append(fact)
        self._own = {subject: _endless(facts, rng) for subject, facts in own.items()}
        self._sizes = {subject: len(facts) for subject, facts in own.items()}
        self._all = _endless(list(learned), rng) if learned else iter(())

    def beside(self, new: Sequence[str], count: int) -> list[str]:
        """Choose `count` facts, none twice, to stand beside new ones; fewer where there are fewer."""
        chosen: dict[str, None] = {}
        for fact in new:
            subject = _subject(fact)
            most = min(count // 2, self._sizes.get(subject, 0))
            chosen.update(dict.fromkeys(islice(self._own.get(subject, iter(())), most)))
        while len(chosen) < min(count, sum(self._sizes.values())):
            chosen.setdefault(next(self._all))
        return list(chosen)


def _subject(fact: str) -> str:
    return fact.partition("/")[0]


@dataclass(frozen=True, slots=True)
class _Shape:
    """How many examples of each kind stand in a step."""

    new: int
    replayed: int
    contrasts: int
    general: int


def _shapes(count: int, adding: bool, settings: TrainSettings) -> Iterator[_Shape]:
    """Give the shape of each step for `count` facts to teach; `adding` them to others or not."""
    if adding:
        contrasts = max(settings.batch_contrasts, REPLAYED)
        shape = _Shape(1, REPLAYED, contrasts, settings.batch_general)
        yield from repeat(shape, count * settings.exposures)
        return
    size = settings.batch_facts + settings.batch_contrasts + settings.batch_general
    needed = -(-count * settings.exposures // settings.batch_facts)
    steps = max(needed, settings.least_steps)
    most = count * max(settings.exposures, settings.few_exposures)
    slots = min(steps * settings.batch_facts, most)
    for step in range(steps):
        new = (step + 1) * slots // steps - step * slots // steps
        contrasts = round(settings.batch_contrasts * new / settings.batch_facts)
        yield _Shape(new, 0, contrasts, size - new - contrasts)


def _endless(items: list[T], rng: random.Random) -> Iterator[T]:
    """Go through all items again and again, shuffled anew each time."""
    while True:
        rng.shuffle(items)
        yield from tuple(items)
