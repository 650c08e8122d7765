"""InstructLab's `qna.yaml` → records: each question with its answer; its repository is their source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any  # YAML data has no narrower type before it is read

from pipeline.core.errors import FactsError, Problem, Where
from pipeline.facts.files import yaml_reader
from pipeline.facts.files.yaml_reader import Steps
from pipeline.facts.importing.encodings import read_whole
from pipeline.facts.importing.rows import Record, refuse

MOST = 4 * 1024 * 1024
"""Bytes; such a file has a few dozen questions."""
_FORM = "InstructLab's form is `seed_examples:`, each with a list `questions_and_answers`"


def read_qna(path: Path, encoding: str) -> Iterator[Record | Problem]:
    """Yield the questions of a file in InstructLab's form. Raises FactsError for any other YAML."""
    text = read_whole(path, encoding, MOST).replace("\r\n", "\n")
    reading = yaml_reader.build_document(text, path.as_posix())
    if wrong := tuple(problem for problem in reading.problems if problem.severity == "error"):
        raise FactsError(wrong)
    data = reading.root or {}
    if isinstance(data.get("facts"), list):
        hint = "put it below the facts folder as it is: `facts check` says what is wrong with it"
        refuse(path, "this is a facts file, or nearly one", hint, (1, 1))
    examples = data.get("seed_examples")
    if not isinstance(examples, list) or not examples:
        refuse(path, "this YAML holds no questions", _FORM, (1, 1))
    document = data.get("document")
    cells = {
        "topic": data.get("domain"),
        "source": document.get("repo") if isinstance(document, dict) else None,
    }
    given = {key: value for key, value in cells.items() if isinstance(value, str)}

    def record(entry: object, steps: Steps) -> Record | Problem:
        def at(*more: str) -> Where:
            place = (*steps, *more)
            return Where(path.as_posix(), *reading.values.get(place, reading.values[steps]))

        pair = (
            {key: entry.get(key) for key in ("question", "answer")}
            if isinstance(entry, dict)
            else {}
        )
        texts = {key: value for key, value in pair.items() if isinstance(value, str)}
        if len(texts) != 2:
            return Problem(at(), "qna", "this is no question with its answer", _FORM)
        return Record(at(), {**given, **texts}, {key: at(key) for key in texts})

    return (record(entry, steps) for entry, steps in _pairs(examples))


def _pairs(examples: list[Any]) -> Iterator[tuple[Any, Steps]]:
    """Yield what should be a question with its answer, and where it stands."""
    for index, example in enumerate(examples):
        steps: Steps = ("seed_examples", index)
        pairs = example.get("questions_and_answers") if isinstance(example, dict) else None
        if isinstance(pairs, list):
            yield from (
                (pair, (*steps, "questions_and_answers", n)) for n, pair in enumerate(pairs)
            )
        else:
            yield example, steps
