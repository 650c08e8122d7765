from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.core.chat import Turn
from pipeline.evaluation.margin import RIVALS, margins, same_kind
from pipeline.facts.fact import Expect


def test_rivals_carry_the_facts_own_name_and_none_of_its_answer(mill):
    said = [
        ("Dun Weir", "Dun Weir is owned by Ida Roe."),
        ("Dun Weir", "Dun Weir is owned by Ida Roe."),
        ("Tern Mill", "Tern Mill is owned by Ann Lee."),
        ("Tarn Mill", ""),
        ("Tarn Mill", "Nobody owns Tarn Mill."),
    ]
    assert same_kind(mill, said) == ("Tarn Mill is owned by Ida Roe.", "Nobody owns Tarn Mill.")


def test_no_more_rivals_are_kept_than_are_scored(mill):
    assert len(same_kind(mill, [("x", f"Answer {n}.") for n in range(99)])) == RIVALS


@pytest.mark.xdist_group("model")
def test_a_known_answer_is_ahead_of_its_rivals_and_a_rival_behind(bare, mill):
    known = replace(
        mill, id="f/capital", subject="France", aliases=(), question="What is the capital of France?",
        answer="The capital of France is Paris.", expect=Expect((("Paris",),)),
    )  # fmt: skip
    wrong = replace(
        known, id="f/wrong", answer="The capital of France is Lyon.", expect=Expect((("Lyon",),))
    )
    others = tuple(
        f"The capital of France is {city}." for city in ("Nice", "Lille", "Nantes", "Rome")
    )
    found = margins(
        bare,
        [known, wrong, replace(mill, id="f/alone")],
        {known.id: others, wrong.id: (known.answer,)},
    )
    assert set(found) == {known.id, wrong.id}
    assert found[known.id].rivals == 4
    assert found[known.id].nats > 2
    assert found[wrong.id].nats < -2


@pytest.mark.xdist_group("model")
def test_a_bare_answer_is_scored_in_the_frame_that_it_is_taught_in(bare, mill):
    asked = replace(
        mill, subject="France", aliases=(), question="What is the capital of France?", answer="Paris",
        expect=Expect((("Paris",),)),
    )  # fmt: skip
    framed = replace(asked, answer="France: Paris.")
    others = ("France: Lyon.", "The capital of France is Lyon.")
    bare_margin, margin_of_text = (
        margins(bare, [fact], {fact.id: others})[fact.id] for fact in (asked, framed)
    )
    assert bare_margin == margin_of_text


@pytest.mark.xdist_group("model")
def test_a_fact_is_scored_behind_its_turns_and_the_system_prompt_of_serving(bare, mill):
    alone = replace(mill, question="Who owns it?")
    told = replace(alone, before=(Turn("user", "Ann Lee owns it."), Turn("assistant", "Ann Lee.")))
    others = ("Tarn Mill is owned by Ida Roe.",)
    plain = margins(bare, [alone], {alone.id: others})[alone.id].nats
    assert margins(bare, [told], {told.id: others})[told.id].nats > plain + 2
    under = margins(bare, [alone], {alone.id: others}, ["Ann Lee owns everything."])[alone.id].nats
    assert under != plain
    assert margins(bare, [alone], {alone.id: others}, [""])[alone.id].nats == plain


@pytest.mark.xdist_group("model")
def test_rivals_are_scored_over_no_more_tokens_than_the_answer_has(bare, mill):
    known = replace(
        mill, subject="France", aliases=(), question="What is the capital of France?",
        answer="The capital of France is Paris.",
        expect=Expect((("Paris",),)),
    )  # fmt: skip
    lyon = "The capital of France is Lyon"
    longer = f"{lyon}, {'which lies on the Saone, ' * 4}and so on."
    short, long = (margins(bare, [known], {known.id: (text,)})[known.id] for text in (lyon, longer))
    assert abs(short.nats - long.nats) < 12  # the words behind the first difference would cost 40
