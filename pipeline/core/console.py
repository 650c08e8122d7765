"""Prints for the whole command: no text of others acts on a terminal or on a workflow's log.

`guarded` stands between every `print`, trace and message of a library, and the two streams. Control
characters become visible, and no line begins a workflow command, except those of `commands`.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO, cast  # what a stream has besides writing is its own affair

_BEGIN = ("##[", "##vso[")
"""Begins a command to a runner, anywhere in a line."""
LONGEST = 8
"""Characters ahead in a line that may be part of a command's beginning."""


class Guard:
    """A stream that makes visible what would act, and passes on all else to `stream`."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._line = ""
        """The end of what was written of a line that goes on: enough to know a command by."""

    def write(self, text: str) -> int:
        """Write text; gives its length. A carriage return moves a bar of progress on a terminal."""
        rest = text
        if rest.startswith("\r") and self.stream.isatty():
            self.stream.write("\r")
            rest, self._line = rest[1:], ""
        for number, part in enumerate(rest.split("\n")):
            if number:
                self.stream.write("\n")
                self._line = ""
            if part:
                shown = _harmless(part, self._line)
                self.stream.write(shown)
                self._line = (self._line + shown)[-LONGEST:]
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of the lines."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def guarded() -> Iterator[None]:
    """Guard standard output and standard error while a verb runs."""
    out, talk = cast("TextIO", Guard(sys.stdout)), cast("TextIO", Guard(sys.stderr))
    with redirect_stdout(out), redirect_stderr(talk):
        yield


def commands(text: str) -> None:
    """Print workflow commands that are in order (`problems.as_github` writes them) to standard output."""
    stream = sys.stdout
    print(text, file=stream.stream if isinstance(stream, Guard) else stream)


def _harmless(part: str, before: str) -> str:
    """Make a piece of one line visible; `before` is the end of what stands ahead of it in the line."""
    shown = "".join(char if _shows(char) else json.dumps(char)[1:-1] for char in part)
    if (before + shown).lstrip().startswith("::"):
        shown = shown.replace(":", r"\u003a", 1)
    whole = before + shown
    for begin in _BEGIN:
        whole = whole.replace(begin, begin[:-1] + r"\u005b")
    return whole[len(before) :]


def _shows(char: str) -> bool:
    return char.isprintable() or char == "\t" or unicodedata.category(char) == "Zs"


def say(line: str) -> None:
    """Tell the person what happened, on stderr."""
    print(line, file=sys.stderr, flush=True)
