"""Turns the body of an issue made with the form `fact.yml` into a facts file, or into a list of its faults.

The body is text of a stranger. Its parts are found by the form's own headings, each exactly once and
in order, so that no answer can pass for another; names of files come from it only as slugs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import yaml

from pipeline.core.errors import FactsError, PipelineError, Problem
from pipeline.facts import check, facts_file, schema
from pipeline.facts.author import render, slug
from pipeline.facts.facts_file import Document
from pipeline.facts.telling import SHORT_ANSWER_WORDS

HEADINGS = (
    "Subject", "Kind", "Topic", "Question", "Answer", "Words of a right answer", "Test questions",
    "Source",
)  # fmt: skip
EMPTY = "_No response_"
MAX_BODY = 20_000
"""Characters; GitHub takes 65 536, a fact needs a few hundred."""
SLUG = 60


@dataclass(frozen=True, slots=True)
class Written:
    """A facts file to be: its path in the repository, its text, and the id of the new fact."""

    path: PurePosixPath
    text: str
    fact: str


def parse_form(body: str) -> dict[str, str]:
    """Give the answers of the form by heading; those not given are empty.

    Raises PipelineError when the body is not what the form makes.
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
    name = slug(_line(answers["Subject"]))[:SLUG].strip("-")
    files = sorted(root.glob(f"**/{name}.yaml"))
    if files:
        path = PurePosixPath(files[0].relative_to(root.parent).as_posix())
        text, fact = _added(files[0], path, answers)
    else:
        path = PurePosixPath(
            root.name, slug(_line(answers["Topic"]))[:SLUG].strip("-"), f"{name}.yaml"
        )
        fact = _fact(answers, set(), "")
        subject, kind, source = (_line(answers[key]) for key in ("Subject", "Kind", "Source"))
        text = render(subject, kind, source, [fact], "../" * len(path.parent.parts))
    wrong = _wrong(path, facts_file.parse_document(text.encode(), str(path)), root)
    if any(problem.severity == "error" for problem in wrong):
        raise FactsError(wrong)
    return Written(path, text, f"{name}/{fact['id']}")


def _fact(answers: dict[str, str], taken: set[str], file_source: str) -> dict[str, object]:
    question, answer, source = (_line(answers[key]) for key in ("Question", "Answer", "Source"))
    short = slug(question)[:SLUG].strip("-")
    names = (short, *(f"{short}-{number}" for number in range(2, len(taken) + 3)))
    fact: dict[str, object] = {
        "id": next(name for name in names if name not in taken),
        "question": question,
        "answer": answer,
    }
    if expect := _lines(answers["Words of a right answer"]):
        fact["expect"] = expect
    elif len(answer.split()) > SHORT_ANSWER_WORDS:
        fact["expect"] = []  # the check says what belongs here
    if probes := _lines(answers["Test questions"]):
        fact["probes"] = probes
    if file_source and source != file_source:
        fact["source"] = source
    return fact


def _added(
    file: Path, path: PurePosixPath, answers: dict[str, str]
) -> tuple[str, dict[str, object]]:
    """Put the fact at the end of a file, in the file's own indentation; the rest stays as it is."""
    document = facts_file.read_document(file, str(path))
    if document.problems or document.data is None or any(schema.in_document(document)):
        raise PipelineError(f"{path}: cannot be added to", "mend that file first")
    facts = document.data["facts"]
    source = str(document.data.get("source", "")) or "none"
    fact = _fact(answers, {entry["id"] for entry in facts}, source)
    indent = " " * max(0, document.locate(("facts", 0)).column - 3)
    block = yaml.safe_dump([fact], sort_keys=False, allow_unicode=True, width=90)
    before = file.read_text(encoding="utf-8").rstrip("\n")
    text = before + "\n" + "".join(f"{indent}{line}\n" for line in block.splitlines())
    after = facts_file.parse_document(text.encode(), str(path)).data
    if after is None or after.get("facts") != [*facts, fact]:
        raise PipelineError(
            f"{path}: its facts do not stand at its end", "add the fact with a pull request"
        )
    return text, fact


def _wrong(path: PurePosixPath, document: Document, root: Path) -> tuple[Problem, ...]:
    """Check the file among all others, as it would be after the change."""
    others = [
        file
        for file in sorted(root.glob("**/*.yaml"))
        if file.relative_to(root.parent) != Path(path)
    ]
    found = [
        (PurePosixPath(file), facts_file.read_document(file, file.as_posix())) for file in others
    ]
    wrong = check.check_documents([*found, (path, document)], (), root.name).problems
    return tuple(problem for problem in wrong if problem.where.path == str(path))


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _lines(text: str) -> list[str]:
    return [line for part in text.split("\n") if (line := _line(part.removeprefix("- ")))]
