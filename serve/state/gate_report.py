"""Reads the gate's report of an adapter as far as a deploy needs it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.core import json_file
from pipeline.core.errors import PipelineError
from pipeline.facts.fact import Expect

REPORT = "report.json"


@dataclass(frozen=True, slots=True)
class Digested:
    """An adapter or a base in a report."""

    digest: str


@dataclass(frozen=True, slots=True)
class Wording:
    """One prompt of a fact, and whether its answer passed."""

    prompt: str
    passed: bool


@dataclass(frozen=True, slots=True)
class Taught:
    """A fact as the gate asked it, and what an answer must contain."""

    id: str
    question: str
    expect: Expect
    probes: tuple[Wording, ...]

    @property
    def prompts(self) -> tuple[str, ...]:
        """The wordings, best ones first: one that the gate saw missed says nothing about serving."""
        asked = sorted(self.probes, key=lambda probe: not probe.passed)
        return tuple(probe.prompt for probe in asked) or (self.question,)


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
    details: tuple[Taught, ...]


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
