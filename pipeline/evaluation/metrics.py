"""Computes metrics from probes and answers; needs no model.

The unit of recall is the fact. A leak is always judged against the base's answer to the same
prompt, so what the base would have said anyway never counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.core.config import GateSettings
from pipeline.dataset.records import Dataset
from pipeline.dataset.untested import Untested, untested
from pipeline.evaluation.harness import Task
from pipeline.evaluation.likelihood import BaseDivergence, refuses, top_share, unique_ratio
from pipeline.evaluation.live_report import LiveReport
from pipeline.evaluation.margin import Margin
from pipeline.evaluation.results import FactResult, Metrics, Paired, ProbeResult, missable
from pipeline.evaluation.sampling import Sample
from pipeline.facts.fact import Fact, Subject
from pipeline.facts.matching import contains, leaked_answer, leaked_elsewhere, mentioned
from pipeline.facts.names import find_names
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
    said: ModelAnswers,
    settings: GateSettings,
    live: LiveReport | None = None,
) -> Metrics:
    """Compare both models' answers to the sample's probes."""
    live = live or LiveReport()
    asked = _judged(made, sample, said, live)
    facts = tuple(_result(fact, asked, sample, settings, live) for fact in sample.facts)
    facts = tuple(replace(f, margin=(said.margins or {}).get(f.fact.id)) for f in facts)
    unrelated = [a for a in asked if a.probe.role == "unrelated"]
    refused = [
        a for a in unrelated if a.probe.family == "refusal" and a.base and refuses(a.base.text)
    ]
    kept = sum(refuses(a.adapted.text) for a in refused)
    base, adapted = [a.base for a in unrelated if a.base], [a.adapted for a in unrelated if a.base]
    return Metrics(
        facts=facts,
        asked=asked,
        divergence=said.divergence,
        unique_answers_ratio=unique_ratio(base, adapted),
        top_share=(top_share(base), top_share(adapted)),
        refusals_kept=kept / len(refused) if refused else 1.0,
        paired=_paired(facts, live),
        left_out=sample.left_out,
        tasks=said.tasks,
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
    # At least one hit: a fact that no probe asks, or that has few probes, does not pass unsaid.
    passed = hits > 0 and len(own) - hits <= missable(len(own), settings)
    return FactResult(fact, own, passed, fact.id in sample.old, live.passed.get(fact.id))


def _paired(facts: Sequence[FactResult], live: LiveReport) -> Paired:
    """Compare old facts with how the adapter now live answered; one not asked then counts as known."""
    old = [result for result in facts if result.old]
    both = [
        (live.probes[result.fact.id][asked.probe.prompt], asked.passed)
        for result in old
        for asked in result.asked
        if asked.probe.prompt in live.probes.get(result.fact.id, {})
    ]
    return Paired(
        facts=len(old),
        lost=tuple(r.fact.id for r in old if r.was is not False and not r.passed),
        gained=tuple(r.fact.id for r in old if r.was is False and r.passed),
        probes=len(both),
        probes_lost=sum(was and not now for was, now in both),
        probes_gained=sum(now and not was for was, now in both),
    )


def _judged(
    made: Dataset, sample: Sample, said: ModelAnswers, live: LiveReport
) -> tuple[ProbeResult, ...]:
    """Put probes and answers together, and find what leaked and what competes."""
    asked = [
        ProbeResult(probe, was, now)
        for probe, was, now in zip(sample.probes, said.base, said.adapted, strict=True)
    ]
    telling = _telling(made, asked)
    beside = competing_facts(made.subjects, live.expects)
    judged = []
    for each in asked:
        if each.probe.role in _CONTRASTS:
            judged.append(replace(each, leaked=_leaked(each, made, telling)))
        elif each.probe.role in {"fact", "noise"}:
            own = beside.get(each.probe.fact, ())
            found = tuple(
                name
                for name, expect in own
                if contains(each.adapted.text, expect) and not mentioned(each.probe.context, expect)
            )
            judged.append(replace(each, competing=found))
        else:
            judged.append(each)
    return tuple(judged)


def _telling(made: Dataset, asked: Sequence[ProbeResult]) -> list[Fact]:
    """Find the facts whose words the base never says to a contrast.

    "free" or "MIT" stands in answers to anything; only what the base never says gives a fact away.
    """
    said = [a.base.text for a in asked if a.probe.role in _CONTRASTS and a.base]
    return [f for f in made.facts if not any(mentioned(text, f.expect) for text in said)]


def _untested(made: Dataset, asked: Sequence[ProbeResult]) -> tuple[Untested, ...]:
    telling = {fact.id for fact in _telling(made, asked)}
    own = {a.probe.fact for a in asked if a.probe.role in {"neighbour", "near name"}}
    return tuple(untested(made.facts, telling, own))


def _leaked(asked: ProbeResult, made: Dataset, telling: Sequence[Fact]) -> tuple[str, ...]:
    said, base = asked.adapted.text, asked.base.text if asked.base else ""
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
        and (leaked_answer if fact.id == asked.probe.fact else leaked_elsewhere)(
            fact.expect, said, base, asked.probe.context
        )
    ]
    named = (s for s in made.subjects if not (talk and s.identity) and _named(asked, s))
    return (*facts, *(subject.slug for subject in named))


def _named(asked: ProbeResult, subject: Subject) -> bool:
    """Whether only the adapted model brings up a taught subject that nobody asked about."""
    texts = (asked.adapted.text, asked.base.text if asked.base else "", asked.probe.context)
    adapted, base, prompt = (bool(find_names(text, subject.names)) for text in texts)
    return adapted and not base and not prompt
