"""A name is found as words of its own, in every form that it has, and nothing else is taken for it."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path

import pytest

from pipeline.facts.names.declension import declension_of
from pipeline.facts.names.find_names import (
    find_indexed,
    find_names,
    index_names,
    mentions,
    name_key,
    rename,
    untitled,
)
from pipeline.facts.names.segmentation import ascii_spans, unicode_spans

FILE = Path(__file__).parents[1] / "cases" / "names.toml"
CASES = tomllib.loads(FILE.read_text(encoding="utf-8"))["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"][:30])
def test_names_are_found_where_they_stand_and_nowhere_else(case):
    spans = find_names(case["text"], case["names"], case.get("language", ""))
    found = [case["text"][span.start : span.end] for span in spans]
    assert found == case["found"]
    assert {span.name for span in spans} <= set(case["names"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"][:30])
def test_an_index_of_many_names_finds_the_same(case):
    others = [f"Firm{number} Works" for number in range(200)]
    index = index_names([*others, *case["names"]], case.get("language", ""))
    spans = find_indexed(case["text"], index)
    assert [case["text"][span.start : span.end] for span in spans] == case["found"]


@pytest.mark.parametrize(
    "case", [c for c in CASES if "renamed" in c], ids=lambda case: case["text"][:30]
)
def test_another_name_is_put_in_the_place_of_each(case):
    language = case.get("language", "")
    assert rename(case["text"], case["names"], "Nova", language) == case["renamed"]


@pytest.mark.parametrize(
    ("text", "name", "other", "language", "made"),
    [
        ("Кто руководит Люментой?", "Люмента", "Нева", "ru", "Кто руководит Невой?"),
        ("Кто руководит Люментой?", "Люмента", "Осло", "ru", "Кто руководит Осло?"),
        ("Lumentas Chefin", "Lumenta", "Max", "de", "Max' Chefin"),
        ("Where is Dr. Ann Lee?", "Dr. Ann Lee", "Bo Kim", "en", "Where is Bo Kim?"),
        ("Say {Ann Lee} \\1.", "Ann Lee", r"\g<0>", "en", r"Say {\g<0>} \1."),
    ],
)
def test_the_other_name_takes_the_form_where_the_language_tells_how(
    text, name, other, language, made
):
    assert rename(text, (name,), other, language) == made


def test_a_name_is_mentioned_whatever_its_case_where_it_can_be_no_other_word():
    assert mentions("about TINYLLM", "TinyLLM")
    assert not mentions("they go on", "Go")


def test_names_that_differ_in_a_sign_have_different_keys():
    assert len({name_key(name) for name in ("C", "C++", "C#", "C+", "C 2", "С")}) == 6
    assert name_key("Tiny-LLM") == name_key("tiny llm") == "tinyllm"
    assert name_key("Casa 3.10") != name_key("Casa 310")


def test_a_title_is_cut_off_and_a_name_that_is_one_stays():
    assert untitled("Prof. Dr. Ann Lee") == "Ann Lee"
    assert untitled("Dr.") == "Dr."


def test_plain_text_is_cut_into_words_as_the_library_cuts_it():
    draw = random.Random(0)
    for _ in range(20_000):
        text = "".join(draw.choice("ab1 _.,;:'-+#?!/()2Z\n") for _ in range(draw.randrange(1, 12)))
        assert ascii_spans(text) == unicode_spans(text), text


@pytest.mark.parametrize("language", ["de", "ru", "tr", "ar", "pl"])
def test_every_language_with_cases_has_endings_or_beginnings(language):
    known = declension_of(language)
    assert known is not None
    assert known.added or known.exchanged or known.before


def test_hostile_texts_are_read_in_linear_time():
    for text in ("C" * 20_000, "C++" * 5_000, "Ann " * 5_000, "'" * 20_000, "星" * 5_000):
        find_names(text, ("Ann Lee", "C++", "星河"), "ru")
