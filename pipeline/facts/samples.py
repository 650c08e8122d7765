"""Writes sample answers to a fact, right ones and wrong ones; each is really judged by `matching`.

`facts check --explain` shows them, so that an author sees what will be taken and what will not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from pipeline.facts.answers.phrases import compile_phrase
from pipeline.facts.answers.values import Amount, Clock, Day, Range
from pipeline.facts.fact import Expect, Fact
from pipeline.facts.languages.language import AnswerWords, load_language
from pipeline.facts.matching import contains


def accepted_answers(fact: Fact, count: int) -> tuple[str, ...]:
    """Give at most so many different answers that are right."""
    own = (text for text in _right(fact) if text and contains(text, fact.expect))
    return tuple(islice(dict.fromkeys(own), count))


def refused_answers(fact: Fact, count: int, others: Sequence[str] = ()) -> tuple[str, ...]:
    """Give at most so many different answers that are wrong; `others` are right for something else."""
    own = (text for text in _wrong(fact, others) if text and not contains(text, fact.expect))
    return tuple(islice(dict.fromkeys(own), count))


def _right(fact: Fact) -> Iterator[str]:
    firsts = [item[0] for item in fact.expect]
    yield _sentence(", ".join(reversed(firsts)))
    for item in fact.expect:
        for other in _respelled(item[-1], fact.expect):
            yield _sentence(", ".join(other if each == item[0] else each for each in firsts))
    yield _words(fact).guess.format(", ".join(firsts))
    for item in fact.expect:
        yield from (_sentence(each) for each in item[1:])
    yield f"“{', '.join(firsts)}”"
    yield fact.answer
    yield ", ".join(firsts).upper()


def _wrong(fact: Fact, others: Sequence[str]) -> Iterator[str]:
    firsts = [item[0] for item in fact.expect]
    for place in range(len(firsts) if len(firsts) > 1 else 0):
        yield _sentence(", ".join([*firsts[:place], *firsts[place + 1 :]]))
        break
    for place, first in enumerate(firsts):
        for other in _changed(first, fact.expect):
            yield _sentence(", ".join([*firsts[:place], other, *firsts[place + 1 :]]))
    yield _words(fact).not_so.format(", ".join(firsts))
    yield from others
    yield from (f"{word}." for word in _words(fact).yes_no)
    for first in firsts:
        yield from (part for part in first.split() if len(part) > 1)
    yield fact.question


def _words(fact: Fact) -> AnswerWords:
    return load_language(fact.expect.language).answers


def _sentence(text: str) -> str:
    """End a text with a full stop, as a sentence or a bare answer ends."""
    return text if text.endswith((".", "!", "?", "。")) else f"{text}."


def _respelled(phrase: str, expect: Expect) -> Iterator[str]:
    """Write a value in another way."""
    value = compile_phrase(phrase, expect.language).value
    if isinstance(value, Amount):
        number = format(value.number.normalize(), "f")
        yield f"{number} {value.unit.name}" if value.unit else number
    if isinstance(value, Day) and value.day:
        yield f"{value.year:04}-{value.month:02}-{value.day:02}" if value.year else ""
    if isinstance(value, Range):
        yield f"{value.low.written} - {value.high.written}"
    if isinstance(value, Clock):
        yield f"{value.minutes // 60:02}:{value.minutes % 60:02}"


def _changed(phrase: str, expect: Expect) -> Iterator[str]:
    """Write a value that is almost the one that is right."""
    value = compile_phrase(phrase, expect.language).value
    if isinstance(value, Amount):
        other = replace(value, number=value.number + 1)
        yield f"{format(other.number, 'f')} {value.unit.name if value.unit else ''}".strip()
    if isinstance(value, Range):
        yield value.low.written
    if isinstance(value, Day):
        yield from (
            each
            for each in (
                str(value.year + 1),
                f"{value.year + 1}-{value.month or 1:02}-{value.day or 1:02}",
            )
        )
