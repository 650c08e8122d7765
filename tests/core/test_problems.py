"""Problems as people, GitHub and programs see them, with words in them that try to act."""

from __future__ import annotations

import json

import pytest

from pipeline.core.errors import Problem, Where
from pipeline.core.problems import as_github, as_json, as_text

PLAIN = Problem(Where("facts/x.yaml", 4, 12), "tab", "a tab stands here", "use spaces")
WARNING = Problem(Where("facts/y.yaml"), "old", "this is old", severity="warning")
HOSTILE = Problem(
    Where("facts/a:b,c%\n::add-mask::x.yaml", 1, 2),
    "rule",
    "100% “\n::add-mask::secret\r\x1b[31m\u202e”",
    "##[add-mask]secret\n::stop-commands::x",
)


def test_text_says_where_what_and_what_to_do():
    assert as_text([PLAIN, WARNING]) == (
        "facts/x.yaml:4:12: a tab stands here\n"
        "  hint: use spaces\n"
        "facts/y.yaml: warning: this is old\n"
        "1 error and 1 warning in 2 files\n"
    )


@pytest.mark.parametrize(
    ("problems", "summary"),
    [
        ([PLAIN], "1 error in 1 file"),
        ([PLAIN, PLAIN], "2 errors in 1 file"),
        ([WARNING, WARNING], "2 warnings in 1 file"),
    ],
)
def test_the_last_line_counts(problems, summary):
    assert as_text(problems).splitlines()[-1] == summary


def test_no_problems_give_no_text_and_no_annotations():
    assert as_text([]) == ""
    assert as_github([]) == ""
    assert json.loads(as_json([])) == {"problems": []}


def test_control_characters_are_shown_and_never_sent_to_the_terminal():
    text = as_text([HOSTILE])
    assert len(text.splitlines()) == 3
    assert all(char.isprintable() or char == "\n" for char in text)
    assert r"“\n::add-mask::secret\r\x1b[31m\u202e”" in text


def test_letters_of_all_languages_are_shown_as_they_are():
    assert "“Skłodowska 東京 ✓”" in as_text([Problem(Where("x"), "r", "“Skłodowska 東京 ✓”")])


def test_an_annotation_names_the_place_and_carries_the_hint():
    assert as_github([PLAIN, WARNING]) == (
        "::error file=facts/x.yaml,line=4,col=12,title=tab::a tab stands here%0Ahint: use spaces\n"
        "::warning file=facts/y.yaml,title=old::this is old\n"
    )


def test_contributed_text_cannot_start_a_workflow_command():
    (line,) = as_github([HOSTILE]).splitlines()
    assert line.startswith(
        r"::error file=facts/a%3Ab%2Cc%25\n%3A%3Aadd-mask%3A%3Ax.yaml,line=1,col=2,"
    )
    assert "::100%25 “" in line
    assert all(char.isprintable() for char in line)


def test_at_most_nine_annotations_and_one_that_counts_the_rest():
    problems = [WARNING, *[PLAIN] * 11]
    lines = as_github(problems).splitlines()
    assert len(lines) == 10
    assert all(line.startswith("::error file=") for line in lines[:9])
    expected = "::error title=facts::and 2 errors and 1 warning in 2 files; `facts check` lists all"
    assert lines[9] == expected


def test_json_keeps_every_field_and_is_ascii():
    written = as_json([PLAIN, HOSTILE])
    assert written.isascii()
    first, second = json.loads(written)["problems"]
    assert first == {
        "path": "facts/x.yaml",
        "line": 4,
        "column": 12,
        "severity": "error",
        "rule": "tab",
        "message": "a tab stands here",
        "hint": "use spaces",
    }
    assert second["message"] == HOSTILE.message
