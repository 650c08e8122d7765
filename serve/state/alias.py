"""Keeps the alias table: the adapter that the public name stands for, and the one before.

One JSON file in the state folder, replaced as a whole, changed only by compare-and-swap on its
generation. It is also the list of what every engine must have loaded, so a restarted engine is
brought back from it. A second copy is kept: a broken file is told, and the last good one is used.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.core import artifact, json_file, lock
from pipeline.core.errors import ConfigError, PipelineError

FILE = "alias.json"
LAST_GOOD = "alias.last-good.json"


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter where engines load it from: its immutable name, absolute folder and digest."""

    name: str
    folder: str
    digest: str


@dataclass(frozen=True, slots=True)
class Table:
    """The live adapter, since when (ISO time), and the one before; generation 0 is empty."""

    generation: int = 0
    adapter: Adapter | None = None
    previous: Adapter | None = None
    since: str = ""

    @property
    def wanted(self) -> tuple[Adapter, ...]:
        """The adapters that every engine must have loaded."""
        return tuple(each for each in (self.adapter, self.previous) if each)


@dataclass(frozen=True, slots=True)
class Reading:
    """The table as read; `damage` says what is wrong with the file when the copy had to serve."""

    table: Table
    damage: str = ""


def short(text: str) -> str:
    """Cut the digests in the names of adapters to twelve digits, for people; nothing may compare that."""
    return re.sub(r"(@[0-9a-f]{12})[0-9a-f]{52}(?![0-9a-f])", r"\1…", text)


def read_alias(state: Path) -> Reading:
    """Read the table from the state folder; an empty one when none was ever written.

    Raises ConfigError when neither the file nor its copy can be read.
    """
    found = [_parse(state / name) for name in (FILE, LAST_GOOD)]
    main, copy = found
    if isinstance(main, Table):
        return Reading(main)
    if isinstance(copy, Table):
        said = main or f"{state / FILE}: is gone"
        return Reading(copy, f"{said}; the last good table is used")
    if main or copy:
        raise ConfigError(
            f"{main or copy}, and there is no good copy beside it",
            "remove both files and deploy again; engines and adapters are not touched by that",
        )
    return Reading(Table())


def swap(state: Path, expected: int, new: Table) -> Table:
    """Write adapter and previous of `new` if the table's generation is still `expected`.

    Gives the table as written. Raises PipelineError when somebody else has changed it since.
    """
    with lock.exclusive(state / "alias.lock"):
        now = read_alias(state).table
        if now.generation != expected:
            raise PipelineError(
                f"the alias table changed meanwhile (generation {now.generation}, not {expected})",
                "see `facts status`, then start again",
            )
        written = Table(expected + 1, new.adapter, new.previous, new.since)
        text = json.dumps(asdict(written), indent=2) + "\n"
        artifact.write_text(state / FILE, text)
        artifact.write_text(state / LAST_GOOD, text)
        return written


def _parse(file: Path) -> Table | str:
    """Read one file: the table, what is wrong with it, or "" when there is none."""
    try:
        raw = file.read_bytes()
        table = json_file.read_json(Table, raw)
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        return f"{file}: is damaged ({error})"
    return table if asdict(table) == json.loads(raw) else f"{file}: is damaged (a key is missing)"
