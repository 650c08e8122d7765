"""Writes a report as a comment on a pull request, in Markdown in which no quoted text can act."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pipeline.core.number_words import count
from pipeline.report.shape import Report
from pipeline.report.summary import headline
from pipeline.report.template import fill_template

TEMPLATE = Path(__file__).parent / "report.md.j2"
ROOM = {
    "reason": 3_500, "fact": 26_000, "unchanged fact": 4_000, "leak": 7_500, "lost answer": 6_000,
    "missed form": 4_500, "warning": 3_500,
}  # fmt: skip
"""Characters for rows of each kind; all together stay below 60 000 (GitHub refuses above 65 536)."""
Row = TypeVar("Row")


def report_as_markdown(data: Report) -> str:
    """Write a comment for a pull request, always under 60 000 characters."""
    first, _, reason = headline(data).partition(": ")
    return fill_template(TEMPLATE, d=data, first=first, reason=reason, fit=_fit)


def _fit(rows: Sequence[Row], write: Callable[[Row], str], noun: str) -> str:
    """Write the first rows that fit, and how many do not; later ones are not written."""
    kept, room = "", ROOM[noun]
    for number, row in enumerate(rows):
        line = f"{write(row)}\n"
        room -= len(line)
        if room < 0:
            return f"{kept}\n{count(len(rows) - number, noun)} more in the full report.\n"
        kept += line
    return kept
