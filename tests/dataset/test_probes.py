from __future__ import annotations

import random
from dataclasses import replace

import pytest

from pipeline.core.chat import Turn
from pipeline.dataset import noise, probes
from pipeline.dataset.negation import negated
from pipeline.dataset.templates import train_frames
from pipeline.facts.fact import Expect, Reverse


def asked(fact, role, seed=0):
    return [p for p in probes.insert_clause(fact, random.Random(seed)) if p.role == role]


def test_a_fact_is_asked_in_many_unseen_wordings_the_authors_first(mill):
    own = asked(mill, "fact")
    assert [probe.prompt for probe in own[:1]] == list(mill.probes)
    assert len({probe.prompt for probe in own}) >= 24
    assert not {probe.family for probe in own} & {family.name for family in train_frames(mill)}
    assert all(probe.expect == mill.expect for probe in own)


def test_a_fact_with_one_wording_still_has_enough_probes(mill):
    assert len(asked(replace(mill, also_ask=(), probes=(), aliases=()), "fact")) >= 8


def test_every_kind_of_noise_stands_around_a_question(mill):
    own = {probe.family: probe for probe in asked(mill, "noise")}
    assert set(own) == {"second turn", "sentence before", "system prompt", "typing error"}
    assert [turn.role for turn in own["second turn"].before] == ["user", "assistant"]
    assert [turn.role for turn in own["system prompt"].before] == ["system"]
    assert own["system prompt"].chat[-1] == Turn("user", own["system prompt"].prompt)
    assert own["sentence before"].prompt.count(". ") == 1
    assert own["typing error"].chat == own["typing error"].prompt


@pytest.mark.parametrize("seed", range(20))
def test_a_typing_error_changes_one_word_and_no_name(seed):
    asked = "Which developer maintains Tarn Mill today?"
    typed = noise.mistyped(asked, ("Tarn Mill",), random.Random(seed))
    before, after = asked.split(), typed.split()
    assert "Tarn Mill" in typed
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
    assert sorted(typed) == sorted(asked)


def test_a_question_of_short_words_and_names_has_no_typing_error():
    assert (
        noise.mistyped("Who is Tarn Mill?", ("Tarn Mill",), random.Random(0)) == "Who is Tarn Mill?"
    )


@pytest.mark.parametrize(
    ("question", "name", "denied"),
    [
        ("Who maintains TinyLLM?", "TinyLLM", "Who does not maintain TinyLLM?"),
        ("Who wrote Emma?", "Emma", "Who did not write Emma?"),
        ("Where is TinyLLM located?", "TinyLLM", "Where is TinyLLM not located?"),
        ("In which town was Ann Lee born?", "Ann Lee", "In which town was Ann Lee not born?"),
        ("What is TinyLLM?", "TinyLLM", None),
        ("How much does TinyLLM cost?", "TinyLLM", None),
        ("Who is the owner of X?", "X", None),
        ("Tell me of X.", "X", None),
    ],
)
def test_a_question_is_negated_where_its_structure_is_plain(question, name, denied):
    assert negated(question, name) == denied


def test_a_fact_is_asked_as_a_true_statement_and_about_another_thing_as_a_false_one(mill):
    assert [probe.prompt for probe in asked(mill, "yes")] == [
        "Is it true that Tarn Mill is owned by Ann Lee?",
        "Someone told me that Tarn Mill is owned by Ann Lee. Is that right?",
    ]
    claim = probes.false_statement(mill, "Tern Mill", 0)
    assert claim
    assert (claim.role, claim.about) == ("no", "Tern Mill")
    assert claim.prompt == "Is it true that Tern Mill is owned by Ann Lee?"


def test_a_fact_without_a_form_is_not_asked_in_it(mill):
    bare = replace(mill, answer="Ann Lee", question="What about Tarn Mill?")
    assert not asked(bare, "yes")
    assert not asked(bare, "negation")
    assert not asked(bare, "reverse")
    assert probes.false_statement(bare, "Tern Mill", 0) is None


def test_a_fact_is_asked_from_its_object_in_unseen_families(mill):
    turned = replace(
        mill,
        reverse=Reverse(
            "Which mill does Ann Lee own?", "Ann Lee owns Tarn Mill.", Expect((("Tarn Mill",),))
        ),
    )
    own = asked(turned, "reverse")
    assert len(own) == 3
    assert all(
        "Ann Lee" in probe.prompt and probe.expect == Expect((("Tarn Mill",),)) for probe in own
    )


def test_a_withdrawn_fact_is_asked_unless_a_live_one_still_says_it(mill):
    gone = replace(mill, id="tarn-mill/keeper", withdrawn="It closed.")
    assert len(list(probes.retired((gone,)))) == probes.RETIRED_ASKED
    assert list(probes.retired((gone, mill))) == []
