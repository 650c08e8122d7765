"""Does the main job: check → build → train → gate → report, each stage from the artefact of the one before.

Every stage is skipped when its artefact is there, intact and made from the same inputs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from pipeline.core import artifact, progress
from pipeline.core.chat import Prompt
from pipeline.core.console import say
from pipeline.dataset import build as dataset
from pipeline.dataset import quota, records, rephrase_model
from pipeline.dataset.records import Dataset
from pipeline.evaluation.evaluate import Target, evaluate
from pipeline.evaluation.results import LiveReport
from pipeline.evaluation.verdict import Verdict
from pipeline.facts import check
from pipeline.facts.change import facts_digest
from pipeline.facts.fact import Subject, taught
from pipeline.models import base_tokens, generate
from pipeline.models.context import RunContext
from pipeline.report import data, files
from pipeline.report.terminal import report_as_text
from pipeline.training import continual
from pipeline.training.fit import adapter_inputs, fit, kept_inputs
from pipeline.training.train import ResumeFrom


def learn(
    facts: Path,
    context: RunContext,
    target: Target | None = None,
    before: Path | None = None,
) -> Verdict:
    """Do all stages and leave dataset, adapter, reports and manifest in the output folder.

    `target` says how the new adapter is judged, as for `judge`. `before` is the output folder of a run
    that passed: where only facts were added since, its adapter is trained on; all facts are gated,
    against its report where `target` has none, and taught anew when the gate says no.
    """
    target = target or Target()
    started = time.monotonic()
    made = build(facts, context)
    start = _start(before, made, context) if before else None
    if before and target.live == LiveReport():
        target = replace(target, live=files.read_live_report(before))
    built = time.monotonic()
    fit(context, start)

    def verdict() -> Verdict:
        took = {"build": built - started, "train": time.monotonic() - built}
        return judge(context, target, took)

    given = verdict()
    if start and not given.passed and adapter_inputs(made, context, start) == kept_inputs(context):
        say("the gate rejects the added facts: teaching all of them anew")
        fit(context)
        given = verdict()
    return given


def _start(before: Path, made: Dataset, context: RunContext) -> ResumeFrom | None:
    found = continual.start(before, files.read_live_report(before).digests, made, context)
    if isinstance(found, str):
        say(f"all facts are taught anew: {found}")
        return None
    say(f"adding {len(found.fresh)} facts to the adapter of {before}")
    return found


def build(facts: Path, context: RunContext) -> Dataset:
    """Check the facts and write `OUT/dataset`.

    Raises FactsError with every problem when the facts are not in order.
    """
    return prepare(check.load_subjects(facts), context)


def prepare(subjects: Sequence[Subject], context: RunContext) -> Dataset:
    """Write `OUT/dataset` for subjects that are in order."""
    base_tokens.require_none(subjects, context.base)
    settings = context.recipe.dataset
    systems = context.recipe.base.system_prompts
    made = dataset.build(subjects, settings, context.seed, _paraphrases(subjects, context), systems)
    quota.require_quotas(made, settings)
    folder = context.out / "dataset"
    made_from = {"dataset": made.digest, "facts": facts_digest(made.subjects)}
    if artifact.finished(folder, made_from):
        say(f"dataset    unchanged ({len(made.examples)} examples, {len(made.probes)} probes)")
        return made
    with artifact.stage(folder, made_from, seed=context.seed) as scratch:
        records.save_dataset(made, scratch)
    say(f"dataset    {len(made.examples)} examples, {len(made.probes)} probes")
    return made


def _paraphrases(subjects: Sequence[Subject], context: RunContext) -> dict[str, tuple[str, ...]]:
    """Let the base write more wordings of each fact, as many as the recipe says."""
    count, facts = context.recipe.dataset.paraphrases, list(taught(subjects))
    if not count or not facts:
        return {}
    loaded = cache(context.quantised)

    def ask(doing: str, prompts: Sequence[Prompt], tokens: int) -> list[str]:
        with progress.bar(f"{doing} paraphrases", len(prompts)) as shown:
            return [answer.text for answer in generate.ask_model(loaded(), prompts, tokens, shown)]

    quantization = context.recipe.base.quantization
    by = rephrase_model.Writer(context.base.digest, quantization, ask)
    written = rephrase_model.paraphrase(by, facts, count)
    kept = sum(len(each.kept) for each in written.values())
    drafts = sum(each.written for each in written.values())
    say(f"wordings   {kept} of {drafts} that {context.base.name} wrote are kept")
    return {name: each.kept for name, each in written.items()}


def judge(context: RunContext, target: Target, seconds: dict[str, float] | None = None) -> Verdict:
    """Evaluate an adapter on `OUT/dataset`, write its reports, and print what they come to.

    `seconds` are what the stages before took. Raises the errors of `evaluate`.
    """
    found = evaluate(context, target, seconds)
    told = data.report_data(found.run, found.measured, found.verdict)
    files.write_reports(context.out, told)
    print(report_as_text(told))
    return found.verdict
