"""Files of any kind that can be imported → rows, what is wrong and where, and how each file was taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.core.errors import FactsError, Problem, Where
from pipeline.core.problems import visible
from pipeline.facts.importing.columns import Plan, make_plan, plan_as_text
from pipeline.facts.importing.drafts import draft_row
from pipeline.facts.importing.encodings import find_encoding
from pipeline.facts.importing.objects import read_objects
from pipeline.facts.importing.qna import read_qna
from pipeline.facts.importing.rows import MAX_ROWS, Options, Reading, Record, refuse
from pipeline.facts.importing.table import SIGNS, read_table

_OBJECTS = (".json", ".jsonl", ".ndjson")
_YAML = (".yaml", ".yml")


def read_files(paths: Sequence[Path], options: Options) -> Reading:
    """Read files one after another. Raises ConfigError for an option that does not fit one of them."""
    reading = Reading()
    for path in paths:
        try:
            _read(path, options, reading)
        except FactsError as error:
            reading.refused.extend(error.problems)
        except OSError as error:
            where = Where(path.as_posix())
            message, hint = (
                f"the file cannot be read: {error.strerror}",
                "look at the path and its permissions",
            )
            reading.refused.append(Problem(where, "unreadable", message, hint))
    return reading


def _read(path: Path, options: Options, reading: Reading) -> None:
    if not path.is_file():
        what = "this is no ordinary file" if path.exists() else "there is no such file"
        refuse(path, what, "give CSV, TSV, JSON, JSONL or InstructLab's qna.yaml")
    encoding, called = find_encoding(path, options.encoding)
    if encoding == "cp1252" and not options.encoding:
        message, hint = (
            "the file is not UTF-8 and is taken for Windows-1252",
            "if letters are wrong, give --encoding",
        )
        reading.left.append(
            Problem(Where(path.as_posix(), 1, 1), "encoding", message, hint, "warning")
        )
    if path.suffix.lower() in _OBJECTS:
        kind = f"JSON; {_objects(read_objects(path, encoding), options, reading)}"
    elif path.suffix.lower() in _YAML:
        kind = f"InstructLab YAML; {_objects(read_qna(path, encoding), options, reading)}"
    else:
        table, records = read_table(path, encoding, options)
        sign = SIGNS.get(table.delimiter, table.delimiter)
        head = "with a header" if table.header else "no header, columns by number"
        kind = f"table, cells parted by {sign}, {head}; {plan_as_text(table.plan)}"
        for record in records:
            _take(record, table.plan, reading, is_table=True)
    reading.said.append(f"{visible(path.as_posix())}: {called}, {kind}")


def _objects(records: Iterator[Record | Problem], options: Options, reading: Reading) -> str:
    """Take objects, of which each may have other keys; say how the first was taken."""
    plans: dict[tuple[str, ...], Plan] = {}
    for record in records:
        keys = tuple(record.cells) if isinstance(record, Record) else ()
        if keys not in plans and isinstance(record, Record):
            plans[keys] = make_plan(keys, options.texts)
        _take(record, plans.get(keys, {}), reading, is_table=False)
    return plan_as_text(next(iter(plans.values()), {})) or "no objects"


def _take(record: Record | Problem, plan: Plan, reading: Reading, *, is_table: bool) -> None:
    reading.seen += 1
    if reading.seen > MAX_ROWS:
        reading.rows.clear()  # nothing will be written, and judging so many takes its time
        place = record.where
        message = f"here are more than {MAX_ROWS:,} rows, which is the most that one import takes"
        hint = "import the file in parts, cut between two rows"
        refuse(Path(place.path), message, hint, (place.line, place.column))
    if isinstance(record, Problem):
        reading.left.append(record)
        return
    row, problems = draft_row(record, plan, is_table=is_table)
    reading.left.extend(problems)
    if row:
        reading.rows.append(row)
