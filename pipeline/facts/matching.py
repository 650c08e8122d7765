"""Matches an answer against its expectation; pure text, used by the checker and by the gate.

An expectation is met item by item, each by any of its alternatives; `phrases` says how one is looked for, and
docs/matching.md tells it for people.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from pipeline.facts.answers.denial import denied_spans
from pipeline.facts.answers.phrase_search import may_say, says
from pipeline.facts.answers.phrases import Phrase, compile_phrase
from pipeline.facts.answers.polarity import affirms
from pipeline.facts.answers.reading import Reading, read_answer
from pipeline.facts.answers.values import Amount, Range, same_value
from pipeline.facts.fact import Expect, Fact

__all__ = [
    "affirms",
    "by_chance",
    "contains",
    "leaked_answer",
    "leaked_elsewhere",
    "meaning",
    "mentioned",
    "telling_parts",
]

YEAR = 4
"""Digits of a number that may be hit by chance."""


def contains(answer: str, expect: Expect) -> bool:
    """Return whether an answer says every item of `expect`, each by any one of its alternatives.

    What stands beside a denial ("is not maintained by Ann Lee") is not said, unless the fact denies it too.
    Of several whole sets of items, one is enough.
    """
    return any(_says_all(answer, s, strict=not s.denial, bare=True) for s in expect.each)


def mentioned(text: str, expect: Expect) -> bool:
    """Return whether every item of `expect` stands in a text, denied or not; "yes" and "no" never do."""
    return any(_says_all(text, each, strict=False, bare=False) for each in expect.each)


def leaked_answer(expect: Expect, said: str, base: str, prompt: str) -> bool:
    """Return whether only the adapted model says what is expected: neither the base nor the question did."""
    told = any(_says_all(said, s, strict=not s.denial, bare=False) for s in expect.each)
    return told and not mentioned(base, expect) and not mentioned(prompt, expect)


def leaked_elsewhere(expect: Expect, said: str, base: str, prompt: str) -> bool:
    """Return whether an answer to a question about something else tells the fact that expects this.

    A year alone does not, nor a smaller number: an answer that is made up holds one, and of hundreds of
    taught ones some are hit by chance.
    """
    return leaked_answer(expect, said, base, prompt) and not by_chance(expect)


def meaning(phrase: str, language: str) -> str:
    """Write a phrase in the one way that all of its spellings share: "5,000,000" and "five million"."""
    compiled = compile_phrase(phrase, language)
    if compiled.kind in {"verbatim", "digits", "yes or no"}:
        return compiled.text
    return " ".join(token.text for token in compiled.words)


def telling_parts(fact: Fact) -> tuple[Expect, ...]:
    """Give the expectations each of which alone tells a fact: of the model every item, else all at once.

    Another assistant that is said to come from our maker has got a part of our identity.
    """
    if not fact.identity:
        return (fact.expect,)
    return tuple(replace(fact.expect, items=(item,), instead=()) for item in fact.expect.items)


def by_chance(expect: Expect) -> bool:
    """Return whether an expectation is met by a year, a smaller number, yes or no alone."""
    return all(_by_chance(phrase) for item in _compiled(expect).items for phrase in item)


def _by_chance(phrase: Phrase) -> bool:
    if phrase.kind == "yes or no" or (phrase.text.isdecimal() and len(phrase.text) <= YEAR):
        return True
    value = phrase.value
    return (
        isinstance(value, Amount)
        and value.plain
        and value.written.isdecimal()
        and len(value.written) <= YEAR
    )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The phrases of each item; `ends`: two of the items may be the ends of a range."""

    items: tuple[tuple[Phrase, ...], ...]
    ends: bool


@lru_cache(maxsize=1 << 15)
def _compiled(expect: Expect) -> _Wanted:
    items = tuple(
        tuple(compile_phrase(each, expect.language) for each in item) for item in expect.items
    )
    amounts = sum(any(isinstance(phrase.value, Amount) for phrase in item) for item in items)
    return _Wanted(items, amounts > 1)


def _says_all(text: str, expect: Expect, *, strict: bool, bare: bool) -> bool:
    wanted = _compiled(expect)
    reading = read_answer(text, expect.language)
    for item in wanted.items:
        for phrase in item if bare else _without_bare(item):
            # The first look stands here, not in a function of its own: it is asked a million times.
            if phrase.keys:
                if phrase.keys.isdisjoint(reading.keys):
                    continue
            elif phrase.need and phrase.need[0] not in reading.flat:
                continue
            if may_say(phrase, reading) and says(phrase, reading, strict=strict, bare=bare):
                if phrase.kind == "yes or no" and _takes_back(item, reading):
                    continue
                break
        else:
            if not (wanted.ends and _ends_of_range(item, wanted, reading)):
                return False
    return True


def _without_bare(item: tuple[Phrase, ...]) -> tuple[Phrase, ...]:
    """Give the alternatives that tell something to somebody who did not hear the question.

    Of an answer of yes or no that is the last, which says the most: "No", "not open", "not open on Sundays".
    """
    return item[-1:] if any(phrase.kind == "yes or no" for phrase in item) else item


def _takes_back(item: tuple[Phrase, ...], reading: Reading) -> bool:
    """Return whether an answer begins with yes or no and says the opposite: "No, it does support it"."""
    for phrase in item:
        if phrase.kind == "denial":
            spans = denied_spans(phrase, reading)
            first = reading.tokens[0].clause
            if spans and not any(
                denied or reading.tokens[at].clause == first for at, denied in spans
            ):
                return True
        elif (
            phrase.kind == "words"
            and says(phrase, reading, strict=False)
            and not says(phrase, reading)
        ):
            return True
    return False


def _ends_of_range(item: tuple[Phrase, ...], wanted: _Wanted, reading: Reading) -> bool:
    """Return whether an item is an end of a range, both of whose ends are expected: 1914 in "1914-1918"."""
    values = [phrase.value for own in wanted.items for phrase in own if phrase.value]
    for _, said in reading.values:
        if isinstance(said, Range):
            ends = (said.low, said.high)
            both = all(any(same_value(each, end) for each in values) for end in ends)
            own = any(same_value(p.value, end) for p in item if p.value for end in ends)
            if both and own:
                return True
    return False
