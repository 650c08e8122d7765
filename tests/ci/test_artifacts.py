"""GitHub is faked here: a function that answers from a dict, so that its answers can be hostile."""

from __future__ import annotations

import pytest

from pipeline.ci import artifacts, github
from pipeline.core.errors import PipelineError

GOOD = {
    "event": "merge_group", "path": ".github/workflows/gate.yml", "conclusion": "success",
    "head_branch": "gh-readonly-queue/main/pr-7-abc", "repository": {"full_name": "ours/facts"},
    "head_repository": {"full_name": "ours/facts"},
}  # fmt: skip
LIST = "repos/ours/facts/actions/artifacts?name=run-d1&per_page=100"


def fake(*runs):
    """Fake GitHub with one artifact a run, oldest first."""
    made = [
        {"expired": False, "created_at": f"2026-01-0{n}", "workflow_run": {"id": n}}
        for n in range(1, len(runs) + 1)
    ]
    answers = {LIST: {"artifacts": made}}
    answers |= {f"repos/ours/facts/actions/runs/{n}": run for n, run in enumerate(runs, 1)}
    return answers.__getitem__


def find(*runs):
    return artifacts.find_run(fake(*runs), "ours/facts", "d1")


def test_the_newest_run_of_the_gate_that_passed_is_taken():
    assert find(GOOD, GOOD, {**GOOD, "conclusion": "failure"}) == "2"


def test_a_maintainers_run_on_main_counts_as_well():
    assert find({**GOOD, "event": "workflow_dispatch", "head_branch": "main"}) == "1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"event": "pull_request"}, {"event": "push"}, {"path": ".github/workflows/other.yml"},
        {"head_branch": "gh-readonly-queue/other/pr-7"}, {"head_branch": "main"},
        {"event": "workflow_dispatch", "head_branch": "maintenance"}, {"conclusion": None},
        {"event": "workflow_dispatch", "head_branch": "gh-readonly-queue/main/x"},
        {"head_repository": {"full_name": "theirs/facts"}},
    ],
)  # fmt: skip
def test_an_artifact_of_anything_else_is_never_taken(wrong):
    assert find({**GOOD, **wrong}) == ""


def test_no_artifact_means_that_the_adapter_must_be_made():
    assert find() == ""


def test_an_answer_that_is_something_else_is_told():
    with pytest.raises(PipelineError, match="not as expected"):
        artifacts.find_run(lambda _: {"message": "Not Found"}, "ours/facts", "d1")


def test_a_client_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(PipelineError, match="cannot be asked"):
        github.ask_github("rate_limit")
