"""Cuts a text into words where Unicode says that words end (UAX 29), with their places in the text."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import Any, NamedTuple  # the patterns of a library without types

_ASCII = re.compile(
    r"\w+(?:(?:(?<=[A-Za-z])\.(?=[A-Za-z])|(?<=\d)[.,;](?=\d))\w+)*|[^\w\s':]", re.ASCII
)
"""UAX 29 for ASCII, cut at apostrophes and colons as well; a test holds it against the library."""
_CUT = re.compile(r"['’‘ʼ＇:]")
"""An apostrophe ends a word: "Lumenta's", "d'Lumenta", "Lumenta'nın"."""
HANGUL = re.compile(r"[가-힣]")
"""A syllable of Korean, which joins its particles to a name: "서점의"."""
_KOREAN = re.compile(r"[가-힣]|[^가-힣]+")
_KEPT = "+#"
_SIGNS = frozenset(("So", "Sm", "Sc"))
"""Signs that may tell two names apart: a plus, a currency, an emoji."""
_SILENT = re.compile("[\u0640\u064b-\u065f\u0670\u200c\u200d\ufe0e\ufe0f\u0307]")
"""Marks that are often left out: Arabic vowels, joiners, selectors behind an emoji, the dot of a folded İ."""


class Word(NamedTuple):
    """A word, number or sign: where it begins and ends in the text, and its folded letters."""

    start: int
    end: int
    key: str


@lru_cache(maxsize=1 << 14)
def words(text: str) -> tuple[Word, ...]:
    """Cut a text into words, numbers and the signs that tell names apart; the rest is left out.

    A letter of a script without spaces is a word by itself, and so is a syllable of Korean; a number with its
    point is one word.
    """
    spans = ascii_spans(text) if text.isascii() else unicode_spans(text)
    found = (Word(start, end, fold_word(text[start:end])) for start, end in spans)
    return tuple(word for word in found if word.key)


@lru_cache(maxsize=1 << 15)
def fold_word(word: str) -> str:
    """Fold a word's case and forms, and leave out its punctuation: "Node.js" is "nodejs"."""
    if word.isascii() and word.isalnum():
        return word.lower()
    folded = unicodedata.normalize("NFKC", word).casefold().replace("ı", "i")
    kept = unicodedata.normalize("NFC", _SILENT.sub("", folded))
    if any(char.isdigit() for char in kept):  # 3.10 is not 310
        return "".join(char for char in kept if _counts(char) or char in ".,")
    return "".join(char for char in kept if _counts(char))


def ascii_spans(text: str) -> list[tuple[int, int]]:
    """Find the beginnings and ends of what `unicode_spans` finds in an ASCII text, much faster."""
    return [match.span() for match in _ASCII.finditer(text)]


def unicode_spans(text: str) -> list[tuple[int, int]]:
    """Cut at every boundary of UAX 29, at apostrophes, around syllables of Korean: (start, end) in order."""
    found = []
    for match in _pattern().finditer(text):
        start, part = match.start(), match.group()
        for piece in _CUT.split(part):
            if HANGUL.search(piece):
                found += [
                    (start + each.start(), start + each.end()) for each in _KOREAN.finditer(piece)
                ]
            elif piece.strip():
                found.append((start, start + len(piece)))
            start += len(piece) + 1
    return found


@cache
def _pattern() -> Any:
    import regex  # takes as long to import as all facts of a small folder to check

    return regex.compile(r"(?wV1).+?\b", regex.DOTALL)


@cache
def _counts(char: str) -> bool:
    category = unicodedata.category(char)
    return char.isalnum() or char in _KEPT or category[0] == "M" or category in _SIGNS
