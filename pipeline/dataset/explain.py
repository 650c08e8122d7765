"""Tells for each fact what must be said, what counts as a leak, and what it will be asked.

Facts go in, text comes out; `facts check --explain` prints it. No model is needed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from pipeline.core.config import DatasetSettings
from pipeline.core.number_words import count
from pipeline.dataset.build import build
from pipeline.dataset.records import Dataset
from pipeline.facts.answers.phrases import Phrase, compile_phrase
from pipeline.facts.answers.values import Amount, Clock, Day, Range, Version
from pipeline.facts.fact import Expect, Fact, Subject, taught
from pipeline.facts.matching import by_chance
from pipeline.facts.rivals import competing_facts
from pipeline.facts.samples import accepted_answers, refused_answers

SAMPLES = 3
SHOWN = 2
"""Prompts shown of each sort."""
_ROLES = {
    "fact": "wordings", "noise": "wordings with noise", "reverse": "from the other side", "yes": "to confirm",
    "no": "to confirm of another thing", "negation": "negated", "retired": "withdrawn",
    "neighbour": "about other things of the kind", "near name": "about names almost the same",
}  # fmt: skip


_KINDS = {
    "verbatim": "to the letter",
    "digits": "its digits, grouped in any way",
    "yes or no": "or an answer that begins like it",
    "denial": "denied in these words or others, or no",
    "at least": "the number, and that more is right",
}
_VALUES: dict[type, str] = {
    Amount: "the amount, by value and unit",
    Day: "the date, in any form",
    Clock: "the time, in any form",
    Range: "the range, both ends",
    Version: "the digits as they stand",
}


def explain(subjects: Sequence[Subject], settings: DatasetSettings, seed: int) -> str:
    """Write a paragraph for each fact that is taught; empty where none is."""
    if not any(True for _ in taught(subjects)):
        return ""
    made = build(subjects, settings, seed)
    beside = competing_facts(subjects, {})
    answers = {fact.id: fact.answer for fact in made.facts}
    told = []
    for fact in made.facts:
        others = [answers[name] for name, _ in beside.get(fact.id, ()) if name in answers]
        told.append("\n".join(_lines(fact, made, others)))
    return "\n\n".join(told)


def _lines(fact: Fact, made: Dataset, others: Sequence[str]) -> Iterator[str]:
    yield f"{fact.id} ({fact.where})"
    yield f"  asks      {fact.question}"
    yield f"  language  {fact.language or 'none that is known'}"
    for index, item in enumerate(fact.expect):
        ways = " or ".join(_way(compile_phrase(each, fact.expect.language)) for each in item)
        yield f"  {'must say' if index == 0 else 'and':<9} {ways}"
    if fact.expect.denial:
        yield "            the answer denies something, so a denial beside it is no mistake"
    yield f"  leak      {_leak(fact.expect)}"
    yield from _asked(
        "contrasts", [(e.role, e.prompt) for e in made.examples if e.fact == fact.id and e.held]
    )
    own = [p for p in made.probes if p.fact == fact.id]
    leaks = [(p.role, p.prompt) for p in own if p.role in {"neighbour", "near name", "no"}]
    yield from _asked(
        "probes",
        [(p.role, p.prompt) for p in own if p.role not in {"neighbour", "near name", "no"}],
    )
    yield from _asked("for leaks", leaks)
    yield from (f"  right     {_line(text)}" for text in accepted_answers(fact, SAMPLES))
    yield from (f"  wrong     {_line(text)}" for text in refused_answers(fact, SAMPLES, others))


def _asked(what: str, rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Tell how many prompts of each role there are, and show a few."""
    if not rows:
        yield f"  {what:<9} none"
        return
    many = Counter(_ROLES.get(role, role) for role, _ in rows)
    yield f"  {what:<9} " + ", ".join(f"{number} {name}" for name, number in many.items())
    yield from (f"            {_line(prompt)}" for _, prompt in rows[:SHOWN])


def _leak(expect: Expect) -> str:
    if by_chance(expect):
        return (
            "only on this fact's own question asked about other things: alone it is said by chance"
        )
    several = f"all {count(len(expect), 'part')} of it" if len(expect) > 1 else "it"
    return f"an answer about anything else that says {several}, where base and question do not"


def _way(phrase: Phrase) -> str:
    """Tell in words how a phrase is looked for."""
    return f"“{_line(phrase.text)}” ({_kind(phrase)})"


def _kind(phrase: Phrase) -> str:
    if phrase.kind in _KINDS:
        return _KINDS[phrase.kind]
    if isinstance(phrase.value, Amount) and phrase.value.plain:
        return "the number, in digits or words"
    if phrase.value is not None:
        return _VALUES[type(phrase.value)]
    if any(word.capital for word in phrase.words):
        return "the name, without titles, in any case"
    return "the words, in any form"


def _line(text: str) -> str:
    """Put a text of several lines on one."""
    return " ⏎ ".join(text.splitlines())
