"""Puts the tokens of numbers, amounts, ranges and times together; `dates` does the same for days.

Tokens go in, fewer come out: "5", "million", "euros" become one that is worth it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from pipeline.facts.answers.amounts import HALF_DAYS, ORDINALS, join_amounts, join_ranges
from pipeline.facts.answers.compound import join_compounds
from pipeline.facts.answers.dates import day_from_digits, join_dates
from pipeline.facts.answers.glued_numbers import CJK_SCALES, is_spaceless, split_glued
from pipeline.facts.answers.numerals import (
    SHORT_SCALES,
    combine_values,
    number_from_digits,
    word_values,
)
from pipeline.facts.answers.reading import Token, merge_tokens
from pipeline.facts.answers.units import find_unit
from pipeline.facts.answers.values import Amount, Clock, Version
from pipeline.facts.languages.language import Language

_MINUS = frozenset({"minus", "moins", "menos", "meno", "минус", "eksi", "min"})


def assemble_values(tokens: Sequence[Token], language: Language) -> Iterator[Token]:
    """Give the tokens with all that belongs to one value put together."""
    read = [_digits(token, tokens, index, language) for index, token in enumerate(tokens)]
    pairs = zip([None, *read], read, strict=False)
    split = [part for before, token in pairs for part in split_glued(token, before, language)]
    numbers = list(_number_words(split, language))
    dated = join_dates(numbers, language)
    whole = list(join_compounds(list(join_amounts(dated, language)), language))
    return join_ranges(whole, language)


def _digits(token: Token, tokens: Sequence[Token], index: int, language: Language) -> Token:  # noqa: PLR0911  (a case a kind)
    """Read a token of digits by itself; a part of a name ("HR-12", "MP3") stays a word."""
    if not token.raw[:1].isdigit():
        return token
    if ":" in token.raw:
        hour, minute = (int(part) for part in token.raw.split(":")[:2])
        return token._replace(value=Clock(60 * hour + minute, hour <= 12))
    if day := day_from_digits(token.raw, language):
        return token._replace(value=day)
    if _labels(tokens, index):
        return token
    number = number_from_digits(token.raw, language)
    if number is None:
        return token._replace(value=Version(token.raw))
    if _negative(token, tokens[index - 1] if index else None):
        number = -number
    text = format(number, "f")
    whole = number == number.to_integral_value() and "." not in text
    if len(token.raw) > 1 and token.raw[0] == "0" and token.raw.isdigit():
        return token._replace(value=Version(token.raw))  # a number of a thing, whose zeros count
    return token._replace(value=Amount(number, text), text=str(int(number)) if whole else text)


def _negative(token: Token, before: Token | None) -> bool:
    """Return whether a number stands behind a minus of its own: "-5", "minus 5", not "80-81"."""
    sign = token.joint.endswith("-") and (before is None or token.joint[:-1] != "")
    return sign or (before is not None and before.text in _MINUS and token.joint == " ")


def _labels(tokens: Sequence[Token], index: int) -> bool:
    """Return whether digits are part of a name, by the letters that they are written onto."""
    before = tokens[index - 1] if index else None
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    if before and before.raw[-1:].isalpha() and not is_spaceless(before.raw[-1]):
        if tokens[index].joint == "" and before.text != "v" and not _money(before.raw):
            return True
        if tokens[index].joint == "-" and before.raw.isupper():
            return True
    if not after or after.joint != "" or not after.raw[:1].isalpha() or is_spaceless(after.raw[0]):
        return False
    short = after.text in ORDINALS or after.raw in SHORT_SCALES or after.text in HALF_DAYS
    return not short and find_unit(after.raw, "") is None


def _money(raw: str) -> bool:
    unit = find_unit(raw, "")
    return unit is not None and unit.before


def _number_words(tokens: Sequence[Token], language: Language) -> Iterator[Token]:
    """Put runs of number words together: "two hundred and fifty", with digits before a scale, too."""
    index = 0
    while index < len(tokens):
        token = tokens[index]
        amount = isinstance(token.value, Amount)
        if not amount and not _word_values(token, language, inside=False):
            yield token
            index += 1
            continue
        length, number = _longest(tokens[index:], language)
        if number is None:
            yield tokens[index]
            index += 1
            continue
        parts = tokens[index : index + length]
        yield merge_tokens(parts, Amount(number, format(number, "f")), format(number, "f"))
        index += length


def _longest(tokens: Sequence[Token], language: Language) -> tuple[int, Decimal | None]:
    """Read the longest number that begins the tokens; a lone word of grammar ("ein", "un") is none."""
    first = tokens[0]
    if isinstance(first.value, Amount):
        return _scaled(tokens, first.value, language)
    if first.value is not None or _is_name(first, tokens, language):
        return 0, None
    values: list[int] = []
    best: tuple[int, Decimal | None] = (0, None)
    for length, token in enumerate(tokens, start=1):
        own = _word_values(token, language, inside=bool(values))
        joins = values and token.text in language.answers.both and token.joint in (" ", "-", "")
        if (
            token.value is not None
            or not (own or joins)
            or (
                (values and token.joint not in (" ", "-", ""))
                and not (values[-1] >= 1000 and token.joint == ", ")
            )
        ):
            break
        values += own
        total = combine_values(values) if own else None
        if own and total is None:
            break
        if own and total is not None:
            best = length, Decimal(total)
    follows = len(tokens) > best[0] and find_unit(tokens[best[0]].raw, language.code)
    if best[0] == 1 and tokens[0].stop and not follows:
        return 0, None
    return best


def _is_name(token: Token, tokens: Sequence[Token], language: Language) -> bool:
    """Return whether a number word is part of a name: "in Seven Oaks"; never at the start of a line."""
    if token.start == 0 or token.joint != " " or language.code == "de":
        return False
    after = tokens[1] if len(tokens) > 1 else None
    return bool(token.capital and after and after.capital and after.joint == " " and len(after.text) > 1
                and after.value is None and not token.raw.isupper())  # fmt: skip


def _word_values(token: Token, language: Language, *, inside: bool) -> tuple[int, ...]:
    for word in (token.raw.casefold(), token.text):
        if values := word_values(word, language):
            return values
    if is_spaceless(token.raw[:1]) and (found := _thai(token.raw, language)):
        return found
    prefixed = (
        inside and token.raw.startswith("و") and len(token.raw) > 2
    )  # Arabic writes "and" onto a word
    return word_values(token.raw[1:], language) if prefixed else ()


def _thai(raw: str, language: Language) -> tuple[int, ...]:
    values: list[int] = []
    words = sorted(language.number_words, key=len, reverse=True)
    while raw:
        word = next((each for each in words if raw.startswith(each)), None)
        if word is None or not "\u0e00" <= word[0] <= "\u0eff":
            return ()
        values.append(language.number_words[word])
        raw = raw[len(word) :]
    out: list[int] = []
    for value in values:  # Thai has words for ten thousand and hundred thousand
        if 10 <= value < 10**6 and out and out[-1] < 10:
            out[-1] *= value
        else:
            out.append(value)
    whole = [sum(out)] if all(each < 10**6 for each in out) else out
    return tuple(whole) if whole and (whole[0] < 1000 or len(whole) == 1) else ()


def _scaled(
    tokens: Sequence[Token], amount: Amount, language: Language
) -> tuple[int, Decimal | None]:
    """Multiply digits by the scale words behind them: "5 million", "3万", "2.5 Mio."."""
    number, length = amount.number, 1
    while length < len(tokens) and tokens[length].joint in ("", " ", "-", ". "):
        scale = _scale(tokens[length], language)
        if not scale:
            break
        number, length = number * scale, length + 1
    if length > 1 and length < len(tokens) and tokens[length - 1].raw in CJK_SCALES:
        rest = tokens[length].value
        if isinstance(rest, Amount) and tokens[length].joint == "" and rest.number < 10_000:
            number, length = number + rest.number, length + 1  # 1万2500
    return (length, number) if length > 1 else (0, None)


def _scale(token: Token, language: Language) -> int:
    values = word_values(token.text, language) or word_values(token.raw.casefold(), language)
    own = (
        SHORT_SCALES.get(token.raw, 0)
        if token.raw not in ("m", "M", "B", "K", "k") or token.joint == ""
        else 0
    )
    if own and token.raw in ("m", "B"):
        own = 0
    return (
        own
        or CJK_SCALES.get(token.raw, 0)
        or (values[0] if len(values) == 1 and values[0] >= 100 else 0)
    )
