"""Facts that the gate does not test, or does not test for leaks, and why: nothing is left out unsaid."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pipeline.core.number_words import count
from pipeline.facts.fact import Fact
from pipeline.facts.matching import by_chance

Gap = Literal["nowhere", "own question", "number", "other things"]
GAPS: dict[Gap, str] = {
    "nowhere": "not tested for leaks, since the base says their words by itself and no question about "
    "another thing was asked",
    "own question": "tested for leaks on their own question alone, since the base says their words by "
    "itself to other prompts",
    "number": "tested for leaks on their own question alone, since made-up answers hold such numbers by "
    "chance",
    "other things": "not told from other things, since no question about another thing was asked",
}
"""Each gap in words that follow the number of facts."""
SHOWN = 5
"""Facts named in one sentence; the report's data has all."""


@dataclass(frozen=True, slots=True)
class Untested:
    """A taught fact, by its id, whose leaks would not be seen everywhere; `gap` says where not, and why."""

    id: str
    gap: Gap


def untested(
    facts: Iterable[Fact], telling: Collection[str], contrasted: Collection[str]
) -> Iterator[Untested]:
    """Yield the facts whose leaks would not be seen everywhere.

    `telling` are the ids of those whose words the base never says by itself, `contrasted` of those whose
    question was asked about something else.
    """
    for fact in facts:
        if fact.id not in telling:
            yield Untested(fact.id, "own question" if fact.id in contrasted else "nowhere")
        elif fact.id not in contrasted:
            yield Untested(fact.id, "other things")
        elif by_chance(fact.expect):
            yield Untested(fact.id, "number")


def sentences(found: Collection[Untested]) -> Iterator[str]:
    """Yield a sentence for each gap that facts have."""
    for gap, words in GAPS.items():
        ids = [each.id for each in found if each.gap == gap]
        if ids:
            more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
            yield f"{count(len(ids), 'fact')} {words}: {', '.join(ids[:SHOWN])}{more}"
