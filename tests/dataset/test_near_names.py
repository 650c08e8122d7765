"""Names almost a subject's, in its own script; and what they never are."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest

from pipeline.dataset import contrast_names
from pipeline.dataset.near_names import near_names
from pipeline.facts.names.find_names import find_names, name_key
from pipeline.facts.names.script import letter_script, script_of

NAMES = [
    ("TinyLLM", "software project"),
    ("Ann Lee", "person"),
    ("Selma", "town"),
    ("X1", "device"),
    ("R", "programming language"),
    ("C++", "programming language"),
    ("1984", "novel"),
    ("Casa Verde 2019", "wine"),
    ("星河中台", "软件"),
    ("กาแฟดอย", "shop"),
    ("Кафе Сирень", "кафе"),
    ("مكتبة النور", "library"),
]


@pytest.mark.parametrize(("name", "kind"), NAMES)
def test_near_names_are_many_and_never_the_name_itself(name, kind, mill):
    found = near_names(replace(mill, subject=name, kind=kind), "train", random.Random(1), 14)
    assert len(found) == 14
    assert name_key(name) not in {name_key(near) for near in found}
    assert {script_of(near) for near in found} == {script_of(name)}


@pytest.mark.parametrize(("name", "kind"), NAMES)
def test_near_names_of_training_and_of_the_gate_are_different(name, kind, mill):
    halves = [
        near_names(replace(mill, subject=name, kind=kind), half, random.Random(1), 40)
        for half in ("train", "probe")
    ]
    assert not set(halves[0]) & set(halves[1])


def apart(one, other):
    """Count the letters in which two names of one length differ; None where they are not."""
    return sum(a != b for a, b in zip(one, other, strict=True)) if len(one) == len(other) else None


@pytest.mark.parametrize("half", ["train", "probe"])
def test_one_letter_changed_in_a_long_name_is_no_near_name(half, mill):
    name = "Crailing Parish Church"
    found = near_names(replace(mill, subject=name), half, random.Random(1), 60)
    assert 1 not in {apart(near, name) for near in found}
    assert all(
        sum(a != b for a, b in zip(near.split(), name.split(), strict=True)) == 1 for near in found
    )


def test_initials_and_numbers_of_a_name_are_changed(mill):
    for name, near in (
        ("John D. Terry", r"John [A-Z]\. Terry"),
        ("2005 XC1", r"2\d05 XC1|2005 XC\d"),
    ):
        found = near_names(replace(mill, subject=name), "train", random.Random(1), 60)
        assert any(re.fullmatch(near, each) for each in found)


@pytest.mark.parametrize("half", ["train", "probe"])
def test_near_names_of_both_halves_have_every_digit(half, mill):
    found = near_names(replace(mill, subject="(34843) 2001 SZ75"), half, random.Random(1), 200)
    assert {digit for each in found for digit in re.findall(r"\d", each)} == set("0123456789")


def test_a_name_of_unknown_kind_has_near_names_like_people_and_like_places(mill):
    lists = contrast_names.table()["near"]
    found = near_names(replace(mill, subject="Bruno Kirby"), "train", random.Random(1), 60)
    ends = {near.removeprefix("Bruno ") for near in found if near.startswith("Bruno ")}
    assert ends & set(lists["family"]["train"])
    assert ends & set(lists["word"]["train"])


def test_half_of_the_near_names_made_by_one_letter_differ_at_the_end_alone(mill):
    found = near_names(
        replace(mill, subject="TinyLLM", kind="software project"), "probe", random.Random(1), 30
    )
    at_end = [near for near in found if near[:-1] == "TinyLLM"[:-1]]
    assert len(at_end) >= len(found) // 4


@pytest.mark.parametrize("half", ["train", "probe"])
def test_no_near_name_mixes_scripts(half, mill):
    for name, language in (("星河中台", "zh"), ("Люмента", "ru"), ("लुमेंटा", "hi"), ("서울숲", "")):
        fact = replace(mill, subject=name, language=language)
        for near in near_names(fact, half, random.Random(1), 20):
            scripts = {letter_script(char) for char in near if char.isalpha()}
            assert scripts == {script_of(name)}, near


@pytest.mark.parametrize("half", ["train", "probe"])
def test_a_letter_is_never_exchanged_for_a_word_of_grammar(half, mill):
    found = near_names(replace(mill, subject="R"), half, random.Random(1), 40)
    assert found
    assert not {"I", "A"} & set(found)


@pytest.mark.parametrize("half", ["train", "probe"])
def test_near_names_are_those_of_the_name_that_the_question_has(half, mill):
    wine = replace(
        mill,
        subject="Casa Verde (Alvarinho), 0.75 l, 2019",
        aliases=("Casa Verde 2019",),
        question="What does Casa Verde 2019 cost?",
    )
    found = near_names(wine, half, random.Random(1), 20)
    years = [near for near in found if re.fullmatch(r"Casa Verde \d{4}", near)]
    assert len(years) >= 4
    assert not any(find_names(near, (wine.subject, *wine.aliases)) for near in found)
    assert not [near for near in found if re.search(r"\d[a-z]|[a-z]\d", near)]


def test_a_title_is_not_taken_for_a_part_of_the_name(mill):
    fact = replace(mill, subject="Dr. Kaito Hanabusa", kind="person")
    assert not [n for n in near_names(fact, "train", random.Random(1), 20) if "Dr." in n]
