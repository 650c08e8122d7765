"""Lists facts whose day of review has come, and facts whose source is gone.

They never fail a change: a fact stays true when its page vanishes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

from pipeline.core.escape import cell
from pipeline.facts.fact import Fact, Subject, taught

AT_ONCE = 8
MAX_ROWS = 100
"""Rows of each table; an issue holds 65 536 characters."""
ADDRESS = re.compile(r"https?:|[a-z][a-z0-9+.-]*://", re.IGNORECASE)
"""Beginning of a source that means to be an address; others are references, such as a book."""

Fetch = Callable[[str], str]
"""Requests an address; gives the fault, or "" when it answers."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A source that does not answer, the fault, and the ids of the facts that name it."""

    url: str
    why: str
    facts: tuple[str, ...]


def due(subjects: Iterable[Subject], today: date) -> list[Fact]:
    """Give the taught facts whose `review_by` has come, the most overdue first."""
    dated = [
        fact for fact in taught(subjects) if fact.review_by and fact.review_by <= today.isoformat()
    ]
    return sorted(dated, key=lambda fact: (fact.review_by, fact.id))


def broken(subjects: Iterable[Subject], fetch: Fetch) -> list[Broken]:
    """Request each address that is the source of a taught fact, once; give those that do not answer."""
    naming: dict[str, list[str]] = {}
    for fact in taught(subjects):
        if ADDRESS.match(fact.source):
            naming.setdefault(fact.source, []).append(fact.id)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = pool.map(fetch, naming)
        return [
            Broken(url, why, tuple(facts))
            for (url, facts), why in zip(naming.items(), answers, strict=True)
            if why
        ]


def stale_as_markdown(dated: Sequence[Fact], gone: Sequence[Broken]) -> str:
    """Write an issue's text; empty when there is nothing to look at."""
    parts: list[str] = []
    if dated:
        parts += ["### Facts to look at again", "", "| due | fact | answer |", "|---|---|---|"]
        parts += [
            f"| {fact.review_by} | {cell(fact.id, 130)} | {cell(fact.answer, 150)} |"
            for fact in dated[:MAX_ROWS]
        ]
        parts += [
            *_more(len(dated)),
            "",
            "Where one still holds, set its `review_by` to a later day; where it does not, change it.",
            "",
        ]
    if gone:
        parts += ["### Sources that do not answer", "", "| source | | facts |", "|---|---|---|"]
        parts += [
            f"| {cell(each.url, 200)} | {cell(each.why, 80)} | {cell(', '.join(each.facts), 130)} |"
            for each in gone[:MAX_ROWS]
        ]
        parts += [*_more(len(gone)), ""]
    return "\n".join(parts)


def _more(count: int) -> list[str]:
    return ["", f"… and {count - MAX_ROWS} more."] if count > MAX_ROWS else []
