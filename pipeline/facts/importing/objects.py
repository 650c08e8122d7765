"""JSON, a list of objects or one object a line, → records: keys are columns, and each has its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any  # JSON data has no narrower type before it is read

from pipeline.core.errors import Problem, Where
from pipeline.facts.importing.chat import flat_chat
from pipeline.facts.importing.columns import column_key
from pipeline.facts.importing.encodings import bounded_lines, read_whole
from pipeline.facts.importing.rows import MAX_WHOLE, Cell, Record, refuse

_SPACE = " \t\r\n\ufeff"
_OBJECT = 'each is an object, such as {"question": "…", "answer": "…", "subject": "…"}'


def read_objects(path: Path, encoding: str) -> Iterator[Record | Problem]:
    """Yield the objects of a JSON or JSONL file. Raises FactsError where it cannot be read to its end."""
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return _lines(path, encoding)
    text = read_whole(path, encoding, MAX_WHOLE)
    start = _skip(text, 0)
    if text[start : start + 1] == "[":
        return _entries(path, text, start + 1)
    value, end = _value(path, text, start)
    if _skip(text, end) == len(text):
        return iter((_record(value, Where(path.as_posix(), 1, 1)),))
    return _lines(path, encoding)


def _lines(path: Path, encoding: str) -> Iterator[Record | Problem]:
    with path.open(encoding=encoding, newline="") as file:
        for number, line in enumerate(bounded_lines(file, path), start=1):
            if not line.strip(_SPACE):
                continue
            where = Where(path.as_posix(), number, 1)
            try:
                value = _DECODER.decode(line.strip(_SPACE))
            except (ValueError, RecursionError) as error:
                column = error.colno if isinstance(error, json.JSONDecodeError) else 1
                yield Problem(Where(where.path, number, column), "json", _why(error), _OBJECT)
            else:
                yield _record(value, where)


def _entries(path: Path, text: str, place: int) -> Iterator[Record | Problem]:
    """Yield the entries of a list that begins before `place`."""
    line, start, seen = 1, 0, 0
    while (place := _skip(text, place)) < len(text) and text[place] != "]":
        if breaks := text.count("\n", seen, place):
            line, start = line + breaks, text.rfind("\n", seen, place) + 1
        seen = place
        value, place = _value(path, text, place)
        yield _record(value, Where(path.as_posix(), line, seen - start + 1))
        place = _skip(text, place)
        if text[place : place + 1] not in (",", "]"):
            break
        place += text[place] == ","
    if text[place : place + 1] != "]" or _skip(text, place + 1) < len(text):
        refuse(path, "the list does not go on or end here as JSON does", "look for a lost comma or bracket",
               _spot(text, place))  # fmt: skip


def _value(path: Path, text: str, place: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, place)
    except (ValueError, RecursionError) as error:
        spot = (
            (error.lineno, error.colno)
            if isinstance(error, json.JSONDecodeError)
            else _spot(text, place)
        )
        refuse(path, _why(error), "nothing of a file is taken whose JSON is broken", spot)


def _single(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found


_DECODER = json.JSONDecoder(
    object_pairs_hook=_single, parse_int=str, parse_float=str, parse_constant=str
)
"""Reads numbers as they are written, and refuses a key that is given twice."""


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "this is nested too deeply"
    return (
        f"this is no JSON: {error.msg}" if isinstance(error, json.JSONDecodeError) else str(error)
    )


def _record(value: object, where: Where) -> Record | Problem:
    """Make a record of an object, or say why it is left out."""
    if not isinstance(value, dict):
        return Problem(where, "json", "this is no object", _OBJECT)
    try:
        data, left = flat_chat(value)
        cells = {column_key(key): _cell(each) for key, each in data.items() if each is not None}
    except ValueError as error:
        return Problem(where, "json", str(error), _OBJECT)
    return Record(where, cells, {}, tuple(left))


def _cell(value: object) -> Cell:
    """Give a text or a list of texts; what is nested otherwise is kept as its JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str | list) for each in value):
        return tuple(each if isinstance(each, str) else tuple(map(str, each)) for each in value)
    return json.dumps(value, ensure_ascii=False)


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in _SPACE:
        place += 1
    return place


def _spot(text: str, place: int) -> tuple[int, int]:
    return text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place)
