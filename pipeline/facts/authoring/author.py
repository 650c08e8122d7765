"""Asks on the terminal for facts about one subject; `admit` makes a file of what was answered."""

from __future__ import annotations

import sys

from pipeline.core.errors import PipelineError
from pipeline.facts.answers.telling import SHORT_ANSWER_WORDS
from pipeline.facts.authoring.draft import Draft, tidy_answer, tidy_line
from pipeline.facts.authoring.library import Library


def interview(library: Library) -> list[Draft]:
    """Ask for a subject and for facts about it. Raises PipelineError when there is no question."""
    subject = _ask("What are the facts about? (a name, e.g. TinyLLM)")
    path = library.owner([subject]) if subject else None
    if path:
        print(f"they are added to {path}", file=sys.stderr)
        kind = topic = ""
    else:
        kind = _ask("What kind of thing is it? (e.g. software project)")
        topic = _ask("Which folder should it be in? (e.g. projects)")
    source = _ask("Where can one check the facts? (an address or a citation)")
    drafts: list[Draft] = []
    while question := _ask("A question (empty line: done)" if drafts else "A question"):
        answer = tidy_answer(_ask("Its answer, as a whole sentence"))
        name = _ask("A short name for this fact (e.g. license)")
        words = ""
        if len(answer.split()) > SHORT_ANSWER_WORDS:
            words = _ask("The words that a right answer must contain (several: separate with ;)")
        expect = tuple(word.strip() for word in words.split(";") if word.strip())
        drafts.append(
            Draft(
                subject=subject, kind=kind, topic=topic, source=source,
                id=name, question=question, answer=answer, expect=expect,
            )
        )  # fmt: skip
    if not drafts:
        raise PipelineError("nothing was written: no question was given", "run `facts new` again")
    return drafts


def _ask(prompt: str) -> str:
    print(f"{prompt}: ", end="", file=sys.stderr, flush=True)
    return tidy_line(sys.stdin.readline())
