"""Reads the gate's report of an adapter as far as a deploy needs it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.core import json_file
from pipeline.core.chat import Prompt, Turn, as_prompt
from pipeline.core.errors import PipelineError
from pipeline.facts.fact import Expect, Items

REPORT = "report.json"
LONGEST = 640
"""Tokens that an answer may have at most, taught ones among them."""


@dataclass(frozen=True, slots=True)
class Digested:
    """An adapter or a base in a report."""

    digest: str


@dataclass(frozen=True, slots=True)
class Wording:
    """One prompt of a fact, the turns before it, the answer, and whether that passed."""

    prompt: str
    passed: bool
    adapted: str = ""
    before: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class AskedFact:
    """A fact with its wordings; `expectation` says how answers are held against `expect`."""

    id: str
    question: str
    expect: Items
    probes: tuple[Wording, ...]
    expectation: Expect = Expect()  # noqa: RUF009  (it is frozen)


@dataclass(frozen=True, slots=True)
class Taught:
    """A fact as the gate asked it: the expectation, and prompts, best ones first.

    `longest` are the bytes of its longest answer, which no number of tokens exceeds.
    """

    id: str
    question: str
    expect: Expect
    prompts: tuple[Prompt, ...]
    longest: int = 0


@dataclass(frozen=True, slots=True)
class Retired:
    """The ids of facts that are no longer taught."""

    retired: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GateReport:
    """A report of the gate as far as a deploy needs it."""

    verdict: str
    adapter: Digested
    base: Digested
    facts: Retired
    details: tuple[AskedFact, ...]

    @property
    def taught(self) -> tuple[Taught, ...]:
        """The facts; a wording that the gate saw missed says nothing about serving and comes last."""
        return tuple(map(_taught, self.details))


def _taught(fact: AskedFact) -> Taught:
    asked = sorted(fact.probes, key=lambda probe: not probe.passed)
    prompts = tuple(as_prompt(probe.before, probe.prompt) for probe in asked) or (fact.question,)
    longest = max((len(probe.adapted.encode()) for probe in asked if probe.passed), default=0)
    expect = fact.expectation or Expect(fact.expect)
    return Taught(fact.id, fact.question, expect, prompts, min(longest, LONGEST))


def read_report(file: Path) -> GateReport:
    """Read a report. Raises PipelineError when there is none, or it is something else."""
    try:
        found = json_file.read_json(GateReport, file.read_bytes(), more=True)
        assert_digest(found.adapter.digest)
        if not found.details:
            raise ValueError("no facts")  # noqa: TRY301
    except FileNotFoundError as error:
        raise PipelineError(
            f"{file}: there is no report, so nothing was gated here",
            "`facts learn --out DIR` makes a folder that can be deployed",
        ) from error
    except (OSError, ValueError) as error:
        raise PipelineError(
            f"{file}: is not a report of the gate: {error}", "`facts gate` writes one"
        ) from error
    return found


def assert_digest(text: str) -> None:
    """Raise ValueError for what is not `sha256:` and 64 hexadecimal digits: names are made of it."""
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", text):
        raise ValueError(text)
