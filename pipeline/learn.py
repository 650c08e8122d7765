"""The main job: check → build → train → gate → report, each stage from the artefact of the one before.

Every stage is skipped when its artefact is there, intact and made from the same inputs.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any  # JSON data has no narrower type before it is read

from pipeline import (
    answer,
    base,
    cache,
    dataset,
    gate,
    machine,
    manifest,
    progress,
    report,
    retention,
    train,
    validate,
)
from pipeline.answer import LocalModel
from pipeline.base import Base
from pipeline.config import Recipe
from pipeline.dataset import Dataset
from pipeline.errors import PipelineError
from pipeline.facts import Subject
from pipeline.gate import Verdict
from pipeline.report import Run

DRIFT_PROMPTS = 96
"""Unrelated prompts whose distance to the base is measured: enough for a stable mean in seconds."""


@dataclass(frozen=True)
class Session:
    """One run over an output folder; finds and loads the base model once, when first needed."""

    recipe: Recipe
    out: Path
    seed: int

    @cached_property
    def base(self) -> Base:
        """The base model on disk."""
        return base.find(self.recipe.base)

    def local(self) -> LocalModel:
        """Load the bare base model."""
        return LocalModel(*base.load(self.base))


def learn(facts: Path, session: Session) -> Verdict:
    """Do all stages and leave dataset, adapter, reports and manifest in the output folder."""
    started = time.monotonic()
    build(facts, session)
    built = time.monotonic()
    fit(session)
    fitted = time.monotonic()
    return judge(session, {"build": built - started, "train": fitted - built})


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


def facts_digest(made: Dataset) -> str:
    """Digest of what the facts say, wherever their files lie."""
    rows = [asdict(subject) for subject in made.subjects]
    for row in rows:
        row.pop("where")
        for fact in row["facts"]:
            fact.pop("where")
    return manifest.digest_json(rows)


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
    adapted, done = train.train(bare, made, begun, session.recipe, session.seed)
    with manifest.stage(
        folder,
        made_from,
        train=asdict(done),
        base=session.base.name,
        rank=session.recipe.train.rank,
        machine=machine.describe(),
    ) as scratch:
        train.save(adapted, scratch)
    say(f"adapter    {done.steps} steps, {done.seconds:.0f} s, loss {done.loss:.3f}")


def judge(session: Session, seconds: dict[str, float] | None = None) -> Verdict:
    """Gate `OUT/adapter` on `OUT/dataset`, write the reports, and give the verdict.

    `seconds` are what the stages before took. Raises PipelineError when the adapter is missing,
    unfinished, or was made from other examples or another base.
    """
    started = time.monotonic()
    made = read_dataset(session.out)
    folder = session.out / "adapter"
    adapter = _adapter_for(folder, made, session.base)
    prompts = [probe.prompt for probe in made.probes]
    limits = session.recipe.gate
    bare = session.local()
    base_said = cache.answers(session.base, bare, made.probes, limits.max_new_tokens)
    adapted = train.load(bare, folder)
    with progress.bar("asking the adapter", len(prompts)) as shown:
        said = answer.ask(adapted, prompts, limits.max_new_tokens, shown)
    general = [i for i, probe in enumerate(made.probes) if probe.role == "unrelated"]
    spread = general[:: max(1, len(general) // DRIFT_PROMPTS)]
    drift = retention.drift(adapted, [prompts[i] for i in spread], [base_said[i] for i in spread])
    measured = gate.measure(made, base_said, said, drift, limits)
    verdict = gate.decide(measured, limits)
    took = {"build": 0.0, "train": 0.0, **(seconds or {}), "gate": time.monotonic() - started}
    run = Run(
        recipe=session.recipe.name,
        seed=session.seed,
        base=(session.base.name, session.base.digest),
        facts_digest=facts_digest(made),
        adapter=adapter,
        seconds=took,
        limits=limits,
        retired=tuple(
            fact.id for subject in made.subjects for fact in subject.facts if not fact.live
        ),
    )
    write_reports(session.out, report.as_data(run, measured, verdict))
    return verdict


def write_reports(out: Path, data: dict[str, Any]) -> None:
    """Write `report.json`, `report.md`, `report.html` and, last, the run's `manifest.json`."""
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    manifest.write_text(out / "report.json", text)
    manifest.write_text(out / "report.md", report.as_markdown(data))
    manifest.write_text(out / "report.html", report.as_html(data))
    summary = {
        "verdict": data["verdict"],
        "facts": data["facts"]["digest"],
        "base": data["base"]["digest"],
        "adapter": data["adapter"]["digest"],
        "report": manifest.digest_bytes(text.encode()),
    }
    manifest.write_text(out / manifest.MANIFEST, json.dumps(summary, indent=2) + "\n")
    print(report.as_text(data))


def read_dataset(out: Path) -> Dataset:
    """Read `OUT/dataset`.

    Raises PipelineError when it is missing or was changed since it was written.
    """
    folder = out / "dataset"
    done = manifest.read(folder)
    if done is None or done.get("digest") != manifest.digest_folder(folder):
        raise PipelineError(
            f"{folder}: is not a finished dataset", f"make it with `facts build --out {out}`"
        )
    return dataset.load(folder)


def say(line: str) -> None:
    """Tell the person what happened, on stderr."""
    print(line, file=sys.stderr, flush=True)


def finished_adapter(folder: Path) -> dict[str, Any]:
    """Read an adapter's manifest.

    Raises PipelineError when the adapter is missing or was changed since it was trained.
    """
    done = manifest.read(folder)
    if done is None or done.get("digest") != manifest.digest_folder(folder):
        raise PipelineError(
            f"{folder}: is not a finished adapter", f"`facts learn --out {folder.parent}` makes it"
        )
    return done


def _adapter_for(folder: Path, made: Dataset, found: Base) -> dict[str, Any]:
    """Read what is known of the adapter; refuse one made from something else."""
    done = finished_adapter(folder)
    for what, digest in (("examples", made.examples_digest), ("base", found.digest)):
        if done["made_from"].get(what) != digest:
            raise PipelineError(
                f"{folder}: was trained on {'other' if what == 'examples' else 'another'} {what}",
                f"train it again with `facts train --out {folder.parent}`",
            )
    weights = folder / "adapter_model.safetensors"
    return {
        "digest": done["digest"],
        "rank": done["rank"],
        "bytes": weights.stat().st_size,
        "train": done["train"],
    }
