"""The main job: check → build → train → gate → report, each stage from the artefact of the one before.

Every stage is skipped when its artefact is there, intact and made from the same inputs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pipeline import cache, dataset, manifest, train, validate
from pipeline.against import Live
from pipeline.dataset import Dataset
from pipeline.facts import Subject
from pipeline.gate import Verdict
from pipeline.judge import DRIFT_PROMPTS, Judged, judge
from pipeline.report import facts_digest
from pipeline.session import Session, finished_adapter, read_dataset, say
from pipeline.train import Method

__all__ = [
    "DRIFT_PROMPTS", "Session", "build", "facts_digest", "finished_adapter", "fit", "judge", "learn",
    "prepare", "say",
]  # fmt: skip


def learn(facts: Path, session: Session, live: Live | None = None) -> Verdict:
    """Do all stages and leave dataset, adapter, reports and manifest in the output folder.

    `live` is the report of the adapter that is live now.
    """
    started = time.monotonic()
    build(facts, session)
    built = time.monotonic()
    fit(session)
    fitted = time.monotonic()
    took = {"build": built - started, "train": fitted - built}
    return judge(session, Judged(live=live or Live()), took)


def build(facts: Path, session: Session) -> Dataset:
    """Check the facts and write `OUT/dataset`.

    Raises FactsError with every problem when the facts are not in order.
    """
    return prepare(validate.load(facts), session)


def prepare(subjects: Sequence[Subject], session: Session) -> Dataset:
    """Write `OUT/dataset` for subjects that are in order."""
    made = dataset.build(subjects, session.recipe.dataset, session.seed)
    folder = session.out / "dataset"
    made_from = {"dataset": made.digest, "facts": facts_digest(made)}
    if manifest.finished(folder, made_from):
        say(f"dataset    unchanged ({len(made.examples)} examples, {len(made.probes)} probes)")
        return made
    with manifest.stage(folder, made_from, seed=session.seed) as scratch:
        dataset.save(made, scratch)
    say(f"dataset    {len(made.examples)} examples, {len(made.probes)} probes")
    return made


def fit(session: Session) -> None:
    """Train `OUT/adapter` on `OUT/dataset`."""
    made = read_dataset(session.out)
    folder = session.out / "adapter"
    made_from = {
        "examples": made.examples_digest,
        "base": session.base.digest,
        "train": manifest.digest_json(asdict(session.recipe.train)),
        "seed": session.seed,
    }
    if manifest.finished(folder, made_from):
        say("adapter    unchanged, not trained again")
        return
    bare = session.local()
    settings = session.recipe.train
    own = [example for example in made.examples if not example.completion]
    begun = cache.beginnings(session.base, bare, own, settings.kl_tokens, settings.kl_top_k)
    adapted, done = train.train(bare, made, begun, Method(session.recipe, session.seed))
    with manifest.stage(
        folder,
        made_from,
        train=asdict(done),
        base=session.base.name,
        rank=session.recipe.train.rank,
    ) as scratch:
        train.save(adapted, scratch)
    say(f"adapter    {done.steps} steps, {done.seconds:.0f} s, loss {done.loss:.3f}")
