from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.dataset.templates import expand, reversed_forms, yes_no_forms
from pipeline.facts.fact import Reverse
from pipeline.facts.languages.folding import normalise
from pipeline.facts.languages.language import load_language
from pipeline.facts.matching import contains

TRAIN, PROBE = load_language("en").frames.train, load_language("en").frames.probe
LINES = (Path(__file__).parents[1] / "cases" / "questions" / "indirect.txt").read_text(
    encoding="utf-8"
)
ASKED = [line.split(" | ")[:2] for line in LINES.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize(("question", "name"), ASKED, ids=[asked[0] for asked in ASKED])
def test_one_question_gives_twelve_wordings_to_train_and_eight_to_probe(mill, question, name):
    fact = replace(mill, question=question, subject=name, also_ask=(), aliases=())
    trained, probed = expand(fact, TRAIN), expand(fact, PROBE)
    assert len({normalise(variant.prompt) for variant in trained}) >= 12
    assert len({normalise(variant.prompt) for variant in probed}) >= 8
    for variant in (*trained, *probed):
        assert "{" not in variant.prompt + variant.answer
        assert "None" not in variant.prompt
        assert "  " not in variant.prompt


def test_training_and_probing_share_no_family_and_no_prompt(mill):
    assert not {family.name for family in TRAIN} & {family.name for family in PROBE}
    trained = {normalise(variant.prompt) for variant in expand(mill, TRAIN)}
    assert not trained & {normalise(variant.prompt) for variant in expand(mill, PROBE)}


def test_every_wording_of_the_author_and_every_alias_is_asked_as_it_stands(mill):
    prompts = [variant.prompt for variant in expand(mill, TRAIN)]
    asked = {"Who owns Tarn Mill?", "Who is the owner of Tarn Mill?", "Who owns the Tarn?"}
    assert asked <= set(prompts)


def test_every_wording_is_also_asked_in_lower_case(mill):
    prompts = {variant.prompt for variant in expand(mill, TRAIN)}
    assert {"who owns tarn mill", "who is the owner of tarn mill", "who owns the tarn"} <= prompts


def test_every_answer_says_what_is_expected_in_one_of_several_wordings(mill):
    variants = expand(mill, TRAIN)
    assert all(contains(variant.answer, mill.expect) for variant in variants)
    assert len({variant.answer for variant in variants}) >= 4


def test_text_that_looks_like_a_template_is_taken_as_it_is(mill):
    fact = replace(mill, question="Who owns {A} Tarn Mill?", answer="{q} {0} %s", also_ask=())
    direct = expand(fact, TRAIN)[0]
    assert (direct.prompt, direct.answer) == ("Who owns {A} Tarn Mill?", "{q} {0} %s")


def test_reverse_and_yes_no_forms_come_only_from_what_the_file_gives(mill):
    assert list(reversed_forms(mill)) == []
    back = replace(mill, reverse=Reverse("What does Ann Lee own?", "Tarn Mill.", (("Tarn Mill",),)))
    assert next(reversed_forms(back)).answer == "Tarn Mill."
    forms = list(yes_no_forms(mill, ["Tarn Mill is owned by Ida Roe."]))
    assert [(form.prompt, form.answer.split(",")[0]) for form in forms] == [
        ("Is Tarn Mill owned by Ann Lee?", "Yes"),
        ("Is Tarn Mill owned by Ida Roe?", "No"),
    ]
