"""Folds texts, so that two spellings of the same words are equal."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

_PUNCTUATION = str.maketrans(
    {"\ufe0f": "", "’": "'", "‘": "'", "“": '"', "”": '"', "‑": "-", "–": "-", "—": "-"}
)
_POINT = re.compile(r"(?<=\d)[.,](?=\d)")
_DROPPED = re.compile(r"[^a-z0-9\0+#<=>|~$]+")
_SIGNS = frozenset(("So", "Sm", "Sc"))
"""Signs that may be an answer: an emoji, a plus, a currency."""


@lru_cache(maxsize=1 << 14)  # the gate looks for every fact in every answer
def normalise(text: str) -> str:
    """Fold case, compatibility forms, curly punctuation and white space, so that only words count."""
    folded = unicodedata.normalize("NFKC", text).translate(_PUNCTUATION).casefold()
    return " ".join(folded.split())


@lru_cache(maxsize=1 << 14)
def squash(text: str) -> str:
    """Keep only letters and digits of the folded text: equal for two spellings of one wording."""
    return "".join(char for char in normalise(text) if char.isalnum())


@lru_cache(maxsize=1 << 14)
def tokens(text: str) -> tuple[str, ...]:
    """Cut a text into folded words, numbers and signs; punctuation is dropped, C++ and 1.11 stay whole."""
    # The point of a number stands for itself until the rest is cut.
    folded = _POINT.sub("\0", normalise(text))
    if folded.isascii():
        kept = _DROPPED.sub(" ", folded)
    else:
        kept = "".join(char if _counts(char) else " " for char in folded)
    return tuple(word.replace("\0", ".") for word in kept.split())


def spaceless(word: str) -> bool:
    """Return whether a word stands in a script that puts no spaces between words."""
    return any(_wide(char) for char in word)


def _counts(char: str) -> bool:
    return (
        char.isalnum()
        or char in "\0+#"
        or unicodedata.category(char)[0] == "M"
        or unicodedata.category(char) in _SIGNS
    )


@cache
def _wide(char: str) -> bool:
    name = unicodedata.name(char, "")
    return name.startswith(
        ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "HANGUL SYLLABLE")
    )
