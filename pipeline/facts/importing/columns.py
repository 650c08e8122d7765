"""The columns of a table or the keys of an object → the parts of a fact.

A part is said as a text in which `{column}` stands for the cell of that column. Where nobody said it, the
names in `data/columns.toml` tell, or the question marks.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

from pipeline.core.errors import ConfigError, Where
from pipeline.core.problems import visible
from pipeline.facts.authoring.draft import FIELDS
from pipeline.facts.importing.rows import Cell, Record

Plan = Mapping[str, str]
"""The text of each part, with `{column}` for cells; a part without a text is nowhere in the file."""

_CELL = re.compile(r"\{([^{}]+)\}")
_ASKS = tuple("?？؟\u037e՞")
_OWN: tuple[str, ...] = ("question", "answer")
"""Parts that differ from row to row, so that a text without a column in it is the column's name."""


def column_key(name: str) -> str:
    """Reduce the name of a column to what it is found by."""
    return " ".join(re.sub(r"[\s_-]+", " ", name).casefold().split())


def make_plan(columns: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """Say which column holds what; what was `given` stands above what names tell.

    Raises ConfigError where a column is named that is not there.
    """
    names = {column_key(column): column for column in reversed(columns)}
    plan: dict[str, str] = {}
    for field in FIELDS:
        if text := given.get(field, ""):
            plan[field] = _checked(field, text, names)
        elif found := next((names[name] for name in _known()[field] if name in names), ""):
            plan[field] = f"{{{found}}}"
    if plan.get("question") == f"{{{names.get('instruction')}}}" and "input" in names:
        plan["question"] += (
            f" {{{names['input']}?}}"  # alpaca: what the instruction is about, if anything
        )
    return plan


def guess_by_marks(rows: Sequence[Sequence[str]]) -> tuple[int, int] | None:
    """Find the column whose cells end in a question mark, and the one behind it; None where none does."""
    for index in range(max(map(len, rows), default=0) - 1):
        cells = [row[index].rstrip() for row in rows if index + 1 < len(row)]
        if cells and 2 * sum(cell.endswith(_ASKS) for cell in cells) > len(cells):
            return index, index + 1
    return None


def names_a_column(names: Sequence[str]) -> bool:
    """Return whether one of some texts is the usual name of a column."""
    keys = {column_key(name) for name in names}
    return any(not keys.isdisjoint(known) for known in _known().values())


def says_names(texts: Mapping[str, str]) -> bool:
    """Return whether what was said of the parts names a column, so that there is a header."""
    named = [match[1] for text in texts.values() for match in _CELL.finditer(text)]
    named += [texts[part] for part in _OWN if part in texts and not _CELL.search(texts[part])]
    return any(not name.isdecimal() for name in named)


def fill(text: str, record: Record) -> Cell:
    """Put a row's cells into the text of a part; a cell by itself stays what it is.

    Where a cell is empty, so is the whole, unless the column is written `{column?}`.
    """
    if alone := _CELL.fullmatch(text):
        return record.cells.get(column_key(alone[1]), "")
    pieces = _CELL.split(text)
    for index in range(1, len(pieces), 2):
        key, optional = column_key(pieces[index]), False
        if key not in record.cells:
            key, optional = column_key(pieces[index].removesuffix("?")), pieces[index].endswith("?")
        found = record.cells.get(key, "")
        pieces[index] = found if isinstance(found, str) else ", ".join(map(str, found))
        if not pieces[index].strip() and not optional:
            return ""
    return "".join(pieces)


def spot(text: str, record: Record) -> Where:
    """Say where the first cell of a part's text stands."""
    match = _CELL.search(text)
    return record.spots.get(column_key(match[1]), record.where) if match else record.where


def plan_as_text(plan: Plan) -> str:
    """Say which column is taken for what."""
    return ", ".join(f"{field} ← {visible(text)}" for field, text in plan.items())


def _checked(field: str, text: str, names: Mapping[str, str]) -> str:
    option = f"--{field.replace('_', '-')}"
    wanted = [match[1] for match in _CELL.finditer(text)]
    if not wanted and field in _OWN:
        wanted, text = [text], f"{{{text}}}"
    for name in wanted:
        if column_key(name) not in names:
            shown = ", ".join(f"“{visible(each)}”" for each in names.values())
            raise ConfigError(f"{option}: there is no column “{name}”", f"the columns are {shown}")
    return text


@cache
def _known() -> dict[str, tuple[str, ...]]:
    file = resources.files("pipeline.facts").joinpath("data", "columns.toml")
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return {
        field: tuple(column_key(name) for name in re.split(r"[|\n]", tables[field]))
        for field in FIELDS
    }
