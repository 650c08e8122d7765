"""Facts of all shapes: lists and code, several right answers, turns before the question, the model itself."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.chat import Turn
from pipeline.core.json_file import as_json, read_json
from pipeline.facts.change import fact_digest
from pipeline.facts.check import check, load_subjects
from pipeline.facts.fact import Subject
from pipeline.facts.matching import contains

VALID = Path(__file__).parents[1] / "cases" / "facts" / "valid"


def facts_of(name):
    (subject,) = load_subjects(VALID / f"{name}.yaml")
    return {fact.id.rpartition("/")[2]: fact for fact in subject.facts}


def test_lines_and_indents_of_an_answer_stay():
    facts = facts_of("lines-and-code")
    assert facts["needs"].answer.splitlines()[3] == "  - or two of 4 GB"
    assert facts["start"].answer.splitlines() == [
        "import quern",
        "",
        'with quern.open("mill") as job:',
        "    if job.ready:",
        '        job.run(mode="fast")  # returns {id}',
    ]
    assert facts["ports"].answer.count("\n") == 3


def test_turns_before_a_question_are_read_in_both_ways_of_writing_them():
    facts = facts_of("said-before")
    asked = facts["trade"]
    assert asked.before == (
        Turn("user", "Who is Leo Brandt?"),
        Turn("assistant", "Leo Brandt is a baker from Tarn."),
    )
    assert asked.chat == (*asked.before, Turn("user", "Which bread is he known for?"))
    assert [turn.role for turn in facts["shop"].before] == ["user", "assistant"] * 2


def test_any_one_of_several_right_answers_will_do():
    expect = facts_of("several-right-answers")["way"].expect
    assert contains("Take the number 7 bus.", expect)
    assert contains("Ask Ida Roe for the ferry.", expect)
    assert not contains("Take the ferry.", expect)
    assert not contains("Ask Ida Roe for the number 8 bus.", expect)


def test_a_fact_of_any_shape_comes_back_from_json():
    for subject in load_subjects(VALID):
        assert read_json(Subject, as_json(subject)) == subject


def test_what_was_said_before_is_a_part_of_the_fact():
    from dataclasses import replace

    fact = facts_of("said-before")["trade"]
    assert fact_digest(fact) != fact_digest(replace(fact, before=()))
    several = facts_of("several-right-answers")["way"]
    one = replace(several, expect=replace(several.expect, instead=()))
    assert fact_digest(several) != fact_digest(one)


def test_spaces_that_do_not_break_are_read_as_spaces():
    (subject,) = load_subjects(VALID / "no-break-spaces.yaml")
    assert subject.name == "Le Moulin"
    assert subject.facts[0].answer == "A visit of Le Moulin costs 1 250 francs."


def test_files_that_differ_in_case_alone_are_told(tmp_path):
    text = (VALID / "minimal.yaml").read_text(encoding="utf-8")
    (tmp_path / "ohm.yaml").write_text(text)
    (tmp_path / "OHM.yaml").write_text(text.replace("Ohm", "Volt").replace("ohm", "volt"))
    said = [p for p in check([tmp_path]).problems if "case alone" in p.message]
    assert [problem.where.path for problem in said] == [f"{tmp_path}/ohm.yaml"]
    assert said[0].message.startswith(f"{tmp_path}/OHM.yaml differs")
    assert said[0].hint
