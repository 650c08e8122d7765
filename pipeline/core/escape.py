"""Writes text of contributors and of models so that it can do nothing where it is shown.

Such text may hold terminal controls, workflow commands, Markdown, HTML or mentions. Terminals and
logs get `plain` within a line and `line` for a whole one, Markdown gets `code`, `cell` or `words`; HTML
gets `lines` and Jinja's autoescape.
"""

from __future__ import annotations

import re

from pipeline.core.problems import visible

_RUNS = re.compile("`+")
_COMMAND = re.compile(r"^(\s*):(?=:)")
_WORDS = re.compile(r"[A-Za-z0-9 .,:;()/%-]+")
_ACTING = re.compile(r"::|:\w+:|//|www\.|GH-\d|\b[0-9a-f]{7,40}\b|^\W|^\d+[.)]", re.IGNORECASE)


def plain(text: str, limit: int) -> str:
    """Put text on one line of at most `limit` characters that neither a terminal nor a log obeys."""
    # Runners obey "##[…]" anywhere in a line; "::…::" only begins one, where ours never puts text.
    # What is cut off is not looked at: text only gets longer by being made visible.
    shown = visible(text[: limit + 1]).replace("##[", r"##\x5b")
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def line(text: str, limit: int = 4000) -> str:
    """Write a whole line of a terminal or a log: as `plain`, and its beginning is no runner's command."""
    return _COMMAND.sub(r"\1\\x3a", plain(text, limit))


def lines(text: str) -> str:
    """Keep the line breaks and show every other character that does not print as an escape."""
    return "\n".join(visible(line) for line in text.split("\n"))


def code(text: str, limit: int) -> str:
    """Write a Markdown code span: in there nothing is a mention, a reference, a link or HTML."""
    shown = plain(text.strip(), limit)
    if not shown:
        return "(nothing)"
    fence = "`" * (1 + max((len(run) for run in _RUNS.findall(shown)), default=0))
    pad = " " if "`" in (shown[0], shown[-1]) else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def cell(text: str, limit: int) -> str:
    """Write a code span that stays in its cell of a Markdown table.

    A table's rows are cut before code spans are read: GitHub takes two backslashes for one, and then the
    bar behind them for a cell's end. So a backslash ahead of a bar is shown as an escape.
    """
    return code(text.replace("\\|", r"\x5c|"), limit).replace("|", r"\|")


def words(text: str, limit: int) -> str:
    """Write text as it is when nothing in it could act in Markdown, else as a code span."""
    harmless = _WORDS.fullmatch(text) and not _ACTING.search(text)
    return plain(text, limit) if harmless else code(text, limit)
