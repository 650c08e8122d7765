"""Matches an answer against its expectation; pure text, used by the checker and by the gate."""

from __future__ import annotations

import re

from pipeline.facts.fact import Expect
from pipeline.facts.folding import normalise

YEAR = 4
"""Digits of a number that may be hit by chance."""


def contains(answer: str, expect: Expect) -> bool:
    """Whether every item of `expect` stands in `answer`, each by any one of its alternatives."""
    return all(any(_stands(answer, alternative) for alternative in item) for item in expect)


def _stands(answer: str, phrase: str) -> bool:
    """Whether `phrase` stands in `answer` as whole words ("cat" is not in "category")."""
    wanted, text = normalise(phrase), normalise(answer)
    return wanted in text and re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", text) is not None


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
