"""The script of a text's letters, by their names in Unicode: "LATIN", "CYRILLIC", "CJK"."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cache, lru_cache

LATIN = "LATIN"
_JAPANESE = frozenset(("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"))


@lru_cache(maxsize=1 << 14)
def script_of(text: str) -> str:
    """Name the commonest script of a text's letters; Latin where it has none. Kana and Han are one script."""
    if text.isascii():
        return LATIN
    found = Counter(letter_script(char) for char in text if char.isalpha())
    return found.most_common(1)[0][0] if found else LATIN


def same_script(one: str, other: str) -> bool:
    """Return whether two texts are mainly in one script."""
    return script_of(one) == script_of(other)


@cache
def letter_script(char: str) -> str:
    """Name the script of a letter."""
    name = unicodedata.name(char, LATIN).split()[0]
    return "CJK" if name in _JAPANESE else name


def is_mark(char: str) -> bool:
    """Return whether a character stands on the letter before it and cannot begin a text."""
    return not char.isascii() and unicodedata.category(char)[0] == "M"
