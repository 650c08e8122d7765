"""Measures a recipe against the number of facts: recall, leak, retention, speed, memory.

Facts are made up, or read from a file; each number of facts and seed is one trial with its own
folder. A trial that was finished is not done again, so an interrupted benchmark goes on where it was.
Nothing that is measured here is trained on: held-out families and the file's probes are the gate's
half of the dataset, and the file's other questions never enter it.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks import chart, facts_file, plain_trl
from benchmarks.chart import Count, Trial
from pipeline import learn
from pipeline.core import artifact, progress
from pipeline.core.console import say
from pipeline.core.errors import ConfigError
from pipeline.dataset.records import Dataset, Probe
from pipeline.dataset.templates import PROBE
from pipeline.evaluation import likelihood
from pipeline.evaluation.likelihood import DRIFT_PROMPTS
from pipeline.facts import synthetic
from pipeline.facts.fact import Subject
from pipeline.facts.matching import contains, gives_away, leaks
from pipeline.models import adapter, answer_cache, generate
from pipeline.models.adapter import finished_adapter
from pipeline.models.context import RunContext
from pipeline.models.generate import LocalModel
from pipeline.training.train import TrainStats

RECALL = ("trained", "held out", "probes")
LEAK = ("neighbours", "near names", "others", "unrelated")
ASKED = 500
"""Questions of one group at most, drawn evenly over the facts: enough for a percent."""
FACT_BYTES = 500_000
"""Memory of one fact's share of a run, beside the model (measured at 100 facts: 0.3 MB)."""
MODEL_BYTES = 4 << 30
"""Memory of a run with hardly any facts: model, LoRA, activations of a step and of answering."""


@dataclass(frozen=True, slots=True)
class Case:
    """What one trial teaches; `others` are a file's questions that must not get its answers."""

    name: str
    facts: int
    seed: int
    subjects: tuple[Subject, ...]
    others: tuple[tuple[str, str], ...] = ()
    """A fact's id and a question about something else."""
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of a trial with what both models said: a row of `answers.jsonl`.

    `taught` is whether the adapter gives a taught answer: wanted in recall, a leak elsewhere.
    """

    group: str
    fact: str
    family: str
    prompt: str
    base: str
    adapter: str
    taught: bool


@dataclass(frozen=True, slots=True)
class Taught:
    """A model after training, by which method, and what that took."""

    method: str
    adapted: LocalModel
    done: TrainStats


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


def run_cases(found: Sequence[Case], session: RunContext, against: str | None) -> list[Trial]:
    """Do every trial, and write `bench.json` and `bench.svg` after each."""
    trials = []
    for case in found:
        for line in case.left_out:
            say(line)
        trials.append(_trial(case, session, "recipe"))
        if against:
            trials.append(_trial(case, session, against))
        text = json.dumps([asdict(trial) for trial in trials], indent=2, allow_nan=False)
        artifact.write_text(session.out / "bench.json", text + "\n")
        artifact.write_bytes(session.out / "bench.svg", chart.as_svg(trials))
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


def _trial(case: Case, session: RunContext, method: str) -> Trial:
    """Teach and measure one case, or read what was measured before."""
    own = replace(
        session, out=session.out / f"{case.name}-{case.facts}-{case.seed}", seed=case.seed
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
        learn.fit(own)
        adapted = adapter.load_adapter(own.local(), own.out / "adapter")
        done = TrainStats(**finished_adapter(own.out / "adapter")["train"])
    else:
        adapted, done = plain_trl.train(own.local(), made.facts, case.seed)
    asked, trial = _measured(case, own, made, Taught(method, adapted, done))
    with artifact.stage(folder, made_from) as scratch:
        text = json.dumps(asdict(trial), indent=2, allow_nan=False)
        artifact.write_text(scratch / "trial.json", text + "\n")
        lines = (json.dumps(asdict(each), ensure_ascii=False) for each in asked)
        artifact.write_text(scratch / "answers.jsonl", "".join(f"{line}\n" for line in lines))
    return trial


def _measured(
    case: Case, own: RunContext, made: Dataset, taught: Taught
) -> tuple[list[Asked], Trial]:
    """Ask both models, and count."""
    groups = _groups(case, made)
    probes = [probe for asked in groups.values() for probe in asked]
    limit = own.recipe.gate.max_new_tokens
    prompts = [(probe.chat, probe.general) for probe in probes]
    base = answer_cache.answers(own.base, own.local(), prompts, limit)
    with progress.bar("asking the adapter", len(probes)) as shown:
        said = generate.ask_model(taught.adapted, [probe.prompt for probe in probes], limit, shown)
    was = {id(probe): each for probe, each in zip(probes, base, strict=True)}
    now = {id(probe): each for probe, each in zip(probes, said, strict=True)}
    general = groups["unrelated"]
    spread = general[:: max(1, len(general) // DRIFT_PROMPTS)]
    divergence = likelihood.base_divergence(
        taught.adapted, [p.prompt for p in spread], [was[id(p)] for p in spread]
    )
    expected = {fact.id: fact.expect for fact in made.facts}
    telling = [
        expect
        for expect in expected.values()
        if not any(contains(was[id(p)].text, expect) for p in general)
    ]

    def given(group: str, probe: Probe) -> bool:
        before, after = was[id(probe)], now[id(probe)]
        if group in RECALL:
            return contains(after.text, probe.expect) and after.ended
        texts = (after.text, before.text, probe.prompt)
        if probe.fact:
            return leaks(expected[probe.fact], *texts)
        return any(gives_away(expect, *texts) for expect in telling)

    rows = [
        Asked(group, p.fact, p.family, p.prompt, was[id(p)].text, now[id(p)].text, given(group, p))
        for group, asked in groups.items()
        for p in asked
    ]
    counts = {
        group: Count(sum(row.taught for row in rows if row.group == group), len(asked))
        for group, asked in groups.items()
    }
    checked = [
        (contains(was[id(p)].text, p.expect), contains(now[id(p)].text, p.expect))
        for p in general
        if p.expect
    ]
    trial = Trial(
        data=case.name,
        facts=case.facts,
        seed=case.seed,
        method=taught.method,
        recall={group: counts[group] for group in RECALL},
        leak={group: counts[group] for group in LEAK},
        general_right=sum(before for before, _ in checked),
        general_lost=sum(before and not after for before, after in checked),
        general_gained=sum(after and not before for before, after in checked),
        kl_mean=divergence.kl_mean,
        kl_p95=divergence.kl_p95,
        perplexity_ratio=divergence.perplexity_ratio,
        unique_answers_ratio=likelihood.unique_ratio(
            [was[id(p)] for p in general], [now[id(p)] for p in general]
        ),
        examples=taught.done.examples,
        tokens=taught.done.tokens,
        steps=taught.done.steps,
        seconds=taught.done.seconds,
        peak_bytes=_peak(),
        left_out=case.left_out,
    )
    return rows, trial


def _groups(case: Case, made: Dataset) -> dict[str, list[Probe]]:
    """Sort what is asked into the groups that are counted apart; no group is larger than ASKED."""
    rng = random.Random(case.seed)
    direct = [Probe("fact", f.id, "direct", f.question, f.expect) for f in made.facts]
    facts = [probe for probe in made.probes if probe.role == "fact"]
    held_out = {family.name for family in PROBE}
    found = {
        "trained": direct,
        "held out": [probe for probe in facts if probe.family in held_out],
        "probes": [probe for probe in facts if probe.family == "author's probe"],
        "neighbours": [probe for probe in made.probes if probe.role == "neighbour"],
        "near names": [probe for probe in made.probes if probe.role == "near name"],
        "others": [Probe("neighbour", fact, "file", asked, ()) for fact, asked in case.others],
    }
    drawn = {
        group: rng.sample(asked, min(ASKED, len(asked))) if len(asked) > ASKED else asked
        for group, asked in found.items()
    }
    return {**drawn, "unrelated": [p for p in made.probes if p.role == "unrelated"]}


def _peak() -> int:
    """Most memory that this process ever held, in bytes (kilobytes on Linux, bytes on macOS)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
