"""A fact as a person gave it, in a form, a table or at the terminal, and how it stands in a facts file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Mapping
from dataclasses import dataclass, fields
from itertools import chain, count
from typing import Any  # an entry of a facts file is plain data

import yaml

from pipeline.core.errors import PipelineError
from pipeline.facts.authoring.slug import LONGEST, slug
from pipeline.facts.names.find_names import rename

HEADER = "# yaml-language-server: $schema=../../schema/subject.schema.json\n"
"""Leads from `facts/TOPIC/` to the schema, for editors."""
Texts = tuple[str | tuple[str, ...], ...]
_LAID_OUT = re.compile(r"^(?:[-*•|>#]|\d+[.)]|```|[ \t]+\S|[ \t]*$)", re.MULTILINE)
"""A list, a table, code or paragraphs: their lines are no accident of where the text was typed."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One question and its answer with all that goes with them; empty is what nobody said."""

    subject: str = ""
    kind: str = ""
    topic: str = ""
    source: str = ""
    license: str = ""
    aliases: tuple[str, ...] = ()
    id: str = ""
    question: str = ""
    answer: str = ""
    expect: Texts = ()
    also_ask: tuple[str, ...] = ()
    probes: tuple[str, ...] = ()


FIELDS = tuple(field.name for field in fields(Draft))
"""The parts of a draft by name."""


def tidy_line(text: str) -> str:
    """Put a text on one line, with single spaces and accented letters in one piece."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def tidy_answer(text: str) -> str:
    """Put an answer on one line, unless its lines are those of a list, of a table or of code."""
    lines = unicodedata.normalize("NFC", text).expandtabs(4).replace("\xa0", " ").splitlines()
    kept = "\n".join(line.rstrip() for line in lines).strip("\n")
    return kept.strip() if _LAID_OUT.search(kept) and "\n" in kept else tidy_line(text)


def fact_id(draft: Draft, taken: Container[str]) -> str:
    """Name a fact by its question without the subject, so that the same question about two has one name."""
    asked = rename(draft.question, (draft.subject, *draft.aliases), " ", "")
    short = slug(draft.id or asked, "") or slug(draft.question, "fact")
    more = (f"{short[: LONGEST - 4]}-{number}" for number in count(2))
    return next(name for name in chain((short,), more) if name not in taken)


def fact_entry(draft: Draft, name: str, file_source: str) -> dict[str, Any]:
    """Give a fact as it stands in a file that names `file_source` for all its facts."""
    entry: dict[str, Any] = {"id": name, "question": draft.question, "answer": draft.answer}
    if draft.expect:
        entry["expect"] = [each if isinstance(each, str) else [*each] for each in draft.expect]
    for key, texts in (("also_ask", draft.also_ask), ("probes", draft.probes)):
        if texts:
            entry[key] = [*texts]
    if draft.source and draft.source != file_source:
        entry["source"] = draft.source
    return entry


def dump(data: Mapping[str, Any] | list[dict[str, Any]]) -> str:
    """Write data as YAML. Raises PipelineError for half a character, which no file can hold."""
    dumper = _Fast
    text = repr(data)
    if not text.isascii() and max(text) > "\uffff":
        dumper = _Plain  # type: ignore[assignment]  # the fast one writes an emoji as an escape
    try:
        return yaml.dump(data, Dumper=dumper, sort_keys=False, allow_unicode=True, width=90)
    except UnicodeEncodeError as error:
        shown = error.object[max(0, error.start - 20) : error.end]
        raise PipelineError(f"“{shown}” ends in half a character", "retype that text") from error


class _Plain(yaml.SafeDumper):
    """Writes text of several lines as it stands."""


class _Fast(yaml.CSafeDumper):
    """Does the same, four times as fast."""


def _text(dumper: Any, text: str) -> Any:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


for _each in (_Plain, _Fast):
    _each.add_representer(str, _text)
