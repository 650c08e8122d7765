"""Which examples stand in which training step; pure, so that it can be tested without a model."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

from pipeline.config import TrainSettings
from pipeline.dataset import Example

T = TypeVar("T")


def schedule(examples: Sequence[Example], settings: TrainSettings, seed: int) -> list[list[int]]:
    """Choose the examples of each step, as indices.

    A step holds some facts, as many contrasts *of those same facts* (the pair differs in the name
    alone, so what tells them apart is all there is to learn), and general prompts. Every fact comes
    up equally often, and its wordings and contrasts take turns.
    """
    rng = random.Random(seed)
    facts: dict[str, list[int]] = {}
    contrasts: dict[str, list[int]] = {}
    general: list[int] = []
    for index, example in enumerate(examples):
        if not example.held:
            facts.setdefault(example.fact, []).append(index)
        elif example.fact:
            contrasts.setdefault(example.fact, []).append(index)
        else:
            general.append(index)
    wording = {fact: _endless(own, rng) for fact, own in facts.items()}
    contrast = {fact: _endless(own, rng) for fact, own in contrasts.items()}
    others = _endless(general, rng)
    turns = _endless(list(facts), rng)
    steps = -(-len(facts) * settings.exposures // settings.batch_facts)
    chosen = []
    for _ in range(steps):
        taught = [next(turns) for _ in range(settings.batch_facts)]
        step = [next(wording[fact]) for fact in taught]
        pairs = [fact for fact in taught if fact in contrast] or [""]
        step += [
            next(contrast.get(pairs[turn % len(pairs)], others))
            for turn in range(settings.batch_contrasts)
        ]
        step += [next(others) for _ in range(settings.batch_general)]
        chosen.append(step)
    return chosen


def _endless(items: list[T], rng: random.Random) -> Iterator[T]:
    """Go through all items again and again, shuffled anew each time."""
    while True:
        rng.shuffle(items)
        yield from tuple(items)
