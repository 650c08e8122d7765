r"""What may not stand in contributed text: characters nobody sees, and words that steer a model.

Text comes in, `Problem`s with line and column go out. `yamlfile` asks about whole files and about
values in which an escape such as "\u200b" could have hidden something.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from pipeline.errors import Problem, Where

_CONTROL = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029"
# Formatting, bidirectional and zero-width characters, fillers that print as nothing, tags, and code
# points that mean nothing outside one program.
_UNSEEN = (
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u3164\ue000-\uf8ff\ufeff\uffa0\ufff0-\uffff\U000e0000-\U0010ffff"
)
# Turn markers and special tokens of the chat templates of common models.
_MARKER = r"""
    <[|\uff5c][^<>\n]{0,80}[|\uff5c]>
  | \[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT)\]
  | <</?SYS>>
  | </?(?:s|bos|eos|pad|unk|mask|think|tool_call|tool_response|start_of_turn|end_of_turn
      |start_of_image|end_of_image|start_header_id|end_header_id|reponame|file_sep)>
"""
_FORBIDDEN = re.compile(
    rf"(?P<tab>\t+)|(?P<control>[{_CONTROL}]+)|(?P<unseen>[{_UNSEEN}]+)|(?P<marker>{_MARKER})",
    re.VERBOSE,
)


def in_text(text: str, shown: str) -> Iterator[Problem]:
    """Yield every problem with the characters of a whole file whose lines end in a newline."""
    if _FORBIDDEN.search(text):  # most files have none, so lines are only counted in those that do
        for number, line in enumerate(text.split("\n"), start=1):
            for match in _FORBIDDEN.finditer(line):
                yield _problem(match, Where(shown, number, match.start() + 1))
    if not unicodedata.is_normalized("NFC", text):
        yield _decomposed(text, shown)


def in_value(value: str, text: str, where: Where) -> Iterator[Problem]:
    """Yield the problems that escapes hid in one value, so that the `text` of the file has none."""
    for match in _FORBIDDEN.finditer(value):
        if match.group() not in text:
            yield _problem(match, where)


def _problem(match: re.Match[str], where: Where) -> Problem:
    found = match.group()
    if match.lastgroup == "tab":
        hint = "use spaces instead; most editors have a setting for it"
        return Problem(where, "tab", "a tab stands here", hint)
    if match.lastgroup == "marker":
        message = f"`{found}` is a marker of a model's chat template, which no fact may contain"
        return Problem(where, "chat-token", message, "say it in other words, without the marker")
    if found[0] == "\ufeff" and (where.line, where.column) == (1, 1):
        hint = "save the file as UTF-8 without a byte order mark"
        return Problem(where, "bom", "the file starts with a byte order mark (BOM)", hint)
    kind = "a control character" if match.lastgroup == "control" else "an invisible character"
    name = f"U+{ord(found[0]):04X} {unicodedata.name(found[0], '').lower()}".strip()
    hint = "delete it, or retype the words around it; it often comes in by copy and paste"
    return Problem(where, "character", f"{kind} stands here ({name})", hint)


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
