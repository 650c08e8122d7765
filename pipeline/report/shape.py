"""Defines `report.json`: every key of it, in the order of the file.

A report of another version is read as far as it has these keys: one that is added later needs a default, and
`ReportCore` may have only what every version has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.core.config import GateSettings, WarnSettings
from pipeline.dataset.untested import Untested
from pipeline.evaluation.harness import Task
from pipeline.evaluation.results import JudgedAdapter, OldFacts
from pipeline.report.answers import Detail, Leak, LostAnswer, MissedForm


@dataclass(frozen=True, slots=True)
class Limits(GateSettings):
    """The recipe's limits: those that block, and those that warn."""

    warn: WarnSettings


@dataclass(frozen=True, slots=True)
class JudgedBase:
    """The base's name and the digest of its files."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class JudgedFacts:
    """Facts by id; `digests` has all that are taught, whether they were asked or not."""

    digest: str
    count: int
    asked: int
    added: tuple[str, ...]
    changed: tuple[str, ...]
    retired: tuple[str, ...]
    digests: dict[str, str]


@dataclass(frozen=True, slots=True)
class Recall:
    """Facts and probes that passed, and the least rate of probes that this proves."""

    facts_passed: int
    facts: int
    probes_passed: int
    probes: int
    lower_bound: float
    misses_allowed: int
    base_probes_passed: int
    base_probes: int


@dataclass(frozen=True, slots=True)
class Form:
    """Questions of one form that were asked, and that passed."""

    passed: int
    asked: int
    lower_bound: float


@dataclass(frozen=True, slots=True)
class RetiredFact:
    """A withdrawn fact, and how many of the questions asked still get its old answer."""

    id: str
    said: int
    asked: int


@dataclass(frozen=True, slots=True)
class LeakRate:
    """Prompts of one kind whose answers must not change, and those whose answer leaked."""

    leaked: int
    asked: int
    upper_bound: float


@dataclass(frozen=True, slots=True)
class LeakRates:
    """Leaks by the kind of prompt."""

    neighbours: LeakRate
    relations: LeakRate
    unrelated: LeakRate
    untested: tuple[Untested, ...]


@dataclass(frozen=True, slots=True)
class GeneralAnswers:
    """General questions: those the base answers right, and those lost and gained by the adapter."""

    asked: int
    base_right: int
    lost: int
    gained: int
    upper_bound: float
    chance: float


@dataclass(frozen=True, slots=True)
class TopShare:
    """The share of the commonest answer to unrelated prompts."""

    base: float
    adapted: float


@dataclass(frozen=True, slots=True)
class Retention:
    """The distance from the base; None is what was not measured, or is no finite number."""

    kl_mean: float | None
    kl_p95: float | None
    perplexity_ratio: float | None
    measured: bool
    paired: GeneralAnswers
    unique_answers_ratio: float | None
    top_answer_share: TopShare
    refusals_kept: float


@dataclass(frozen=True, slots=True)
class Training:
    """The sizes of the training, and its seconds."""

    examples: int
    tokens: int
    steps: int
    seconds: float
    tokens_per_second: float


@dataclass(frozen=True, slots=True)
class Report:
    """A whole `report.json`: all that this version writes and shows."""

    schema: int
    verdict: Literal["pass", "fail"]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    recipe: str
    recipe_digest: str
    code: str
    sample_key: str
    seed: int
    reproduce: str
    limits: Limits
    base: JudgedBase
    facts: JudgedFacts
    adapter: JudgedAdapter
    recall: Recall
    forms: dict[str, Form]
    old: OldFacts
    retired: tuple[RetiredFact, ...]
    leak: LeakRates
    retention: Retention
    tasks: tuple[Task, ...]
    details: tuple[Detail, ...]
    leaks: tuple[Leak, ...]
    lost: tuple[LostAnswer, ...]
    missed: tuple[MissedForm, ...]
    train: Training
    seconds: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCore:
    """The part of a report that tells what was judged, for readers of other versions' reports."""

    verdict: Literal["pass", "fail"]
    recipe: str
    recipe_digest: str = ""
    code: str = ""
    seed: int
    base: JudgedBase
    facts: JudgedFacts
    adapter: JudgedAdapter
    details: tuple[Detail, ...]
