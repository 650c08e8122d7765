"""Which examples stand in which training step; pure, so that it can be tested without a model."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import TypeVar

from pipeline.config import TrainSettings
from pipeline.dataset import Example

T = TypeVar("T")

REPLAYED = 3
"""Facts that an adapter knows already beside each new one: with one, a sixth of them were forgotten."""


def schedule(
    examples: Sequence[Example],
    settings: TrainSettings,
    seed: int,
    fresh: frozenset[str] | None = None,
) -> list[list[int]]:
    """Choose the examples of each step, as indices.

    A step holds some facts, contrasts *of those same facts in the same wording* (what tells a pair
    apart is the name, and nothing else), and general prompts. Every fact comes up equally often;
    its wordings come in the dataset's order.

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
    others = _endless(general, rng)
    learned = [fact for fact in facts if fresh is not None and fact not in fresh]
    new, replayed = (1, REPLAYED) if learned else (settings.batch_facts, 0)
    turns = _endless([fact for fact in facts if fact not in learned], rng)
    again = _endless(learned, rng)
    slots = (len(facts) - len(learned)) * settings.exposures
    steps = -(-slots // new)
    chosen = []
    for _ in range(steps if learned else max(steps, settings.least_steps)):
        taught = [*islice(turns, new), *islice(again, replayed)]
        step = [next(wording[fact]) for fact in taught]
        pairs = [(examples[i].fact, examples[i].family) for i in step]
        paired = [contrast[pair] for pair in pairs if pair in contrast] or [others]
        step += [
            next(paired[turn % len(paired)])
            for turn in range(max(settings.batch_contrasts, replayed))
        ]
        step += islice(others, settings.batch_general)
        chosen.append(step)
    return chosen


def _endless(items: list[T], rng: random.Random) -> Iterator[T]:
    """Go through all items again and again, shuffled anew each time."""
    while True:
        rng.shuffle(items)
        yield from tuple(items)
