"""Rewords the YAML parser's messages for someone who writes facts."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from pipeline.core.errors import Problem, Where

_QUOTE = "put the whole text in quotes, or write it on the lines below `>-`"
_SPACES = "start it with exactly as many spaces as the lines beside it"


@dataclass(frozen=True, slots=True)
class _Wording:
    """Our words for a complaint that contains `said`; `opened`: point at where it began."""

    said: str
    message: str
    hint: str
    opened: bool = False


_WORDINGS = (
    _Wording(
        "mapping values are not allowed",
        "a second `: ` on one line, or a line that is indented too far",
        f"if the text itself contains `: `, {_QUOTE}",
    ),
    _Wording("cannot start any token", "text cannot start with this character", _QUOTE),
    _Wording("expected alphabetic or numeric", "text cannot start with `*` or `&`", _QUOTE, True),
    _Wording("unexpected end of stream", "a quote is opened here and never closed", _QUOTE, True),
    _Wording("expected ',' or ']'", "a list is opened here and not closed", "add the `]`", True),
    _Wording("expected ',' or '}'", "a `{` is opened here and not closed", "add the `}`", True),
    _Wording("expected '-' indicator", "this line is not in line with the list above", _SPACES),
    _Wording(
        "did not find expected key",
        "this does not go on from what stands before it",
        f"inside a line: {_QUOTE}; at its beginning: {_SPACES}",
    ),
    _Wording(
        "could not find expected ':'",
        "this line is neither `key: value` nor an entry of a list",
        "write a colon and a space after the key; lines of a long text are indented",
        True,
    ),
    _Wording(
        "expected comment or line break",
        "text may not start on the line of `>-` or `|`",
        "start the text on the line below, indented",
    ),
    _Wording(
        "expected node content",
        "a value is missing here, or a bracket or comma is one too many",
        f"if it belongs to the text, {_QUOTE}",
    ),
    _Wording("tag handle", "text cannot start with `!`", _QUOTE),
    _Wording("<document start>", "text stands after the end of the document", "delete the `...`"),
    _Wording(
        "escape",
        "this backslash sequence means nothing",
        "use single quotes, where a backslash is only a backslash",
    ),
    _Wording(
        "hexdecimal number",  # libyaml's spelling
        "this backslash sequence is not complete",
        "use single quotes, where a backslash is only a backslash",
    ),
)


def translate(error: yaml.YAMLError, shown: str, end: tuple[int, int]) -> Problem:
    """Turn what the parser raised into a `Problem` of the file `shown`, which ends at `end`."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return Problem(Where(shown), "yaml", "this cannot be read as YAML")
    said = error.problem or "no reason given"
    words = next((w for w in _WORDINGS if w.said in said), None)
    mark = error.context_mark if words and words.opened else error.problem_mark
    where = Where(shown, *min((mark.line + 1, mark.column + 1), end)) if mark else Where(shown)
    if words is None:
        return Problem(where, "yaml", f"this cannot be read as YAML: {said}")
    return Problem(where, "yaml", words.message, words.hint)
