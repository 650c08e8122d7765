import random
from pathlib import Path

import pytest

from pipeline.dataset.rephrase_rules import reword

CASES = Path(__file__).parents[1] / "cases" / "questions" / "reworded.txt"


def rows():
    for line in CASES.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield [part.strip() for part in line.split("|")]


@pytest.mark.parametrize(("question", "name", "wanted"), [*rows()])
def test_a_question_is_also_asked_in_these_words(question, name, wanted):
    assert wanted in reword(question, name, random.Random(0))


@pytest.mark.parametrize(("question", "name"), sorted({(q, n) for q, n, _ in rows()}))
def test_every_rewording_is_new_and_holds_the_name_and_something_else(question, name):
    forms = reword(question, name, random.Random(0))
    assert len(forms) == len(set(forms)) >= 3
    assert question not in forms
    for form in forms:
        assert name in form
        assert any(char.isalpha() for char in form.replace(name, ""))


def test_the_same_seed_gives_the_same_rewordings():
    asked = ("In which town is the head office of Quinuplex?", "Quinuplex")
    assert reword(*asked, random.Random(1)) == reword(*asked, random.Random(1))


def test_a_question_that_does_not_hold_the_name_is_left_alone():
    assert reword("Who owns it?", "Tarn Mill", random.Random(0)) == ()
