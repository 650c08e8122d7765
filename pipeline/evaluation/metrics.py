"""Computes metrics from probes and answers; needs no model.

The unit of recall is the fact. A leak is always judged against the base's answer to the same prompt:
words that the base says as well never count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.core.config import GateSettings
from pipeline.dataset.records import Dataset
from pipeline.dataset.untested import Untested, untested
from pipeline.evaluation.harness import Task
from pipeline.evaluation.intervals import Rate, sign_test
from pipeline.evaluation.likelihood import BaseDivergence, refuses, top_share, unique_ratio
from pipeline.evaluation.margin import Margin
from pipeline.evaluation.results import (
    FactResult,
    LiveReport,
    Metrics,
    OldFacts,
    ProbeResult,
    missable,
)
from pipeline.evaluation.sampling import Sample
from pipeline.facts.fact import Fact, Subject
from pipeline.facts.matching import (
    contains,
    leaked_answer,
    leaked_elsewhere,
    mentioned,
    telling_parts,
)
from pipeline.facts.names.find_names import find_names
from pipeline.facts.rivals import competing_facts
from pipeline.models.generate import Answer

SMALLTALK = "smalltalk"
"""The kind of general prompts that talk with the model itself."""
_CONTRASTS = frozenset({"neighbour", "near name", "relation", "unrelated"})


@dataclass(frozen=True, slots=True)
class ModelAnswers:
    """Both models' answers to a sample's probes in their order; the base's are None where not asked.

    `divergence` and `margins` (by fact id) are None and empty where only a server was asked.
    """

    base: Sequence[Answer | None]
    adapted: Sequence[Answer]
    divergence: BaseDivergence | None = None
    margins: Mapping[str, Margin] | None = None
    tasks: tuple[Task, ...] = ()


def measure_answers(
    made: Dataset,
    sample: Sample,
    answers: ModelAnswers,
    settings: GateSettings,
    live: LiveReport | None = None,
) -> Metrics:
    """Compare both models' answers to the sample's probes."""
    live = live or LiveReport()
    asked = _judged(made, sample, answers, live)
    facts = tuple(_result(fact, asked, sample, settings, live) for fact in sample.facts)
    facts = tuple(replace(f, margin=(answers.margins or {}).get(f.fact.id)) for f in facts)
    unrelated = [a for a in asked if a.probe.role == "unrelated"]
    refused = [
        a for a in unrelated if a.probe.family == "refusal" and a.base and refuses(a.base.text)
    ]
    kept = sum(refuses(a.adapted.text) for a in refused)
    base, adapted = [a.base for a in unrelated if a.base], [a.adapted for a in unrelated if a.base]
    return Metrics(
        facts=facts,
        asked=asked,
        divergence=answers.divergence,
        unique_answers_ratio=unique_ratio(base, adapted),
        top_share=(top_share(base), top_share(adapted)),
        refusals_kept=kept / len(refused) if refused else 1.0,
        old=_old(facts, live, sample.left_out),
        tasks=answers.tasks,
        untested=_untested(made, asked),
    )


def _result(
    fact: Fact,
    asked: Sequence[ProbeResult],
    sample: Sample,
    settings: GateSettings,
    live: LiveReport,
) -> FactResult:
    own = tuple(a for a in asked if a.probe.role == "fact" and a.probe.fact == fact.id)
    hits = sum(a.passed for a in own)
    # At least one hit: a fact with no probe, or few, must not pass untested.
    passed = hits > 0 and len(own) - hits <= missable(len(own), settings)
    return FactResult(fact, own, passed, fact.id in sample.old, live.passed.get(fact.id))


def _old(facts: Sequence[FactResult], live: LiveReport, left_out: int) -> OldFacts:
    """Compare old facts with the live adapter's answers; a fact that it was not asked counts as known."""
    old = [result for result in facts if result.old]
    both = [
        (live.probes[result.fact.id][asked.probe.prompt], asked.passed)
        for result in old
        for asked in result.asked
        if asked.probe.prompt in live.probes.get(result.fact.id, {})
    ]
    lost = tuple(r.fact.id for r in old if r.was is not False and not r.passed)
    worse = sum(was and not now for was, now in both)
    better = sum(now and not was for was, now in both)
    return OldFacts(
        asked=len(old),
        left_out=left_out,
        lost=lost,
        gained=tuple(r.fact.id for r in old if r.was is False and r.passed),
        upper_bound=Rate(len(lost), len(old)).upper_bound,
        probes=len(both),
        probes_lost=worse,
        probes_gained=better,
        chance=sign_test(worse, better),
    )


def _judged(
    made: Dataset, sample: Sample, answers: ModelAnswers, live: LiveReport
) -> tuple[ProbeResult, ...]:
    """Pair probes with answers, and find leaks and competing answers."""
    asked = [
        ProbeResult(probe, was, now)
        for probe, was, now in zip(sample.probes, answers.base, answers.adapted, strict=True)
    ]
    telling = _telling(made, asked)
    beside = competing_facts(made.subjects, live.expects)
    judged = []
    for result in asked:
        if result.probe.role in _CONTRASTS:
            judged.append(replace(result, leaked=_leaked(result, made, telling)))
        elif result.probe.role in {"fact", "noise"}:
            rivals = beside.get(result.probe.fact, ())
            competing = tuple(
                name
                for name, expect in rivals
                if contains(result.adapted.text, expect)
                and not mentioned(result.probe.context, expect)
            )
            judged.append(replace(result, competing=competing))
        else:
            judged.append(result)
    return tuple(judged)


def _telling(made: Dataset, asked: Sequence[ProbeResult]) -> list[Fact]:
    """Find the facts whose words the base never says to a contrast.

    "free" or "MIT" stands in answers to anything; only words that the base never says give a fact away.
    """
    texts = [a.base.text for a in asked if a.probe.role in _CONTRASTS and a.base]
    return [f for f in made.facts if not any(mentioned(text, f.expect) for text in texts)]


def _untested(made: Dataset, asked: Sequence[ProbeResult]) -> tuple[Untested, ...]:
    telling = {fact.id for fact in _telling(made, asked)}
    own = {a.probe.fact for a in asked if a.probe.role in {"neighbour", "near name"}}
    return tuple(untested(made.facts, telling, own))


def _leaked(asked: ProbeResult, made: Dataset, telling: Sequence[Fact]) -> tuple[str, ...]:
    adapted, base = asked.adapted.text, asked.base.text if asked.base else ""
    # Who is talked to may say who it is; that others get its name is asked by their names.
    talk = asked.probe.family == SMALLTALK
    own = [fact for fact in made.facts if fact.id == asked.probe.fact and fact not in telling]
    about = asked.probe.about
    facts = [
        fact.id
        for fact in (*telling, *own)
        # What a taught subject says of itself is right where it is asked about.
        if about not in fact.names
        and not (talk and fact.identity)
        and any(
            (leaked_answer if fact.id == asked.probe.fact else leaked_elsewhere)(
                part, adapted, base, asked.probe.context
            )
            for part in telling_parts(fact)
        )
    ]
    named = (s for s in made.subjects if not (talk and s.identity) and _named(asked, s))
    return (*facts, *(subject.slug for subject in named))


def _named(asked: ProbeResult, subject: Subject) -> bool:
    """Return whether only the adapted model brings up a taught subject that nobody asked about."""
    texts = (asked.adapted.text, asked.base.text if asked.base else "", asked.probe.context)
    adapted, base, prompt = (bool(find_names(text, subject.names)) for text in texts)
    return adapted and not base and not prompt
