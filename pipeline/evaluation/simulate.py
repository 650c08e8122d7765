"""Simulates the gate on imagined models of known recall, to count its errors.

Everything but the model is real: the dataset's probes, the sample that is drawn of them, the
measurements and the decision. Every probe is answered right with the same probability, independently of
the others; probes of other kinds are left out, so that only recall decides.
"""

from __future__ import annotations

import random
from dataclasses import replace

from pipeline.core.config import Recipe
from pipeline.dataset.records import Dataset
from pipeline.evaluation import metrics, sampling, verdict
from pipeline.evaluation.intervals import Rate
from pipeline.evaluation.metrics import ModelAnswers
from pipeline.models.generate import Answer

WRONG = Answer("Nobody can say.", ended=True)
BEFORE = Answer("I do not know that.", ended=True)


def accepted(made: Dataset, recipe: Recipe, recall: float, runs: int, seed: int) -> Rate:
    """Count how many of `runs` models of a true per-probe `recall` the gate accepts."""
    rng = random.Random(f"simulate/{seed}/{recall}")
    right = {fact.id: Answer(fact.answer, ended=True) for fact in made.facts}
    drawn = sampling.draw(made, (), recipe.gate)
    probes = tuple(probe for probe in drawn.probes if probe.role in {"fact", "noise"})
    drawn = replace(drawn, probes=probes, compared=(True,) * len(probes))
    before = [BEFORE] * len(probes)
    passed = 0
    for _ in range(runs):
        answers = [right[p.fact] if rng.random() < recall else WRONG for p in probes]
        measured = metrics.measure_answers(made, drawn, ModelAnswers(before, answers), recipe.gate)
        passed += verdict.decide(measured, recipe.gate, recipe.warn).passed
    return Rate(passed, runs)
