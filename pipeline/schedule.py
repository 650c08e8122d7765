"""Which examples stand in which training step; pure, so that it can be tested without a model."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import cycle, islice, repeat
from typing import TypeVar

from pipeline.config import TrainSettings
from pipeline.dataset import Example
from pipeline.facts import Fact

T = TypeVar("T")

REPLAYED = 6
"""Facts that an adapter knows already beside each new one. Half of them are its kin, if it has any: what is
lost when facts are added is mostly known of subjects called almost the same (docs/recipe-log.md)."""
KIN = 8
"""How many facts count as kin of a new one."""
ALIKE = 0.6
"""How alike two names must be at least (difflib's ratio)."""

Kin = Mapping[str, Sequence[str]]
"""The ids of facts that are new to an adapter, with those of known facts that they could be taken for."""


def kin(facts: Iterable[Fact], fresh: Iterable[str]) -> Kin:
    """Find for each new fact the known ones about its own subject, and about those with names like it."""
    by_id = {fact.id: fact for fact in facts}
    new = set(fresh)

    def alike(one: Fact, other: Fact) -> float:
        return SequenceMatcher(None, one.subject, other.subject, autojunk=False).ratio()

    found = {}
    for fact in sorted(new):
        scores = {id_: alike(by_id[fact], old) for id_, old in by_id.items() if id_ not in new}
        ranked = sorted(
            (id_ for id_ in scores if scores[id_] >= ALIKE), key=lambda id_: -scores[id_]
        )
        found[fact] = tuple(ranked[:KIN])
    return found


def schedule(
    examples: Sequence[Example],
    settings: TrainSettings,
    seed: int,
    fresh: Kin | None = None,
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
    again = _Replay(learned, fresh or {}, rng)
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
    """Facts that an adapter knows already, in turns: half of each step's are kin of the new fact."""

    def __init__(self, learned: Sequence[str], kin: Kin, rng: random.Random) -> None:
        self._kin = {fact: (_endless(list(own), rng), len(own)) for fact, own in kin.items() if own}
        self._all = _endless(list(learned), rng)
        self._count = len(learned)

    def beside(self, new: Sequence[str], count: int) -> list[str]:
        """Choose `count` facts, none twice, to stand beside new ones; fewer where there are fewer."""
        chosen: dict[str, None] = {}
        for fact in new:
            turns, most = self._kin.get(fact, (iter(()), 0))
            chosen.update(dict.fromkeys(islice(turns, min(count // 2, most))))
        while len(chosen) < min(count, self._count):
            chosen.setdefault(next(self._all))
        return list(chosen)


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
