"""Checks facts within a file and between files, beyond what the schema can say.

Documents that passed the schema come in as `FactsFile`s, `Problem`s go out. `check` is the only
caller.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from typing import Any  # the plain data of a fact as written

from pipeline.core.errors import Problem, Where
from pipeline.facts.answers.asked import Asked
from pipeline.facts.answers.telling import likely_part, telling_part
from pipeline.facts.checks import author_wordings, duplicates, turn_rules, vacuous
from pipeline.facts.checks.duplicates import Placed
from pipeline.facts.fact import Fact, Subject, expected
from pipeline.facts.files import lookalikes
from pipeline.facts.files.facts_file import Document
from pipeline.facts.files.yaml_reader import Steps
from pipeline.facts.languages.folding import normalise
from pipeline.facts.matching import contains, meaning
from pipeline.facts.named_wording import named_wording
from pipeline.facts.names.find_names import find_names, rename

_OF_EXPECT = frozenset({"no-expect", "leak-untold"})
_POINT_IN_NUMBER = re.compile(r"(?<=\d)[.,](?=\d)")


@dataclass(frozen=True, slots=True)
class FactsFile:
    """A subject and the document it was written in."""

    subject: Subject
    document: Document


@dataclass(frozen=True, slots=True)
class _Item:
    """One fact, the data it was made from, and where that stands."""

    fact: Fact
    data: Mapping[str, Any]
    document: Document
    index: int

    def at(self, *steps: str | int) -> Where:
        return self.document.locate(("facts", self.index, *steps))

    def asked(self, data: Mapping[str, Any]) -> Asked:
        """Give the fact's question or its reverse, whose data these are, as it is asked."""
        fact = self.fact
        names = (fact.subject, *fact.aliases)
        return Asked(data["question"], data["answer"], names, fact.kind, fact.language)


@dataclass(frozen=True, slots=True)
class _Wording:
    """One way to ask for a fact, behind what was said `before`, and what is to be answered."""

    text: str
    answer: str
    where: Where
    before: str = ""

    @property
    def key(self) -> str:
        return sameness(f"{self.before} {self.text}") if self.before else sameness(self.text)


def problems_within(entry: FactsFile) -> Iterator[Problem]:
    """Yield what is wrong inside one file."""
    ids: dict[str, Where] = {}
    items = _items(entry)
    for item in items:
        first = ids.setdefault(item.data["id"], item.at("id"))
        if first != item.at("id"):
            message = f"`{item.data['id']}` is the id of another fact too, in line {first.line}"
            hint = "give one of them another id"
            yield Problem(item.at("id"), "duplicate-id", message, hint)
    for item in items:
        yield from _sourced(item)
        yield from _named(item, entry.subject)
        yield from _expects(item, item.data)
        yield from _expects(item, item.data.get("reverse"), "reverse")
        yield from _supersedes(item, ids)
        yield from _dates(item)
        yield from turn_rules.turn_problems(item.fact, item.at)
        if item.fact.active:
            yield from _asks(item)
    yield from duplicates.duplicates_within([_placed(item) for item in items])


def problems_between(entries: Sequence[FactsFile]) -> Iterator[Problem]:
    """Yield what is wrong between files, or between facts wherever they stand."""
    yield from _shared_names(entries)
    active = [item for entry in entries for item in _items(entry) if item.fact.active]
    trained: dict[str, _Wording] = {}
    for wording in (wording for item in active for wording in _trained(item)):
        first = trained.setdefault(wording.key, wording)
        if first is not wording and sameness(first.answer) != sameness(wording.answer):
            message = f"“{wording.text}” has another answer at {first.where}"
            hint = "say in each question what it is about, or let one of the two facts go"
            yield Problem(wording.where, "two-answers", message, hint)
    for item in active:
        fact, own = item.fact, item.fact.names
        for name in own if fact.aliases else ():  # training puts each in the name's place
            asked = rename(fact.question, own, name, fact.language)
            said = _said_before(item.fact)
            wording = _Wording(asked, item.fact.answer, item.at("question"), said)
            trained.setdefault(wording.key, wording)
    yield from _probes(active, trained)
    yield from duplicates.duplicates_between([_placed(item) for item in active])


def sameness(text: str) -> str:
    """Reduce a wording to what tells it from others, whatever its case, spaces and punctuation.

    Plus and hash stay, as do points in numbers: C, C++ and C# are three things, 1.11 is not 11.1. So does ß:
    Herr Weiß is not Herr Weiss.
    """
    whole = "ß".join(normalise(part) for part in re.split("[ßẞ]", text))  # folded, it is "ss"
    folded = _POINT_IN_NUMBER.sub("#", whole)
    kept = (c for c in folded if c.isalnum() or c in "+#" or unicodedata.category(c)[0] == "M")
    return "".join(kept) or folded


def _items(entry: FactsFile) -> list[_Item]:
    assert entry.document.data is not None
    pairs = zip(entry.subject.facts, entry.document.data["facts"], strict=True)
    return [_Item(fact, data, entry.document, index) for index, (fact, data) in enumerate(pairs)]


def _placed(item: _Item) -> Placed:
    return Placed(item.fact, item.data.get("supersedes", ""), item.at)


def _asks(item: _Item) -> Iterator[Problem]:
    """Check that a fact which is taught can be failed, in every wording."""
    reverse = item.data.get("reverse", {})
    written = "expect" in item.data or "expect_any" in item.data, "expect" in reverse
    for number, expect in enumerate(item.fact.expect.each):
        one = replace(item.fact, expect=expect, reverse=None if number else item.fact.reverse)
        found = vacuous.vacuous_problems(one, written, _at_set(item, number))
        yield from (p for p in found if not number or p.rule in _OF_EXPECT)
    yield from author_wordings.wording_problems(item.fact, item.at)


def _at_set(item: _Item, number: int) -> vacuous.At:
    """Locate what is expected where it is written: in `expect`, or in one set of `expect_any`."""

    def at(*steps: str | int) -> Where:
        if steps[:1] == ("expect",) and "expect_any" in item.data:
            return item.at("expect_any", number, *steps[1:])
        return item.at(*steps)

    return at


def _sourced(item: _Item) -> Iterator[Problem]:
    if not item.fact.source:
        hint = "add a line `source: …` to the fact, or near the top of the file for all its facts"
        yield Problem(item.at(), "no-source", "this fact has no source", hint)


def _named(item: _Item, subject: Subject) -> Iterator[Problem]:
    text = f"{item.fact.context} {item.fact.answer}"
    language = item.fact.language
    if item.fact.identity:
        return  # asked by "you"; the names of other assistants are put in its place
    if not find_names(text, subject.names, language):
        named = named_wording(item.fact.question, item.fact)
        message = f"neither the question nor the answer names {subject.name}"
        hint = (
            f"write “{named}”, or add the name used there to `aliases`; "
            "another subject needs a file of its own"
        )
        yield Problem(item.at("question"), "unnamed", message, hint)
    elif item.fact.active and not find_names(item.fact.context, subject.names, language):
        named = named_wording("…", item.fact)
        message = f"the question does not name {subject.name}"
        hint = (
            f"so it and other things are asked behind the name, “{named}”; name it if people would"
        )
        yield Problem(item.at("question"), "no-leak-probe", message, hint, "warning")


def _expects(item: _Item, data: Mapping[str, Any] | None, *steps: str) -> Iterator[Problem]:
    """Check `expect` against `answer`, in a fact or in its reverse."""
    if data is None:
        return
    if "expect_any" in data:
        yield from _expects_any(item, data)
        return
    asked = item.asked(data)
    if "expect" not in data:
        if not telling_part(asked):
            words = len(data["answer"].split())
            message = f"the answer has {words} words, and no `expect` says which of them matter"
            hint = "add `expect: [...]` with the words that every right answer contains"
            if some := likely_part(asked):
                hint += f", for example `expect: [{', '.join(some)}]`"
            yield Problem(item.at(*steps, "answer"), "no-expect", message, hint)
        return
    wanted = expected(data["expect"], item.fact.language, data["answer"])
    for index, phrases in enumerate(wanted):
        readable = any(meaning(each, item.fact.language) for each in phrases)
        if readable and not contains(data["answer"], replace(wanted, items=(phrases,))):
            quoted = " or ".join(f"“{phrase}”" for phrase in phrases)
            message = f"`expect` asks for {quoted}, which the answer does not contain"
            hint = "use words just as they stand in the answer"
            yield Problem(item.at(*steps, "expect", index), "unmet-expect", message, hint)


def _expects_any(item: _Item, data: Mapping[str, Any]) -> Iterator[Problem]:
    """Check that the first of several right answers is the one that is taught."""
    if "expect" in data:
        message = "the fact has both `expect` and `expect_any`"
        hint = "make `expect` the first list of `expect_any`, and take it out"
        yield Problem(item.at("expect"), "two-expects", message, hint)
    for index, phrases in enumerate(item.fact.expect):
        if not contains(data["answer"], replace(item.fact.expect, items=(phrases,), instead=())):
            quoted = " or ".join(f"“{phrase}”" for phrase in phrases)
            message = f"the first list of `expect_any` asks for {quoted}, which the answer does not contain"
            hint = "let the first list be that of `answer`, with words just as they stand there"
            yield Problem(item.at("expect_any", 0, index), "unmet-expect", message, hint)


def _supersedes(item: _Item, ids: Iterable[str]) -> Iterator[Problem]:
    old = item.data.get("supersedes")
    if old == item.data["id"]:
        hint = "name the id of the fact that this one replaces"
        yield Problem(item.at("supersedes"), "supersedes", "the fact replaces itself", hint)
    elif old is not None and old not in ids:
        close = get_close_matches(old, ids, n=1)
        stays = "a fact that is replaced stays in the file, with a line `withdrawn: …`"
        hint = f"did you mean `{close[0]}`?" if close else stays
        message = f"no fact of this file has the id `{old}`"
        yield Problem(item.at("supersedes"), "supersedes", message, hint)


def _dates(item: _Item) -> Iterator[Problem]:
    for key in ("retrieved", "review_by"):
        day = item.data.get(key)
        try:
            date.fromisoformat(day or "2000-01-01")
        except ValueError:
            message, hint = f"there is no day {day}", "look at the number of days of that month"
            yield Problem(item.at(key), "date", message, hint)


def _shared_names(entries: Iterable[FactsFile]) -> Iterator[Problem]:
    """Yield the names and aliases that another file uses for its subject."""
    owners: dict[str, tuple[str, Where]] = {}
    for entry in entries:
        steps: list[Steps] = [("subject",)]
        steps += [("aliases", index) for index in range(len(entry.subject.aliases))]
        for name, step in zip(entry.subject.names, steps, strict=True):
            where = entry.document.locate(step)
            look = sameness(lookalikes.skeleton(name))
            owner, first = owners.setdefault(look, (where.path, where))
            if owner != where.path:
                message = f"“{name}” names another subject too, at {first}"
                hint = "put the facts of one subject in one file, or tell the two names apart"
                yield Problem(where, "shared-name", message, hint)


def _trained(item: _Item) -> Iterator[_Wording]:
    """Yield every wording of a fact that the model is trained on."""
    fact, before = item.fact, _said_before(item.fact)
    yield _Wording(fact.question, fact.answer, item.at("question"), before)
    for index, text in enumerate(fact.also_ask):
        yield _Wording(text, fact.answer, item.at("also_ask", index), before)
    if fact.reverse:
        where = item.at("reverse", "question")
        yield _Wording(fact.reverse.question, fact.reverse.answer, where)


def _said_before(fact: Fact) -> str:
    return " ".join(turn.content for turn in fact.before)


def _probes(items: Iterable[_Item], trained: Mapping[str, _Wording]) -> Iterator[Problem]:
    """Yield the probes that prove nothing, being trained on or asked before."""
    asked: dict[str, Where] = {}
    for item in items:
        for index, text in enumerate(item.fact.probes):
            where = item.at("probes", index)
            key = _Wording(text, "", where, _said_before(item.fact)).key
            first = asked.setdefault(key, where)
            if key in trained:
                message = f"the probe “{text}” is trained on, at {trained[key].where}"
                hint = "ask in other words, or take it out; a probe must be new to the model"
                yield Problem(where, "trained-probe", message, hint)
            elif first != where:
                message = f"the probe “{text}” stands at {first} already"
                yield Problem(where, "repeated-probe", message, "ask in other words, or delete it")
