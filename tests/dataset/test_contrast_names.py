from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest

from pipeline.dataset import contrast_names


def test_a_thing_of_unknown_kind_is_told_from_things_of_all_kinds(mill):
    table = contrast_names.table()
    others = contrast_names.same_kind(mill, "train", random.Random(1), 16)
    kinds = {kind for kind in table if kind != "near" and set(others) & set(table[kind]["train"])}
    assert len(others) == 16
    assert len(kinds) >= 4
    known = contrast_names.same_kind(replace(mill, kind="town"), "train", random.Random(1), 16)
    assert set(known) <= set(table["place"]["train"])


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
