"""Reads numbers: digits as a language separates them, number words, Chinese and Japanese numerals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache

from pipeline.facts.languages.language import Language

KEPT = "_"
"""Stands for a space or an apostrophe between groups of digits, which never is anything else."""
_CJK_DIGITS = {
    char: value
    for value, chars in enumerate(("零〇", "一", "二两", "三", "四", "五", "六", "七", "八", "九"))
    for char in chars
}
_CJK_TENS = {"十": 10, "百": 100, "千": 1000}
_CJK_SCALES = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8, "兆": 10**12}
SHORT_SCALES = {
    **dict.fromkeys(("k", "K"), 10**3),
    **dict.fromkeys(("M", "m", "mn", "mio", "Mio"), 10**6),
    **dict.fromkeys(("B", "bn", "Mrd"), 10**9),
    **dict.fromkeys(("crore", "crores"), 10**7),
    **dict.fromkeys(("lakh", "lakhs"), 10**5),
}
"""Scales that are letters; "m" and "B" only behind a currency, being units otherwise."""
CJK = "".join((*_CJK_DIGITS, *_CJK_TENS, *_CJK_SCALES))
"""All signs of Chinese and Japanese numerals."""


def number_from_digits(written: str, language: Language) -> Decimal | None:
    """Read digits as the language separates them; None for what is no number, such as 2.10.1.

    A sign that groups in the language groups only where three digits follow (two, in India): "1.5" is one
    and a half in German, too, and "1.500" is fifteen hundred.
    """
    if written.isdecimal():
        return Decimal(written)
    signs = re.findall(r"[^\d]", written)
    parts = re.split(r"[^\d]", written)
    last = signs[-1]
    several = signs.count(last) > 1
    rest_groups = all(sign == signs[0] for sign in signs[:-1])
    groups = last == KEPT or several or (last in language.grouping and len(parts) == 2)
    if groups and len(set(signs)) == 1 and _grouped(parts):
        return Decimal("".join(parts))
    if several or last == KEPT or not rest_groups:
        return None
    if len(parts) > 2 and not (_grouped(parts[:-1]) and signs[0] != last):
        return None
    return Decimal("".join(parts[:-1]) + "." + parts[-1])


def _grouped(parts: Sequence[str]) -> bool:
    """Return whether digits stand in groups of three, or as in India in twos before the last three."""
    first, *rest = parts
    if not (0 < len(first) <= 3 and not first.startswith("0")) or not rest or len(rest[-1]) != 3:
        return False
    between = {len(part) for part in rest[:-1]}
    return between <= {3} or (between <= {2} and len(first) <= 2)


@lru_cache(maxsize=1 << 14)
def word_values(word: str, language: Language) -> tuple[int, ...]:
    """Give the numbers that a word is made of, in its order: ("fünfundzwanzig" → 5, 20); empty for none."""
    known = language.number_words
    if word in known:
        return (known[word],)
    if language.spaceless or len(word) < 6 or not known:
        return ()
    return _compound(word, language) or ()


def _compound(word: str, language: Language) -> tuple[int, ...] | None:
    """Cut a whole word into number words, with "und", "en" or "y" between them."""
    if not word:
        return ()
    for length in range(len(word), 1, -1):
        value = language.number_words.get(word[:length])
        if value is None:
            continue
        rest = word[length:]
        for joint in ("", *(each for each in language.answers.both if len(each) > 1)):
            if rest.startswith(joint) and (len(rest) > len(joint) or not joint):
                after = _compound(rest[len(joint) :], language)
                if after is not None:
                    return (value, *after)
    return None


def combine_values(values: Sequence[int]) -> int | None:
    """Put the values of number words together: (2, 100, 50) is 250; None where they make no one number."""
    total = current = 0
    filled = False
    for value in values:
        if value >= 1000:
            if total and total < value:
                total = (total + current) * value  # a thousand million
            else:
                total += (current or 1) * value
            current, filled = 0, False
        elif value == 100 and current < 100:
            current, filled = (current or 1) * 100, True
        elif value == 12 and filled and current < 10:
            current *= 12  # two dozen
        elif filled and not _adds(current, value):
            return None
        else:
            current += 76 if (value, current % 100) == (20, 4) and filled else value
            filled = True
    return total + current


def _adds(current: int, value: int) -> bool:
    """Return whether a value may follow: tens and units either way, French sixties and eighties."""
    last = current % 100
    if value >= 100:
        return current % 1000 == 0
    if last == 0:
        return True
    if value < 10:
        return last % 10 == 0
    if value < 20:
        return last in (60, 80)
    return (last < 10 and value % 10 == 0) or (value, last) == (20, 4)


def number_from_cjk(text: str) -> int | None:
    """Read a Chinese or Japanese numeral, by place (二〇二一) or by tens (二千零二十一); None for none."""
    if all(char in _CJK_DIGITS for char in text):
        return int("".join(str(_CJK_DIGITS[char]) for char in text))
    if text[0] in _CJK_SCALES:
        return None
    total = section = digit = 0
    for char in text:
        if char in _CJK_DIGITS:
            digit = _CJK_DIGITS[char]
        elif char in _CJK_TENS:
            section += (digit or 1) * _CJK_TENS[char]
            digit = 0
        elif section + digit:
            total += (section + digit) * _CJK_SCALES[char]
            section = digit = 0
        else:
            total *= _CJK_SCALES[char]  # 万亿
    return total + section + digit
