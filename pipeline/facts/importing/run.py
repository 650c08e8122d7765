"""Files of others in, an `Import` out: what will be written, what is left out and why."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.core.errors import ConfigError, Problem
from pipeline.facts.authoring.compose import Composed
from pipeline.facts.authoring.library import Library
from pipeline.facts.authoring.write import Change, write_all
from pipeline.facts.importing.fill_in import fill_in_table
from pipeline.facts.importing.place import lacks, place_rows
from pipeline.facts.importing.read import read_files
from pipeline.facts.importing.rows import Options, Reading, Row
from pipeline.facts.importing.sift import sift


@dataclass(frozen=True, slots=True)
class Import:
    """The outcome of an import; nothing is written where something is `refused`."""

    files: tuple[Composed, ...]
    lacking: tuple[Row, ...]
    already: int
    out: int
    """The number of rows left out; known and repeated ones do not count."""
    left: tuple[Problem, ...]
    refused: tuple[Problem, ...]

    @property
    def added(self) -> int:
        """The number of facts added."""
        return sum(len(file.ids) for file in self.files)

    @property
    def complete(self) -> bool:
        """Return whether all that was read is in the facts, now or before."""
        return not (self.refused or self.lacking or self.out)


def needs(reading: Reading, library: Library) -> Counter[str]:
    """Count the rows that lack each part which a file needs."""
    lacking = place_rows(reading.rows, library).lacking
    return Counter(part for row in lacking for part in lacks(row))


def with_defaults(reading: Reading, texts: Mapping[str, str]) -> None:
    """Put what a person answered into the rows that lack it."""
    for number, row in enumerate(reading.rows):
        new = {part: texts[part] for part in lacks(row) if texts.get(part)}
        reading.rows[number] = replace(row, draft=replace(row.draft, **new))  # type: ignore[arg-type]


def plan_import(reading: Reading, library: Library) -> Import:
    """Decide what of the rows read is taken, and into which file."""
    placed = place_rows(reading.rows, library)
    sifted = sift(placed.rows, library)
    left = sorted([*reading.left, *placed.left, *sifted.left], key=_place)
    refused = (*reading.refused, *sifted.blocked)
    files = () if refused else sifted.files
    before = sum(problem.severity == "error" for problem in (*reading.left, *placed.left))
    out = before + sifted.rows
    return Import(files, tuple(placed.lacking), placed.already, out, tuple(left), refused)


def write_import(made: Import, library: Library, fill_in: Path) -> bool:
    """Write the files and, where rows lack something, the table to fill in; give whether that is new.

    Raises ConfigError where one cannot be written, or where the table is there and differs; nothing is
    written then.
    """
    changes = [Change(library.on_disk(file.path), file.old, file.new) for file in made.files]
    table = (
        codecs.BOM_UTF8 + fill_in_table(made.lacking).encode()
    )  # by the mark spreadsheets know UTF-8
    wanted = bool(made.lacking) and not made.refused
    if wanted and fill_in.exists():
        if fill_in.read_bytes() != table:
            hint = "import it if you have filled it in, or move it away; it is not overwritten"
            raise ConfigError(f"{fill_in}: is there already, and is another one", hint)
        wanted = False
    if wanted:
        changes.append(Change(fill_in, None, table))
    write_all(changes)
    return wanted


def _place(problem: Problem) -> tuple[str, int, int, str]:
    return problem.where.path, problem.where.line, problem.where.column, problem.message


__all__ = [
    "Import", "Options", "needs", "plan_import", "read_files", "with_defaults", "write_import",
]  # fmt: skip
