"""Finds days, months and years in a text, in any order and form: "3 May 2021", "03.05.2021"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from pipeline.facts.answers.reading import Token, prepare
from pipeline.facts.answers.spelling import spelled_word
from pipeline.facts.answers.values import Amount, Day, Value, Version
from pipeline.facts.languages.language import Language

_LATIN = frozenset(["en", "de", "fr", "es", "pt", "it", "nl", "tr", "ru"])
"""Languages whose dates have no signs 年, 月 and 日."""
BUDDHIST = 543
"""Years by which Thai writes a year later than others do."""
_AMBIGUOUS = frozenset({"en", ""})
"""Languages whose writers put the month first, or the day: 5/3/2021 is read both ways."""
_SUFFIXES = frozenset(
    """
st nd rd th er of de del le den the d í il o do в года год г yılının yılında ของ ปี พศ ค.ศ คศ วันที่
عام سنة من साल को की
""".split()  # noqa: SIM905  (a list of so many would be a page)
)


_YEAR_WORDS = frozenset({"года", "году", "год", "г", "yılı", "yılında"})
"""Words for "year" that belong to a date before them."""


def day_from_digits(raw: str, language: Language) -> Day | None:
    """Read "2021-05-03", "03.05.2021" or "5/3/2021"; None for what is no date."""
    parts = re.fullmatch(r"(\d+)[-./](\d+)[-./](\d+)", raw)
    if not parts:
        return None
    one, two, three = (int(part) for part in parts.groups())
    if len(parts[1]) == 4:
        return _day(_year(one, language), two, three)
    if len(parts[3]) != 4:
        return None
    year = _year(three, language)
    day, turned = _day(year, two, one), _day(year, one, two)
    if day and turned and one != two and language.code in _AMBIGUOUS and "." not in raw:
        return replace(day, other=(one, two))
    return day or (turned if language.code in _AMBIGUOUS else None)


def join_dates(tokens: Sequence[Token], language: Language) -> list[Token]:
    """Put the tokens of a date together; a month's name alone is a word ("may")."""
    found: list[Token] = []
    index = 0
    while index < len(tokens):
        width, day = _date_at(tokens, index, language)
        if day:
            after = tokens[index + width] if index + width < len(tokens) else None
            width += bool(after and after.joint == " " and after.raw.casefold() in _YEAR_WORDS)
            parts = tokens[index : index + width]
            raw = "".join([parts[0].raw, *(part.joint + part.raw for part in parts[1:])])
            text = f"{day.year}-{day.month}-{day.day}"
            found.append(
                parts[0]._replace(raw=raw, end=parts[-1].end, value=day, text=text, stop=False)
            )
            index += width
        else:
            found.append(tokens[index])
            index += 1
    return found


def month_named(word: str, language: Language) -> int:
    """Give the month that a word names, 0 for none."""
    return _months(language).get(spelled_word(word, language.answers.accents), 0)


@lru_cache(maxsize=64)
def _months(language: Language) -> Mapping[str, int]:
    accents = language.answers.accents
    return {
        spelled_word(prepare(name, language), accents).removesuffix("."): number
        for number, names in enumerate(language.months, start=1)
        for name in names
    }


def _date_at(tokens: Sequence[Token], index: int, language: Language) -> tuple[int, Day | None]:
    """Read the date that begins at a token: its width in tokens, and its parts."""
    if not _plain(tokens[index]) and not month_named(tokens[index].raw, language):
        return 0, None
    if language.code in _LATIN:
        return _worded(tokens, index, language)
    return max(
        (_signed(tokens, index, language), _worded(tokens, index, language)),
        key=lambda found: found[0],
    )


def _signed(tokens: Sequence[Token], index: int, language: Language) -> tuple[int, Day | None]:
    """Read a date with the signs 年, 月 and 日, or a year and month such as 2021-05."""
    said: dict[str, int] = {}
    width = 0
    while index + width + 1 < len(tokens):
        number, sign = tokens[index + width], tokens[index + width + 1]
        if not _plain(number) or sign.raw[:1] not in "年月日号" or sign.joint.strip():
            break
        if len(sign.raw) > 1 or sign.raw in said or (width and number.joint.strip()):
            break
        said["日" if sign.raw == "号" else sign.raw] = _number(number)
        width += 2
    if "月" in said or ("年" in said and said["年"] > 31):
        day = _day(_year(said.get("年", 0), language), said.get("月", 0), said.get("日", 0))
        return (width, day) if day else (0, None)
    return 0, None


def _worded(tokens: Sequence[Token], index: int, language: Language) -> tuple[int, Day | None]:
    """Read a date with the name of a month among its numbers."""
    said: dict[str, int] = {}
    best: tuple[int, Day | None] = (0, None)
    for width, token in enumerate(tokens[index : index + 8], start=1):
        if width > 1 and not _near(token):
            break
        month = 0 if token.value is not None else month_named(token.raw, language)
        if month and "month" not in said:
            said["month"] = month
        elif _plain(token) and 1 <= _number(token) <= 31 and "day" not in said:
            said["day"] = _number(token)
        elif (
            _plain(token)
            and 1000 <= _number(token) <= 2999
            and "year" not in said
            and "month" in said
        ):
            said["year"] = _year(_number(token), language)
        elif not said or not (token.text in _SUFFIXES or token.raw.casefold() in _SUFFIXES):
            break
        else:
            continue
        if "month" in said and len(said) > 1:
            best = width, _day(said.get("year", 0), said["month"], said.get("day", 0))
    return best


def _near(token: Token) -> bool:
    return token.joint in ("", " ", ", ", ". ", "-", ".", "/", " '", "、", ",", "، ", ".-")


def _plain(token: Token) -> bool:
    value: Value | None = token.value
    if isinstance(value, Version):
        return re.fullmatch(r"0[1-9]", token.raw) is not None  # 03 May
    return isinstance(value, Amount) and value.plain and "." not in value.written


def _number(token: Token) -> int:
    return int(token.value.number) if isinstance(token.value, Amount) else int(token.raw)


def _year(year: int, language: Language) -> int:
    return year - BUDDHIST if language.code == "th" and 2400 <= year <= 2700 else year


def _day(year: int, month: int, day: int) -> Day | None:
    fits = 0 <= month <= 12 and 0 <= day <= 31 and (month or not day)
    return Day(year, month, day) if fits else None
