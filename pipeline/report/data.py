"""Writes metrics and verdict as a `Report`, which all formats are made from.

Nothing is read but, for its digest, the code that judged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

from pipeline.core import code_digest, config
from pipeline.evaluation import intervals
from pipeline.evaluation.intervals import Rate
from pipeline.evaluation.results import FactResult, Metrics, ProbeResult, Run
from pipeline.evaluation.verdict import Verdict, provable
from pipeline.facts.change import FactsDiff, fact_digest, facts_digest
from pipeline.report import shape
from pipeline.report.answers import AskedProbe, Detail, Leak, LostAnswer, MissedForm
from pipeline.report.labels import FORMS
from pipeline.report.shape import Report


def report_data(run: Run, measured: Metrics, verdict: Verdict) -> Report:
    """Give what `report.json` holds; a measurement that is no finite number becomes None."""
    done, said = run.trained, measured.still_said.items()
    speed = done.tokens / done.seconds if done.seconds > 0 else 0.0
    return Report(
        schema=1,
        verdict=verdict.verdict,
        reasons=verdict.reasons,
        warnings=verdict.warnings,
        recipe=run.recipe.name,
        recipe_digest=config.recipe_digest(run.recipe),
        code=code_digest.digest(),
        sample_key=run.sample_key or run.made.digest,
        seed=run.seed,
        reproduce=run.reproduce,
        limits=shape.Limits(**asdict(run.recipe.gate), warn=run.recipe.warn),
        base=shape.JudgedBase(run.base.name, run.base.digest),
        facts=_facts(run, measured),
        adapter=run.adapter,
        recall=_recall(run, measured),
        forms={role: _form(measured.rate(role)) for role in FORMS},
        old=measured.old,
        retired=tuple(shape.RetiredFact(name, rate.count, rate.total) for name, rate in said),
        leak=shape.LeakRates(
            neighbours=_leak_rate(measured.neighbours),
            relations=_leak_rate(measured.of("relation")),
            unrelated=_leak_rate(measured.of("unrelated")),
            untested=measured.untested,
        ),
        retention=_retention(measured),
        tasks=measured.tasks,
        details=tuple(_detail(result, run.change) for result in measured.facts),
        leaks=tuple(
            Leak(a.probe.prompt, a.probe.role, _base(a), a.adapted.text, a.leaked)
            for a in measured.asked
            if a.leaked
        ),
        lost=tuple(
            LostAnswer(a.probe.prompt, a.probe.expect.items, _base(a), a.adapted.text)
            for a in measured.lost
        ),
        missed=tuple(
            MissedForm(a.probe.fact, a.probe.role, a.probe.prompt, _base(a), a.adapted.text)
            for a in measured.of(*FORMS, "retired")
            if not a.passed
        ),
        train=shape.Training(done.examples, done.tokens, done.steps, done.seconds, speed),
        seconds={stage: float(run.seconds[stage]) for stage in ("build", "train", "gate")},
    )


def _facts(run: Run, measured: Metrics) -> shape.JudgedFacts:
    live = run.made.facts
    withdrawn = [f.id for subject in run.made.subjects for f in subject.facts if not f.active]
    return shape.JudgedFacts(
        digest=facts_digest(run.made.subjects),
        count=len(live),
        asked=len(measured.facts),
        added=run.change.added,
        changed=run.change.changed,
        retired=tuple(dict.fromkeys((*withdrawn, *run.change.retired))),
        digests={fact.id: fact_digest(fact) for fact in live},
    )


def _recall(run: Run, measured: Metrics) -> shape.Recall:
    return shape.Recall(
        facts_passed=sum(result.passed for result in measured.facts),
        facts=len(measured.facts),
        probes_passed=measured.probes.count,
        probes=measured.probes.total,
        lower_bound=measured.probes.lower_bound,
        misses_allowed=provable(measured.probes, run.recipe.gate),
        base_probes_passed=sum(a.base_passed for f in measured.facts for a in f.asked),
        base_probes=sum(a.base is not None for f in measured.facts for a in f.asked),
    )


def _form(rate: Rate) -> shape.Form:
    return shape.Form(rate.count, rate.total, rate.lower_bound)


def _leak_rate(group: Sequence[ProbeResult]) -> shape.LeakRate:
    rate = Rate(sum(bool(asked.leaked) for asked in group), len(group))
    return shape.LeakRate(rate.count, rate.total, rate.upper_bound)


def _retention(measured: Metrics) -> shape.Retention:
    divergence, general = measured.divergence, measured.general
    lost, gained = Rate(len(measured.lost), general.count), len(measured.gained)
    chance = intervals.sign_test(lost.count, gained)
    return shape.Retention(
        kl_mean=_finite(divergence.kl_mean) if divergence else None,
        kl_p95=_finite(divergence.kl_p95) if divergence else None,
        perplexity_ratio=_finite(divergence.perplexity_ratio) if divergence else None,
        measured=divergence is not None,
        paired=shape.GeneralAnswers(
            general.total, general.count, lost.count, gained, lost.upper_bound, chance
        ),
        unique_answers_ratio=_finite(measured.unique_answers_ratio),
        top_answer_share=shape.TopShare(*measured.top_share),
        refusals_kept=measured.refusals_kept,
    )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _detail(result: FactResult, change: FactsDiff) -> Detail:
    known = result.known_already and result.passed
    name = result.fact.id
    return Detail(
        id=name,
        status="known" if known else "pass" if result.passed else "fail",
        change="old" if result.old else "changed" if name in change.changed else "new",
        was=result.was,
        margin=result.margin,
        question=result.fact.question,
        expect=result.fact.expect.items,
        expectation=result.fact.expect,
        probes=tuple(
            AskedProbe(
                prompt=a.probe.prompt,
                family=a.probe.family,
                base=_base(a),
                adapted=a.adapted.text,
                passed=a.passed,
                base_passed=a.base_passed,
                ended=a.adapted.ended,
                competing=a.competing,
                before=a.probe.before,
            )
            for a in result.asked
        ),
    )


def _base(asked: ProbeResult) -> str | None:
    return asked.base.text if asked.base else None
