from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest

from pipeline.dataset import contrast_names
from pipeline.facts.folding import squash

NAMES = [
    ("TinyLLM", "software project"),
    ("Ann Lee", "person"),
    ("Selma", "town"),
    ("X1", "device"),
]


@pytest.mark.parametrize(("name", "kind"), NAMES)
def test_near_names_are_many_and_never_the_name_itself(name, kind, mill):
    found = contrast_names.near_names(
        replace(mill, subject=name, kind=kind), "train", random.Random(1), 14
    )
    assert len(found) == 14 or name == "X1"
    assert squash(name) not in {squash(near) for near in found}


@pytest.mark.parametrize(("name", "kind"), NAMES)
def test_near_names_of_training_and_of_the_gate_are_different(name, kind, mill):
    halves = [
        contrast_names.near_names(
            replace(mill, subject=name, kind=kind), half, random.Random(1), 40
        )
        for half in ("train", "probe")
    ]
    assert not set(halves[0]) & set(halves[1])


def apart(one, other):
    """Count the letters in which two names of one length differ; None where they are not."""
    return sum(a != b for a, b in zip(one, other, strict=True)) if len(one) == len(other) else None


@pytest.mark.parametrize("half", ["train", "probe"])
def test_one_letter_changed_in_a_long_name_is_no_near_name(half, mill):
    name = "Crailing Parish Church"
    found = contrast_names.near_names(replace(mill, subject=name), half, random.Random(1), 60)
    assert 1 not in {apart(near, name) for near in found}
    assert all(
        sum(a != b for a, b in zip(near.split(), name.split(), strict=True)) == 1 for near in found
    )


def test_initials_and_numbers_of_a_name_are_changed(mill):
    for name, near in (
        ("John D. Terry", r"John [A-Z]\. Terry"),
        ("2005 XC1", r"2\d05 XC1|2005 XC\d"),
    ):
        found = contrast_names.near_names(
            replace(mill, subject=name), "train", random.Random(1), 60
        )
        assert any(re.fullmatch(near, each) for each in found)


@pytest.mark.parametrize("half", ["train", "probe"])
def test_near_names_of_both_halves_have_every_digit(half, mill):
    found = contrast_names.near_names(
        replace(mill, subject="(34843) 2001 SZ75"), half, random.Random(1), 200
    )
    assert {digit for each in found for digit in re.findall(r"\d", each)} == set("0123456789")


def test_a_name_of_unknown_kind_has_near_names_like_people_and_like_places(mill):
    lists = contrast_names.table()["near"]
    found = contrast_names.near_names(
        replace(mill, subject="Bruno Kirby"), "train", random.Random(1), 60
    )
    ends = {near.removeprefix("Bruno ") for near in found if near.startswith("Bruno ")}
    assert ends & set(lists["family"]["train"])
    assert ends & set(lists["word"]["train"])


def test_a_thing_of_unknown_kind_is_told_from_things_of_all_kinds(mill):
    table = contrast_names.table()
    others = contrast_names.same_kind(mill, "train", random.Random(1), 16)
    kinds = {kind for kind in table if kind != "near" and set(others) & set(table[kind]["train"])}
    assert len(others) == 16
    assert len(kinds) >= 4
    known = contrast_names.same_kind(replace(mill, kind="town"), "train", random.Random(1), 16)
    assert set(known) <= set(table["place"]["train"])


def test_half_of_the_near_names_made_by_one_letter_differ_at_the_end_alone(mill):
    found = contrast_names.near_names(
        replace(mill, subject="TinyLLM", kind="software project"), "probe", random.Random(1), 30
    )
    at_end = [near for near in found if near[:-1] == "TinyLLM"[:-1]]
    assert len(at_end) >= len(found) // 4


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("Crailing Parish Church", r"(?!Crailing )\w{4,} Parish Church"),
        ("(357656) 2005 JZ60", r"\(\d{6}\) 20\d\d [A-Z]{2}\d\d"),
        ("Marti A. Hearst", r"(?!Marti )\w{4,} [A-Z]\. (?!Hearst$)\w{4,}"),
        ("referendum in 1960", r"referendum in 19\d\d"),
        ("Zoë", r"(?!Zoë$)\w{4,}"),
    ],
)
def test_a_name_of_the_same_make_keeps_what_several_names_have_and_nothing_else(name, like):
    common = contrast_names.common_words(
        ["Tarn Parish Church", "Dun Parish Church (old)", "Dunmere"]
    )
    assert common == {"Parish", "Church"}
    rng = random.Random(0)
    made = {
        contrast_names.same_make(name, common, ["Harborth", "Selkirk", "Lanmuir", "old"], rng)
        for _ in range(20)
    }
    assert len(made) > 4
    assert all(re.fullmatch(like, each) for each in made), made


def test_without_words_to_make_it_of_a_name_stays():
    assert (
        contrast_names.same_make("TinyLLM", frozenset(), ["ProtosAI"], random.Random(0))
        == "TinyLLM"
    )
