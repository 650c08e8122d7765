"""Looks for one phrase in an answer: by value, to the letter, by polarity or word by word.

`compile_phrase` says what kind a phrase is, and keeps it; `says` looks for it in a `Reading`. `matching` puts
phrases together to what has to be said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from pipeline.facts import polarity, word_search
from pipeline.facts.language import Language, load_language
from pipeline.facts.reading import Reading, Token, read_answer
from pipeline.facts.values import Amount, Day, Range, Value, same_value, wanted_keys
from pipeline.facts.verbatim import find_verbatim, is_verbatim
from pipeline.facts.word_search import find_words, is_left_out, same_word

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
    need: str = ""
    keys: frozenset[object] = frozenset()
    """What the values of a text that says it are known by: one of these at least; empty for anything."""


@lru_cache(maxsize=1 << 15)
def compile_phrase(text: str, code: str) -> Phrase:
    """Tell what kind of phrase a text is, in the language of a code."""
    language = load_language(code)
    if is_verbatim(text):
        return Phrase(text, language, "verbatim", (), need=_need_of_text(text, language))
    if digits := _digits_alone(text, code):
        return Phrase(text, language, "digits", (), need=digits[:4])
    if sign := polarity.only_polarity(text, language):
        return Phrase(text, language, "yes or no", (), sign=sign)
    tokens = read_answer(text, code).tokens
    words = tuple(token for token in tokens if not is_left_out(token, tokens)) or tokens
    bound = len(words) > 1 and words[0].raw == ">=" and words[1].value is not None
    if len(words) == 1 and words[0].value is not None:
        value = words[0].value
        return Phrase(text, language, "value", words, value, keys=wanted_keys(value))
    if bound and len(words) == 2:
        return Phrase(text, language, "at least", words, words[1].value)
    if _denies(text, tokens, language):
        return Phrase(text, language, "denial", words)
    return Phrase(text, language, "words", words, need=word_search.needed(words, language))


def says(phrase: Phrase, reading: Reading, *, strict: bool = True, bare: bool = True) -> bool:
    """Whether a text says a phrase.

    With `strict`, a denial beside it counts against it; with `bare`, "No." or "40" alone may say what is right
    only as the answer to the question that was asked.
    """
    match phrase.kind:
        case "verbatim":
            return _says_verbatim(phrase, reading, strict)
        case "digits":
            return _says_digits(phrase, reading)
        case "yes or no":
            return bare and polarity.begins(reading.text, phrase.language) == phrase.sign
        case "denial":
            return _says_denial(phrase, reading, bare)
        case "value" | "at least":
            return _says_value(phrase, reading, strict, bare)
        case _:
            said = "".join(word.raw for word in phrase.words)
            return any(
                not strict or not polarity.is_denied(reading, *span, said)
                for span in find_words(phrase.words, reading)
            )


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


@lru_cache(maxsize=1 << 10)
def _digits_pattern(text: str) -> re.Pattern[str]:
    digits = [char for char in text if char.isdecimal()]
    apart = r"[\s()./_-]*"
    return re.compile(rf"(?<!\d)(?<!\d[ ./-]){apart.join(digits)}(?![\s./-]?\d)")


def _says_digits(phrase: Phrase, reading: Reading) -> bool:
    return _digits_pattern(phrase.text).search(reading.text) is not None


def _need_of_text(text: str, language: Language) -> str:
    runs = "".join(char if char.isalnum() else " " for char in text).split()
    return Reading(max(runs, key=len), language).flat if runs else ""


def _says_verbatim(phrase: Phrase, reading: Reading, strict: bool) -> bool:
    place = find_verbatim(phrase.text, reading.text)
    if place < 0:
        return False
    if not strict:
        return True
    before = read_answer(reading.text[:place] + " x", reading.language.code)
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
    """Whether an answer is nothing but the number, so that its unit was in the question."""
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
    """Whether a date or a range is said in two places: "on 3 May … of 2021", "between 5 and 10"."""
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


def _says_denial(phrase: Phrase, reading: Reading, bare: bool) -> bool:
    """Whether a text denies what the phrase denies: with No in front, or in a clause of its own."""
    spans = denied_spans(phrase, reading)
    if any(denied for _, denied in spans):
        return True
    if spans and polarity.begins(reading.text, phrase.language) < 0:
        # "No, it does support Windows" does not deny; "No Windows" does.
        tokens = reading.tokens
        return any(tokens[first].clause == tokens[0].clause for first, _ in spans)
    if spans or not bare:
        return False
    return polarity.begins(reading.text, phrase.language) < 0 or _only_denies(phrase, reading)


def denied_spans(phrase: Phrase, reading: Reading) -> list[tuple[int, bool]]:
    """Give where what a phrase denies stands in a text, and whether it is denied there."""
    if reading.language.spaceless and not any(word.raw[:1].isascii() for word in phrase.words):
        return _spaceless_spans(phrase, reading)
    inside = set(polarity.denials(reading))
    return [
        (first, polarity.is_denied(reading, first, end) or not inside.isdisjoint(range(first, end)))
        for first, end in _spans_of_all(_keys(phrase), reading)
    ]


def _spaceless_spans(phrase: Phrase, reading: Reading) -> list[tuple[int, bool]]:
    key = _spaceless_key(phrase)
    found = []
    for index, token in enumerate(reading.tokens):
        if key and key in token.raw:
            text = polarity.clause_text(reading, index, index + 1)
            found.append((index, polarity.text_denies(text, reading.language)))
    return found


def _spaceless_key(phrase: Phrase) -> str:
    """Give what is denied in a script without spaces: the object, behind a verb of two letters or before it."""
    text = phrase.text
    for word in sorted(phrase.language.answers.deny, key=len, reverse=True):
        text = text.replace(word, "")
    if phrase.language.code == "ja":
        runs = re.findall(r"[^\u3041-\u309f\s。、]+", text)
        return max(runs, key=len, default="")
    return text[2:] if len(text) >= 4 and phrase.language.code == "zh" else text


def _only_denies(phrase: Phrase, reading: Reading) -> bool:
    """Whether an answer is a denial with no word that the phrase lacks: "It does not", "不支持"."""
    if reading.language.spaceless:
        text = reading.prepared.strip(" 。.!")
        if not polarity.text_denies(text, reading.language):
            return False
        for word in sorted(reading.language.answers.deny, key=len, reverse=True):
            text = text.replace(word, "")
        return bool(text) and text in phrase.text
    if not any(True for _ in polarity.denials(reading)):
        return False
    return all(
        token.stop or polarity.denies(token, reading.language)
        or any(same_word(word, token, reading.language) for word in phrase.words)
        for token in reading.tokens
    )  # fmt: skip


def _keys(phrase: Phrase) -> tuple[Token, ...]:
    """Give the words that tell what is denied: names and numbers, else the last word."""
    core = [
        token for token in phrase.words
        if token.value is not None or (not polarity.denies(token, phrase.language) and not token.stop)
    ]  # fmt: skip
    strong = [
        token for token in core if token.value is not None or (token.capital and core.index(token))
    ]
    strong = strong or [token for token in core if token.capital]
    return tuple(strong or core[-1:])


def _spans_of_all(keys: Sequence[Token], reading: Reading) -> Iterator[tuple[int, int]]:
    """Yield the spans in which all keys stand, sentence by sentence."""
    found = [list(find_words((key,), reading)) for key in keys]
    if not found or not all(found):
        return
    for first, _ in found[0]:
        sentence = reading.tokens[first].sentence
        same = [
            next((s for s in spans if reading.tokens[s[0]].sentence == sentence), None)
            for spans in found
        ]
        if all(same):
            yield min(s[0] for s in same if s), max(s[1] for s in same if s)
