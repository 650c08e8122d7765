"""Holds an adapter back for a while after a deploy that failed through no proven fault of its own.

Only what the probes prove quarantines an adapter. What else goes wrong (a server died, the door was
away, clients' requests failed in the soak) holds it back for a while, twice as long each time in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pipeline.core.errors import PipelineError
from serve.state.journal import ENDED, JournalEntry

FIRST_SECONDS, LONGEST_SECONDS = 60, 1800
"""Seconds for which an adapter is held back the first time, and at most."""


class HeldBackError(PipelineError):
    """The adapter may be tried again, but not yet."""


def again_at(entries: Sequence[JournalEntry], digest: str) -> str:
    """Say when an adapter whose deploy fails now may be tried again (ISO, UTC)."""
    before = 0
    for entry in entries:
        if entry.adapter.digest == digest and entry.state in ENDED:
            before = before + 1 if entry.state == "held back" else 0
    # Beyond twenty doublings the longest wait is long reached.
    seconds = min(FIRST_SECONDS * 2 ** min(before, 20), LONGEST_SECONDS)
    return (now() + timedelta(seconds=seconds)).isoformat(timespec="seconds")


def hold_of(entries: Sequence[JournalEntry]) -> dict[str, JournalEntry]:
    """Give what was held back at last and not deployed since: by digest, the entry that says until when."""
    found: dict[str, JournalEntry] = {}
    for entry in entries:
        if entry.state == "held back":
            found[entry.adapter.digest] = entry
        elif entry.state in ENDED:
            found.pop(entry.adapter.digest, None)
    return found


def refuse(entries: Sequence[JournalEntry], digest: str) -> None:
    """Raise HeldBackError when it is too early to try an adapter again."""
    entry = hold_of(entries).get(digest)
    if entry and datetime.fromisoformat(entry.again_at) > now():
        raise HeldBackError(
            f"{entry.adapter.name}: is held back, try again at {entry.again_at}: {entry.reason}",
            "`facts deploy` takes it from then on, or now with --again; it is not quarantined",
        )


def now() -> datetime:
    """Give the time."""
    return datetime.now(UTC)
