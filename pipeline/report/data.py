"""Writes metrics and verdict as the data of `report.json`, which all formats are made from.

`report_data` fixes the contract (DESIGN, section 4); the other functions take only what it gives, so a
`report.json` can be shown again at any time. Nothing is read but the HTML template and, for its digest,
the code that judged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any  # the plain data of a report

from pipeline.core import code_digest, config
from pipeline.evaluation import intervals
from pipeline.evaluation.intervals import Rate
from pipeline.evaluation.results import FactResult, Metrics, ProbeResult, Run
from pipeline.evaluation.verdict import Verdict, provable
from pipeline.facts.change import FactsDiff, fact_digest, facts_digest
from pipeline.report.summary import FORMS


def report_data(run: Run, measured: Metrics, verdict: Verdict) -> dict[str, Any]:
    """Give what `report.json` holds; a measurement that is no finite number becomes null."""
    leaked = [a for a in measured.asked if a.leaked]
    trained = {key: run.adapter["train"][key] for key in ("examples", "tokens", "steps", "seconds")}
    rate = trained["tokens"] / trained["seconds"] if trained["seconds"] > 0 else 0.0
    said = measured.still_said.items()
    return {
        "schema": 1,
        "verdict": verdict.verdict,
        "reasons": list(verdict.reasons),
        "warnings": list(verdict.warnings),
        "recipe": run.recipe.name,
        "recipe_digest": config.recipe_digest(run.recipe),
        "code": code_digest.digest(),
        "sample_key": run.sample_key or run.made.digest,
        "seed": run.seed,
        "reproduce": run.reproduce,
        "limits": {**asdict(run.recipe.gate), "warn": asdict(run.recipe.warn)},
        "base": {"name": run.base.name, "digest": run.base.digest},
        "facts": _facts(run, measured),
        "adapter": {key: run.adapter[key] for key in ("digest", "rank", "bytes")},
        "recall": _recall(run, measured),
        "forms": {role: _passed(measured.rate(role)) for role in FORMS},
        "old": _old(measured),
        "retired": [{"id": name, "said": r.count, "asked": r.total} for name, r in said],
        "leak": {
            "neighbours": _leak(measured.neighbours),
            "relations": _leak(measured.of("relation")),
            "unrelated": _leak(measured.of("unrelated")),
            "untested": [{"id": each.fact, "gap": each.gap} for each in measured.untested],
        },
        "retention": _retention(measured),
        "tasks": [asdict(task) for task in measured.tasks],
        "details": [_detail(result, run.change) for result in measured.facts],
        "leaks": [
            {"prompt": a.probe.prompt, "role": a.probe.role, **_said(a), "texts": list(a.leaked)}
            for a in leaked
        ],
        "lost": [
            {"prompt": a.probe.prompt, "expect": _lists(a), **_said(a)} for a in measured.lost
        ],
        "missed": [
            {"id": a.probe.fact, "role": a.probe.role, "prompt": a.probe.prompt, **_said(a)}
            for a in measured.of(*FORMS, "retired")
            if not a.passed
        ],
        "train": {**trained, "tokens_per_second": rate},
        "seconds": {stage: float(run.seconds[stage]) for stage in ("build", "train", "gate")},
    }


def _facts(run: Run, measured: Metrics) -> dict[str, Any]:
    live = run.made.facts
    withdrawn = [f.id for subject in run.made.subjects for f in subject.facts if not f.active]
    return {
        "digest": facts_digest(run.made.subjects),
        "count": len(live),
        "asked": len(measured.facts),
        "added": list(run.change.added),
        "changed": list(run.change.changed),
        "retired": list(dict.fromkeys((*withdrawn, *run.change.retired))),
        "digests": {fact.id: fact_digest(fact) for fact in live},
    }


def _recall(run: Run, measured: Metrics) -> dict[str, Any]:
    return {
        "facts_passed": sum(result.passed for result in measured.facts),
        "facts": len(measured.facts),
        "probes_passed": measured.probes.count,
        "probes": measured.probes.total,
        "lower_bound": measured.probes.lower_bound,
        "misses_allowed": provable(measured.probes, run.recipe.gate),
        "base_probes_passed": sum(a.base_passed for f in measured.facts for a in f.asked),
        "base_probes": sum(a.base is not None for f in measured.facts for a in f.asked),
    }


def _passed(rate: Rate) -> dict[str, Any]:
    return {"passed": rate.count, "asked": rate.total, "lower_bound": rate.lower_bound}


def _old(measured: Metrics) -> dict[str, Any]:
    paired = measured.paired
    return {
        "asked": paired.facts,
        "left_out": measured.left_out,
        "lost": list(paired.lost),
        "gained": list(paired.gained),
        "upper_bound": Rate(len(paired.lost), paired.facts).upper_bound,
        "probes": paired.probes,
        "probes_lost": paired.probes_lost,
        "probes_gained": paired.probes_gained,
        "chance": intervals.sign_test(paired.probes_lost, paired.probes_gained),
    }


def _leak(group: Sequence[ProbeResult]) -> dict[str, Any]:
    rate = Rate(sum(bool(asked.leaked) for asked in group), len(group))
    return {"leaked": rate.count, "asked": rate.total, "upper_bound": rate.upper_bound}


def _retention(measured: Metrics) -> dict[str, Any]:
    divergence, general = measured.divergence, measured.general
    lost, gained = Rate(len(measured.lost), general.count), len(measured.gained)
    before, after = measured.top_share
    return {
        "kl_mean": divergence and _finite(divergence.kl_mean),
        "kl_p95": divergence and _finite(divergence.kl_p95),
        "perplexity_ratio": divergence and _finite(divergence.perplexity_ratio),
        "measured": divergence is not None,
        "paired": {
            "asked": general.total,
            "base_right": general.count,
            "lost": lost.count,
            "gained": gained,
            "upper_bound": lost.upper_bound,
            "chance": intervals.sign_test(lost.count, gained),
        },
        "unique_answers_ratio": _finite(measured.unique_answers_ratio),
        "top_answer_share": {"base": before, "adapted": after},
        "refusals_kept": _finite(measured.refusals_kept),
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _detail(result: FactResult, change: FactsDiff) -> dict[str, Any]:
    known = result.known_already and result.passed
    name = result.fact.id
    return {
        "id": name,
        "status": "known" if known else "pass" if result.passed else "fail",
        "change": "old" if result.old else "changed" if name in change.changed else "new",
        "was": result.was,
        "margin": result.margin and asdict(result.margin),
        "question": result.fact.question,
        "expect": [list(alternatives) for alternatives in result.fact.expect],
        "language": result.fact.expect.language,
        "denial": result.fact.expect.denial,
        "probes": [
            {
                "prompt": a.probe.prompt,
                "family": a.probe.family,
                **_said(a),
                "passed": a.passed,
                "base_passed": a.base_passed,
                "ended": a.adapted.ended,
                "competing": list(a.competing),
            }
            for a in result.asked
        ],
    }


def _said(asked: ProbeResult) -> dict[str, str | None]:
    return {"base": asked.base.text if asked.base else None, "adapted": asked.adapted.text}


def _lists(asked: ProbeResult) -> list[list[str]]:
    return [list(alternatives) for alternatives in asked.probe.expect]
