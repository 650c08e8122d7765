"""Spells words so that two ways to write one are equal: case, accents that are left out, forms of letters.

A language file says in `accents` what its writers leave out: "all" of them, "all but ñ" (letters that
stay), "umlauts" (ä as ae), "ё", "arabic" (vowel signs, forms of alef) or "hindi" (nukta, candrabindu).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_ARABIC = str.maketrans(
    {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ـ": ""}
)
_ARABIC_SIGNS = re.compile("[\u064b-\u065f\u0670\u06d6-\u06ed]")
_HINDI = str.maketrans({"\u093c": "", "ँ": "ं"})
_JOINERS = str.maketrans({"\u200c": "", "\u200d": "", "\u00ad": "", "\ufe0f": ""})


@lru_cache(maxsize=1 << 16)
def spelled_word(word: str, accents: str) -> str:  # noqa: PLR0911  (a case a kind)
    """Fold one word by case and by the accents that its language's writers leave out."""
    folded = unicodedata.normalize("NFKC", word).translate(_JOINERS)
    if accents.startswith("all"):
        folded = folded.replace("İ", "i").replace("ı", "i")  # Turkish has two; people type one
    folded = folded.casefold()
    if folded.isascii():
        return folded
    if accents == "umlauts":
        return folded.translate(_UMLAUTS)
    if accents == "ё":
        return folded.replace("ё", "е")
    if accents == "arabic":
        return _ARABIC_SIGNS.sub("", folded).translate(_ARABIC)
    if accents == "hindi":
        return unicodedata.normalize("NFD", folded).translate(_HINDI)
    if accents.startswith("all"):
        return _without_accents(folded, kept=accents.removeprefix("all but").strip())
    return folded


def _without_accents(word: str, kept: str) -> str:
    """Take the accents off Latin letters; other scripts mean something by them."""
    return "".join(
        char
        if char in kept or not "\u00c0" <= char <= "\u024f"
        else unicodedata.normalize("NFD", char)[0]
        for char in unicodedata.normalize("NFC", word)
    )
