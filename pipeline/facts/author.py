"""Write a facts file from a few questions; what is written has passed the same check as any other."""

from __future__ import annotations

import re
import sys
import tempfile
import unicodedata
from pathlib import Path

import yaml

from pipeline.core import artifact, problems
from pipeline.core.errors import ConfigError, PipelineError
from pipeline.facts import check
from pipeline.facts.telling import SHORT_ANSWER_WORDS

HEADER = "# yaml-language-server: $schema={up}schema/subject.schema.json\n"


def interview(root: Path) -> Path:
    """Ask on the terminal, and write `root/TOPIC/SUBJECT.yaml`; gives its path.

    Raises PipelineError when the answers do not make a valid file, ConfigError when it exists.
    """
    subject = _ask("What are the facts about? (a name, e.g. TinyLLM)")
    kind = _ask("What kind of thing is it? (e.g. software project)")
    topic = slug(_ask("Which folder should it be in? (e.g. projects)"))
    source = _ask("Where can one check the facts? (an address or a citation)")
    facts: list[dict[str, object]] = []
    while question := _ask("A question (empty line: done)" if facts else "A question"):
        facts.append(_fact(question, len(facts) + 1))
    path = root / topic / f"{slug(subject)}.yaml"
    if path.exists():
        raise ConfigError(f"{path}: exists already", "add your facts to that file")
    text = render(subject, kind, source, facts, "../" * len(path.parent.parts))
    _valid(text, path.name)
    artifact.write_text(path, text)
    return path


def render(subject: str, kind: str, source: str, facts: list[dict[str, object]], up: str) -> str:
    """Write a facts file's text; `up` leads from its folder to the repository's top."""
    data = {"schema": 1, "subject": subject, "kind": kind, "source": source, "facts": facts}
    body = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=90)
    return HEADER.format(up=up) + body


def slug(text: str) -> str:
    """Turn a name into what a file or an id may be called: small letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "subject"


def _fact(question: str, number: int) -> dict[str, object]:
    answer = _ask("Its answer, as a whole sentence")
    fact: dict[str, object] = {
        "id": slug(_ask("A short name for this fact (e.g. license)") or f"fact-{number}"),
        "question": question,
        "answer": answer,
    }
    if len(answer.split()) > SHORT_ANSWER_WORDS:
        words = _ask("The words that a right answer must contain (several: separate with ;)")
        fact["expect"] = [word.strip() for word in words.split(";") if word.strip()]
    return fact


def _valid(text: str, name: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / name).write_text(text, encoding="utf-8")
        found = check.check([Path(scratch)]).problems
    errors = [problem for problem in found if problem.severity == "error"]
    if errors:
        said = "; ".join(f"{problems.visible(p.message)} ({p.hint})" for p in errors)
        raise PipelineError(f"nothing was written: {said}", "run `facts new` again")


def _ask(prompt: str) -> str:
    print(f"{prompt}: ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    return line.strip()
