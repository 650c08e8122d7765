"""Cuts numbers and units out of words that are written onto them, in scripts without spaces between words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from pipeline.facts.answers.reading import Token
from pipeline.facts.answers.units import glued_names
from pipeline.facts.languages.language import Language

CJK_SCALES = {"万": 10**4, "亿": 10**8, "億": 10**8, "千": 10**3, "百": 100, "ล้าน": 10**6, "แสน": 10**5,
               "หมื่น": 10**4, "พัน": 10**3}  # fmt: skip
_LEADING = ("百分之", "ร้อยละ")
"""Units that are written onto the word before them."""


def split_glued(token: Token, before: Token | None, language: Language) -> Iterator[Token]:
    """Cut scales and units off a word that is written onto a number, or before one, without a space."""
    if token.value is not None or not is_spaceless(token.raw[:1] or "a"):
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
    return token._replace(
        raw=raw, text=text, joint=joint, start=token.start + start, end=token.start + end
    )


@cache
def _scales() -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(CJK_SCALES, key=len, reverse=True))))


@cache
def _units() -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, (*glued_names(), "年", "月", "日", "号"))))


@cache
def _thai_numbers(language: Language) -> re.Pattern[str]:
    """Match a number of several words in a Thai text, or of one before a unit."""
    words = sorted((w for w in language.number_words if is_spaceless(w[0])), key=len, reverse=True)
    run, units = ("|".join(map(re.escape, each)) for each in (words, glued_names()))
    return re.compile(rf"(?P<number>(?:{run}){{2,}}|(?:{run})(?={units}))(?P<unit>{units})?")


def is_spaceless(char: str) -> bool:
    """Return whether a letter is of a script that puts no spaces between words."""
    return char >= "\u0e00" and not "\u1e00" <= char <= "\u2fff"
