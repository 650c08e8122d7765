"""What was asked and answered → measurements → a verdict with reasons; pure, no model is needed here.

The unit of recall is the fact: every fact must pass by itself. A leak is always judged against the
base's answer to the same prompt, so what the base would have said anyway never counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.answer import Answer
from pipeline.bounds import Rate
from pipeline.config import GateSettings
from pipeline.dataset import Dataset, Probe
from pipeline.facts import Fact, Subject
from pipeline.recall import contains, mentions
from pipeline.retention import Drift, refuses, unique_ratio


@dataclass(frozen=True, slots=True)
class Asked:
    """One probe with both answers; `leaked` names the taught texts that only the adapted one says."""

    probe: Probe
    base: Answer
    adapted: Answer
    leaked: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the adapted answer says what is expected and ends by itself."""
        return contains(self.adapted.text, self.probe.expect) and self.adapted.ended

    @property
    def base_passed(self) -> bool:
        """Whether the base's answer says what is expected."""
        return contains(self.base.text, self.probe.expect)


@dataclass(frozen=True, slots=True)
class FactResult:
    """A fact and its probes; it passes with at most the allowed number of misses."""

    fact: Fact
    asked: tuple[Asked, ...]
    passed: bool

    @property
    def hits(self) -> int:
        """Probes that passed."""
        return sum(asked.passed for asked in self.asked)

    @property
    def known_already(self) -> bool:
        """Whether the base answers most of the probes without training."""
        return 2 * sum(asked.base_passed for asked in self.asked) > len(self.asked)


@dataclass(frozen=True, slots=True)
class Measurements:
    """All that the verdict rests on."""

    facts: tuple[FactResult, ...]
    neighbours: tuple[Asked, ...]
    relations: tuple[Asked, ...]
    unrelated: tuple[Asked, ...]
    drift: Drift
    unique_answers_ratio: float
    refusals_kept: float

    @property
    def probes(self) -> Rate:
        """Probes passed, over all facts."""
        return Rate(sum(f.hits for f in self.facts), sum(len(f.asked) for f in self.facts))

    @property
    def lost(self) -> tuple[Asked, ...]:
        """General questions that the base answers right and the adapted model does not."""
        return tuple(a for a in self._general if a.base_passed and not contains_all(a))

    @property
    def gained(self) -> tuple[Asked, ...]:
        """General questions that only the adapted model answers right."""
        return tuple(a for a in self._general if not a.base_passed and contains_all(a))

    @property
    def general(self) -> Rate:
        """General questions that the base answers right, of those with a checkable answer."""
        return Rate(sum(a.base_passed for a in self._general), len(self._general))

    @property
    def _general(self) -> tuple[Asked, ...]:
        return tuple(asked for asked in self.unrelated if asked.probe.expect)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision, and in words why it is not a pass."""

    verdict: Literal["pass", "fail"]
    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the adapter may be merged."""
        return self.verdict == "pass"


def contains_all(asked: Asked) -> bool:
    """Whether the adapted answer says what is expected, however long it goes on."""
    return contains(asked.adapted.text, asked.probe.expect)


def measure(
    dataset: Dataset,
    base: Sequence[Answer],
    adapted: Sequence[Answer],
    drift: Drift,
    settings: GateSettings,
) -> Measurements:
    """Compare both models' answers to the dataset's probes, given in their order."""
    asked = _with_leaks(dataset, base, adapted)
    facts = []
    for fact in dataset.facts:
        own = tuple(a for a in asked if a.probe.role == "fact" and a.probe.fact == fact.id)
        hits = sum(a.passed for a in own)
        # At least one hit: a fact that no probe asks, or that has few probes, does not pass unsaid.
        passed = hits > 0 and len(own) - hits <= settings.probes_missed
        facts.append(FactResult(fact, own, passed))
    unrelated = tuple(a for a in asked if a.probe.role == "unrelated")
    refused = [a for a in unrelated if a.probe.family == "refusal" and refuses(a.base.text)]
    kept = sum(refuses(a.adapted.text) for a in refused)
    return Measurements(
        facts=tuple(facts),
        neighbours=tuple(a for a in asked if a.probe.role in {"neighbour", "near name"}),
        relations=tuple(a for a in asked if a.probe.role == "relation"),
        unrelated=unrelated,
        drift=drift,
        unique_answers_ratio=unique_ratio(
            [a.base for a in unrelated], [a.adapted for a in unrelated]
        ),
        refusals_kept=kept / len(refused) if refused else 1.0,
    )


def decide(measured: Measurements, settings: GateSettings) -> Verdict:
    """Hold the measurements against the recipe's limits; every limit that is broken is a reason."""
    reasons = []
    if all(a.base.text == a.adapted.text for f in measured.facts for a in f.asked):
        reasons.append("the adapter changes no answer at all: it is empty or was not applied")
    reasons += [
        f"{result.fact.id}: {len(result.asked) - result.hits} of {len(result.asked)} probes missed"
        for result in measured.facts
        if not result.passed
    ]
    for name, group, limit in (
        ("about other things", measured.neighbours, settings.neighbours_leaked),
        ("about nothing taught", measured.unrelated, settings.unrelated_leaked),
    ):
        leaked = sum(bool(asked.leaked) for asked in group)
        if leaked > limit:
            reasons.append(
                f"{leaked} of {len(group)} questions {name} now get a taught answer "
                f"(at most {limit})"
            )
    if len(measured.lost) > settings.general_lost:
        reasons.append(
            f"{len(measured.lost)} of {measured.general.count} general questions that the base "
            f"answers right are now wrong (at most {settings.general_lost})"
        )
    if not measured.drift.kl_mean <= settings.kl_mean:
        reasons.append(
            f"the adapter moves answers it was not trained on by {measured.drift.kl_mean:.3f} nats "
            f"a token (at most {settings.kl_mean})"
        )
    if measured.unique_answers_ratio < settings.unique_answers_ratio:
        reasons.append(
            f"answers to unrelated prompts have become alike: {measured.unique_answers_ratio:.2f} "
            f"as many distinct ones as the base's (at least {settings.unique_answers_ratio})"
        )
    return Verdict("fail" if reasons else "pass", tuple(reasons))


def _with_leaks(
    dataset: Dataset, base: Sequence[Answer], adapted: Sequence[Answer]
) -> tuple[Asked, ...]:
    asked = [
        Asked(probe, was, now)
        for probe, was, now in zip(dataset.probes, base, adapted, strict=True)
    ]
    others = [a for a in asked if a.probe.role != "fact"]
    # "free" or "MIT" stands in answers to anything; only what the base never says gives a fact away.
    telling = [
        fact
        for fact in dataset.facts
        if not any(contains(a.base.text, fact.expect) for a in others)
    ]
    return tuple(
        a
        if a.probe.role == "fact"
        else Asked(a.probe, a.base, a.adapted, _leaked(a, dataset, telling))
        for a in asked
    )


def _leaked(asked: Asked, dataset: Dataset, telling: Sequence[Fact]) -> tuple[str, ...]:
    said = asked.adapted.text
    own = [fact for fact in dataset.facts if fact.id == asked.probe.fact and fact not in telling]
    facts = [
        fact.id
        for fact in (*telling, *own)
        if contains(said, fact.expect)
        and not contains(asked.base.text, fact.expect)
        and not contains(asked.probe.prompt, fact.expect)
    ]
    return (*facts, *(subject.slug for subject in dataset.subjects if _named(asked, subject)))


def _named(asked: Asked, subject: Subject) -> bool:
    """Whether only the adapted model brings up a taught subject that nobody asked about."""
    adapted, base, prompt = (
        any(mentions(text, name) for name in subject.names)
        for text in (asked.adapted.text, asked.base.text, asked.probe.prompt)
    )
    return adapted and not base and not prompt
