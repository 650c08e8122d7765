"""Problems of composed files → the same at the rows that they come from, by row.

What a problem names in another composed file is named by its row, too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from pipeline.core.errors import Problem, Where
from pipeline.facts.authoring.compose import Composed
from pipeline.facts.importing.rows import Row

Made = Mapping[str, tuple[Composed, Sequence[Row]]]
"""Composed files with the rows that they add, by the file's name, of which there are no two."""
Wrong = dict[int, list[Problem]]
"""Problems by the identity of the row."""

_PLACE = re.compile(r"([a-z0-9-]+\.yaml):(\d+)(?::\d+)?")


def problems_by_row(errors: Iterable[Problem], made: Made) -> tuple[Wrong, list[Problem]]:
    """Sort errors by the rows that they are about; give those of files that were there beside."""
    wrong: defaultdict[int, list[Problem]] = defaultdict(list)
    old: list[Problem] = []
    for problem in errors:
        for row, where in _about(problem, made):
            wrong[id(row)].append(
                replace(problem, where=where, message=_renamed(problem.message, made))
            )
        if not _about(problem, made):
            old.append(problem)
    return dict(wrong), old


def _about(problem: Problem, made: Made) -> list[tuple[Row, Where]]:
    """Give the rows that a problem is about, each with the place of the part that is wrong."""
    one, rows = made.get(problem.where.path.rpartition("/")[2], (None, ()))
    number = one.draft_at(problem.where.line) if one else None
    if one and number is not None:
        return [(rows[number], _spot(problem, one, rows[number]))]
    if one and one.old is None:  # the head of a new file: all rows about the subject
        return [(row, _spot(problem, one, row)) for row in rows]
    # An old file is wrong because of a row: the problem says where that stands.
    named = (_row(match, made) for match in _PLACE.finditer(problem.message))
    return [(row, row.where) for row in named if row][:1]


def _spot(problem: Problem, one: Composed, row: Row) -> Where:
    """Find the part of a row that a problem of its file is about."""
    place = (problem.where.line, problem.where.column)
    before = [(spot, steps) for steps, spot in one.document.values.items() if spot <= place]
    steps = max(before, key=lambda pair: (pair[0], len(pair[1])), default=((0, 0), ()))[1]
    names = [step for step in steps if isinstance(step, str) and step != "facts"]
    return row.at(*reversed(names), "question") if steps[:1] == ("facts",) else row.at(*names)


def _renamed(message: str, made: Made) -> str:
    """Name rows where a message names places in the files made of them."""
    for match in reversed([*_PLACE.finditer(message)]):
        if row := _row(match, made):
            begin = match.end(1) - len(str(made[match[1]][0].path))
            message = f"{message[:begin]}{row.at('question')}{message[match.end() :]}"
    return message


def _row(match: re.Match[str], made: Made) -> Row | None:
    """Give the row that a message names, if it names one."""
    one, rows = made.get(match[1], (None, ()))
    if not one or not match.string[: match.end(1)].endswith(str(one.path)):
        return None
    number = one.draft_at(int(match[2]))
    return None if number is None else rows[number]
