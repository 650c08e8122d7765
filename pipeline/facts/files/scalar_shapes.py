"""Texts of a facts file that would be taught otherwise than their author sees them.

Quotes as a word processor draws them are no quotes of YAML, and lines of a list or of code are joined
unless they stand below `|`. `yaml_reader` is the only caller.
"""

from __future__ import annotations

import re

import yaml

_DOUBLE, _SINGLE = "“”„‟«»", "‘’‚‹›"
# The whole text, or its beginning where a comma inside the quotes ended it.
_QUOTED = re.compile(rf'[{_DOUBLE}][^{_DOUBLE}]*[{_DOUBLE}"]?|[{_SINGLE}].*[{_SINGLE}]', re.DOTALL)
_ITEM = re.compile(r" *(?:[-*+•–] |\d{1,2}[.)] |\|.*\|$)")
_CODE = re.compile(r".*(?:[{}\\]|\)[:;])$|^ *(?:#|//|\$ )")
_ALIKE = 2
"""Lines of a list or of code that make a text one."""


def misshapen(event: yaml.ScalarEvent, key: str | None, text: str) -> tuple[str, str, str] | None:
    """Give rule, message and hint for a text below `key` that is not what it looks like; else None.

    `text` is that of the whole file.
    """
    if not event.style and _QUOTED.fullmatch(event.value):
        hint = (
            "use \" or ' around the text, or nothing; quotes that belong to it go inside of those"
        )
        return "quotes", "the text stands in quotes that only a word processor draws", hint
    if key == "answer" and (event.style or ">") == ">" and (what := _joined(event, text)):
        hint = "write `|` behind `answer:` and the text below it: then lines and indents stay"
        return "joined", f"the lines of this {what} are joined to one", hint
    return None


def _joined(event: yaml.ScalarEvent, text: str) -> str:
    """Say of which kind the lines of a text are, if it is one that needs them; else empty."""
    start, end = event.start_mark, event.end_mark
    assert start is not None
    assert end is not None
    if end.line == start.line:
        return ""
    block = bool(event.style)  # it begins on the line below, and ends before the next one
    lines = [line.rstrip() for line in text.split("\n")[start.line + block : end.line + 1 - block]]
    if sum(_ITEM.match(line) is not None for line in lines) >= _ALIKE:
        return "list"
    return "code" if sum(_CODE.match(line) is not None for line in lines) >= _ALIKE else ""
