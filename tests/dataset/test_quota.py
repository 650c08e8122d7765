"""Every taught fact has enough wordings, contrasts, leak probes and held-out probes, or is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.core import config
from pipeline.core.errors import FactsError
from pipeline.dataset import build
from pipeline.dataset.quota import quota_problems, require_quotas

SETTINGS = config.load_recipe("smollm2-135m").dataset


def test_facts_that_differ_lack_nothing(subjects):
    require_quotas(build.build(subjects, SETTINGS, 0), SETTINGS)


def test_a_fact_whose_every_question_another_fact_has_is_refused_with_its_place(subjects):
    weir, mill = subjects
    first = replace(mill.facts[0], probes=(), also_ask=())
    again = replace(first, id="tarn-mill/keeper")
    made = build.build((weir, replace(mill, facts=(first, again))), SETTINGS, 0)
    with pytest.raises(FactsError) as caught:
        require_quotas(made, SETTINGS)
    found = {problem.rule: problem for problem in caught.value.problems}
    assert found["no-held-out-probe"].message == "nothing is left to test `tarn-mill/keeper` with"
    assert "another fact asks the same" in found["no-held-out-probe"].hint
    assert {problem.where for problem in caught.value.problems} == {again.where}


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("fact", "few-wordings"),
        ("near name", "few-contrasts"),
    ],
)
def test_examples_that_are_missing_are_told(kind, rule, subjects):
    made = build.build(subjects, SETTINGS, 0)
    roles = {"near name", "neighbour"} if kind == "near name" else {kind}
    less = replace(made, examples=tuple(e for e in made.examples if e.role not in roles))
    assert [p.rule for p in quota_problems(less, SETTINGS)] == [rule] * len(made.facts)


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("fact", "no-held-out-probe"),
        ("near name", "few-leak-probes"),
    ],
)
def test_probes_that_are_missing_are_told(kind, rule, subjects):
    made = build.build(subjects, SETTINGS, 0)
    roles = {"near name", "neighbour"} if kind == "near name" else {kind}
    less = replace(made, probes=tuple(p for p in made.probes if p.role not in roles))
    assert [p.rule for p in quota_problems(less, SETTINGS)] == [rule] * len(made.facts)


def test_a_recipe_without_contrasts_asks_for_none(subjects):
    none = replace(SETTINGS, near_names=0, neighbours=0, gate_near_names=0, gate_neighbours=0)
    require_quotas(build.build(subjects, none, 0), none)
