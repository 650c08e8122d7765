"""`facts check --explain`: every sample answer is judged as it is shown, and every part of a fact is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.core import config
from pipeline.dataset.explain import SAMPLES, explain
from pipeline.facts.check import load_subjects
from pipeline.facts.fact import taught
from pipeline.facts.matching import contains

SETTINGS = config.load_recipe("smollm2-135m").dataset


@pytest.fixture(scope="module")
def told():
    subjects = load_subjects(Path("facts"))
    return tuple(taught(subjects)), explain(subjects, SETTINGS, seed=0)


def test_every_sample_answer_is_judged_as_it_is_shown(told):
    facts, text = told
    for fact, part in zip(facts, text.split("\n\n"), strict=True):
        assert part.startswith(f"{fact.id} (")
        right = re.findall(r"^  right +(.*)$", part, re.MULTILINE)
        wrong = re.findall(r"^  wrong +(.*)$", part, re.MULTILINE)
        assert len(right) == len(wrong) == SAMPLES, part
        assert all(contains(answer, fact.expect) for answer in right)
        assert not any(contains(answer, fact.expect) for answer in wrong)


def test_what_is_asked_and_what_leaks_is_told_of_every_fact(told):
    _, text = told
    for part in text.split("\n\n"):
        for word in ("must say", "leak", "contrasts", "probes", "for leaks"):
            assert re.search(rf"^  {word} ", part, re.MULTILINE), part


def test_facts_that_are_all_withdrawn_explain_nothing():
    assert explain((), SETTINGS, seed=0) == ""
