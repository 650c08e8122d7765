"""Prints for the live side: nothing it prints acts on a terminal or on a runner's log.

Reports, engines, git and the Hub are quoted in what is said. Whoever asked for a piece of work may hear
it as well: `heard` hands on each line that is said in its thread.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from pipeline.core.escape import line

Ear = Callable[[str], None]
_ear: ContextVar[Ear | None] = ContextVar("ear", default=None)


def say(text: str) -> None:
    """Write one line to stderr, and to whoever listens to this thread."""
    shown = line(text)
    print(shown, file=sys.stderr, flush=True)
    if ear := _ear.get():
        ear(shown)


def give(text: str) -> None:
    """Write what was asked for to stdout, line by line."""
    print("\n".join(line(each) for each in text.split("\n")))


def give_json(data: Mapping[str, object]) -> None:
    """Write data to stdout as JSON, in ASCII: it reads back as it was, and a log obeys none of it."""
    print(json.dumps(data, indent=2).replace("##[", r"##\u005b"))


@contextmanager
def heard(ear: Ear) -> Iterator[None]:
    """Hand on what is said in this thread meanwhile."""
    token = _ear.set(ear)
    try:
        yield
    finally:
        _ear.reset(token)


def libraries() -> None:
    """Say what libraries log, for it may quote a client."""
    logging.basicConfig(handlers=[_Said()], force=True)


class _Said(logging.Handler):
    """Says each line of a record."""

    def emit(self, record: logging.LogRecord) -> None:
        for each in self.format(record).split("\n"):
            say(each)
