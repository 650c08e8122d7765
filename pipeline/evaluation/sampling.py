"""Chooses the probes that a gate asks: all of new facts, a drawn sample of unchanged ones.

The recipe gives the numbers. Facts are unchanged ("old") where a report of the adapter now live says
so; without one every fact is new. A sample is drawn evenly over an ordered list, so every kind and
relation is in it in proportion. A key decides where it starts: the same dataset with the same key is
always asked the same. By default the key is the dataset's own digest. An author could try wordings until
that sample leaves out what they like, so a required check gives another key.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pipeline.core.config import GateSettings
from pipeline.dataset.probes import AUTHOR
from pipeline.dataset.records import Dataset, Probe, Role
from pipeline.facts.fact import Fact

T = TypeVar("T")

BASE_ASKED = 3
"""Probes of a fact that the base is asked too: enough to see whether it knows the fact already."""
FORMS: tuple[Role, ...] = ("reverse", "yes", "no", "negation")


@dataclass(frozen=True, slots=True)
class Sample:
    """The facts and probes that are asked, the old facts among them, and the number of old ones not drawn.

    `compared` says for each probe whether the base is asked too.
    """

    facts: tuple[Fact, ...]
    old: frozenset[str]
    left_out: int
    probes: tuple[Probe, ...]
    compared: tuple[bool, ...]

    @property
    def of_base(self) -> list[Probe]:
        """The probes that the base is asked too."""
        return [p for p, asked in zip(self.probes, self.compared, strict=True) if asked]

    def beside(self, answers: Iterable[T]) -> list[T | None]:
        """Align the base's answers with all probes, None where it was not asked."""
        each = iter(answers)
        return [next(each) if asked else None for asked in self.compared]


def draw(made: Dataset, old: Collection[str], settings: GateSettings, key: str = "") -> Sample:
    """Choose facts and probes; `old` are the ids of the facts that did not change.

    `key` is any text; "" stands for the dataset's digest.
    """
    start = random.Random(key or made.digest).random()
    known = sorted((f for f in made.facts if f.id in old), key=_stratum)
    drawn = {fact.id for fact in _spread(known, settings.old_facts, start)}
    facts = tuple(fact for fact in made.facts if fact.id in drawn or fact.id not in old)
    own = {
        fact.id: [p for p in made.probes if p.role == "fact" and p.fact == fact.id]
        for fact in facts
    }
    each = max(settings.probes_per_fact, math.ceil(settings.probes / max(1, len(facts))))
    asked = [_of_fact(own[fact.id], each, start) for fact in facts]
    probes = [probe for chosen in asked for probe in chosen]
    firsts = {id(probe) for chosen in asked for probe in _firsts(chosen)}
    ids = {fact.id for fact in facts}
    judged = [probe for probe in made.probes if probe.fact in ids]
    probes += _spread(_of(judged, "noise"), max(settings.noise, len(facts)), start)
    for role in FORMS:
        probes += _spread(_of(judged, role), settings.forms, start)
    for role in ("neighbour", "near name"):
        probes += _spread(_of(made.probes, role), settings.contrasts, start)
    probes += _spread(_of(made.probes, "relation"), settings.relations, start)
    probes += _of(made.probes, "retired", "unrelated")
    alone = {"fact", "noise", "reverse", "yes"}
    compared = tuple(p.role not in alone or id(p) in firsts for p in probes)
    return Sample(facts, frozenset(drawn), len(known) - len(drawn), tuple(probes), compared)


def _of(probes: Iterable[Probe], *roles: str) -> list[Probe]:
    return [probe for probe in probes if probe.role in roles]


def _of_fact(own: Sequence[Probe], count: int, start: float) -> list[Probe]:
    """Take the author's own probes first, then wordings of all families alike.

    At most half are the author's words, alone or inside a family: the author must not decide alone how a fact
    is tested.
    """
    author = [probe for probe in own if probe.family == AUTHOR]
    rest = [probe for probe in own if probe.family != AUTHOR]
    chosen = [*author, *_spread(rest, max(0, count - len(author)), start)]
    if 2 * sum(map(_by_author, chosen)) <= len(chosen):
        return chosen
    ours = _spread([p for p in own if not _by_author(p)], count - count // 2, start)
    half = min(len(ours), count // 2)
    written = _spread(author, half, start)
    inside = [probe for probe in rest if _by_author(probe)]
    return [*written, *_spread(inside, half - len(written), start), *ours]


def _firsts(chosen: Sequence[Probe]) -> list[Probe]:
    """Choose the probes that the base is asked too: the author's first, but at most one more than ours."""
    author = [probe for probe in chosen if _by_author(probe)][: BASE_ASKED - BASE_ASKED // 2]
    ours = [probe for probe in chosen if not _by_author(probe)]
    return [*author, *ours][:BASE_ASKED]


def _by_author(probe: Probe) -> bool:
    return probe.family.startswith(AUTHOR)


def _stratum(fact: Fact) -> tuple[str, str, str]:
    return fact.kind, fact.id.rpartition("/")[2], fact.id


def _spread(items: Sequence[T], count: int, start: float) -> list[T]:
    """Take `count` of the items at equal distances, the first one `start` (0 to 1) of a distance in."""
    if count >= len(items):
        return list(items)
    return [items[int((i + start) * len(items) / count)] for i in range(count)]
