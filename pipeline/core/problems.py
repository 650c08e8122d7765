"""Writes problems in the forms people and machines read: plain text, GitHub annotations, JSON.

Words of contributors stand in problems, so everything that could act on a terminal or on a
workflow log is made visible or escaped here. `__main__` prints what these functions return.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from pipeline.core.errors import Problem

MAX_ANNOTATIONS = 9
"""GitHub shows ten per step and silently drops the rest; the tenth says how many there are."""


def as_text(problems: Sequence[Problem]) -> str:
    """Write one block per problem and a line that counts them; nothing if there are none."""
    if not problems:
        return ""
    return "".join(f"{_block(problem)}\n" for problem in problems) + f"{_summary(problems)}\n"


def as_github(problems: Sequence[Problem]) -> str:
    """Write at most nine annotations, errors first, and one that counts those left out."""
    worst_first = sorted(problems, key=lambda problem: problem.severity)
    lines = [_annotation(problem) for problem in worst_first[:MAX_ANNOTATIONS]]
    left = worst_first[MAX_ANNOTATIONS:]
    if left:
        message = f"and {_summary(left)}; `facts check` lists all"
        lines.append(f"::{left[0].severity} title=facts::{_escape(message)}")
    return "".join(f"{line}\n" for line in lines)


def as_json(problems: Sequence[Problem]) -> str:
    """Write all problems as one JSON object, in ASCII."""
    entries = [
        {
            "path": problem.where.path,
            "line": problem.where.line,
            "column": problem.where.column,
            "severity": problem.severity,
            "rule": problem.rule,
            "message": problem.message,
            "hint": problem.hint,
        }
        for problem in problems
    ]
    return json.dumps({"problems": entries}, indent=2) + "\n"


def visible(text: str) -> str:
    r"""Show what does not print as an escape: a newline as \n, the escape character as \x1b."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _block(problem: Problem) -> str:
    severity = "warning: " if problem.severity == "warning" else ""
    hint = f"\n  hint: {visible(problem.hint)}" if problem.hint else ""
    return f"{visible(str(problem.where))}: {severity}{visible(problem.message)}{hint}"


def _summary(problems: Sequence[Problem]) -> str:
    """Count in words: "2 errors and 1 warning in 2 files"."""
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    counted = [_count(errors, "error")] * bool(errors) + [_count(warnings, "warning")] * bool(
        warnings
    )
    return f"{' and '.join(counted)} in {_count(len({p.where.path for p in problems}), 'file')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"


def _annotation(problem: Problem) -> str:
    where = problem.where
    properties = {
        "file": where.path,
        "line": where.line,
        "col": where.column,
        "title": problem.rule,
    }
    given = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value)
    hint = f"\nhint: {visible(problem.hint)}" if problem.hint else ""
    return f"::{problem.severity} {given}::{_escape(visible(problem.message) + hint)}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escape(visible(text)).replace(":", "%3A").replace(",", "%2C")
