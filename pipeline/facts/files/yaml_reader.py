"""Text of a YAML file in, plain data and the place of every value out, in one pass over its events.

A small and strict part of YAML is read: mappings, lists and text. A value means what it looks like
(`NO`, `3.10` and a date stay text), and whatever makes YAML surprising (anchors, tags, merge keys,
repeated keys …) is a problem with a position. `facts_file` is the only caller.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any  # data of a contributed file has no narrower type before the schema

import yaml

from pipeline.core.errors import Problem, Where
from pipeline.facts.files import characters, scalar_shapes
from pipeline.facts.files.yaml_messages import translate

MAX_DEPTH = 8

Steps = tuple[str | int, ...]
"""A path into the data, such as ("facts", 0, "answer")."""

Spot = tuple[int, int]
"""Line and column, counted from 1."""

_IN_FULL = "write the text out in full; if it starts with `*`, `&` or `!`, put it in quotes"

# A comment as people write it has a space after its `#`; "the #1 song" would lose "#1 song" to one.
_LOST_IN_COMMENT = re.compile(r" +#[^\s#]")


@dataclass(slots=True)
class Reading:
    """The state of reading; `root` is None until a mapping was found.

    Nothing lies beyond `end`: the parser sees one more line where the last one has no end.
    """

    shown: str
    end: Spot
    root: dict[str, Any] | None = None
    values: dict[Steps, Spot] = field(default_factory=dict)
    keys: dict[Steps, Spot] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)

    def note(self, event: yaml.Event, rule: str, message: str, hint: str) -> None:
        """Add a problem at the start of `event`."""
        self.problems.append(Problem(Where(self.shown, *_spot(self, event)), rule, message, hint))


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not been reached, and the key whose value comes next."""

    value: dict[str, Any] | list[Any]
    steps: Steps
    key: str | None = None


class _StopError(Exception):
    """Ends reading: the rest cannot be understood, and the problem is noted."""


def build_document(text: str, shown: str) -> Reading:
    """Read `text`; `shown` names the file in the problems. Raises nothing, however bad the text."""
    reading = Reading(shown, (text.count("\n") + 1, len(text) - text.rfind("\n")))
    lines = text.split("\n") if " #" in text else []
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.ScalarEvent):
                _scalar(reading, event, text, lines)
            else:
                _structure(reading, event)
    except _StopError:
        return reading
    except yaml.YAMLError as error:
        reading.problems.append(translate(error, shown, reading.end))
        return reading
    if reading.root is None:
        where, hint = Where(shown, 1, 1), "`facts new` writes a file to start from"
        reading.problems.append(Problem(where, "empty", "the file is empty", hint))
    return reading


def _structure(reading: Reading, event: yaml.Event) -> None:
    """Take an event that is not a piece of text."""
    match event:
        case yaml.MappingStartEvent():
            _enter(reading, event, {})
        case yaml.SequenceStartEvent():
            _enter(reading, event, [])
        case yaml.CollectionEndEvent():
            reading.stack.pop()
        case yaml.AliasEvent():
            reading.note(event, "anchor", "`*` refers to another value here", _IN_FULL)
            _place(reading, event, "*")
        case yaml.DocumentStartEvent():
            _document(reading, event)


def _document(reading: Reading, event: yaml.DocumentStartEvent) -> None:
    if reading.root is not None:
        hint = "one file holds one subject; delete the `---` or make two files"
        reading.note(event, "document", "a second document starts here", hint)
        raise _StopError
    if event.version or event.tags:
        reading.note(event, "directive", "lines that start with `%` are not read", "delete it")


def _enter(
    reading: Reading,
    event: yaml.CollectionStartEvent,
    value: dict[str, Any] | list[Any],
) -> None:
    """Begin a mapping or list."""
    _undecorated(reading, event)
    if not reading.stack:
        if isinstance(value, list):
            _not_a_mapping(reading, event)
        else:
            reading.root = value
            reading.values[()] = _spot(reading, event)
        reading.stack.append(_Open(value, ()))
        return
    if len(reading.stack) == MAX_DEPTH:
        message = f"more than {MAX_DEPTH} levels of brackets or indentation"
        reading.note(event, "depth", message, "a facts file needs six; look for a stray `[` or `{`")
        raise _StopError
    if isinstance(reading.stack[-1].value, dict) and reading.stack[-1].key is None:
        hint = "if these brackets belong to the text, put the whole text in quotes"
        reading.note(event, "key", "a key must be one word, not a list or a mapping", hint)
        raise _StopError
    reading.stack.append(_Open(value, _place(reading, event, value)))


def _scalar(reading: Reading, event: yaml.ScalarEvent, text: str, lines: list[str]) -> None:
    """Take a piece of text, as a key or as a value."""
    _undecorated(reading, event)
    value: str | int = event.value.rstrip("\n")  # which only says that the text was a block
    start, end = event.start_mark, event.end_mark
    assert start is not None
    assert end is not None
    if event.style == '"' or end.line > start.line:  # an escape or a fold may hide something
        where = Where(reading.shown, *_spot(reading, event))
        reading.problems.extend(characters.in_value(event.value, text, where))
    if wrong := scalar_shapes.misshapen(
        event, reading.stack[-1].key if reading.stack else None, text
    ):
        reading.note(event, *wrong)
    if not event.style:  # neither quotes nor a block
        if end.line < len(lines) and _LOST_IN_COMMENT.match(lines[end.line], end.column):
            hint = "put the text in quotes; if it is a comment, write a space after the `#`"
            reading.note(
                event, "comment", "the text ends before ` #`, which starts a comment", hint
            )
        # The number of the format is the only one in a facts file; its length keeps it a number.
        if len(reading.stack) == 1 and reading.stack[0].key == "schema":
            value = int(event.value) if re.fullmatch("[0-9]{1,9}", event.value) else event.value
    _place(reading, event, value)


def _place(reading: Reading, event: yaml.NodeEvent, value: Any) -> Steps:
    """Put a value, or a key that waits for its value, where it belongs; return the path to it."""
    if not reading.stack:
        _not_a_mapping(reading, event)
    top = reading.stack[-1]
    spot = _spot(reading, event)
    if isinstance(top.value, list):
        steps: Steps = (*top.steps, len(top.value))
        top.value.append(value)
    elif top.key is None:
        top.key = str(value)
        return _key(reading, event, (*top.steps, top.key), spot)
    else:
        steps = (*top.steps, top.key)
        top.value[top.key] = value
        top.key = None
    reading.values[steps] = spot
    return steps


def _key(reading: Reading, event: yaml.NodeEvent, steps: Steps, spot: Spot) -> Steps:
    """Remember where a key stands; the path to its value is `steps`."""
    if steps[-1] == "<<":
        reading.note(event, "merge-key", "`<<` takes over the keys of another mapping", _IN_FULL)
    elif steps[-1] == "":
        reading.note(event, "key", "a key is missing before this colon", "write `key: value`")
    elif steps in reading.keys:
        line, column = reading.keys[steps]
        message = f"`{steps[-1]}` is given twice, first in line {line}, column {column}"
        reading.note(event, "duplicate-key", message, "keep one of the two")
    reading.keys.setdefault(steps, spot)
    return steps


def _undecorated(reading: Reading, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
    if event.anchor:
        reading.note(event, "anchor", "`&` gives this value a name", _IN_FULL)
    if event.tag:
        reading.note(event, "tag", "`!` gives this value a type", _IN_FULL)


def _not_a_mapping(reading: Reading, event: yaml.NodeEvent) -> None:
    hint = "a facts file starts with `schema: 1`; `facts new` writes one"
    reading.note(event, "top-level", "a facts file is made of lines `key: value`", hint)
    raise _StopError


def _spot(reading: Reading, event: yaml.Event) -> Spot:
    mark = event.start_mark
    assert mark is not None  # the parser always gives one
    return min((mark.line + 1, mark.column + 1), reading.end)
