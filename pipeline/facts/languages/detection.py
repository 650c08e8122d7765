"""Tells the language of a text by its script, its letters and its words of grammar; nothing is downloaded.

docs/languages.md says how well, beside libraries that do this. A text that no file's words fit is neutral.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache, lru_cache

from pipeline.facts.languages.folding import tokens
from pipeline.facts.languages.language import Language, codes, load_language

LATIN = "LATIN"
ASKS = 2
"""Points of a word that asks; one more where it comes first. Other words of grammar have one."""
SURE = 2
"""Points from which on a language is sure."""
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Detected:
    """The code of a text's language, empty where none is known, and whether that is sure."""

    code: str
    sure: bool


def detect_language(text: str) -> str:
    """Give the code of the language that a text is written in; empty where no language file fits."""
    return detect(text).code


@lru_cache(maxsize=1 << 14)
def detect(text: str) -> Detected:
    """Find the language whose script, letters and words fit a text best.

    Latin letters count only with words of grammar beside them: names in them stand in texts of any script.
    """
    english = load_language("en")
    words = tokens(text)
    if english.question_words.intersection(words) and text.isascii():
        return Detected("en", sure=True)  # the other files need not be read
    script = _other_script(text)
    latin = _best(text, words, LATIN)
    if latin.sure or not script:
        return latin
    return _best(text, words, script)


def _best(text: str, words: tuple[str, ...], script: str) -> Detected:
    """Choose the language of a script with the most points; its script alone is enough but for Latin."""
    among = _written_in(script)
    if not among:
        return Detected("", sure=False)
    points = Counter({language.code: 0 for language in among})
    for place, word in enumerate(words):
        for code, worth in _worth(script).get(word, ()):
            points[code] += worth + (worth == ASKS and place == 0)
    foreign = _foreign_letters(text)
    for language in among:
        if language.spaceless:
            points[language.code] += sum(word in text for word in language.stop)
        if language.letters or script == LATIN:
            points[language.code] -= 2 * sum(not own <= set(language.letters) for own in foreign)
    (first, best), *others = points.most_common()
    tied = bool(others) and others[0][1] == best
    if script != LATIN:
        known = best >= 0 and not tied
        return Detected(first if known else "", sure=known)
    if best < 1 or (tied and first != "en"):
        return Detected("", sure=False)
    return Detected(first, sure=best >= SURE)


@cache
def _worth(script: str) -> dict[str, list[tuple[str, int]]]:
    """Map each word of grammar to the languages that have it: two points where it asks, else one."""
    found: dict[str, list[tuple[str, int]]] = {}
    for language in _written_in(script):
        told = language.stop | language.yes | language.no | language.question_words
        for word in told:
            worth = ASKS if word in language.question_words else 1
            found.setdefault(word, []).append((language.code, worth))
    return found


def _foreign_letters(text: str) -> list[set[str]]:
    """Collect the letters beyond a to z of each word in small letters, since names have any; and ¿ and ¡."""
    words = [w for w in _WORD.findall(text) if not w.isascii() and not w[0].isupper()]
    marks = [{mark} for mark in "¿¡" if mark in text]
    return [{char for char in word if not char.isascii()} for word in words] + marks


def _other_script(text: str) -> str:
    """Name the commonest script of a text's letters but for Latin; kana where there is any."""
    found = Counter(_script(char) for char in text if char.isalpha())
    found.pop(LATIN, None)
    if any(script in found for script in ("HIRAGANA", "KATAKANA")):
        return "HIRAGANA"
    return next((script for script, _ in found.most_common(1)), "")


@cache
def _script(char: str) -> str:
    return unicodedata.name(char, " ").split()[0]


@cache
def _written_in(script: str) -> tuple[Language, ...]:
    languages = (load_language(code) for code in codes())
    return tuple(language for language in languages if language.script == script)
