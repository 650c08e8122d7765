"""A record and what its columns hold → a draft with the place of each part, or why there is none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pipeline.core.errors import Problem
from pipeline.facts.authoring.draft import Draft, Texts, tidy_answer, tidy_line
from pipeline.facts.importing.columns import Plan, fill, spot
from pipeline.facts.importing.rows import MAX_TEXT, Cell, Record, Row

_LISTS: tuple[str, ...] = ("expect", "also_ask", "probes", "aliases")
_FORMULA = re.compile(r"[=@]|[+-](?![\d\s.,]|\Z)")
_HELD = re.compile(r"'(?=[=+\-@])")
"""The sign by which a spreadsheet marks text that is no formula."""


def draft_row(record: Record, plan: Plan, *, is_table: bool) -> tuple[Row | None, list[Problem]]:
    """Give a row's draft, or None where it is left out, and what is to be told of it."""
    told = [Problem(record.where, "left-out", each, "", "warning") for each in record.left]
    parts: dict[str, Texts | str] = {}
    spots = {field: spot(text, record) for field, text in plan.items()}
    for field, text in plan.items():
        cell = fill(text, record)
        if is_table and isinstance(cell, str):
            if _FORMULA.match(cell.lstrip()):
                message = f"“{cell.strip()[:40]}” begins as a formula does; it is taken as text"
                hint = "nothing is calculated; leave the row out if it should not be taught"
                told.append(Problem(spots[field], "formula", message, hint, "warning"))
            cell = _HELD.sub("", cell, count=1) if _HELD.match(cell) else cell
        if why := _unfit(cell):
            return None, [
                *told,
                Problem(spots[field], "text", f"the {field} {why}", "shorten or retype it"),
            ]
        parts[field] = _part(field, cell)
    draft = Draft(**parts)  # type: ignore[arg-type]  # the parts are named after its fields
    if lacking := [field for field in ("question", "answer") if not getattr(draft, field)]:
        unnamed = [field for field in lacking if field not in plan]
        message = f"this row has no {' and no '.join(lacking)}"
        hint = "write both"
        if unnamed:
            columns = ", ".join(f"“{name}”" for name in record.cells)
            hint = f"name the column with --{' and --'.join(unnamed)}; the columns are {columns}"
        where = spots.get(lacking[0], record.where)
        return None, [*told, Problem(where, "empty", message, hint)]
    return Row(draft, record.where, spots), told


def texts_of(cell: str) -> Texts:
    """Read a list out of a cell: JSON, one a line, or parted by semicolons."""
    if cell.lstrip().startswith("["):
        try:
            value = json.loads(cell)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, list) and all(isinstance(each, str | list) for each in value):
            return tuple(each if isinstance(each, str) else tuple(map(str, each)) for each in value)
    return tuple(cell.split("\n" if "\n" in cell.strip() else ";"))


def cell_of(texts: Texts) -> str:
    """Write a list into a cell, so that `texts_of` reads it again."""
    plain = [each for each in texts if isinstance(each, str)]
    cell = "; ".join(plain)
    same = len(plain) == len(texts) and [tidy_line(str(each)) for each in texts_of(cell)] == plain
    return cell if same or not texts else json.dumps(texts, ensure_ascii=False)


def _part(field: str, cell: Cell) -> Texts | str:
    if field in _LISTS:
        texts = texts_of(cell) if isinstance(cell, str) else cell
        if field != "expect":  # in which alone an entry may be a list of alternatives
            texts = tuple(_flat(texts))
        lined = (tidy_line(t) if isinstance(t, str) else tuple(map(tidy_line, t)) for t in texts)
        return tuple(each for each in lined if each)
    text = cell if isinstance(cell, str) else ", ".join(map(str, cell))
    return tidy_answer(text) if field == "answer" else tidy_line(text)


def _flat(texts: Texts) -> Iterator[str]:
    for each in texts:
        yield from (each,) if isinstance(each, str) else each


def _unfit(cell: Cell) -> str:
    """Say why a text cannot be read, if it cannot."""
    text = cell if isinstance(cell, str) else "".join(_flat(cell))
    if len(text) > MAX_TEXT:
        return f"has {len(text):,} characters; at most {MAX_TEXT:,} are read"
    if any("\ud800" <= char <= "\udfff" for char in text):
        return "has half a character in it, which no text has"
    return ""
