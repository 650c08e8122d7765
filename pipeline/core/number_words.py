"""Writes numbers and lists in words, for every format of a report alike; none claims more than is known."""

from __future__ import annotations

import math

CONFIDENCE = "at 95 % confidence"


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
