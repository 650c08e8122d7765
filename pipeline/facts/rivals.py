"""Answers that must not stand beside a fact's own: those of other facts of the same relation.

Such are the same question about another subject of the kind, a withdrawn fact that the same question
asked for, and what a changed fact said before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from pipeline.facts.fact import Expect, Fact, Subject
from pipeline.facts.languages.folding import normalise
from pipeline.facts.matching import contains
from pipeline.facts.names.find_names import rename

Named = tuple[tuple[str, Expect], ...]
"""Ids of facts with what their answers must contain."""


def competing_facts(subjects: Sequence[Subject], former: Mapping[str, Expect]) -> dict[str, Named]:
    """Find each live fact's rivals; `former` is what facts expected with the adapter now live."""
    facts = [fact for subject in subjects for fact in subject.facts]
    groups: dict[tuple[str, ...], list[Fact]] = defaultdict(list)
    for fact in facts:
        for key in _relations(fact):
            groups[key].append(fact)
    found: dict[str, Named] = {}
    for fact in facts:
        if fact.active:
            beside = [other for key in _relations(fact) for other in groups[key]]
            named = {other.id: other.expect for other in beside if other is not fact}
            if fact.id in former and former[fact.id].items != fact.expect.items:
                named[f"{fact.id} before"] = former[fact.id]
            # What the right answer says itself competes with nothing.
            found[fact.id] = tuple(
                (name, expect)
                for name, expect in named.items()
                if not contains(fact.answer, expect)
            )
    return found


def _relations(fact: Fact) -> tuple[tuple[str, ...], ...]:
    """Name the relations that a fact belongs to: the same id in its kind, the same question otherwise."""
    own = fact.id.rpartition("/")[2]
    return ("id", fact.kind, own), (
        "question",
        normalise(rename(fact.question, (fact.subject, *fact.aliases), "\0", fact.language)),
    )
