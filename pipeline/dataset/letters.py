"""Letters that may stand for one another in a made-up name, in any script."""

from __future__ import annotations

import string
import unicodedata
from functools import lru_cache

from pipeline.dataset.contrast_names import names_in
from pipeline.facts.names.script import LATIN, letter_script

_FEW = 10
"""Letters of an alphabet, at least; where a language file has fewer, their neighbours in Unicode serve."""
_KOREAN = (
    "가강고구기나남노다대도동라로리림마모무미민바별보봄부비산새서"
    "선소솔수숲시아연영우원유은이자정주진하한해호"
)
"""Syllables that names of Korean have: of eleven thousand most are never written."""


@lru_cache(maxsize=1 << 10)
def letters_like(letter: str, language: str) -> tuple[str, ...]:
    """Give the small letters that may stand for one, in its script: those of names in a language."""
    script = letter_script(letter)
    if script == LATIN:
        return tuple(string.ascii_lowercase)
    if script == "HANGUL":
        return tuple(each for each in _KOREAN if _closed(each) == _closed(letter))
    lists = names_in(language)
    texts = [
        word
        for group in (*lists.values(), *lists["near"].values())
        for half in ("train", "probe")
        for word in group.get(half, ())
    ]
    own = {char for char in "".join(texts).lower() if _exchange(char, letter)}
    if len(own) < _FEW:
        near = (chr(ord(letter.lower()) + step) for step in range(-_FEW, _FEW + 1))
        own |= {char for char in near if _exchange(char, letter)}
    return tuple(sorted(own))


def _exchange(char: str, letter: str) -> bool:
    """Return whether a letter may stand for another of its script; kana for its own kind, no small ones."""
    if not char.isalpha() or letter_script(char) != letter_script(letter):
        return False
    name, other = unicodedata.name(char), unicodedata.name(letter)
    kana = (name + other).startswith(("HIRAGANA", "KATAKANA"))
    return "LETTER SMALL" not in name and (not kana or name.split()[0] == other.split()[0])


def _closed(syllable: str) -> bool:
    """Return whether a syllable of Korean ends in a consonant, by which the particle behind it goes."""
    return (ord(syllable) - ord("가")) % 28 > 0
