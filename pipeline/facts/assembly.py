"""Puts the tokens of numbers, amounts, ranges and times together; `dates` does the same for days.

Tokens go in, fewer come out: "5", "million", "euros" become one that is worth it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache

from pipeline.facts.dates import day_from_digits, join_dates
from pipeline.facts.language import Language
from pipeline.facts.numerals import (
    combine_values,
    number_from_digits,
    word_values,
)
from pipeline.facts.reading import Token
from pipeline.facts.units import WORDS, Unit, find_unit, glued_names
from pipeline.facts.values import Amount, Clock, Range, Value, Version

_ORDINALS = frozenset(["st", "nd", "rd", "th", "er", "ère", "e", "º", "ª"])
_SHORT = {"k": 10**3, "K": 10**3, "M": 10**6, "m": 10**6, "bn": 10**9, "B": 10**9, "mn": 10**6, "mio": 10**6,
          "Mio": 10**6, "Mrd": 10**9, "crore": 10**7, "crores": 10**7, "lakh": 10**5, "lakhs": 10**5}  # fmt: skip
"""Scales that are letters; "m" and "B" only behind a currency, being units otherwise."""
_CJK_SCALES = {"万": 10**4, "亿": 10**8, "億": 10**8, "千": 10**3, "百": 100, "ล้าน": 10**6, "แสน": 10**5,
               "หมื่น": 10**4, "พัน": 10**3}  # fmt: skip
_LEADING = ("百分之", "ร้อยละ")
"""Units that are written onto the word before them."""
_DASHES = frozenset({"-", " - ", "~", " ~ "})
_HALF_DAYS = {"am": 0, "pm": 12}
_HOURS = frozenset({"uhr", "oclock", "h", "heures"})


def assemble_values(tokens: Sequence[Token], language: Language) -> Iterator[Token]:
    """Give the tokens with all that belongs to one value put together."""
    read = [_digits(token, tokens, index, language) for index, token in enumerate(tokens)]
    pairs = zip([None, *read], read, strict=False)
    split = [part for before, token in pairs for part in _split_glued(token, before, language)]
    numbers = list(_number_words(split, language))
    dated = join_dates(numbers, language)
    return _ranges(list(_amounts(dated, language)), language)


def merged(parts: Sequence[Token], value: Value, text: str) -> Token:
    """Put tokens into one with a value; `text` is how it is compared beside words."""
    first, last = parts[0], parts[-1]
    raw = "".join([first.raw, *(part.joint + part.raw for part in parts[1:])])
    return replace(first, raw=raw, end=last.end, value=value, text=text, stop=False)


def _digits(token: Token, tokens: Sequence[Token], index: int, language: Language) -> Token:
    """Read a token of digits by itself; a part of a name ("HR-12", "MP3") stays a word."""
    if not token.raw[:1].isdigit():
        return token
    if ":" in token.raw:
        hour, minute = (int(part) for part in token.raw.split(":")[:2])
        return replace(token, value=Clock(60 * hour + minute, hour <= 12))
    if day := day_from_digits(token.raw, language):
        return replace(token, value=day)
    if _labels(tokens, index):
        return token
    number = number_from_digits(token.raw, language)
    if number is None:
        return replace(token, value=Version(token.raw))
    text = format(number, "f")
    whole = number == number.to_integral_value() and "." not in text
    if len(token.raw) > 1 and token.raw[0] == "0" and token.raw.isdigit():
        return replace(token, value=Version(token.raw))  # a number of a thing, whose zeros count
    return replace(token, value=Amount(number, text), text=str(int(number)) if whole else text)


def _labels(tokens: Sequence[Token], index: int) -> bool:
    """Whether digits are part of a name, by the letters that they are written onto."""
    before = tokens[index - 1] if index else None
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    if before and before.raw[-1:].isalpha() and not _spaceless(before.raw[-1]):
        if tokens[index].joint == "" and before.text != "v" and not _money(before.raw):
            return True
        if tokens[index].joint == "-" and before.raw.isupper():
            return True
    if not after or after.joint != "" or not after.raw[:1].isalpha() or _spaceless(after.raw[0]):
        return False
    short = after.text in _ORDINALS or after.raw in _SHORT or after.text in _HALF_DAYS
    return not short and find_unit(after.raw, "") is None


def _money(raw: str) -> bool:
    unit = find_unit(raw, "")
    return unit is not None and unit.before


def _spaceless(char: str) -> bool:
    return char >= "\u0e00" and not "\u1e00" <= char <= "\u2fff"


def _split_glued(token: Token, before: Token | None, language: Language) -> Iterator[Token]:
    """Cut scales and units off a word that is written onto a number, or before one, without a space."""
    if token.value is not None or not _spaceless(token.raw[:1] or "a"):
        yield token
        return
    place = 0
    if before is not None and before.raw[-1:].isdigit() and token.joint in ("", " "):
        for pattern in (_scales, _units):
            if found := pattern().match(token.raw, place):
                yield _piece(token, place, found.end())
                place = found.end()
    for found in (
        _thai_numbers(language).finditer(token.raw, place) if language.code == "th" else ()
    ):
        if found.start() > place:
            yield _piece(token, place, found.start())
        yield _piece(token, found.start(), found.end("number"))
        if found["unit"]:
            yield _piece(token, found.end("number"), found.end())
        place = found.end()
    end = len(token.raw)
    lead = next((n for n in _LEADING if token.raw.endswith(n) and end - len(n) > place), "")
    if lead:
        yield _piece(token, place, end - len(lead))
        place = end - len(lead)
    if place < end:
        yield _piece(token, place, end)


def _piece(token: Token, start: int, end: int) -> Token:
    raw = token.raw[start:end]
    text = token.text[start:end] if len(token.text) == len(token.raw) else raw
    joint = token.joint if start == 0 else ""
    return replace(
        token, raw=raw, text=text, joint=joint, start=token.start + start, end=token.start + end
    )


@cache
def _scales() -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(_CJK_SCALES, key=len, reverse=True))))


@cache
def _units() -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, (*glued_names(), "年", "月", "日", "号"))))


@cache
def _thai_numbers(language: Language) -> re.Pattern[str]:
    """Match a number of several words in a Thai text, or of one before a unit."""
    words = sorted((w for w in language.number_words if _spaceless(w[0])), key=len, reverse=True)
    run, units = ("|".join(map(re.escape, each)) for each in (words, glued_names()))
    return re.compile(rf"(?P<number>(?:{run}){{2,}}|(?:{run})(?={units}))(?P<unit>{units})?")


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
        yield merged(parts, Amount(number, format(number, "f")), format(number, "f"))
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
            or (values and token.joint not in (" ", "-", ""))
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
    """Whether a number word is part of a name: "in Seven Oaks"; at the start of a line nothing tells."""
    if token.start == 0 or token.joint != " " or language.code == "de":
        return False
    after = tokens[1] if len(tokens) > 1 else None
    return bool(token.capital and after and after.capital and after.joint == " " and len(after.text) > 1
                and after.value is None and not token.raw.isupper())  # fmt: skip


def _word_values(token: Token, language: Language, *, inside: bool) -> tuple[int, ...]:
    for word in (token.raw.casefold(), token.text):
        if values := word_values(word, language):
            return values
    if _spaceless(token.raw[:1]) and (found := _thai(token.raw, language)):
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
    return (length, number) if length > 1 else (0, None)


def _scale(token: Token, language: Language) -> int:
    values = word_values(token.text, language) or word_values(token.raw.casefold(), language)
    own = (
        _SHORT.get(token.raw, 0)
        if token.raw not in ("m", "M", "B", "K", "k") or token.joint == ""
        else 0
    )
    if own and token.raw in ("m", "B"):
        own = 0
    return (
        own
        or _CJK_SCALES.get(token.raw, 0)
        or (values[0] if len(values) == 1 and values[0] >= 100 else 0)
    )


def _amounts(tokens: Sequence[Token], language: Language) -> Iterator[Token]:
    """Put numbers and their units together, whichever comes first."""
    index = 0
    while index < len(tokens):
        token, taken = _amount(tokens, index, language)
        yield token
        index += taken


def _amount(tokens: Sequence[Token], index: int, language: Language) -> tuple[Token, int]:
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
        if after.text in _HALF_DAYS and after.joint in ("", " ") and token.value.number <= 12:
            minutes = 60 * (int(token.value.number) % 12 + _HALF_DAYS[after.text])
            return merged(tokens[index : index + 2], Clock(minutes), f"{minutes}min"), 2
        if (
            after.text in _HOURS
            and after.joint == " "
            and token.value.number <= 24
            and after.text != "h"
        ):
            minutes = int(60 * token.value.number)
            return merged(
                tokens[index : index + 2], Clock(minutes, minutes <= 720), f"{minutes}min"
            ), 2
        if after.text in _ORDINALS and after.joint == "":
            return merged(tokens[index : index + 2], token.value, token.text), 2
        unit, width = _unit_at(tokens, index + 1, language)
        if unit and after.joint in ("", " ", "-", ". "):
            return _priced(tokens[index : index + 1 + width], token.value, unit), 1 + width
    if (
        isinstance(token.value, Clock)
        and index + 1 < len(tokens)
        and tokens[index + 1].text in _HALF_DAYS
    ):
        minutes = token.value.minutes % 720 + 60 * _HALF_DAYS[tokens[index + 1].text]
        return merged(tokens[index : index + 2], Clock(minutes), f"{minutes}min"), 2
    return token, 1


def _small(tokens: Sequence[Token], index: int, amount: Amount) -> tuple[Amount, int]:
    """Read a letter of scale behind a price: "$5m", "€2B"."""
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    if after and after.joint == "" and after.raw in _SHORT:
        number = amount.number * _SHORT[after.raw]
        return Amount(number, format(number, "f")), 2
    return amount, 1


def _priced(parts: Sequence[Token], amount: Amount, unit: Unit) -> Token:
    base = amount.number * unit.factor
    text = f"{format(base.normalize(), 'f')}{unit.dimension}"
    return merged(parts, replace(amount, unit=unit), text)


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


def _ranges(tokens: Sequence[Token], language: Language) -> Iterator[Token]:
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
                yield merged(parts, Range(low.value, high.value), f"{low.text}-{high.text}")
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
