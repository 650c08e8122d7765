"""Errors that end a command, and nothing else: every other module raises these, `__main__` prints them.

    PipelineError          exit 1   the facts or the model failed
    ├── FactsError         exit 1   the facts folder cannot be used; carries every Problem found
    ├── TrainError         exit 1   training went wrong (NaN loss, nothing to learn)
    ├── PublishError       exit 1   a release or the Hub is not as it must be; nothing half done is left
    └── ConfigError        exit 2   wrong usage, recipe, paths or machine set-up

Anything else that reaches `__main__` is a bug and exits 3 with its trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a file: `path` as the user gave it, `line` and `column` counted from 1 (0: unknown)."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join([self.path, *(str(n) for n in (self.line, self.column) if n)])


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in contributed data: where, what, and what to do about it."""

    where: Where
    rule: str
    message: str
    hint: str = ""
    severity: Severity = "error"


class PipelineError(Exception):
    """The facts or the model failed; `message` says where and what, `hint` what to do."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class FactsError(PipelineError):
    """The facts cannot be used as they are; `problems` holds all that is wrong with them."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        errors = sum(p.severity == "error" for p in problems)
        super().__init__(f"{errors} problem{'s' if errors != 1 else ''} in the facts")
        self.problems = problems


class TrainError(PipelineError):
    """Training could not produce an adapter worth keeping."""


class PublishError(PipelineError):
    """A release, or the Hub that holds it, is not as it must be."""


class ConfigError(PipelineError):
    """The command, the recipe or the machine is not set up for what was asked."""

    exit_code = 2
