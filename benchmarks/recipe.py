"""Measures a recipe against the number of facts: recall, leak, retention, speed, memory.

Facts are made up, or read from a file; each number of facts and seed is one trial with its own
folder. A trial that was finished is not done again, so an interrupted benchmark goes on where it was.
Nothing that is measured here is trained on: held-out families and the file's probes are the gate's
half of the dataset, and the file's other questions never enter it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks import chart, facts_file, plain_trl
from benchmarks.chart import Trial
from benchmarks.measuring import Case, Taught, measure_trial
from pipeline import learn
from pipeline.core import artifact
from pipeline.core.console import say
from pipeline.core.errors import ConfigError
from pipeline.facts import synthetic
from pipeline.models import adapter
from pipeline.models.adapter import finished_adapter
from pipeline.models.context import RunContext
from pipeline.training import fit
from pipeline.training.train import TrainStats

FACT_BYTES = 500_000
"""Memory of one fact's share of a run, beside the model (measured at 100 facts: 0.3 MB)."""
MODEL_BYTES = 4 << 30
"""Memory of a run with hardly any facts: model, LoRA, activations of a step and of answering."""


def cases(data: Path | None, sizes: Sequence[int], seeds: Sequence[int]) -> list[Case]:
    """Make or read what is to be taught, smallest first.

    Raises ConfigError when a file cannot be used, or when the facts do not fit into memory.
    """
    for size in sizes:
        _fits(size, data)
    return [
        _made(size, seed) if data is None else _read(data, size, seed)
        for size in sorted(sizes)
        for seed in seeds
    ]


def run_cases(found: Sequence[Case], context: RunContext, against: str | None) -> list[Trial]:
    """Do every trial, and write `bench.json` and `bench.svg` after each."""
    trials = []
    for case in found:
        for line in case.left_out:
            say(line)
        trials.append(_trial(case, context, "recipe"))
        if against:
            trials.append(_trial(case, context, against))
        text = json.dumps([asdict(trial) for trial in trials], indent=2, allow_nan=False)
        artifact.write_text(context.out / "bench.json", text + "\n")
        artifact.write_bytes(context.out / "bench.svg", chart.as_svg(trials))
    return trials


def _made(size: int, seed: int) -> Case:
    return Case("made-up", size, seed, synthetic.subjects(size, seed))


def _read(data: Path, size: int, seed: int) -> Case:
    rows = facts_file.read_rows(data, size)
    others = tuple(
        (fact.id, question) for row in rows for fact in row.subject.facts for question in row.others
    )
    left_out = tuple(row.left_out for row in rows if row.left_out)
    return Case(data.stem, size, seed, tuple(row.subject for row in rows), others, left_out)


def _fits(size: int, data: Path | None) -> None:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    most = max(0, memory - MODEL_BYTES) // FACT_BYTES
    if size > most:
        where = f"{data}:{most + 1}: " if data else ""
        raise ConfigError(
            f"{where}{size} facts need more memory than is free (about {most} fit)",
            "ask for fewer with --sizes",
        )


def _trial(case: Case, context: RunContext, method: str) -> Trial:
    """Teach and measure one case, or read what was measured before."""
    own = replace(
        context, out=context.out / f"{case.name}-{case.facts}-{case.seed}", seed=case.seed
    )
    made = learn.prepare(case.subjects, own)
    folder = own.out / f"trial-{method}"
    made_from = {
        "dataset": made.digest,
        "others": artifact.digest_json(case.others),
        "base": own.base.digest,
        "recipe": artifact.digest_json(asdict(own.recipe)),
        "seed": case.seed,
    }
    file = folder / "trial.json"
    if artifact.finished(folder, made_from):
        say(f"{file}: measured before, kept")
        return chart.trial_from_json(json.loads(file.read_text(encoding="utf-8")))
    say(f"{case.facts} facts of {case.name}, seed {case.seed}, {method}")
    if method == "recipe":
        fit.fit(own)
        adapted = adapter.load_adapter(own.local(), own.out / "adapter")
        done = TrainStats(**finished_adapter(own.out / "adapter")["train"])
    else:
        adapted, done = plain_trl.train(own.local(), made.facts, case.seed)
    asked, trial = measure_trial(case, own, made, Taught(method, adapted, done))
    with artifact.stage(folder, made_from) as scratch:
        text = json.dumps(asdict(trial), indent=2, allow_nan=False)
        artifact.write_text(scratch / "trial.json", text + "\n")
        lines = (json.dumps(asdict(each), ensure_ascii=False) for each in asked)
        artifact.write_text(scratch / "answers.jsonl", "".join(f"{line}\n" for line in lines))
    return trial
