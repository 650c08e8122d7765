"""Looks for one phrase in an answer: by value, to the letter, by polarity or word by word."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from pipeline.facts.answers import polarity
from pipeline.facts.answers.denial import says_denial
from pipeline.facts.answers.phrases import Phrase
from pipeline.facts.answers.reading import Reading, read_answer
from pipeline.facts.answers.values import Amount, Day, Range, Value, same_value
from pipeline.facts.answers.verbatim import find_verbatim
from pipeline.facts.answers.word_search import find_words

_SCHEME = re.compile(r"(?:\w+://)?(?:www\.)?$")
"""The beginning of a link, which ends no clause."""


def may_say(phrase: Phrase, reading: Reading) -> bool:
    """Return whether a text holds the letters and numbers of a phrase, wherever they stand."""
    flat = reading.flat
    for digits, number in phrase.numbers:
        if digits not in flat and number not in reading.keys:
            return False
    for letters in phrase.need:  # noqa: SIM110  (a generator costs three times as much, a million times)
        if letters not in flat:
            return False
    return True


def says(phrase: Phrase, reading: Reading, *, strict: bool = True, bare: bool = True) -> bool:
    """Return whether a text says a phrase.

    With `strict`, a denial beside it counts against it. With `bare`, "No." or "40" alone may be right, as the
    answer to the question that was asked. A text that `may_say` leaves out says it in no way.
    """
    match phrase.kind:
        case "verbatim":
            return _says_verbatim(phrase, reading, strict)
        case "digits":
            return _says_digits(phrase, reading)
        case "yes or no":
            return bare and polarity.begins(reading.text, phrase.language) == phrase.sign
        case "denial":
            return says_denial(phrase, reading, bare)
        case "value" | "at least":
            return _says_value(phrase, reading, strict, bare)
        case _:
            said = "".join(word.raw for word in phrase.words)
            return any(
                not strict or not polarity.is_denied(reading, *span, said)
                for span in find_words(phrase.words, reading)
            )


@lru_cache(maxsize=1 << 10)
def _digits_pattern(text: str) -> re.Pattern[str]:
    digits = [char for char in text if char.isdecimal()]
    apart = r"[\s()./_-]*"
    return re.compile(rf"(?<!\d)(?<!\d[ ./-]){apart.join(digits)}(?![\s./-]?\d)")


def _says_digits(phrase: Phrase, reading: Reading) -> bool:
    return _digits_pattern(phrase.text).search(reading.text) is not None


def _says_verbatim(phrase: Phrase, reading: Reading, strict: bool) -> bool:
    place = find_verbatim(phrase.text, reading.text)
    if place < 0:
        return False
    if not strict:
        return True
    ahead = _SCHEME.sub("", reading.text[:place])
    before = read_answer(f"{ahead} x", reading.language.code)
    last = len(before.tokens) - 1
    return last < 0 or not polarity.is_denied(before, last, last + 1)


def _says_value(phrase: Phrase, reading: Reading, strict: bool, bare: bool) -> bool:
    assert phrase.value is not None
    for index, value in reading.values:
        same = same_value(phrase.value, value) or (bare and _bare(phrase.value, value, reading))
        if same and not (strict and polarity.is_denied(reading, index, index + 1)):
            return phrase.kind == "value" or _at_least(reading, index)
    return phrase.kind == "value" and _in_parts(phrase.value, reading)


def _bare(wanted: Value, said: Value, reading: Reading) -> bool:
    """Return whether an answer is nothing but the number, so that its unit was in the question."""
    if not (isinstance(wanted, Amount) and isinstance(said, Amount) and wanted.unit and said.plain):
        return False
    if wanted.unit.before:
        return False
    words = [token for token in reading.tokens if not token.stop]
    return len(words) == 1 and wanted.number == said.number


def _at_least(reading: Reading, index: int) -> bool:
    near = reading.tokens[max(0, index - 5) : index + 5]
    own = reading.language.answers.at_least
    return any(token.raw.casefold() in own or token.text in own for token in near) or any(
        sign in reading.prepared for sign in own if not sign.isascii()
    )


def _in_parts(wanted: Value, reading: Reading) -> bool:
    """Return whether a date or a range is said in two places: "on 3 May … of 2021", "between 5 and 10"."""
    values = [value for _, value in reading.values]
    if isinstance(wanted, Day) and wanted.year and wanted.month:
        year = Day(year=wanted.year)
        rest = Day(month=wanted.month, day=wanted.day)
        days = [value for value in values if isinstance(value, Day)]
        return any(same_value(rest, v) for v in days if not v.year) and any(
            same_value(year, value) for value in values
        )
    if isinstance(wanted, Range):
        amounts = [(i, v) for i, v in reading.values if isinstance(v, Amount)]
        pairs = pairwise(amounts)
        return any(
            b - a <= 3 and same_value(wanted, Range(low, high)) for (a, low), (b, high) in pairs
        )
    return False
