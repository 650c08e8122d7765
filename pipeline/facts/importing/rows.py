"""Rows as readers give them, with the place of everything in them, and remarks about a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from pipeline.core.errors import FactsError, Problem, Where
from pipeline.facts.authoring.draft import Draft

MAX_ROWS = 10_000
"""Rows of one import: more facts than a small model was ever taught, and few enough to be held in memory."""
MAX_TEXT = 10_000
"""Characters of one text; a fact takes far fewer."""
MAX_WHOLE = 32 * 1024 * 1024
"""Bytes of a file that cannot be read row by row."""

Cell = str | tuple[str | tuple[str, ...], ...]
"""A text, or a list as JSON has it."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options for the files; `texts` are a column or a text with `{column}` in it by field."""

    texts: Mapping[str, str] = field(default_factory=dict)
    encoding: str = ""
    delimiter: str = ""
    header: bool | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One row as it was found: its cells by column, where each stands, and what of it is left out."""

    where: Where
    cells: dict[str, Cell]
    spots: dict[str, Where] = field(default_factory=dict)
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A draft, the place of its row, and the places of its parts where they are known."""

    draft: Draft
    where: Where
    spots: Mapping[str, Where] = field(default_factory=dict)

    def at(self, *names: str) -> Where:
        """Say where the first of some parts that has a place stands, or the row."""
        return next((self.spots[name] for name in names if name in self.spots), self.where)


@dataclass(slots=True)
class Reading:
    """Rows of all files, why others were left out, why files were refused, and how each file was taken."""

    rows: list[Row] = field(default_factory=list)
    left: list[Problem] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    seen: int = 0
    """Rows that were read, taken or left out."""


def refuse(path: Path, message: str, hint: str, spot: tuple[int, int] = (0, 0)) -> NoReturn:
    """Refuse a file: raise FactsError with one problem at a line and column."""
    raise FactsError((Problem(Where(path.as_posix(), *spot), "import", message, hint),))
