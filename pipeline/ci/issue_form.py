"""Turns the body of an issue made with the form `fact.yml` into a facts file, or into a list of its faults.

The body is a stranger's text. Its parts are found by the form's own headings, each exactly once and
in order, so that no answer can pass for another; its words enter file names only as slugs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.core.config import load_recipe
from pipeline.core.errors import PipelineError
from pipeline.dataset.preview import preview_facts
from pipeline.facts.authoring.admit import admit
from pipeline.facts.authoring.draft import Draft, tidy_answer, tidy_line
from pipeline.facts.authoring.library import read_library

HEADINGS = (
    "Subject", "Kind", "Topic", "Question", "Answer", "Words of a right answer", "Test questions",
    "Source",
)  # fmt: skip
EMPTY = "_No response_"
MAX_BODY = 20_000
"""Characters; GitHub takes 65 536, a fact needs a few hundred."""


@dataclass(frozen=True, slots=True)
class Written:
    """A facts file to be: its path in the repository, its text, the new fact's id, and what is asked."""

    path: PurePosixPath
    text: str
    fact: str
    preview: str


def parse_form(body: str) -> dict[str, str]:
    """Give the answers of the form by heading; those not given are empty.

    Raises PipelineError when the form did not make this body.
    """
    if len(body) > MAX_BODY:
        raise PipelineError("the issue is too long", "a fact is one question and one answer")
    lines = body.replace("\r\n", "\n").split("\n")
    marks = [(i, line[4:].rstrip()) for i, line in enumerate(lines) if line.startswith("### ")]
    found = [(i, name) for i, name in marks if name in HEADINGS]
    if tuple(name for _, name in found) != HEADINGS:
        raise PipelineError(
            "the issue does not have each heading of the form once, in order",
            "open a new issue with the form “Teach a fact”, and leave its headings as they are",
        )
    ends = [i for i, _ in found[1:]] + [len(lines)]
    texts = ("\n".join(lines[i + 1 : end]).strip() for (i, _), end in zip(found, ends, strict=True))
    return {name: "" if text == EMPTY else text for name, text in zip(HEADINGS, texts, strict=True)}


def write_form(answers: dict[str, str], root: Path) -> Written:
    """Write the facts file of the answers, a new one or one of `root` with the fact added.

    Raises FactsError with everything that is wrong with it, PipelineError when it cannot be added.
    """
    subject, kind, topic, question, source = (
        tidy_line(answers[key]) for key in ("Subject", "Kind", "Topic", "Question", "Source")
    )
    draft = Draft(
        subject=subject, kind=kind, topic=topic, source=source,
        question=question, answer=tidy_answer(answers["Answer"]),
        expect=_lines(answers["Words of a right answer"]), probes=_lines(answers["Test questions"]),
    )  # fmt: skip
    made = admit([draft], read_library(root, PurePosixPath(root.name)))
    preview = preview_facts(made.subject, made.ids, load_recipe("smollm2-135m").dataset)
    return Written(made.path, made.new.decode(), f"{made.path.stem}/{made.ids[0]}", preview)


def _lines(text: str) -> tuple[str, ...]:
    lined = (tidy_line(part.removeprefix("- ")) for part in text.split("\n"))
    return tuple(line for line in lined if line)
