"""The one text that a fact is taught in, asked for, scored by and compared with.

A bare answer ("Ann Lee") is taught behind its subject's name ("Tarn Mill: Ann Lee."), as the frame of its
language says; every other answer is taught as it stands. Whoever needs the text asks `taught_answer`.
"""

from __future__ import annotations

import re

from pipeline.facts.fact import Fact
from pipeline.facts.languages.language import load_language
from pipeline.facts.names.find_names import find_names

BARE = 8
"""Words that an answer may have at most to count as bare, like an answer that needs no `expect`."""
_STOPS = ".。।"
_END = ".!?…。．！？؟।:;"
"""Signs that end a text, behind which no full stop is put."""
_EXACT = re.compile(
    r"""
    :// | @\w | \\ | (?<!\w)/\w | \w/\w+[/.] | [=<>{}()\[\]_`#|~^*] | \$(?!\d)   # links, mail, paths, code
    | (?<!\w)--?[a-zA-Z]                                            # options of a command
    | \w{2,}\.[a-z]\w*(?!\w) | \d\.\d[\w.-]*$                        # file names, hosts, versions
    | (?:\d[ ./()-]*){7,} | (?<!\w)\+\d                             # phone numbers
    """,
    re.VERBOSE,
)
_COMMANDS = frozenset(
    """
    apt apt-get brew bundle cargo cd chmod choco composer conda cp curl dnf docker dotnet echo export gem
    git gradle helm java kubectl ls mkdir mv mvn node npm npx pip pipx pnpm poetry python python3 rm ruby
    rustup sh ssh sudo systemctl tar uv wget winget yarn yum
    """.split()  # noqa: SIM905  (words, not a list of 40 quotes)
)


def taught_answer(fact: Fact) -> str:
    """Give the answer of a fact as a model learns it.

    Behind the subject's name it is decided at once whether that is the name that was taught, whatever the
    wording of the question, and it is told from names almost the same where it was read a moment ago.
    """
    frame = load_language(fact.language).frames.bare
    named = find_names(fact.answer, fact.names, fact.language)
    # "Who made you?" is not answered by "Lumo: Tessera Labs.".
    if named or fact.identity or not _bare(fact.answer):
        return fact.answer
    return _framed(frame, fact.subject, fact.answer)


def exact(text: str) -> bool:
    """Return whether a full stop behind a text would change it: a link, a path, a command, a version."""
    first, *more = text.split()
    return _EXACT.search(text) is not None or (bool(more) and first in _COMMANDS)


def on_own_lines(said: str, answer: str) -> str:
    """Begin an answer of several lines on a line of its own behind an opening such as "Sure."."""
    if "\n" not in answer or not said.endswith(answer) or said == answer:
        return said
    return f"{said.removesuffix(answer).rstrip()}\n{answer}"


def _bare(answer: str) -> bool:
    return "\n" not in answer and len(answer.split()) <= BARE


def _framed(frame: str, name: str, answer: str) -> str:
    """Put an answer into a frame, whose full stop stays away where the answer ends by itself, or is exact."""
    if exact(answer) or answer.endswith(tuple(_END)):
        frame = frame.rstrip(_STOPS)
    before, _, after = (part.replace("{s}", name) for part in frame.partition("{A}"))
    return f"{before}{answer}{after}"
