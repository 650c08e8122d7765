"""Finds the names of a subject in a text, and puts others in their place."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pipeline.facts.folding import normalise


def mentions(answer: str, phrase: str) -> bool:
    """Whether `phrase` stands in `answer` as whole words ("cat" is not in "category")."""
    wanted, text = normalise(phrase), normalise(answer)
    return wanted in text and re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", text) is not None


def spelled(text: str, names: Iterable[str]) -> str:
    """Give the first of the names that stands in a text, as it is spelled there; empty where none does."""
    for name in names:
        as_word = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE)
        if name in text or as_word:
            return name if name in text or as_word is None else as_word[0]
    return ""


def renamed(text: str, names: Iterable[str], other: str) -> str:
    """Put another name in the place of the one in a text; empty where it names none.

    A name is a word by itself: "Go" in "Google" stays, unless the language writes no spaces.
    """
    if not (said := spelled(text, names)):
        return ""
    new, count = re.subn(rf"(?<!\w){re.escape(said)}(?!\w)", lambda _: other, text)
    return new if count else text.replace(said, other)
