"""Writes a report as text for a terminal, in which no quoted text can act."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.core.escape import plain
from pipeline.core.number_words import count
from pipeline.report import summary as found
from pipeline.report.answers import Detail
from pipeline.report.labels import MARKS, wanted
from pipeline.report.shape import Report

FACTS = 40
LINES = 20


def report_as_text(data: Report) -> str:
    """Write what a terminal shows: the verdict, why, a line per fact, the numbers, the times."""
    also = [f"also  {line}" for line in _some(data.reasons[1:], "reason")]
    shown = found.in_order(data.details)[:FACTS]
    width = max((len(plain(detail.id, 40)) for detail in shown), default=0)
    facts = [_text_fact(detail, width) for detail in shown]
    if left := len(data.details) - len(shown):
        facts.append(f"  {count(left, 'fact')} more in the full report")
    if advice := found.advice(data):
        facts.append(advice)
    warned = [f"look at   {line}" for line in _some(data.warnings, "warning")]
    numbers = [
        f"{number.name:<11}{number.result}" + (f" ({number.bound})" if number.bound else "")
        for number in found.findings(data)
    ]
    took = f"{'time':<11}{found.times(data)}"
    parts = [[plain(found.headline(data), 300), *also], facts, warned, [*numbers, took]]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _some(lines: Sequence[str], noun: str) -> list[str]:
    """Keep the first lines, and say how many there are more."""
    kept = [plain(line, 300) for line in lines[:LINES]]
    left = len(lines) - len(kept)
    return [*kept, f"and {left} more {noun}{'s' if left != 1 else ''}"] if left else kept


def _text_fact(detail: Detail, width: int) -> str:
    probe = found.example(detail)
    mark = MARKS[detail.status][0]
    counted = f"{detail.hits}/{len(detail.probes)}"
    missed = "" if probe.passed else "missed: "
    line = f"{mark} {plain(detail.id, 40):<{width}}  {counted:>5}  {missed}"
    line += f'"{plain(probe.prompt, 100)}" → "{plain(probe.adapted, 110)}"'
    if detail.status == "fail":
        line += f"; expected {plain(wanted(detail.expect), 100)}"
    return line + (" (the base knows it too)" if detail.status == "known" else "")
