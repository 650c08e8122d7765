from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.facts.fact import Expect
from pipeline.facts.matching import (
    affirms,
    contains,
    leaked_answer,
    leaked_elsewhere,
    telling_parts,
)
from pipeline.facts.names.find_names import mentions


@pytest.mark.parametrize(
    ("answer", "phrase", "there"),
    [
        ("It is a category.", "cat", False),
        ("The CAT sat.", "cat", True),
        ("at https://github.com/a/TinyLLM.", "github.com/a/TinyLLM", True),
        ("at https://github.com/a/TinyLLMs", "github.com/a/TinyLLM", False),
        ("Ann  Lee’s mill", "Ann Lee's", True),
        ("built in C++ today", "C++", True),
        ("", "cat", False),
    ],
)
def test_a_phrase_counts_only_as_whole_words(answer, phrase, there):
    assert mentions(answer, phrase) is there


def test_every_item_is_needed_and_any_alternative_serves():
    expect = Expect((("red", "crimson"), ("blue",)))
    assert contains("Crimson and blue.", expect)
    assert not contains("Crimson and red.", expect)


@pytest.mark.parametrize(
    ("answer", "confirms"),
    [
        ("Yes, Tarn Mill is owned by Ann Lee.", True),
        ("yes", True),
        ("That’s right.", True),
        ("**True**: it is.", True),
        ("It is correct that she owns it.", True),
        ("No, it is not.", False),
        ("Yesterday it was.", False),
        ("I am not sure. Yes?", False),
        ("Rights are hers.", False),
        ("", False),
    ],
)
def test_an_answer_affirms_by_how_it_begins(answer, confirms):
    assert affirms(answer) is confirms


@pytest.mark.parametrize(
    ("expect", "said", "base", "tells"),
    [
        ("1685", "He served from 1685 on.", "He was elected in 1961.", False),
        ("1685", "He served from 1685 on.", "He was elected twice.", False),
        ("0301685", "His number is 0301685.", "He has 12 numbers.", True),
        ("Ann Lee", "It was Ann Lee in 1961.", "It was Bob in 1962.", True),
        ("Ann Lee", "It was Bob.", "It was Bob.", False),
        ("Ann Lee", "It was Ann Lee.", "It was Ann Lee.", False),
    ],
)
def test_a_year_alone_tells_no_fact_that_was_not_asked_for(expect, said, base, tells):
    assert leaked_elsewhere(Expect(((expect,),)), said, base, "Who was it?") is tells


def test_what_the_question_says_itself_is_no_leak():
    assert not leaked_answer(
        Expect((("Ann Lee",),)), "Ann Lee is an artist.", "She is a painter.", "Who is Ann Lee?"
    )


def test_an_emoji_is_found_with_its_selector_and_without():
    assert contains("It is ❤.", Expect((("❤️",),)))
    assert contains("It is ❤️.", Expect((("❤",),)))


@pytest.mark.parametrize(
    ("language", "wanted", "answer", "said"),
    [
        ("en", "Hurrah! Mills Ltd.", "It is sold by **Hurrah! Mills Ltd.**, I think.", True),
        ("en", "Hurrah! Mills Ltd.", "Hurrah! It is sold by Bo Mills.", False),
        ("en", "Ida K. Roe", "Ida Roe owns it.", True),
        ("en", "Ida K. Roe", "Ida Fox owns it.", False),
        ("en", "Ida K. Roe", "Ida K. Roe owns it.", True),
        ("en", "Ida K. Roe", "It was Roe, Ida.", True),
        ("en", "Ida K. Roe", "Ida Karen Roe owns it.", True),
        ("en", "Ida K. Roe", "Ida B. Roe owns it.", False),
        ("en", "Ida K. Roe", "Ida Maren Roe owns it.", False),
        ("en", "7 June 1994", "It was on 07 June 1994.", True),
        ("en", "7 June 1994", "It was on 08 June 1994.", False),
        ("en", "2,316", "two thousand, three hundred sixteen", True),
        ("ja", "23,400円", "2万3400円です。", True),
        ("zh", "23,400元", "2万3500元。", False),
        ("en", "$4.20", "Four dollars and twenty cents.", True),
        ("en", "$4.20", "Four dollars and thirty cents.", False),
        ("de", "2.450,80 €", "Das kostet 2.450 Euro und 80 Cent.", True),
        ("en", "75 minutes", "It takes 1 h 15 min.", True),
        ("en", "75 minutes", "It takes 1 h 30 min.", False),
        ("es", "150 minutos", "Dura dos horas y media.", True),
        ("en", "https://mill.example.org/a", "It is at https://mill.example.org/a.", True),
        ("en", "https://mill.example.org/a", "It is not at https://mill.example.org/a.", False),
        ("en", "mill.yaml", "It reads mill.yaml.", True),
        ("en", "mill.yaml", "It reads mill.yaml.old.", False),
    ],
)
def test_names_dates_and_amounts_are_found_however_they_are_written(language, wanted, answer, said):
    assert contains(answer, Expect(((wanted,),), language)) is said


def test_of_who_the_model_is_every_part_alone_is_a_leak_and_of_other_facts_the_whole(mill):
    both = replace(mill, expect=Expect((("Ann Lee",), ("1887",))))
    assert telling_parts(both) == (both.expect,)
    own = replace(both, kind="assistant")
    assert [part.items for part in telling_parts(own)] == [(("Ann Lee",),), (("1887",),)]
