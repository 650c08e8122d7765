r"""Refuses characters that nobody sees and words that steer a model in contributed text.

Text comes in, `Problem`s with line and column go out. `facts_file` asks about whole files and about
values in which an escape such as "\u200b", or a line that is folded, could have hidden something.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace

from pipeline.core.errors import Problem, Where
from pipeline.facts.files import invisible, lookalikes, special_tokens

_CONTROL = re.compile(r"(?P<tab>\t+)|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]+")

NO_BREAK_SPACES = "\N{NO-BREAK SPACE}\N{FIGURE SPACE}\N{NARROW NO-BREAK SPACE}"
"""Spaces that are read as plain ones inside a text, and refused where a line's indent is."""

_INDENT = re.compile(rf"^ *[{NO_BREAK_SPACES}]", re.MULTILINE)

_LIST = re.compile(r"\s*(?:- +)*(?:[a-z_]+: +)?(?:\[[^\"']*)?")
"""The beginning of a line of YAML, up to the bracket of a list."""


def in_text(text: str, shown: str) -> Iterator[Problem]:
    """Yield every problem with the characters of a whole file whose lines end in a newline."""
    if any(_in_line(text, Where(shown))):  # most files have none, so lines are only counted then
        for number, line in enumerate(text.split("\n"), start=1):
            for place, found, problem in _in_line(line, Where(shown, number)):
                if found[0] == "[" and _LIST.fullmatch(line[:place]):
                    continue  # brackets of YAML: `expect: [MASK]`
                yield replace(problem, where=Where(shown, number, place + 1))
    if text.isascii():
        return
    yield from _indents(text, shown)
    for word in lookalikes.foreign(text):
        before = text[: word.start]
        where = Where(shown, before.count("\n") + 1, word.start - before.rfind("\n"))
        message = f"“{word.word}” looks Latin and is written with {word.alphabet} letters"
        hint = "retype it with Latin letters, unless it is meant so"
        yield Problem(where, "mixed-script", message, hint, "warning")
    if not unicodedata.is_normalized("NFC", text):
        yield _decomposed(text, shown)


def _indents(text: str, shown: str) -> Iterator[Problem]:
    """Yield the first line whose indent has no-break spaces, which YAML takes for text."""
    found = list(_INDENT.finditer(text))
    for match in found[:1]:
        more = f" and of {len(found) - 1} below it" if len(found) > 1 else ""
        where = Where(shown, text.count("\n", 0, match.end()) + 1, len(match.group()))
        message = f"no-break spaces stand in the indent of this line{more}"
        hint = "write ordinary spaces; a text editor does, a word processor may not"
        yield Problem(where, "indent", message, hint)


def in_value(value: str, text: str, where: Where) -> Iterator[Problem]:
    """Yield the problems of one value that the `text` of its file does not show."""
    return (problem for _, found, problem in _in_line(value, where) if found not in text)


def _in_line(line: str, where: Where) -> Iterator[tuple[int, str, Problem]]:
    """Yield place, text and problem of everything in a line that may not stand there."""
    for match in _CONTROL.finditer(line):
        yield match.start(), match.group(), _control(match, where)
    for place, found in special_tokens.markers(line):
        message = f"`{found}` is a marker of a model's chat template, which no fact may contain"
        hint = "say it in other words, without the marker"
        yield place, found, Problem(where, "chat-token", message, hint)
    if line.isascii():
        return
    for place, found in invisible.invisible_characters(line):
        yield place, found, _unseen(place, found, where)
    for place, found in invisible.styled(line):
        message = f"a letter that no keyboard has stands here ({_name(found[0])})"
        yield place, found, Problem(where, "character", message, "retype the word in plain letters")
    for word in lookalikes.mixed(line):
        message = f"“{word.word}” has a letter of another alphabet in it ({_name(word.letter)})"
        hint = "retype the word with letters of one alphabet; the two look alike to people only"
        yield word.start, word.word, Problem(where, "mixed-script", message, hint)


def _control(match: re.Match[str], where: Where) -> Problem:
    if match["tab"]:
        hint = "use spaces instead; most editors have a setting for it"
        return Problem(where, "tab", "a tab stands here", hint)
    message = f"a control character stands here ({_name(match.group()[0])})"
    return Problem(where, "character", message, _RETYPE)


def _unseen(place: int, found: str, where: Where) -> Problem:
    if found[0] == "\ufeff" and (where.line, place) == (1, 0):
        hint = "save the file as UTF-8 without a byte order mark"
        return Problem(where, "bom", "the file starts with a byte order mark (BOM)", hint)
    message = f"an invisible character stands here ({_name(found[0])})"
    return Problem(where, "character", message, _RETYPE)


def _name(char: str) -> str:
    return f"U+{ord(char):04X} {unicodedata.name(char, '').lower()}".strip()


_RETYPE = "delete it, or retype the words around it; it often comes in by copy and paste"


def _decomposed(text: str, shown: str) -> Problem:
    """Point at the first letter that is written as several characters where one would do."""
    number, line = next(
        (number, line)
        for number, line in enumerate(text.split("\n"), start=1)
        if not unicodedata.is_normalized("NFC", line)
    )
    composed = unicodedata.normalize("NFC", line)
    same = next(
        (n for n, pair in enumerate(zip(line, composed, strict=False)) if pair[0] != pair[1]), 0
    )
    return Problem(
        Where(shown, number, same + 1),
        "unicode",
        "from here on, an accented letter is written as a letter and a separate accent",
        "retype the word, or save the file in Unicode form NFC",
    )
