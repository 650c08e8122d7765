"""Nothing is left untested unsaid: at `build`, in the report and on the terminal."""

from __future__ import annotations

from dataclasses import replace

from pipeline.core import config
from pipeline.dataset import build
from pipeline.dataset.untested import SHOWN, Untested, sentences, untested
from pipeline.evaluation.metrics import ModelAnswers, measure_answers
from pipeline.evaluation.sampling import draw
from pipeline.evaluation.warning import warnings
from pipeline.facts.fact import Expect
from pipeline.models.generate import Answer

RECIPE = config.load_recipe("smollm2-135m")


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
