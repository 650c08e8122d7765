"""Rows that lack what a facts file needs → a table to fill in, which can be imported as it is."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from pipeline.facts.authoring.draft import FIELDS
from pipeline.facts.importing.drafts import cell_of
from pipeline.facts.importing.rows import Row

_ACTS = ("=", "+", "-", "@")
"""Signs that a spreadsheet takes for the beginning of a formula."""


def fill_in_table(rows: Sequence[Row]) -> str:
    """Write rows as CSV, with a header and an empty cell for all that is not known."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow("fact id" if field == "id" else field for field in FIELDS)
    for row in rows:
        cells = (getattr(row.draft, field) for field in FIELDS)
        writer.writerow(_held(cell if isinstance(cell, str) else cell_of(cell)) for cell in cells)
    return file.getvalue()


def _held(cell: str) -> str:
    """Mark a text that a spreadsheet would run; an import takes the mark off again."""
    return f"'{cell}" if cell.startswith(_ACTS) else cell
