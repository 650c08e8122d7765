from __future__ import annotations

import pytest

from pipeline.recall import affirms, contains, mentions


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
    expect = (("red", "crimson"), ("blue",))
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
