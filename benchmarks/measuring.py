"""Asks base and taught model a trial's questions, and counts recall, leak and retention."""

from __future__ import annotations

import random
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any  # fields of a trial

from benchmarks.chart import Count, Trial
from pipeline.core import progress
from pipeline.dataset.records import Dataset, Probe
from pipeline.dataset.templates import probe_frames
from pipeline.evaluation import likelihood
from pipeline.evaluation.likelihood import DRIFT_PROMPTS
from pipeline.facts.fact import Expect, Subject
from pipeline.facts.matching import contains, leaked_answer, leaked_elsewhere, mentioned
from pipeline.models import answer_cache, generate
from pipeline.models.adapter import TrainStats
from pipeline.models.context import RunContext
from pipeline.models.generate import Answer
from pipeline.models.local_model import LocalModel

RECALL = ("trained", "held out", "probes")
LEAK = ("neighbours", "near names", "others", "unrelated")
ASKED = 500
"""Questions of one group at most, drawn evenly over the facts: enough for a percent."""


@dataclass(frozen=True, slots=True)
class Case:
    """The subjects of one trial; `others` are a file's questions that must not get its answers."""

    name: str
    facts: int
    seed: int
    subjects: tuple[Subject, ...]
    others: tuple[tuple[str, str], ...] = ()
    """A fact's id and a question about something else."""
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of a trial with both models' answers: a row of `answers.jsonl`.

    `taught`: the adapter gives a taught answer, which is recall or, in the groups of `LEAK`, a leak.
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
    """A trained model, its method, and the statistics of its training."""

    method: str
    adapted: LocalModel
    done: TrainStats


def measure_trial(
    case: Case, own: RunContext, made: Dataset, taught: Taught
) -> tuple[list[Asked], Trial]:
    """Ask both models, and count."""
    groups = _groups(case, made)
    said = _answers(own, taught, [probe for asked in groups.values() for probe in asked])
    rows = _rows(made, groups, said)
    counts = {
        group: Count(sum(row.taught for row in rows if row.group == group), len(asked))
        for group, asked in groups.items()
    }
    done = taught.done
    trial = Trial(
        data=case.name,
        facts=case.facts,
        seed=case.seed,
        method=taught.method,
        recall={group: counts[group] for group in RECALL},
        leak={group: counts[group] for group in LEAK},
        **_kept(taught, groups["unrelated"], said),
        examples=done.examples,
        tokens=done.tokens,
        steps=done.steps,
        seconds=done.seconds,
        peak_bytes=_peak(),
        left_out=case.left_out,
    )
    return rows, trial


def _answers(
    own: RunContext, taught: Taught, probes: Sequence[Probe]
) -> dict[int, tuple[Answer, Answer]]:
    """Give the base's and the taught model's answer to each probe, by the probe's identity."""
    limit = own.recipe.gate.max_new_tokens
    prompts = [(probe.chat, probe.general) for probe in probes]
    base = answer_cache.answers(own.base, own.local(), prompts, limit)
    with progress.bar("asking the adapter", len(probes)) as shown:
        said = generate.ask_model(taught.adapted, [probe.prompt for probe in probes], limit, shown)
    return {id(p): pair for p, pair in zip(probes, zip(base, said, strict=True), strict=True)}


def _rows(
    made: Dataset, groups: dict[str, list[Probe]], said: dict[int, tuple[Answer, Answer]]
) -> list[Asked]:
    """Record for each probe if the model's answer holds a taught one."""
    expected = {fact.id: fact.expect for fact in made.facts}
    general = [said[id(probe)][0].text for probe in groups["unrelated"]]
    telling = [e for e in expected.values() if not any(mentioned(text, e) for text in general)]

    def given(group: str, probe: Probe) -> bool:
        before, after = said[id(probe)]
        if group in RECALL:
            return contains(after.text, probe.expect) and after.ended
        texts = (after.text, before.text, probe.prompt)
        if probe.fact:
            return leaked_answer(expected[probe.fact], *texts)
        return any(leaked_elsewhere(expect, *texts) for expect in telling)

    rows = []
    for group, asked in groups.items():
        for p in asked:
            base, adapted = said[id(p)]
            told = given(group, p)
            rows.append(Asked(group, p.fact, p.family, p.prompt, base.text, adapted.text, told))
    return rows


def _kept(
    taught: Taught, general: Sequence[Probe], said: dict[int, tuple[Answer, Answer]]
) -> dict[str, Any]:
    """Measure retention on general prompts."""
    was, now = [said[id(p)][0] for p in general], [said[id(p)][1] for p in general]
    every = max(1, len(general) // DRIFT_PROMPTS)
    divergence = likelihood.base_divergence(
        taught.adapted, [p.prompt for p in general[::every]], was[::every]
    )
    checked = [
        (contains(before.text, p.expect), contains(after.text, p.expect))
        for p, before, after in zip(general, was, now, strict=True)
        if p.expect
    ]
    return {
        "general_right": sum(before for before, _ in checked),
        "general_lost": sum(before and not after for before, after in checked),
        "general_gained": sum(after and not before for before, after in checked),
        "kl_mean": divergence.kl_mean,
        "kl_p95": divergence.kl_p95,
        "perplexity_ratio": divergence.perplexity_ratio,
        "unique_answers_ratio": likelihood.unique_ratio(was, now),
    }


def _groups(case: Case, made: Dataset) -> dict[str, list[Probe]]:
    """Sort the questions into the groups that are counted apart; draw at most ASKED of a group."""
    rng = random.Random(case.seed)
    direct = [Probe("fact", f.id, "direct", f.question, f.expect) for f in made.facts]
    facts = [probe for probe in made.probes if probe.role == "fact"]
    held_out = {frame.name for fact in made.facts for frame in probe_frames(fact)}
    found = {
        "trained": direct,
        "held out": [probe for probe in facts if probe.family in held_out],
        "probes": [probe for probe in facts if probe.family == "author's probe"],
        "neighbours": [probe for probe in made.probes if probe.role == "neighbour"],
        "near names": [probe for probe in made.probes if probe.role == "near name"],
        "others": [
            Probe("neighbour", fact, "file", asked, Expect()) for fact, asked in case.others
        ],
    }
    drawn = {
        group: rng.sample(asked, ASKED) if len(asked) > ASKED else asked
        for group, asked in found.items()
    }
    return {**drawn, "unrelated": [p for p in made.probes if p.role == "unrelated"]}


def _peak() -> int:
    """Give the most memory that this process ever held, in bytes (Linux counts kilobytes, macOS bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
