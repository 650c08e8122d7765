"""Sees that every taught fact has enough of everything: wordings, contrasts, leak probes, held-out probes.

A dataset and its settings come in; what a fact lacks is a problem with its place, and with what to write.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.core.config import DatasetSettings
from pipeline.core.errors import FactsError, Problem
from pipeline.core.number_words import count
from pipeline.dataset.records import Dataset
from pipeline.facts.fact import Fact

_AGAIN = "another fact asks the same; say in the question what this one is about, or let one go"
_NAMES = (
    "write {name} in its question as `subject` or `aliases` spell it, and give it a name of its own"
)
_CONTRASTS = frozenset({"near name", "neighbour"})


@dataclass(frozen=True, slots=True)
class _Quota:
    """A need of every fact: the rule that tells it, the least number, its name, and the help."""

    rule: str
    least: int
    named: str
    use: str
    hint: str


def require_quotas(made: Dataset, settings: DatasetSettings) -> None:
    """Raise FactsError with every taught fact that has too few examples or probes of a kind."""
    problems = tuple(quota_problems(made, settings))
    if problems:
        raise FactsError(problems)


def quota_problems(made: Dataset, settings: DatasetSettings) -> Iterator[Problem]:
    """Yield, for each fact, each kind of example or probe of which it has too few."""
    held = Counter(example.fact for example in made.examples if example.role in _CONTRASTS)
    counts = (
        (_wordings(), Counter(e.fact for e in made.examples if e.role == "fact")),
        (_contrasts(settings), held),
        (_leak_probes(settings), Counter(p.fact for p in made.probes if p.role in _CONTRASTS)),
        (_held_out(), Counter(probe.fact for probe in made.probes if probe.role == "fact")),
    )
    for fact in made.facts:
        for quota, found in counts:
            if found[fact.id] < quota.least:
                yield _problem(fact, quota, found[fact.id])


def _problem(fact: Fact, quota: _Quota, found: int) -> Problem:
    if found:
        has = count(found, quota.named)
        message = f"`{fact.id}` has only {has} to {quota.use}, of at least {quota.least}"
    else:
        message = f"nothing is left to {quota.use} `{fact.id}` with"
    return Problem(fact.where, quota.rule, message, quota.hint.format(name=fact.subject))


def _wordings() -> _Quota:
    return _Quota("few-wordings", 8, "wording", "teach", _AGAIN)


def _contrasts(settings: DatasetSettings) -> _Quota:
    least = min(8, _half(settings.near_names + settings.neighbours))
    return _Quota("few-contrasts", least, "question", "tell other things apart from", _NAMES)


def _leak_probes(settings: DatasetSettings) -> _Quota:
    least = min(4, _half(settings.gate_near_names + settings.gate_neighbours))
    return _Quota("few-leak-probes", least, "question", "look for leaks of", _NAMES)


def _held_out() -> _Quota:
    return _Quota("no-held-out-probe", 4, "question", "test", _AGAIN)


def _half(asked: int) -> int:
    """Give what must be left of the names that a recipe asks for: some are taught, or are no other name."""
    return (asked + 1) // 2
