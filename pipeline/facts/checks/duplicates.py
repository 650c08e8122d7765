"""Facts beside each other: what one says must not stand in another, nor hide that one is gone.

Subjects come in with where their facts stand, `Problem`s go out. `rules` is the caller.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.core.errors import Problem
from pipeline.facts.checks import content_words
from pipeline.facts.checks.vacuous import At
from pipeline.facts.fact import Expect, Fact
from pipeline.facts.languages.folding import normalise, squash, tokens
from pipeline.facts.languages.language import load_language
from pipeline.facts.matching import contains, meaning
from pipeline.facts.names.find_names import NameIndex, find_indexed, find_names, index_names

BARE = 3
"""Words that an answer may have and still be right for two questions of one subject: "MIT"."""
MANY = 3
"""Other facts of a relation in whose answers a phrase stands, until it is taken for their wording."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A fact, the id it replaces ("" for none), and where its parts stand."""

    fact: Fact
    replaces: str
    at: At

    @property
    def name(self) -> str:
        """The author's own id."""
        return self.fact.id.rpartition("/")[2]

    @property
    def names(self) -> tuple[str, ...]:
        """All names of the fact's subject."""
        return (self.fact.subject, *self.fact.aliases)


def duplicates_within(items: Sequence[Placed]) -> Iterator[Problem]:
    """Yield what is wrong among the facts of one subject."""
    by_name = {item.name: item for item in items}
    active = [item for item in items if item.fact.active]
    first: dict[object, Placed] = {}
    for item in active:
        before = next((first[key] for key in _meanings(item.fact) if key in first), None)
        if before:
            message = f"this is the fact `{before.name}` in other words"
            hint = f"move the wording to `also_ask` or `probes` of `{before.name}`"
            yield Problem(item.at("question"), "same-fact", message, hint)
        for key in _meanings(item.fact):
            first.setdefault(key, item)
    for item in items:
        yield from _withdrawn(item, active)
        yield from _replaced(item, by_name)


def duplicates_between(items: Sequence[Placed]) -> Iterator[Problem]:
    """Yield what is wrong among the taught facts of all subjects."""
    owners = {name: item.fact.subject for item in items for name in item.names}
    known: dict[str, NameIndex] = {}
    groups: dict[tuple[str, str], list[Placed]] = defaultdict(list)
    for item in items:
        groups[item.fact.kind, item.name].append(item)
        language = item.fact.language
        if language not in known:
            known[language] = index_names(owners, language)
        yield from _strange(item, owners, known[language])
    for group in groups.values():
        yield from _alternatives(group)
        yield from _template(group)


def _meanings(fact: Fact) -> Iterator[object]:
    """Give what two facts of a subject share that say the same to the same question.

    That is a whole sentence as the answer, or the question's words in any form with the same expectation.
    """
    if len(fact.answer.split()) > BARE:
        yield squash(fact.answer)
    language = load_language(fact.language)
    own = {word for name in (fact.subject, *fact.aliases) for word in tokens(name)}
    asked = {
        min(language.stems(word), key=lambda stem: (len(stem), stem))
        for word in content_words.telling(fact.question, language) - own
    }
    wanted = frozenset(
        frozenset(meaning(each, fact.language) for each in item) for item in fact.expect
    )
    if asked:
        yield frozenset(asked), wanted


def _withdrawn(item: Placed, live: Iterable[Placed]) -> Iterator[Problem]:
    """Yield that a withdrawn fact is still taught by another one, or that nothing can tell."""
    fact = item.fact
    if fact.active:
        return
    still = next((one for one in live if contains(one.fact.answer, fact.expect)), None)
    if still and not set(_meanings(still.fact)).isdisjoint(_meanings(fact)):
        message = f"this fact is withdrawn, and `{still.name}` teaches it again"
        hint = f"delete the line `withdrawn` here, and the fact `{still.name}` or its wording"
        yield Problem(item.at("withdrawn"), "taught-again", message, hint)
    elif still:
        message = f"the answer of `{still.name}` holds what this withdrawn fact said"
        hint = "so the gate does not ask whether it is gone; `expect` more of the old answer if you can"
        yield Problem(item.at("withdrawn"), "retired-unasked", message, hint, "warning")


def _replaced(item: Placed, by_name: Mapping[str, Placed]) -> Iterator[Problem]:
    """Yield that what a fact replaces is still taught, or replaces the fact in turn."""
    old = by_name.get(item.replaces)
    if not old or old is item:
        return
    seen, step = {item.name}, old
    while step.replaces in by_name and step.name not in seen:
        seen.add(step.name)
        step = by_name[step.replaces]
    if step is item:
        message = f"`{item.name}` and `{old.name}` replace each other"
        hint = "name in `supersedes` only the older fact"
        yield Problem(item.at("supersedes"), "supersedes", message, hint)
    elif old.fact.active and item.fact.active:
        message = f"`{old.name}` is replaced, and is taught all the same"
        yield Problem(item.at("supersedes"), "supersedes", message,
                      f"add a line `withdrawn: …` to `{old.name}`")  # fmt: skip


def _strange(item: Placed, owners: Mapping[str, str], known: NameIndex) -> Iterator[Problem]:
    """Yield a question that names another taught subject, and not its own."""
    fact = item.fact
    if find_names(fact.question, item.names, fact.language):
        return
    named = (owners[span.name] for span in find_indexed(fact.question, known))
    if other := next((each for each in named if each != fact.subject), None):
        message = f"the question is about {other}, not about {fact.subject}"
        hint = f"put it into the file of {other}, or name {fact.subject} in it"
        yield Problem(item.at("question"), "other-subject", message, hint)


def _alternatives(group: Sequence[Placed]) -> Iterator[Problem]:
    """Yield the alternatives that are another subject's answer, where this fact's answer is not that."""
    for item in group:
        for index, expected in enumerate(item.fact.expect):
            for each in expected:
                if contains(item.fact.answer, Expect(((each,),))):
                    continue
                rivals = (one for one in group if one.fact.subject != item.fact.subject)
                if other := next((one for one in rivals if contains(each, one.fact.expect)), None):
                    message = f"the alternative “{each}” is the answer for {other.fact.subject}"
                    hint = "an alternative is another way to write the same answer; take it out"
                    yield Problem(item.at("expect", index), "no-expect", message, hint)


def _template(group: Sequence[Placed]) -> Iterator[Problem]:
    """Yield expectations that stand in what all answers of a relation have in common."""
    bare = [(item, _without(item.fact)) for item in group]
    for item in group if len(group) > MANY else ():
        if all(contains(text, item.fact.expect) for one, text in bare if one is not item):
            quoted = " and ".join(f"“{each[0]}”" for each in item.fact.expect)
            message = (
                f"{quoted} stands in the answers of all {len(group) - 1} other facts like this"
            )
            hint = "expect the words in which this answer differs from theirs"
            yield Problem(item.at("expect"), "no-expect", message, hint)


def _without(fact: Fact) -> str:
    """Cut out of an answer what is expected of it."""
    text = normalise(fact.answer)
    for item in fact.expect:
        for each in item:
            text = text.replace(normalise(each), " ")
    return text
