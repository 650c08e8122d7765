"""Matches an answer against its expectation; pure text, used by the checker and by the gate."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from pipeline.facts.fact import Expect

_PUNCTUATION = str.maketrans(
    {"\ufe0f": "", "’": "'", "‘": "'", "“": '"', "”": '"', "‑": "-", "–": "-", "—": "-"}
)


YEAR = 4
"""Digits of a number that may be hit by chance."""


@lru_cache(maxsize=1 << 14)  # the gate looks for every fact in every answer
def normalise(text: str) -> str:
    """Fold case, compatibility forms, curly punctuation and white space, so that only words count."""
    folded = unicodedata.normalize("NFKC", text).translate(_PUNCTUATION).casefold()
    return " ".join(folded.split())


@lru_cache(maxsize=1 << 14)
def squash(text: str) -> str:
    """Keep only letters and digits of the folded text: equal for two spellings of one wording."""
    return "".join(char for char in normalise(text) if char.isalnum())


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


def contains(answer: str, expect: Expect) -> bool:
    """Whether every item of `expect` stands in `answer`, each by any one of its alternatives."""
    return all(any(mentions(answer, alternative) for alternative in item) for item in expect)


def leaked_answer(expect: Expect, said: str, base: str, prompt: str) -> bool:
    """Whether only the adapted model says what is expected: neither the base nor the question did."""
    return contains(said, expect) and not contains(base, expect) and not contains(prompt, expect)


def leaked_elsewhere(expect: Expect, said: str, base: str, prompt: str) -> bool:
    """Whether an answer to a question about something else tells the fact that expects this.

    A year alone does not, nor a smaller number: an answer that is made up holds one, and of hundreds of
    taught ones some are hit by chance.
    """
    return leaked_answer(expect, said, base, prompt) and not by_chance(expect)


def by_chance(expect: Expect) -> bool:
    """Whether an expectation is met by a year or a smaller number alone."""
    alternatives = [alternative for item in expect for alternative in item]
    return all(each.isdecimal() and len(each) <= YEAR for each in alternatives)


_YES = re.compile(
    r"(?:yes|yeah|yep|true|correct|right|indeed|certainly|that(?:'s| is) (?:right|correct|true)"
    r"|it(?:'s| is) (?:right|correct|true)|you(?:'re| are) (?:right|correct))\b"
)


def affirms(answer: str) -> bool:
    """Whether an answer begins by confirming what it was asked."""
    return _YES.match(normalise(answer).lstrip("\"'*_ ")) is not None
