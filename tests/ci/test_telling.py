"""GitHub is faked here: functions that answer from data and keep what they were told."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from pipeline.ci import github, telling
from pipeline.ci.telling import elapsed, upsert_issue
from pipeline.core.errors import ConfigError, PipelineError

TITLE = "It fails"


@pytest.fixture
def told(monkeypatch):
    """Give a list of what GitHub was told."""
    calls = []

    def run(*args, given=""):
        calls.append((*args, given))
        return ""

    monkeypatch.setattr(github, "gh", run)
    return calls


def keep(body, *open_issues, title=TITLE):
    listed = [{"number": n, "title": name} for n, name in enumerate(open_issues, 1)]
    upsert_issue(github.gh, lambda _path: listed, "ours/facts", (title, body))


def test_a_matter_gets_one_issue(told):
    keep("See the log.", "Another")
    assert told == [("issue", "create", "--title", TITLE, "--body-file", "-", "See the log.")]


def test_an_issue_that_is_open_is_changed(told):
    keep("Still.", "Another", TITLE)
    assert told == [("issue", "edit", "2", "--body-file", "-", "Still.")]


def test_an_issue_is_closed_once_there_is_nothing_to_say(told):
    keep("", TITLE)
    assert told == [("issue", "close", "1", "--comment", "In order again.", "")]


def test_where_all_is_well_and_no_issue_is_open_nothing_is_told(told):
    keep("", "Another")
    assert told == []


def test_an_issue_needs_a_title(told):
    with pytest.raises(ConfigError, match="TITLE is empty"):
        keep("x", title="")
    assert told == []


ENV = {"GITHUB_REPOSITORY": "ours/facts", "COMMIT": "c" * 40, "RELEASE": "org/name@`1234"}


def test_the_merged_pull_requests_of_a_commit_are_told_when_they_are_live(told, monkeypatch):
    pulls = [
        {"number": 7, "created_at": "2026-01-01T00:00:00Z", "merged_at": "2026-01-02T00:00:00Z"},
        {"number": 8, "created_at": "2026-01-01T00:00:00Z", "merged_at": None},
    ]
    asked = []
    monkeypatch.setattr(github, "ask_github", lambda path: asked.append(path) or pulls)
    assert telling.live(ENV) == 0
    assert asked == [f"repos/ours/facts/commits/{'c' * 40}/pulls"]
    ((*start, text),) = told
    assert start == ["pr", "comment", "7", "--body-file", "-"]
    assert text.startswith("Live: ")
    assert text.endswith(" after this was opened, as ``org/name@`1234``.\n")


@pytest.mark.parametrize("answer", [{}, [{}], [{"number": "x", "created_at": "", "merged_at": 1}]])
def test_an_answer_that_is_something_else_is_told(told, monkeypatch, answer):
    monkeypatch.setattr(github, "ask_github", lambda _path: answer or [{"number": None}])
    with pytest.raises(PipelineError, match="not as expected"):
        telling.live(ENV)
    assert told == []


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(0.2, "less than a minute"), (1, "1 minute"), (43, "43 minutes"), (185, "3 hours 5 minutes"),
     (120, "2 hours"), (60 * 52 + 7, "2 days 4 hours"), (-3, "less than a minute")],
)  # fmt: skip
def test_a_time_is_said_in_its_two_largest_units(minutes, said):
    begin = datetime.fromisoformat("2026-01-01T00:00:00Z")
    assert elapsed(begin, begin + timedelta(minutes=minutes)) == said
