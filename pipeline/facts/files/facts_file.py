"""Bytes of a facts file in, a `Document` out: plain data, the place of every value, all problems.

`check` and `change` read contributed files through here and through nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any  # data of a contributed file has no narrower type before the schema

from pipeline.core.errors import Problem, Where
from pipeline.facts.files import characters, yaml_reader
from pipeline.facts.files.yaml_reader import Spot, Steps

MAX_BYTES = 64 * 1024

# YAML ends a line at these as well. All are refused; the places of what follows are counted by "\n" alone.
_OTHER_BREAKS = dict.fromkeys("\r\x85\u2028\u2029", "\N{NO-BREAK SPACE}")
# Word processors put these where a line must not break; for YAML, and for a model, they are no spaces.
_SPACES = dict.fromkeys(characters.NO_BREAK_SPACES, " ")
_READ_AS = str.maketrans(_SPACES | _OTHER_BREAKS)


@dataclass(frozen=True, slots=True)
class Document:
    """A file as read; `data` is None when its structure could not be made out."""

    shown: str
    data: dict[str, Any] | None
    problems: tuple[Problem, ...]
    values: Mapping[Steps, Spot] = field(default_factory=dict)
    keys: Mapping[Steps, Spot] = field(default_factory=dict)

    def locate(self, steps: Steps) -> Where:
        """Say where the value at `steps` stands, or the nearest one around it."""
        while steps and steps not in self.values:
            steps = steps[:-1]
        return Where(self.shown, *self.values.get(steps, (1, 1)))

    def locate_key(self, steps: Steps) -> Where:
        """Say where the key that `steps` ends with stands, or else what `locate` says."""
        spot = self.keys.get(steps)
        return Where(self.shown, *spot) if spot else self.locate(steps)


def read_document(path: Path, shown: str) -> Document:
    """Read the facts file at `path`, calling it `shown` in messages; every failure is a problem."""
    if path.is_symlink():
        hint = "replace the link by a copy of the file"
        return _refused(shown, "symlink", "this is a link to another file", hint)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no ordinary file"
        hint = "only files have names that end in .yaml; rename or remove it"
        return _refused(shown, "not-a-file", f"this is {what}, not a facts file", hint)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        hint = "look at the permissions of the file"
        return _refused(shown, "unreadable", f"the file cannot be read: {error.strerror}", hint)
    return parse_document(raw, shown)


def parse_document(raw: bytes, shown: str) -> Document:
    """Read the bytes of a facts file, called `shown` in messages; every failure is a problem."""
    if len(raw) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES // 1024} KiB, which is the most allowed"
        return _refused(shown, "size", message, "split it; one file holds one subject")
    try:
        text = raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        spot = before.count("\n") + 1, len(before) - before.rfind("\n")
        hint = "save the file with the encoding UTF-8"
        return _refused(shown, "encoding", "the file is not UTF-8 text from here on", hint, spot)
    unwelcome = tuple(characters.in_text(text, shown))
    reading = yaml_reader.build_document(text.translate(_READ_AS), shown)
    problems = list(reading.problems)
    if _wrong(unwelcome):  # the parser may have stumbled over what is reported already
        problems = [problem for problem in problems if problem.rule != "yaml"]
    data = None if _wrong(reading.problems) else reading.root
    return Document(shown, data, (*unwelcome, *problems), reading.values, reading.keys)


def _wrong(problems: Iterable[Problem]) -> bool:
    return any(problem.severity == "error" for problem in problems)


def _refused(shown: str, rule: str, message: str, hint: str, spot: Spot = (0, 0)) -> Document:
    return Document(shown, None, (Problem(Where(shown, *spot), rule, message, hint),))
