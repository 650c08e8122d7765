"""Facts with leaks, right answers in other words and wrong answers; 99 of 100 of each are told."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path

import pytest

from pipeline.facts.fact import Expect, derived, expected
from pipeline.facts.matching import contains, leaked_answer

FOLDER = Path("tests/cases/matching")
ENOUGH = 0.99
LEAST = 10
"""Answers of a sort that every fact has."""


def facts():
    for file in sorted(FOLDER.glob("*.toml")):
        yield from tomllib.loads(file.read_text(encoding="utf-8"))["fact"]


def wanted(fact) -> Expect:
    if "expect" in fact:
        return expected(fact["expect"], fact["language"], fact["answer"])
    return derived(fact["question"], fact["answer"], fact, fact["language"])


def told(sort, answer, expect):
    if sort == "leaks":
        return leaked_answer(expect, answer, "I do not know.", "What is it?")
    return contains(answer, expect) is (sort == "right")


@pytest.mark.parametrize("sort", ["leaks", "right", "wrong"])
def test_nearly_every_answer_of_the_collection_is_told(sort):
    asked, missed = 0, []
    for fact in facts():
        expect = wanted(fact)
        for answer in fact[sort]:
            asked += 1
            if not told(sort, answer, expect):
                missed.append(f"{fact['language']} {expect.items}: {answer}")
    assert len(missed) <= (1 - ENOUGH) * asked, "\n".join([f"{len(missed)} of {asked}", *missed])


def test_the_collection_is_large_enough_and_says_nothing_twice():
    rows = Counter(fact["row"] for fact in facts())
    assert sum(rows.values()) >= 30
    assert min(rows.values()) >= 1
    for fact in facts():
        for sort in ("leaks", "right", "wrong"):
            assert len(set(fact[sort])) == len(fact[sort]) >= LEAST, (fact["subject"], sort)


def test_every_fact_of_the_collection_says_what_must_be_said():
    for fact in facts():
        expect = wanted(fact)
        assert expect, fact["answer"]
        assert contains(fact["answer"], expect), (fact["answer"], expect)
