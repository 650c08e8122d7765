"""Reads a benchmark file (JSON lines): subjects to teach, and questions that must not get their answers.

A row has `subject`, `question` and `answer`, other wordings of the question in `probes`, and
questions about other things in `neighbours` or `unrelated`. A probe that names no word of its
subject cannot be answered by anybody; it is left out with a message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # JSON rows have no narrower type before they are read here

from pipeline.core.errors import ConfigError, Where
from pipeline.facts.fact import Subject, subject_from
from pipeline.facts.languages.folding import normalise

KEYS = "a row is an object with `subject`, `question`, `answer` and a list of `probes`"


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a subject with one fact (its probes included), and the questions about other things."""

    subject: Subject
    others: tuple[str, ...]
    left_out: str
    """The probes that were left out and why; empty where none was."""


def read_rows(path: Path, count: int) -> tuple[Row, ...]:
    """Read the first `count` rows.

    Raises ConfigError with the line of a row that cannot be used, and when there are too few rows.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: cannot be read: {error}", "give a file of JSON lines"
        ) from error
    rows: list[Row] = []
    for number, line in enumerate(lines, 1):
        if line.strip() and len(rows) < count:
            rows.append(_row(_object(line, Where(str(path), number)), Where(str(path), number)))
    if len(rows) < max(1, count):
        raise ConfigError(
            f"{path}: has {len(rows)} rows, not the {count} asked for",
            "ask for fewer with --sizes, or give a longer file",
        )
    return tuple(rows)


def _object(line: str, where: Where) -> Mapping[str, Any]:
    try:
        data = json.loads(line)
    except ValueError as error:
        raise ConfigError(f"{where}: is not JSON: {error}", KEYS) from None
    if not isinstance(data, dict):
        raise ConfigError(f"{where}: is not a JSON object", KEYS)
    return data


def _row(data: Mapping[str, Any], where: Where) -> Row:
    subject, question, answer = (
        _text(data.get(key), key, where) for key in ("subject", "question", "answer")
    )
    asked = [_text(probe, "probes", where) for probe in _list(data, "probes", where)]
    others = []
    for key in ("neighbours", "unrelated"):
        if key in data:
            for entry in _list(data, key, where):
                if not isinstance(entry, dict):
                    raise ConfigError(f"{where}: `{key}` holds something else than objects", KEYS)
                others.append(_text(entry.get("question"), f"{key} question", where))
    probes = [probe for probe in asked if _names(probe, subject)]
    dropped = [probe for probe in asked if probe not in probes]
    fact = {"id": "answer", "question": question, "answer": answer, "expect": [answer]}
    made = subject_from(
        {"subject": subject, "kind": "thing", "facts": [{**fact, "probes": probes}]},
        f"row-{where.line}",
        lambda _path: where,
    )
    why = f"{where}: left out, names no word of {subject!r}: {'; '.join(dropped)!r}"
    return Row(made, tuple(others), why if dropped else "")


def _names(probe: str, subject: str) -> bool:
    words = set(re.findall(r"\w+", normalise(probe)))
    return bool(words & set(re.findall(r"\w+", normalise(subject))))


def _list(data: Mapping[str, Any], key: str, where: Where) -> Sequence[Any]:
    value = data.get(key)
    if not isinstance(value, list):
        raise ConfigError(f"{where}: `{key}` is not a list", KEYS)
    return value


def _text(value: Any, key: str, where: Where) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{where}: `{key}` is not a text", KEYS)
    return value.strip()
