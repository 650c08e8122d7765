"""Nothing is left untested unsaid: at `build`, in the report and on the terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.core import config
from pipeline.core.errors import FactsError
from pipeline.dataset import build
from pipeline.dataset.untested import SHOWN, Untested, require_probes, sentences, untested
from pipeline.evaluation.metrics import ModelAnswers, measure_answers
from pipeline.evaluation.sampling import draw
from pipeline.evaluation.warning import warnings
from pipeline.facts.fact import Expect
from pipeline.models.generate import Answer

RECIPE = config.load_recipe("smollm2-135m")


def test_a_fact_whose_every_question_another_fact_has_is_refused_with_its_place(subjects):
    weir, mill = subjects
    first = replace(mill.facts[0], probes=(), also_ask=())
    again = replace(first, id="tarn-mill/keeper")
    made = build.build((weir, replace(mill, facts=(first, again))), RECIPE.dataset, 0)
    with pytest.raises(FactsError) as caught:
        require_probes(made)
    (problem,) = caught.value.problems
    assert problem.message == "nothing is left to test `tarn-mill/keeper` with"
    assert problem.where == again.where
    assert problem.hint


def test_facts_that_differ_are_all_asked(subjects):
    require_probes(build.build(subjects, RECIPE.dataset, 0))


def test_each_gap_has_its_reason(mill):
    ids = {"tarn-mill/owner"}
    nameless = replace(mill, question="Who is the owner?", also_ask=())
    number = replace(mill, expect=Expect((("1887",),)))
    assert list(untested([mill], ids, ids)) == []
    assert [each.gap for each in untested([mill], (), ids)] == ["own question"]
    assert [each.gap for each in untested([mill], (), ())] == ["nowhere"]
    assert [each.gap for each in untested([nameless], ids, ())] == ["other things"]
    assert [each.gap for each in untested([number], ids, ids)] == ["number"]


def test_a_sentence_counts_the_facts_and_names_the_first():
    found = [Untested(f"x/{number}", "own question") for number in range(SHOWN + 2)]
    (said,) = sentences(found)
    assert said.startswith("7 facts tested for leaks on their own question alone")
    assert said.endswith("x/0, x/1, x/2, x/3, x/4 and 2 more")


def test_a_fact_whose_words_the_base_says_by_itself_is_named_in_the_report(subjects):
    made = build.build(subjects, RECIPE.dataset, 0)
    drawn = draw(made, (), RECIPE.gate)
    idle = Answer("I do not know that.", True)
    base = [
        Answer("Ann Lee, of course.", True) if p.role == "unrelated" else idle for p in drawn.probes
    ]
    measured = measure_answers(made, drawn, ModelAnswers(base, [idle] * len(base)), RECIPE.gate)
    assert measured.untested == (Untested("tarn-mill/owner", "own question"),)
    said = list(warnings(measured, RECIPE.gate, RECIPE.warn))
    assert any("own question alone" in each and "tarn-mill/owner" in each for each in said)
