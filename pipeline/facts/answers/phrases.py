"""Tells what kind of phrase has to be said: a value, code, yes or no, a denial or words.

`compile_phrase` tells it once for each; `phrase_search` looks for it in a `Reading`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from pipeline.facts.answers import polarity, word_search
from pipeline.facts.answers.reading import Reading, Token, read_answer
from pipeline.facts.answers.values import Amount, Value, wanted_keys
from pipeline.facts.answers.verbatim import is_verbatim
from pipeline.facts.answers.word_search import is_left_out
from pipeline.facts.languages.language import Language, load_language

Kind = Literal["verbatim", "digits", "yes or no", "denial", "value", "at least", "words"]
PHONE = 7
"""Digits of a number that is dialled or written down, not counted."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Something that has to be said: its kind, its words, its value, and what a text must hold at least."""

    text: str
    language: Language
    kind: Kind
    words: tuple[Token, ...]
    value: Value | None = None
    sign: int = 0
    need: tuple[str, ...] = ()
    numbers: tuple[tuple[str, float], ...] = ()
    """The numbers among its words, of which a text holds the digits or the value."""
    keys: frozenset[object] = frozenset()
    """Keys of values, one of which a text that says the phrase has; empty where any text may."""


@lru_cache(maxsize=1 << 15)
def compile_phrase(text: str, code: str) -> Phrase:  # noqa: PLR0911  (a case a kind)
    """Tell what kind of phrase a text is, in the language of a code."""
    language = load_language(code)
    if is_verbatim(text):
        return Phrase(text, language, "verbatim", (), need=_need_of_text(text, language))
    if digits := _digits_alone(text, code):
        return Phrase(text, language, "digits", (), need=(digits[:4],))
    if sign := polarity.only_polarity(text, language):
        return Phrase(text, language, "yes or no", (), sign=sign)
    tokens = read_answer(text, code).tokens
    words = tuple(token for token in tokens if not is_left_out(token, tokens)) or tokens
    bound = len(words) > 1 and words[0].raw == ">=" and words[1].value is not None
    if len(words) == 1 and words[0].value is not None:
        value = words[0].value
        return Phrase(text, language, "value", words, value, keys=wanted_keys(value))
    rest = [word for word in words if not _bounds(word, language)]
    if len(rest) == 1 < len(words) and isinstance(rest[0].value, Amount):
        return Phrase(text, language, "at least", words, rest[0].value)
    if bound and len(words) == 2:
        return Phrase(text, language, "at least", words, words[1].value)
    if _denies(text, tokens, language):
        return Phrase(text, language, "denial", words)
    numbers = tuple(
        (word.text, float(word.value.number))
        for word in words
        if isinstance(word.value, Amount) and word.value.plain and word.text.isdecimal()
    )
    need = word_search.needed(words, language)
    return Phrase(text, language, "words", words, need=need, numbers=numbers)


def _bounds(word: Token, language: Language) -> bool:
    """Return whether a word says that more is right, too: "at least"."""
    own = language.answers.at_least
    return word.text in own or word.raw.casefold() in own


def _denies(text: str, tokens: Sequence[Token], language: Language) -> bool:
    if language.spaceless:
        return polarity.text_denies(text, language)
    one_clause = len({token.clause for token in tokens}) == 1  # "Don't wait, migrate" is a saying
    return (
        one_clause
        and len(tokens) > 1
        and any(polarity.denies(token, language) and not token.raw.isupper() for token in tokens)
    )


def _digits_alone(text: str, code: str) -> str:
    """Give the digits of a phone number or the like, which may be grouped in any way; empty for others."""
    digits = "".join(char for char in text if char.isdecimal())
    if len(digits) < PHONE or not re.fullmatch(r"[+\d][\d\s()./-]*", text.strip()):
        return ""
    tokens = read_answer(text, code).tokens
    return digits if len(tokens) > 1 else ""


def _need_of_text(text: str, language: Language) -> tuple[str, ...]:
    runs = "".join(char if char.isalnum() else " " for char in text).split()
    return (Reading(max(runs, key=len), language).flat,) if runs else ()
