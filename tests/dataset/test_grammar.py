from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.dataset import grammar

LINES = (Path(__file__).parents[1] / "cases" / "questions" / "indirect.txt").read_text(
    encoding="utf-8"
)
CASES = [line.split(" | ") for line in LINES.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize(("question", "name", "clause"), CASES, ids=[case[0] for case in CASES])
def test_a_question_becomes_the_clause_that_a_person_would_say(question, name, clause):
    assert grammar.indirect(question, [name]) == (None if clause == "-" else clause)


def test_a_statement_about_the_subject_becomes_a_yes_no_question():
    asked = grammar.yes_no("Tarn Mill is owned by Ann Lee.", ["Tarn Mill"])
    assert asked == "Is Tarn Mill owned by Ann Lee?"


@pytest.mark.parametrize(
    "statement", ["Ann Lee owns it.", "Tarn Mill burns.", "Tarn Mill is not old."]
)
def test_a_statement_without_subject_and_auxiliary_is_left_alone(statement):
    assert grammar.yes_no(statement, ["Tarn Mill"]) is None


def test_a_name_keeps_its_capital_at_the_start_of_a_sentence():
    assert grammar.lower_first("ProtosAI is here") == "ProtosAI is here"
    assert grammar.lower_first("Where is it") == "where is it"
