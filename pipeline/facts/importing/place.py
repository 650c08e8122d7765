"""Rows → the facts file that each belongs to; those are told that are there already or lack something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any  # data of a facts file is plain

from pipeline.core.errors import PipelineError, Problem, Where
from pipeline.facts.authoring.library import Library, in_order, subject_key
from pipeline.facts.checks.rules import sameness
from pipeline.facts.importing.rows import Row

NEEDED: tuple[str, ...] = ("subject", "kind", "source")
"""The fields that a facts file needs besides question and answer."""


@dataclass(slots=True)
class Placed:
    """Rows with their files, those to be filled in, how many are there already, why others are left out."""

    rows: list[tuple[PurePosixPath, Row]] = field(default_factory=list)
    first: dict[PurePosixPath, Row] = field(default_factory=dict)
    """The first row of each file, which says kind and licence where the file is new."""
    lacking: list[Row] = field(default_factory=list)
    already: int = 0
    left: list[Problem] = field(default_factory=list)


def place_rows(rows: Sequence[Row], library: Library) -> Placed:
    """Find a file for each row."""
    placed, there = Placed(), _facts_of(library)
    seen: dict[tuple[str, ...], Where] = {}
    for row in _shared(rows, library):
        draft = row.draft
        asked = sameness(draft.question), sameness(draft.answer)
        withdrawn = there.get((library.owner([draft.subject]) if draft.subject else None, *asked))
        first = seen.setdefault((subject_key(draft.subject), *asked), row.where)
        if withdrawn:
            message = f"this fact was withdrawn: {withdrawn}"
            hint = "take `withdrawn` out of the file by hand if it holds again"
            placed.left.append(Problem(row.at("question"), "withdrawn", message, hint))
        elif withdrawn is not None:
            placed.already += 1
        elif first is not row.where:
            message, hint = f"this is the row at {first} again", "it is taken once"
            placed.left.append(
                Problem(row.at("question"), "repeated-row", message, hint, "warning")
            )
        elif lacks(row):
            placed.lacking.append(row)
        else:
            _place(row, library, placed)
    return placed


def lacks(row: Row) -> tuple[str, ...]:
    """Give what a row lacks to become a fact."""
    return tuple(part for part in NEEDED if not getattr(row.draft, part))


def _shared(rows: Sequence[Row], library: Library) -> list[Row]:
    """Give the rows with what a file says of its subject: its kind, from the file or from another row."""
    kinds: dict[str, str] = {}
    for row in rows:
        if row.draft.kind:
            kinds.setdefault(subject_key(row.draft.subject), row.draft.kind)
    full = []
    for row in rows:
        draft = row.draft
        data = _data(library, library.owner([draft.subject])) if draft.subject else {}
        kind = (
            draft.kind
            or data.get("kind")
            or (draft.subject and kinds.get(subject_key(draft.subject)))
        )
        full.append(replace(row, draft=replace(draft, kind=kind or "")))
    return full


def _place(row: Row, library: Library, placed: Placed) -> None:
    """Put a row to the others of its file, unless the file says otherwise of their subject."""
    draft = row.draft
    try:
        path = library.owner([draft.subject]) or library.new_path(draft)
    except PipelineError as error:
        placed.left.append(Problem(row.at("subject"), "file", error.message, error.hint))
        return
    data = _data(library, path)
    first = placed.first.setdefault(path, row)
    for part in ("kind", "license"):
        said = getattr(draft, part)
        own = str(data.get(part, "")) if data else getattr(first.draft, part)
        if said.casefold() != own.casefold():
            place = str(path) if data else str(first.where)
            message = f"the {part} is {_quoted(said)} here and {_quoted(own)} at {place}"
            hint = f"one file has one {part} for all its facts; --{part} says it for all rows"
            placed.left.append(Problem(row.at(part), part, message, hint))
            return
    if data and (strange := set(draft.aliases) - set(_names(data))):
        message = f"“{min(strange)}” is no other name of {draft.subject} in {path}"
        hint = "the fact is taken without it; add it to `aliases` there by hand"
        placed.left.append(Problem(row.at("aliases"), "aliases", message, hint, "warning"))
        row = replace(row, draft=replace(draft, aliases=()))
    placed.rows.append((path, row))


def _facts_of(library: Library) -> dict[tuple[PurePosixPath | None, str, str], str]:
    """Give why each fact that is there was withdrawn ("": it was not) by its file, question and answer.

    Without a file, as a row without a subject asks, any file will do.
    """
    found: dict[tuple[PurePosixPath | None, str, str], str] = {}
    for path, document in library.documents.items():
        for fact in _data(library, path)["facts"] if in_order(document) else ():
            answer, why = sameness(fact["answer"]), fact.get("withdrawn", "")
            for question in (fact["question"], *fact.get("also_ask", ()), *fact.get("probes", ())):
                for place in (path, None):
                    key = place, sameness(question), answer
                    found[key] = why and found.get(key, why)
    return found


def _data(library: Library, path: PurePosixPath | None) -> Mapping[str, Any]:
    document = library.documents.get(path) if path else None
    return (document.data if document else None) or {}


def _names(data: Mapping[str, Any]) -> tuple[str, ...]:
    return (data.get("subject", ""), *data.get("aliases", ()))


def _quoted(text: str) -> str:
    return f"“{text}”" if text else "not said"
