"""GitHub is faked here: a function that answers from a dict, so that its answers can be hostile."""

from __future__ import annotations

import pytest

from pipeline.ci import github
from pipeline.ci.approval import approver
from pipeline.cli.main import main
from pipeline.core.errors import PipelineError

PULL, SHA, OLD = "repos/ours/facts/pulls/7", "a" * 40, "b" * 40
TOLD = {
    "state": "open", "base": {"ref": "main"}, "head": {"sha": SHA}, "user": {"login": "ida"},
}  # fmt: skip
MAY = {"ann": "admin", "eve": "write", "ida": "admin", "bob": "read", "ned": "none"}


def review(login, state="APPROVED", commit=SHA, kind="User"):
    return {"user": {"login": login, "type": kind}, "state": state, "commit_id": commit}


def ask(*reviews, pull=TOLD):
    """Give what answers for a pull request with these reviews, a hundred a page."""

    def answer(path):
        if path == PULL:
            return pull
        if path.startswith(f"{PULL}/reviews?per_page=100&page="):
            page = int(path.rpartition("=")[2])
            return list(reviews[100 * (page - 1) : 100 * page])
        login = path.removeprefix("repos/ours/facts/collaborators/").removesuffix("/permission")
        return {"permission": MAY[login]}

    return answer


def given(*reviews, pull=TOLD):
    return approver(ask(*reviews, pull=pull), PULL, SHA, "main")


def test_an_approval_of_this_very_commit_by_somebody_who_may_write_counts():
    assert given(review("ann")) == "ann"
    assert given(review("bob"), review("eve"), review("ann", "COMMENTED")) == "eve"


@pytest.mark.parametrize(
    "reviews",
    [
        [], [review("ida")],  # the author, whom GitHub does not even let
        [review("ann", commit=OLD)],  # what was pushed since, nobody reviewed
        [review("bob")], [review("ned")],  # who may not write
        [review("ann", kind="Bot")], [{**review("ann"), "user": None}],
        [review("ann", "COMMENTED")], [review("ann", "PENDING")], [review("ann", "DISMISSED")],
        [review("ann"), review("ann", "DISMISSED")],
        [review("ann"), review("ann", commit=OLD)],
        [review("../../x")],
    ],
)  # fmt: skip
def test_nothing_else_counts(reviews):
    with pytest.raises(PipelineError, match="no maintainer has approved"):
        given(*reviews)


def test_who_may_write_and_asks_for_changes_is_heard_also_after_a_push():
    for commit in (SHA, OLD):
        with pytest.raises(PipelineError, match="asks for changes"):
            given(review("ann"), review("eve", "CHANGES_REQUESTED", commit))
    assert given(review("ann"), review("bob", "CHANGES_REQUESTED")) == "ann"
    assert given(review("ann", "CHANGES_REQUESTED"), review("ann")) == "ann"


def test_reviews_on_later_pages_are_read():
    chat = [review("bob", "COMMENTED")] * 150
    assert given(*chat, review("ann")) == "ann"
    with pytest.raises(PipelineError, match="asks for changes"):
        given(review("ann"), *chat, review("eve", "CHANGES_REQUESTED"))
    with pytest.raises(PipelineError, match="too many reviews"):
        given(*[review("bob", "COMMENTED")] * 1000)


@pytest.mark.parametrize(
    "changed",
    [{"state": "closed"}, {"base": {"ref": "release-1"}}, {"head": {"sha": OLD}}],
)
def test_a_pull_request_that_is_another_by_now_is_refused(changed):
    with pytest.raises(PipelineError, match="is not"):
        given(review("ann"), pull={**TOLD, **changed})


def test_an_answer_that_is_something_else_is_told():
    with pytest.raises(PipelineError, match="not as expected"):
        given(review("ann"), pull={"message": "Not Found"})


@pytest.mark.parametrize(("reviews", "code"), [([review("ann")], 0), ([], 1)])
def test_the_step_says_who_approved_or_what_to_do(monkeypatch, capsys, reviews, code):
    monkeypatch.setattr(github, "ask_github", ask(*reviews))
    env = {"GITHUB_REPOSITORY": "ours/facts", "DEFAULT": "main", "PR": "7", "HEAD": SHA}
    for key, value in env.items():
        monkeypatch.setenv(key, value)
    assert main(["ci", "reviewed"]) == code
    said = capsys.readouterr()
    assert ("approved by ann" in said.out) if code == 0 else ("start the gate again" in said.err)
    monkeypatch.setenv("PR", "7/../8")
    assert main(["ci", "reviewed"]) == 2
