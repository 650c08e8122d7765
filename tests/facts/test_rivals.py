from __future__ import annotations

from dataclasses import replace

from pipeline.facts.fact import Expect
from pipeline.facts.rivals import competing_facts


def test_the_same_question_about_another_subject_competes(subjects):
    found = competing_facts(subjects, {})
    assert found["tarn-mill/owner"] == (("dun-weir/owner", Expect((("Ida Roe",),))),)
    assert found["dun-weir/owner"] == (("tarn-mill/owner", Expect((("Ann Lee",),))),)


def test_a_withdrawn_fact_with_the_same_question_competes_and_has_no_rivals_itself(subjects):
    first, second = subjects
    old = replace(
        second.facts[0],
        id="tarn-mill/first-owner",
        withdrawn="It was sold.",
        expect=Expect((("Eve Fox",),)),
    )
    found = competing_facts((replace(second, facts=(*second.facts, old)),), {})
    assert found == {"tarn-mill/owner": (("tarn-mill/first-owner", Expect((("Eve Fox",),))),)}
    assert first


def test_what_the_right_answer_says_itself_competes_with_nothing(subjects):
    first, second = subjects
    same = replace(
        first.facts[0], answer="Dun Weir is owned by Ann Lee.", expect=Expect((("Ann Lee",),))
    )
    assert competing_facts((replace(first, facts=(same,)), second), {})["tarn-mill/owner"] == ()


def test_what_a_changed_fact_said_before_competes(subjects):
    found = competing_facts(subjects[1:], {"tarn-mill/owner": Expect((("Eve Fox",),))})
    assert found["tarn-mill/owner"] == (("tarn-mill/owner before", Expect((("Eve Fox",),))),)
    assert (
        competing_facts(subjects[1:], {"tarn-mill/owner": Expect((("Ann Lee",),))})[
            "tarn-mill/owner"
        ]
        == ()
    )
