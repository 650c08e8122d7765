"""Decides whether words that have a name's letters are the name: by what joins them, and by their case."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from pipeline.facts.languages.language import load_language
from pipeline.facts.names.declension import particles
from pipeline.facts.names.segmentation import HANGUL, Word, words

SHORT = 2
"""Letters of a name that need its capitals: "go" is a verb, "it" a pronoun."""
_JOINTS = frozenset("-‐‑–·.'’_/")
"""Signs that may stand between two words of a name for its space, or the other way round."""
_GLUE = re.compile(r"[\w&@#+*=/\\'’.\-‐‑]")
"""Signs that join a letter to its neighbour: the C of "C++", "C-3PO" and "A/C" is no name."""
_BEGINS = re.compile(r"(?:^|[.!?:;\n]\s*|[¿¡“”\"‘(])\s*$")


@dataclass(frozen=True, slots=True)
class Spelling:
    """One spelling of a name, cut into words."""

    name: str
    spelling: str
    parts: tuple[Word, ...]

    @property
    def capital(self) -> bool:
        """Return whether it begins with a capital."""
        return self.spelling[:1].isupper()


def stands(
    text: str, cut: Sequence[Word], at: tuple[int, int], entry: Spelling, language: str
) -> bool:
    """Return whether words of a text that have the letters of a name are the name."""
    first, last = cut[at[0]], cut[at[1]]
    if text[last.end : last.end + 1] in {"+", "#"} and last.key not in {"+", "#"}:
        return False
    if not _korean_word(text, first.start, last.end):
        return False
    gaps = zip(cut[at[0] : at[1]], cut[at[0] + 1 : at[1] + 1], strict=True)
    if not all(_joins(text[one.end : other.start], entry) for one, other in gaps):
        return False
    return _cased(text, first.start, last.end, entry, language)


def is_grammar(name: str, language: str = "") -> bool:
    """Return whether all words of a name are grammar ("I", "The Who"), so that case alone tells it."""
    return all(word.key in _idle(language) for word in words(name))


def _korean_word(text: str, start: int, end: int) -> bool:
    """Return whether a Korean name begins its word, with particles alone joined to it; true of others."""
    if HANGUL.match(text[start]) and HANGUL.match(text[start - 1 : start]):
        return False
    if not HANGUL.match(text[end - 1]) or not HANGUL.match(text[end : end + 1]):
        return True
    return text.startswith(particles(), end)


def _joins(gap: str, entry: Spelling) -> bool:
    """Return whether what stands between two words of a text may stand inside this name."""
    if not gap or gap.isspace():
        return True
    own = set(entry.spelling)
    return all(
        char in own or (char in _JOINTS and gap == char) for char in gap if not char.isspace()
    )


def _cased(text: str, start: int, end: int, entry: Spelling, language: str) -> bool:
    """Return whether a name that could be a word has its own case, and stands alone if it is a letter."""
    said, own = text[start:end], entry.spelling
    keys = [part.key for part in entry.parts]
    if keys == [keys[0]] and len(keys[0]) == 1 and keys[0].isalpha() and own.upper() != own.lower():
        return said == own and _alone(text, start, end)
    if is_grammar(own, language):
        if own == own.lower():
            return False
        shown = said == own
        return shown and (own == own.upper() or not _BEGINS.search(text[:start]))
    if len(keys) == 1 and len(keys[0]) <= SHORT and own.isalpha() and len(said) == len(own):
        return all(a == b for a, b in zip(said, own, strict=True) if b != b.lower())
    return True


def _alone(text: str, start: int, end: int) -> bool:
    """Return whether a letter is a word and no initial: "R's packages", not "R&D" or "J. R. Lee"."""
    if start and _GLUE.match(text[start - 1]):
        return False
    if re.match(r"['’]s\b", text[end:]):
        return True
    if re.match(r"\.(?:\s|$)", text[end:]):  # an initial, or the end of a sentence
        before = text[:start].rstrip()
        name_follows = re.match(r"\.\s+\w", text[end:]) and text[end + 1 :].lstrip()[:1].isupper()
        initial = not before or before.endswith(".") or before.split()[-1][:1].isupper()
        return not (name_follows and initial)
    return not (end < len(text) and _GLUE.match(text[end]))


def closing(text: str, end: int, entry: Spelling) -> int:
    """Take a name's own last sign into its span: the point of "Acme Inc." that ends no sentence."""
    tail = entry.spelling[entry.parts[-1].end :]
    if not tail or not text.startswith(tail, end):
        return end
    if tail == "." and re.match(r"\s*(?:$|[A-Z])", text[end + 1 :]):
        return end
    return end + len(tail)


@cache
def _idle(language: str) -> frozenset[str]:
    """Give the words that stand in any text of a language, and the English ones."""
    tongues = (load_language("en"), load_language(language))
    return frozenset(
        word for tongue in tongues for word in tongue.stop | tongue.question_words | tongue.refer
    )
