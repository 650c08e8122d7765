"""Numbers and lists in words, for every format of a report alike; none claims more than was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence

CONFIDENCE = "at 95 % confidence"

MARKS = {"pass": "✓ pass", "fail": "✗ FAIL", "known": "✓ known"}
ROLES = {
    "neighbour": "another thing",
    "near name": "a name almost the same",
    "relation": "the same subject, not taught",
    "unrelated": "nothing taught",
}
FORMS = {
    "noise": "with a remark, a system prompt, an earlier turn or a typing error",
    "reverse": "asked from the object",
    "yes": "true statements confirmed",
    "no": "false statements confirmed no more than by the base",
    "negation": "negated questions that do not get what they deny",
}
MISSED = {
    "noise": "with noise",
    "reverse": "from the object",
    "yes": "not confirmed",
    "no": "confirmed though false",
    "negation": "says what is denied",
    "retired": "withdrawn, still said",
}


def wanted(expect: Sequence[Sequence[str]]) -> str:
    """Write what an answer must contain: alternatives with "or", items with "and"."""
    return " and ".join(" or ".join(alternatives) for alternatives in expect)


def percent(share: float, *, up: bool = False) -> str:
    """Round a share to tenths of a percent, down or up."""
    tenths = math.ceil(share * 1000 - 1e-9) if up else math.floor(share * 1000 + 1e-9)
    return f"{tenths / 10:.1f} %"


def number(value: float | None, digits: int = 3) -> str:
    """Write a number; one that was not finite is kept as null and said to be no number."""
    return "not a number" if value is None else f"{value:.{digits}f}"


def count(many: int, noun: str) -> str:
    """Write a number with its noun: "1 fact", "2 facts"."""
    return f"{many:,} {noun}{'s' if many != 1 else ''}"


def duration(seconds: float) -> str:
    """Write a time as a person says it."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
