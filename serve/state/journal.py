"""Keeps the journal: one JSON line for each step of each deploy, on disk before the next step begins.

It is what a deploy resumes from after `kill -9`, what `facts status` tells, and the list of
quarantined adapters. Lines are only ever appended, until `compact` writes it anew without the oldest;
a last line that was cut off is not read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pipeline.core import artifact, json_file
from pipeline.core.errors import ConfigError
from pipeline.core.json_file import MisfitError
from serve.state.alias import Adapter, Table

FILE = "journal.jsonl"
KEPT = 300
"""So many of the last steps are kept when it is compacted: about forty deploys."""

State = Literal[
    "fetched", "staged", "probed", "cutover", "soaked", "committed",
    "rolling back", "failed", "held back", "released",
]  # fmt: skip
ENDED: tuple[State, ...] = ("committed", "failed", "held back", "released")
"""States after which a deploy has nothing left to do; "released" lifts a quarantine."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A deploy of `adapter` has reached `state`; `before` is the alias table that it started from.

    `reason` says why a state is a bad one, `detail` what was measured. `quarantine`: do not try
    this adapter again. `again_at` (ISO time, UTC): do not try it again before.
    """

    deploy: str
    adapter: Adapter
    before: Table
    state: State
    reason: str = ""
    quarantine: bool = False
    detail: str = ""
    at: str = ""
    again_at: str = ""


def append(state: Path, entry: JournalEntry) -> JournalEntry:
    """Add one line, stamped with the time (UTC), and wait until it is on disk.

    Raises ConfigError when it cannot be written.
    """
    stamped = replace(entry, at=datetime.now(UTC).isoformat(timespec="seconds"))
    line = json.dumps(asdict(stamped), ensure_ascii=False) + "\n"
    file = state / FILE
    try:
        state.mkdir(parents=True, exist_ok=True)
        with file.open("ab") as handle:
            if handle.tell() and not _ends_whole(file):
                handle.write(b"\n")  # a line that was cut off stays one line
            handle.write(line.encode())
            handle.flush()
            os.fsync(handle.fileno())
    except OSError as error:
        raise ConfigError(
            f"{file}: cannot be written: {error.strerror or error}",
            "check permissions and free space; the live adapter is untouched",
        ) from error
    return stamped


def read_journal(state: Path) -> tuple[JournalEntry, ...]:
    """Read all whole lines. Raises ConfigError when the file is there and cannot be read."""
    try:
        text = (state / FILE).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigError(f"{state / FILE}: cannot be read: {error.strerror}") from error
    return tuple(_entries(text))


def compact(state: Path) -> bool:
    """Write the journal anew when half of it is no longer needed; say whether it was.

    The last steps stay, and of those before whatever quarantines or holds back an adapter still. Call
    it holding the lock of deploys. Raises ConfigError when it cannot be written; it is then as before.
    """
    entries = read_journal(state)
    needed = compacted(entries)
    if len(entries) <= 2 * len(needed):
        return False
    lines = (json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in needed)
    artifact.write_text(state / FILE, "".join(lines))
    return True


def compacted(entries: Sequence[JournalEntry]) -> tuple[JournalEntry, ...]:
    """Give the steps that are still needed, in their order."""
    bad = {id(entry) for entry in quarantined(entries).values()}
    last = {entry.adapter.digest: entry for entry in entries}
    bad |= {id(entry) for entry in last.values() if entry.state == "held back"}
    recent = entries[-KEPT:]
    return (*(entry for entry in entries[:-KEPT] if id(entry) in bad), *recent)


def unfinished(entries: Sequence[JournalEntry]) -> JournalEntry | None:
    """Give the last step of the deploy that was cut off, if the last one was."""
    return entries[-1] if entries and entries[-1].state not in ENDED else None


def quarantined(entries: Sequence[JournalEntry]) -> dict[str, JournalEntry]:
    """Give what must not be tried again: by digest, the entry that says why."""
    found: dict[str, JournalEntry] = {}
    for entry in entries:
        if entry.quarantine:
            found[entry.adapter.digest] = entry
        elif entry.state == "released":
            found.pop(entry.adapter.digest, None)
    return found


def _ends_whole(file: Path) -> bool:
    with file.open("rb") as handle:
        handle.seek(-1, os.SEEK_END)
        return handle.read(1) == b"\n"


def _entries(text: str) -> Iterator[JournalEntry]:
    for line in text.split("\n"):
        try:
            yield json_file.read_json(JournalEntry, line)
        except MisfitError:
            continue  # cut off by a crash: its step is done again
