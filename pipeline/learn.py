"""The main job: check → build → train → gate → report, each stage from the artefact of the one before.

Every stage is skipped when its artefact is there, intact and made from the same inputs.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

from pipeline.core import artifact, code_digest, progress
from pipeline.core.chat import Prompt
from pipeline.core.console import say
from pipeline.core.errors import TrainError
from pipeline.dataset import build as dataset
from pipeline.dataset import records, rephrase_model, untested
from pipeline.dataset.records import Dataset, read_dataset
from pipeline.evaluation import live_report
from pipeline.evaluation.evaluate import Target, evaluate
from pipeline.evaluation.live_report import LiveReport
from pipeline.evaluation.verdict import Verdict
from pipeline.facts import check
from pipeline.facts.change import facts_digest
from pipeline.facts.fact import Subject, taught
from pipeline.models import (
    adapter,
    backends,
    base_tokens,
    device,
    generate,
    identity,
    machine,
    processes,
)
from pipeline.models.adapter import finished_adapter
from pipeline.models.context import RunContext
from pipeline.models.generate import LocalModel
from pipeline.report import data, files
from pipeline.report.terminal import report_as_text
from pipeline.training import continual, forecast, target_cache, train
from pipeline.training.targets import Follow
from pipeline.training.train import ResumeFrom, TrainPlan, TrainStats


def learn(
    facts: Path,
    session: RunContext,
    judged: Target | None = None,
    before: Path | None = None,
) -> Verdict:
    """Do all stages and leave dataset, adapter, reports and manifest in the output folder.

    `judged` says how the new adapter is judged, as for `judge`. `before` is the output folder of a run
    that passed: where only facts were added since, its adapter is trained on; all facts are gated,
    against its report where `judged` has none, and taught anew when the gate says no.
    """
    judged = judged or Target()
    started = time.monotonic()
    made = build(facts, session)
    start = _start(before, made, session) if before else None
    if before and judged.live == LiveReport():
        judged = replace(judged, live=live_report.read_live_report(before))
    built = time.monotonic()
    fit(session, start)

    def verdict() -> Verdict:
        took = {"build": built - started, "train": time.monotonic() - built}
        return judge(session, judged, took)

    given = verdict()
    if start and not given.passed and _made_from(made, session, start) == _kept(session):
        say("the gate rejects the added facts: teaching all of them anew")
        fit(session)
        given = verdict()
    return given


def _start(before: Path, made: Dataset, session: RunContext) -> ResumeFrom | None:
    found = continual.start(before, live_report.read_live_report(before).digests, made, session)
    if isinstance(found, str):
        say(f"all facts are taught anew: {found}")
        return None
    say(f"adding {len(found.fresh)} facts to the adapter of {before}")
    return found


def build(facts: Path, session: RunContext) -> Dataset:
    """Check the facts and write `OUT/dataset`.

    Raises FactsError with every problem when the facts are not in order.
    """
    return prepare(check.load_subjects(facts), session)


def prepare(subjects: Sequence[Subject], session: RunContext) -> Dataset:
    """Write `OUT/dataset` for subjects that are in order."""
    base_tokens.require_none(subjects, session.base)
    settings = session.recipe.dataset
    made = dataset.build(subjects, settings, session.seed, _paraphrases(subjects, session))
    untested.require_probes(made)
    folder = session.out / "dataset"
    made_from = {"dataset": made.digest, "facts": facts_digest(made.subjects)}
    if artifact.finished(folder, made_from):
        say(f"dataset    unchanged ({len(made.examples)} examples, {len(made.probes)} probes)")
        return made
    with artifact.stage(folder, made_from, seed=session.seed) as scratch:
        records.save_dataset(made, scratch)
    say(f"dataset    {len(made.examples)} examples, {len(made.probes)} probes")
    return made


def _paraphrases(subjects: Sequence[Subject], session: RunContext) -> dict[str, tuple[str, ...]]:
    """Let the base write more wordings of each fact, as many as the recipe says."""
    count, facts = session.recipe.dataset.paraphrases, list(taught(subjects))
    if not count or not facts:
        return {}
    loaded = cache(session.quantised)

    def ask(doing: str, prompts: Sequence[Prompt], tokens: int) -> list[str]:
        with progress.bar(f"{doing} paraphrases", len(prompts)) as shown:
            return [answer.text for answer in generate.ask_model(loaded(), prompts, tokens, shown)]

    quantization = session.recipe.base.quantization
    by = rephrase_model.Writer(session.base.digest, quantization, ask)
    written = rephrase_model.paraphrase(by, facts, count)
    kept = sum(len(each.kept) for each in written.values())
    drafts = sum(each.written for each in written.values())
    say(f"wordings   {kept} of {drafts} that {session.base.name} wrote are kept")
    return {name: each.kept for name, each in written.items()}


def judge(session: RunContext, judged: Target, seconds: dict[str, float] | None = None) -> Verdict:
    """Evaluate an adapter on `OUT/dataset`, write its reports, and print what they come to.

    `seconds` are what the stages before took. Raises the errors of `evaluate`.
    """
    found = evaluate(session, judged, seconds)
    told = data.report_data(found.run, found.measured, found.verdict)
    files.write_reports(session.out, told)
    print(report_as_text(told))
    return found.verdict


def fit(session: RunContext, start: ResumeFrom | None = None) -> None:
    """Train `OUT/adapter` on `OUT/dataset`; with `start`, only what is new there and replay.

    The manifest names the adapter that was the start, or none. One made without is kept in any case.
    """
    made = read_dataset(session.out)
    folder, made_from = session.out / "adapter", _made_from(made, session, start)
    if any(artifact.finished(folder, _made_from(made, session, kind)) for kind in (start, None)):
        say("adapter    unchanged, not trained again")
        return
    if backends.choose(session.recipe.base.quantization) == "unsloth" and processes.count() == 1:
        # It replaces methods of transformers' and PEFT's own classes, by which the gate asks.
        processes.run_apart(_teach, session, made, made_from, start)
    else:
        _teach(session, made, made_from, start)


def _teach(
    session: RunContext, made: Dataset, made_from: dict[str, str | int], start: ResumeFrom | None
) -> None:
    digest = artifact.digest_json(made_from).removeprefix("sha256:")
    checkpoints = session.out / f".checkpoints-{digest}"
    method = TrainPlan(session.recipe, session.seed, checkpoints, start)
    device.give_back()
    told = forecast.forecast(session.base, made, session.recipe, method.steps(made.examples))
    forecast.require_memory(told, session.recipe)
    method = replace(method, recompute=told.recompute)
    settings = session.recipe.train
    own = [example for example in made.examples if not example.completion]
    with processes.main_first():
        bare = session.trainee()
        begun = target_cache.beginnings(session.base, bare, own, settings)
    with _passing(checkpoints):
        adapted, done = train.train(bare, made, begun, following(session), method)
        if processes.is_main():
            _keep(adapted, done, session, made_from)


def following(session: RunContext) -> Follow:
    """Give what reads a run's base along answers, or finds what was read before."""
    base, k = session.base, session.recipe.train.kl_top_k
    return lambda local, chats: target_cache.along(base, local, chats, k)


@contextmanager
def _passing(own: Path) -> Iterator[None]:
    """Let a training keep checkpoints in its own folder, which goes once the adapter is kept.

    Folders of other trainings in the same place are removed: nobody goes on with them.
    """
    if not processes.is_main():
        yield
        return
    for other in own.parent.glob(".checkpoints-*"):
        if other != own:
            shutil.rmtree(other, ignore_errors=True)
    try:
        with artifact.disk_errors(own):
            yield
    except TrainError:
        shutil.rmtree(own, ignore_errors=True)  # it would only fail there again
        raise
    shutil.rmtree(own, ignore_errors=True)


def _keep(
    adapted: LocalModel, done: TrainStats, session: RunContext, made_from: dict[str, str | int]
) -> None:
    folder = session.out / "adapter"
    with artifact.stage(
        folder,
        made_from,
        train=asdict(done),
        base=session.base.name,
        rank=session.recipe.train.rank,
        code=code_digest.digest(),
        machine=machine.describe(),
    ) as scratch:
        adapter.save_adapter(adapted, scratch)
        identity.write_identity(scratch, identity.identity_of(session.recipe.base, session.base))
    again = f", {done.resumed} of them before it was killed" if done.resumed else ""
    say(f"adapter    {done.steps} steps{again}, {done.seconds:.0f} s, loss {done.loss:.3f}")


def _made_from(
    made: Dataset, session: RunContext, start: ResumeFrom | None
) -> dict[str, str | int]:
    """Name what an adapter is made from; `start` is empty where all facts are taught from the base."""
    return {
        "examples": made.examples_digest,
        "base": session.base.digest,
        "identity": artifact.digest_json(
            asdict(identity.identity_of(session.recipe.base, session.base))
        ),
        "quantization": session.recipe.base.quantization,
        "train": artifact.digest_json(asdict(session.recipe.train)),
        "seed": session.seed,
        "start": start.digest if start else "",
    }


def _kept(session: RunContext) -> dict[str, str | int]:
    """Read what the adapter on disk was made from."""
    return dict(finished_adapter(session.out / "adapter")["made_from"])
