"""Drafts about one subject → the bytes of its facts file, a new one or the one there with facts at its end.

What stands in a file stays there byte by byte. Nothing is written here.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any  # entries of a facts file are plain data

from pipeline.core.errors import PipelineError
from pipeline.facts.authoring.draft import HEADER, Draft, dump, fact_entry, fact_id
from pipeline.facts.authoring.library import Library, in_order
from pipeline.facts.fact import Subject, subject_from
from pipeline.facts.files import facts_file
from pipeline.facts.files.facts_file import MAX_BYTES, Document

MAX_FACTS = 200
"""Facts that the schema lets one file hold."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A facts file to be; `old` is what is there now, None for a new file.

    It adds the first `len(ids)` of the drafts that were given, each from the line in `starts` on.
    """

    path: PurePosixPath
    old: bytes | None
    new: bytes
    document: Document
    ids: tuple[str, ...]
    starts: tuple[int, ...]

    @property
    def subject(self) -> Subject:
        """The content of the file, which is in order."""
        assert self.document.data is not None
        return subject_from(self.document.data, self.path.stem, self.document.locate)

    def draft_at(self, line: int) -> int | None:
        """Give which draft stands at a line, counted from 0; None for what is not from one of them."""
        number = bisect_right(self.starts, line) - 1
        return number if number >= 0 else None


def compose_file(path: PurePosixPath, drafts: Sequence[Draft], library: Library) -> Composed:
    """Write drafts about one subject into their file; as many as it can hold are taken.

    Raises PipelineError where the file cannot be added to without a change to what stands in it.
    """
    if path in library.documents:
        return _added(path, drafts, library)
    first = drafts[0]
    sources = {draft.source for draft in drafts}
    source = sources.pop() if len(sources) == 1 else ""
    aliases = list(dict.fromkeys(alias for draft in drafts for alias in draft.aliases))
    head: dict[str, Any] = {"schema": 1, "subject": first.subject, "kind": first.kind}
    more = {"aliases": aliases, "source": source, "license": first.license}
    head |= {key: value for key, value in more.items() if value}
    start = f"{HEADER}{dump(head)}facts:\n".encode()
    return _composed(path, None, _Text(start, source), drafts)


@dataclass(slots=True)
class _Text:
    """A file that grows, and how a fact is written in it."""

    data: bytes
    source: str
    indent: str = "  "
    end: str = "\n"
    ids: tuple[str, ...] = ()
    facts: tuple[Any, ...] = ()


def _composed(
    path: PurePosixPath, old: bytes | None, text: _Text, drafts: Sequence[Draft]
) -> Composed:
    """Put one fact after another behind a text, as long as the file may grow."""
    ids, starts, entries = list(text.ids), list[int](), list[dict[str, Any]]()
    parts, size = [text.data], len(text.data)
    line = text.data.count(b"\n") + 1
    for draft in drafts:
        entry = fact_entry(draft, fact_id(draft, {*ids}), text.source)
        block = "".join(f"{text.indent}{row}{text.end}" if row else text.end
                        for row in dump([entry]).split("\n")[:-1]).encode()  # fmt: skip
        size += len(block)
        if len(ids) == MAX_FACTS or size > MAX_BYTES:
            break
        parts.append(block)
        ids.append(entry["id"])
        starts.append(line)
        entries.append(entry)
        line += block.count(b"\n")
    new = b"".join(parts)
    document = facts_file.parse_document(new, str(path))
    if old is not None and (document.data or {}).get("facts") != [*text.facts, *entries]:
        raise PipelineError(
            f"{path}: its facts do not stand at its end, one below the other",
            "add the facts to it by hand, or bring its list `facts:` into that form",
        )
    return Composed(path, old, new, document, tuple(ids[len(text.ids) :]), tuple(starts))


def _added(path: PurePosixPath, drafts: Sequence[Draft], library: Library) -> Composed:
    """Put facts at the end of a file, in the file's own indentation and line ends."""
    try:
        raw = library.on_disk(path).read_bytes()
    except OSError as error:
        raise PipelineError(
            f"{path}: cannot be read: {error.strerror}", "look at the permissions of the file"
        ) from error
    document = facts_file.parse_document(raw, str(path))
    if library.documents[path].data is None or not in_order(document):
        raise PipelineError(f"{path}: cannot be added to", "mend that file first: `facts check`")
    assert document.data is not None
    where = document.locate(("facts", 0))
    before = raw.decode().split("\n")[where.line - 1][: where.column - 1]
    end = "\r\n" if b"\r\n" in raw else "\n"
    text = _Text(
        raw if raw.endswith(b"\n") else raw + end.encode(),
        document.data.get("source", ""),
        re.split(r"-\s*$", before, maxsplit=1)[0],
        end,
        tuple(entry["id"] for entry in document.data["facts"]),
        tuple(document.data["facts"]),
    )
    return _composed(path, raw, text, drafts)
