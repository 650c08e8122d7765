"""CSV and TSV → records, row by row; the rows tell what parts the cells and whether there is a header."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

from pipeline.core.errors import ConfigError, Problem, Where
from pipeline.facts.importing.columns import (
    Plan,
    column_key,
    guess_by_marks,
    make_plan,
    names_a_column,
    says_names,
)
from pipeline.facts.importing.encodings import MAX_LINE, bounded_lines
from pipeline.facts.importing.rows import Options, Record, refuse

SIGNS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SAMPLE, SAMPLE_TEXT = 60, 256 * 1024
"""Lines and characters by which a table is judged."""
_QUOTED = re.compile(r'"(?:[^"]|"")*"?')
_BREAK = re.compile(r"\r\n|\r|\n")
_LOST = "a cell with a comma, a quote or a line break in it stands in double quotes, its own quotes doubled"


@dataclass(frozen=True, slots=True)
class Table:
    """The layout of a table: the sign between cells, the columns, whether there is a header, the plan."""

    delimiter: str
    columns: tuple[str, ...]
    header: bool
    plan: Plan


class _Lines:
    """The lines of a table, and those that the row at hand was made of."""

    def __init__(self, lines: Iterator[str], path: Path) -> None:
        self.lines, self.path, self.number = lines, path, 0
        self.row: list[str] = []
        self.size = 0

    def begin(self) -> int:
        """Forget the row before; give the line on which the next one begins."""
        self.row, self.size = [], 0
        return self.number + 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        self.number += 1
        self.row.append(line)
        self.size += len(line)
        if self.size > 4 * MAX_LINE:
            refuse(self.path, "this row does not end", _LOST, (self.number - len(self.row) + 1, 1))
        return line


def read_table(
    path: Path, encoding: str, options: Options
) -> tuple[Table, Iterator[Record | Problem]]:
    """Give how a table is read, and its rows one after another, each a record or why it is left out.

    Raises FactsError where no column says question and answer, ConfigError for an option that does not fit.
    """
    csv.field_size_limit(MAX_LINE)
    file = path.open(encoding=encoding, newline="")
    try:
        lines = bounded_lines(file, path)
        sample = _sample(lines)
        declared = re.fullmatch(r"sep=(.)\s*", sample[0], re.IGNORECASE) if sample else None
        delimiter = _delimiter(path, sample, options.delimiter or (declared[1] if declared else ""))
        table = _judge(path, _parsed(sample[bool(declared) :], delimiter), delimiter, options)
    except BaseException:
        file.close()
        raise
    source = _Lines(chain(sample, lines), path)
    if declared:
        next(source)
    return table, _rows(path, source, table, file)


def _sample(lines: Iterator[str]) -> list[str]:
    """Take the first lines; a few where they are long."""
    sample, size = list[str](), 0
    for line in islice(lines, SAMPLE):
        sample.append(line)
        size += len(line)
        if size > SAMPLE_TEXT and len(sample) > 1:
            break
    return sample


def _delimiter(path: Path, sample: Sequence[str], given: str) -> str:
    """Choose the sign with which most rows have the same number of cells."""
    sign = {"tab": "\t", "\\t": "\t"}.get(given, given)
    if sign:
        if len(sign) != 1 or sign in '"\r\n':
            raise ConfigError(
                f"--delimiter: “{given}” is no sign between cells", "give , ; | or tab"
            )
        return sign
    if path.suffix.lower() in (".tsv", ".tab"):
        return "\t"

    def score(sign: str) -> tuple[float, int]:
        widths = Counter(len(row) for row in _parsed(sample, sign))
        width, rows = max(widths.items(), key=lambda pair: (pair[0] > 1, pair[1]), default=(0, 0))
        return (rows / widths.total() if width > 1 else 0.0), width

    return max(SIGNS, key=score)


def _parsed(sample: Sequence[str], delimiter: str) -> list[list[str]]:
    """Cut a sample into rows, however wrong they are."""
    reader, rows = csv.reader(iter(sample), delimiter=delimiter), list[list[str]]()
    while True:
        try:
            rows.append(next(reader))
        except StopIteration:
            return [row for row in rows if any(cell.strip() for cell in row)]
        except csv.Error:
            continue


def _judge(path: Path, rows: list[list[str]], delimiter: str, options: Options) -> Table:
    """Find the header and the columns of question and answer."""
    if not rows:
        hint = "a table has a question and its answer in each row"
        refuse(path, "the file has no rows", hint, (1, 1))
    first, rest = rows[0], rows[1:]
    guess = guess_by_marks(rest or rows)
    own = bool(guess) and not guess_by_marks([first])  # a header asks nothing
    header = names_a_column(first) or own or says_names(options.texts)
    if options.header is not None:
        header = options.header
    columns = tuple(
        name.strip() if header and name.strip() else str(number)
        for number, name in enumerate(first, 1)
    )
    plan = make_plan([*columns, *map(str, range(1, len(first) + 1))], options.texts)
    if guess and guess[1] < len(first) and not {"question", "answer"} & plan.keys():
        plan["question"], plan["answer"] = (f"{{{columns[index]}}}" for index in guess)
    if lacking := [part for part in ("question", "answer") if part not in plan]:
        shown = ", ".join(f"“{column}”" for column in columns)
        message = (
            f"no column says which is the {' and the '.join(lacking)}; the columns are {shown}"
        )
        hint = (
            "name them, --question COLUMN --answer COLUMN, or make a sentence of a row's cells: "
            f"--subject '{{{columns[0]}}}' --question 'Which {columns[-1]} has {{{columns[0]}}}?' "
            f"--answer '{{{columns[-1]}}}'"
        )
        refuse(path, message, hint, (1, 1))
    return Table(delimiter, columns, header, plan)


def _rows(path: Path, source: _Lines, table: Table, file: TextIO) -> Iterator[Record | Problem]:
    """Yield the rows below the header, and close the file behind the last."""
    reader, waits = csv.reader(source, delimiter=table.delimiter, strict=True), table.header
    with file:
        while True:
            line = source.begin()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield _torn(path, line, source, str(error))
                continue
            if not any(cell.strip() for cell in cells):
                continue
            if not waits:
                yield _record(path, line, cells, "".join(source.row), table)
            waits = False


def _torn(path: Path, line: int, source: _Lines, error: str) -> Problem:
    """Say that a row cannot be read; refuse the file where its end was not found."""
    if "unexpected end" in error or "field larger" in error or source.number - line > 100:
        message = (
            "a quote is opened in this row and never closed, so that nothing below it can be read"
        )
        refuse(path, message, _LOST, (line, 1))
    where = Where(path.as_posix(), line, 1)
    return Problem(where, "row", "a quote ends in the middle of a cell of this row", _LOST)


def _record(path: Path, line: int, cells: list[str], raw: str, table: Table) -> Record | Problem:
    """Give a row with the place of each cell, or that it has too many cells or too few."""
    width = len(table.columns)
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    spots = _spots(path, line, raw, min(len(cells), width), table.delimiter)
    if len(cells) != width:
        message = f"this row has {len(cells)} cells, and the table has {width} columns"
        return Problem(spots[-1], "ragged-row", message, _LOST)
    record = Record(Where(path.as_posix(), line, 1), {}, {})
    names = [column_key(column) for column in table.columns]
    for keys in (names, map(str, range(1, width + 1))):  # a name stands above a number
        for key, cell, spot in zip(keys, cells, spots, strict=True):
            record.cells.setdefault(key, cell)
            record.spots.setdefault(key, spot)
    return record


def _spots(path: Path, line: int, raw: str, count: int, delimiter: str) -> list[Where]:
    """Find where each of the first cells of a row begins."""
    place, start, spots = 0, 0, list[Where]()
    for _ in range(count):
        spots.append(Where(path.as_posix(), line, place - start + 1))
        quoted = _QUOTED.match(raw, place)
        for match in _BREAK.finditer(raw, place, quoted.end()) if quoted else ():
            line, start = line + 1, match.end()
        place = raw.find(delimiter, quoted.end() if quoted else place) + 1 or len(raw)
    return spots
