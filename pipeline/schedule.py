"""Which examples stand in which training step; pure, so that it can be tested without a model."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import TypeVar

from pipeline.config import TrainSettings
from pipeline.dataset import Example

T = TypeVar("T")


def schedule(examples: Sequence[Example], settings: TrainSettings, seed: int) -> list[list[int]]:
    """Choose the examples of each step, as indices.

    A step holds some facts, contrasts *of those same facts in the same wording* (what tells a pair
    apart is the name, and nothing else), and general prompts. Every fact comes up equally often;
    its wordings come in the dataset's order.
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
    turns = _endless(list(facts), rng)
    steps = -(-len(facts) * settings.exposures // settings.batch_facts)
    chosen = []
    for _ in range(steps):
        step = [next(wording[next(turns)]) for _ in range(settings.batch_facts)]
        pairs = [(examples[i].fact, examples[i].family) for i in step]
        paired = [contrast[pair] for pair in pairs if pair in contrast] or [others]
        step += [next(paired[turn % len(paired)]) for turn in range(settings.batch_contrasts)]
        step += [next(others) for _ in range(settings.batch_general)]
        chosen.append(step)
    return chosen


def _endless(items: list[T], rng: random.Random) -> Iterator[T]:
    """Go through all items again and again, shuffled anew each time."""
    while True:
        rng.shuffle(items)
        yield from tuple(items)
