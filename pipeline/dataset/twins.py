"""Taught subjects whose names differ in digits or signs alone, such as two years of one wine, or C and C++.

A twin that is asked the same has an answer of its own, which is taught: no contrast is about it then. One
that is not asked it must not get the other's answer, and is the first to be told apart.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from pipeline.facts.fact import Fact
from pipeline.facts.languages.folding import squash
from pipeline.facts.named_wording import asked_name
from pipeline.facts.names.find_names import name_key, rename

_APART = re.compile(r"\d|[+#]")


def twin_names(facts: Sequence[Fact]) -> Mapping[str, tuple[str, ...]]:
    """Map each fact's id to the names of the twins of its subject that are not asked what it asks."""
    makes: dict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in facts:
        for make in _makes(fact):
            makes[make].append(fact)
    relations: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for fact in facts:
        relations[fact.subject] |= _relations(fact)
    return {fact.id: tuple(_unasked(fact, makes, relations)) for fact in facts}


def _unasked(
    fact: Fact,
    makes: Mapping[tuple[str, str], Sequence[Fact]],
    relations: Mapping[str, set[tuple[str, str]]],
) -> Iterable[str]:
    beside = [other for make in _makes(fact) for other in makes[make]]
    names = {other.subject: asked_name(other) for other in beside if other.subject != fact.subject}
    own = _relations(fact)
    return (name for subject, name in names.items() if own.isdisjoint(relations[subject]))


def _makes(fact: Fact) -> set[tuple[str, str]]:
    """Give what is left of a subject's names without what tells it from its twins, with its kind."""
    bare = (_APART.sub("", name_key(name)) for name in (fact.subject, *fact.aliases))
    return {(fact.kind, each) for each in bare if each}


def _relations(fact: Fact) -> set[tuple[str, str]]:
    """Name what a fact asks: its own id, and its question without the name."""
    asked = rename(fact.question, (fact.subject, *fact.aliases), " ", fact.language)
    return {("id", fact.id.rpartition("/")[2]), ("question", squash(asked))}
