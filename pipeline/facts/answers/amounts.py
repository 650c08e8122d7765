"""Puts numbers together with their units, and two of them into a range."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pipeline.facts.answers.numerals import SHORT_SCALES
from pipeline.facts.answers.reading import Token, merge_tokens
from pipeline.facts.answers.units import WORDS, Unit, find_unit
from pipeline.facts.answers.values import Amount, Clock, Range
from pipeline.facts.languages.language import Language

ORDINALS = frozenset(["st", "nd", "rd", "th", "er", "ère", "e", "º", "ª"])
_DASHES = frozenset({"-", " - ", "~", " ~ "})
HALF_DAYS = {"am": 0, "pm": 12}
_HOURS = frozenset({"uhr", "oclock", "h", "heures"})


def join_amounts(tokens: Sequence[Token], language: Language) -> Iterator[Token]:
    """Put numbers and their units together, whichever comes first."""
    index = 0
    while index < len(tokens):
        token, taken = _amount(tokens, index, language)
        yield token
        index += taken


def _amount(tokens: Sequence[Token], index: int, language: Language) -> tuple[Token, int]:  # noqa: PLR0911  (a case a kind)
    token = tokens[index]
    soon = any(isinstance(each.value, Amount) for each in tokens[index + 1 : index + 1 + WORDS])
    unit, width = _unit_at(tokens, index, language) if soon and token.value is None else (None, 0)
    if unit and unit.before and index + width < len(tokens):
        number = tokens[index + width]
        if isinstance(number.value, Amount) and number.value.plain and number.joint in ("", " "):
            value, more = _small(tokens, index + width, number.value)
            return _priced(tokens[index : index + width + more], value, unit), width + more
    if isinstance(token.value, Amount) and token.value.plain and index + 1 < len(tokens):
        after = tokens[index + 1]
        if after.text in HALF_DAYS and after.joint in ("", " ") and token.value.number < 13:
            past = token.value.written.partition(".")[2]  # 9.30 is half past nine
            hour = int(token.value.number) % 12 + HALF_DAYS[after.text]
            minutes = 60 * hour + (int(past) if len(past) == 2 else 0)
            return merge_tokens(tokens[index : index + 2], Clock(minutes), f"{minutes}min"), 2
        if (
            after.text in _HOURS
            and after.joint == " "
            and token.value.number <= 24
            and after.text != "h"
        ):
            minutes = int(60 * token.value.number)
            return merge_tokens(
                tokens[index : index + 2], Clock(minutes, minutes <= 720), f"{minutes}min"
            ), 2
        if after.text in ORDINALS and after.joint == "":
            return merge_tokens(tokens[index : index + 2], token.value, token.text), 2
        unit, width = _unit_at(tokens, index + 1, language)
        if unit and after.joint in ("", " ", "-", ". "):
            return _priced(tokens[index : index + 1 + width], token.value, unit), 1 + width
    if (
        isinstance(token.value, Clock)
        and index + 1 < len(tokens)
        and tokens[index + 1].text in HALF_DAYS
    ):
        minutes = token.value.minutes % 720 + 60 * HALF_DAYS[tokens[index + 1].text]
        return merge_tokens(tokens[index : index + 2], Clock(minutes), f"{minutes}min"), 2
    return token, 1


def _small(tokens: Sequence[Token], index: int, amount: Amount) -> tuple[Amount, int]:
    """Read a letter of scale behind a price: "$5m", "€2B"."""
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    if after and after.joint == "" and after.raw in SHORT_SCALES:
        number = amount.number * SHORT_SCALES[after.raw]
        return Amount(number, format(number, "f")), 2
    return amount, 1


def _priced(parts: Sequence[Token], amount: Amount, unit: Unit) -> Token:
    base = amount.number * unit.factor
    text = f"{format(base.normalize(), 'f')}{unit.dimension}"
    return merge_tokens(parts, replace(amount, unit=unit), text)


def _unit_at(tokens: Sequence[Token], index: int, language: Language) -> tuple[Unit | None, int]:
    """Find the longest unit that begins at a token, and how many tokens it takes."""
    for width in range(min(WORDS, len(tokens) - index), 0, -1):
        parts = tokens[index : index + width]
        if any(part.value is not None for part in parts):
            continue
        if any(part.joint not in ("", " ", "/") for part in parts[1:]):
            continue
        raw = "".join([parts[0].raw, *(part.joint + part.raw for part in parts[1:])])
        if unit := find_unit(raw, language.code):
            return unit, width
    return None, 0


def join_ranges(tokens: Sequence[Token], language: Language) -> Iterator[Token]:
    """Put two amounts with a dash or a word such as "to" between them into a range."""
    index = 0
    while index < len(tokens):
        low = tokens[index]
        for step in (1, 2):
            high = tokens[index + step] if index + step < len(tokens) else None
            after = tokens[index + step + 1] if index + step + 1 < len(tokens) else None
            if after and after.joint == "-" and after.value is not None:
                continue  # 7070-7074-9 is the name of something
            if high and _spans(low, tokens[index + 1 : index + step + 1], language):
                assert isinstance(low.value, Amount)
                assert isinstance(high.value, Amount)
                parts = tokens[index : index + step + 1]
                yield merge_tokens(parts, Range(low.value, high.value), f"{low.text}-{high.text}")
                index += step
                break
        else:
            yield low
        index += 1


def _spans(low: Token, rest: Sequence[Token], language: Language) -> bool:
    high = rest[-1]
    if not (isinstance(low.value, Amount) and isinstance(high.value, Amount)):
        return False
    if len(rest) == 1:
        return high.joint in _DASHES
    words = {rest[0].text, rest[0].raw.casefold()}
    return not words.isdisjoint(language.answers.to) and high.joint in ("", " ")
