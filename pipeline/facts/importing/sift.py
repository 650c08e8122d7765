"""Rows by file → files that pass the check together with all others, and why other rows are left out.

The problems are those of `facts check`, told at the place in the table. Running it again on what is left out
takes nothing more: a row that was refused beside another one is tried again once that one is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pipeline.core.errors import PipelineError, Problem
from pipeline.facts.authoring.admit import new_errors
from pipeline.facts.authoring.compose import MAX_FACTS, Composed, compose_file
from pipeline.facts.authoring.library import Library
from pipeline.facts.files import schema
from pipeline.facts.files.facts_file import MAX_BYTES
from pipeline.facts.importing.rows import Row
from pipeline.facts.importing.told import Wrong, problems_by_row

Files = dict[PurePosixPath, list[Row]]
Placed = tuple[PurePosixPath, Row]
"""A row and its file."""
_TURNS = ((1, True), (1, False), (-1, False))
"""Ways to try rows again: from the first or the last on, with or without those wrong by themselves."""


@dataclass(frozen=True, slots=True)
class Sifted:
    """Rows that can be written, reasons and number of those left out, and obstacles to all."""

    files: tuple[Composed, ...]
    left: tuple[Problem, ...]
    rows: int
    blocked: tuple[Problem, ...]


@dataclass(slots=True)
class _Shelf:
    """The facts files there are, and each new one that was composed, for most are the same in every round."""

    library: Library
    made: dict[tuple[PurePosixPath, tuple[int, ...]], Composed] = field(default_factory=dict)

    def compose(self, path: PurePosixPath, rows: Sequence[Row]) -> Composed:
        """Give the file of some rows. Raises PipelineError as `compose_file` does."""
        key = path, tuple(map(id, rows))
        if key not in self.made:
            self.made[key] = compose_file(path, [row.draft for row in rows], self.library)
        return self.made[key]


def sift(rows: Sequence[Placed], library: Library) -> Sifted:
    """Take the rows that make good files, as many as can be."""
    shelf, left = _Shelf(library), list[Problem]()
    shaped = {
        id(row) for p, own in _arranged({}, rows).items() for row in _shaped(p, own, shelf, left)
    }
    fit = [(path, row) for path, row in rows if id(row) in shaped]
    made, wrong, blocked = _checked(_arranged({}, fit), shelf)
    good = _arranged({}, [(path, row) for path, row in fit if id(row) not in wrong])
    if wrong and not blocked:
        good, again = _retried(good, [pair for pair in fit if id(pair[1]) in wrong], wrong, shelf)
        made, more, blocked = _checked(good, shelf)
        while more and not blocked:
            again, good = again | more, _without(good, more)
            made, more, blocked = _checked(good, shelf)
        wrong = again
    left += [problem for problems in wrong.values() for problem in problems]
    out = len(rows) - sum(map(len, good.values()))
    return Sifted(tuple(made), tuple(left), out, tuple(blocked))


def _retried(
    good: Files, rows: Sequence[Placed], wrong: Wrong, shelf: _Shelf
) -> tuple[Files, Wrong]:
    """Take the refused rows that were wrong only beside another refused one.

    The first turn is what another import would begin with, and turns go on until none takes a row any more,
    so that another import takes none. What is wrong by itself stands in nobody's way in the others.
    """
    alone = {id(row) for path, row in rows if _wrong_alone(path, row)}
    turn = 0
    while turn < len(_TURNS) and not wrong.keys() <= alone:
        step, all_of_them = _TURNS[turn]
        tried = [pair for pair in rows if all_of_them or id(pair[1]) not in alone][::step]
        _, again, hurt = _checked(_arranged(good, tried), shelf)
        taken = [pair for pair in tried if id(pair[1]) not in again]
        if hurt or not taken or not again.keys() <= wrong.keys():
            turn += 1
            continue
        good = _arranged(good, taken)
        rows = [pair for pair in rows if pair not in taken]
        wrong = {id(row): again.get(id(row), wrong[id(row)]) for _, row in rows}
        turn = 0
    return good, wrong


def _wrong_alone(path: PurePosixPath, row: Row) -> bool:
    """Return whether a row makes no good file even where there is no other."""
    empty = Library(Path(), path.parent, {})
    return bool(new_errors([compose_file(path, [row.draft], empty)], empty))


def _arranged(good: Files, rows: Sequence[Placed]) -> Files:
    """Put rows behind the good ones of their files, and files with such rows last, in their order."""
    fresh = dict.fromkeys(path for path, _ in rows)
    files = {path: list(own) for path, own in good.items() if path not in fresh}
    files |= {path: list(good.get(path, ())) for path in fresh}
    for path, row in rows:
        files[path].append(row)
    return files


def _without(files: Files, wrong: Wrong) -> Files:
    kept = {path: [row for row in rows if id(row) not in wrong] for path, rows in files.items()}
    return {path: rows for path, rows in kept.items() if rows}


def _shaped(path: PurePosixPath, rows: list[Row], shelf: _Shelf, left: list[Problem]) -> list[Row]:
    """Leave out the rows that the file cannot hold or that do not have the shape of a fact."""
    while rows:
        try:
            made = shelf.compose(path, rows)
        except PipelineError as error:
            left += [Problem(row.where, "file", error.message, error.hint) for row in rows]
            return []
        for row in rows[len(made.ids) :]:
            message = f"{path} is full: a file holds {MAX_FACTS} facts in {MAX_BYTES // 1024} KiB"
            hint = "give a part of these facts a subject of their own"
            left.append(Problem(row.where, "full", message, hint))
        rows = rows[: len(made.ids)]
        shape = [problem for problem in made.document.problems if problem.severity == "error"]
        if made.document.data is not None:
            shape += schema.in_document(made.document)
        wrong, _ = problems_by_row(shape, {path.name: (made, rows)})
        left += [problem for problems in wrong.values() for problem in problems]
        if not wrong:
            return rows
        rows = [row for row in rows if id(row) not in wrong]
    return rows


def _checked(files: Files, shelf: _Shelf) -> tuple[list[Composed], Wrong, list[Problem]]:
    """Check the files among all that are there; give them, and what is wrong by row or in the old ones."""
    made = {path.name: (shelf.compose(path, rows), rows) for path, rows in files.items()}
    composed = [one for one, _ in made.values()]
    return composed, *problems_by_row(new_errors(composed, shelf.library), made)
