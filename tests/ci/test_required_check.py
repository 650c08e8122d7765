from __future__ import annotations

import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from pipeline.ci.required_check import (
    EVENTS,
    REQUIRED,
    Results,
    branch,
    check_name,
    decide,
    trains_now,
)

ROOT = Path(__file__).parents[2]
ENDS = ("success", "failure", "cancelled", "skipped", "")
ANY = "any"
PASSING = {
    (
        "pull_request",
        "main",
        "success",
        "true",
        "false",
        "skipped",
        ANY,
    ),  # the gate trains it later
    ("pull_request", "main", "success", "true", "true", "skipped", ANY),
    ("pull_request", "main", "success", "false", "false", "skipped", ANY),
    ("pull_request", "main", "success", "false", "true", "skipped", ANY),
    ("merge_group", "main", "success", "true", "false", "success", ANY),
    ("merge_group", "main", "success", "true", "true", "success", ANY),  # with its own code
    ("merge_group", "main", "success", "false", "false", "skipped", ANY),
    ("merge_group", "main", "success", "false", "true", "skipped", ANY),
    ("workflow_dispatch", "main", "success", "true", "false", "success", ANY),
    ("workflow_dispatch", "main", "success", "false", "false", "skipped", ANY),
    ("workflow_dispatch", "main", "success", "true", "true", "skipped", "success"),  # approved
    ("workflow_dispatch", "main", "success", "false", "true", "skipped", "success"),
}
"""All that may pass: event, branch, how the plan ended, whether the change needs training, whether it changes
what judges, how the training ended, and how the question ended whether a maintainer approved the commit."""
SAID = ("true", "false", "")
CELLS = list(
    product(
        (*EVENTS, "push", "pull_request_target", ""),
        ("main", "other", ""),
        ENDS,
        SAID,
        SAID,
        ENDS,
        ENDS,
    )
)


def results(event, branch, plan, training, judging, train, reviewed, default="main"):
    return Results(event, branch, default, plan, training, judging, train, reviewed)


def test_the_required_check_passes_for_exactly_what_was_proven():
    passed = {cell for cell in CELLS if decide(results(*cell)).passed}
    assert passed == {(*cell, end) for *cell, last in PASSING for end in ENDS if last in (ANY, end)}
    assert all(decide(results(*cell)).why for cell in CELLS)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize(
    ("branch", "default"), [("release-1", "main"), ("", "main"), ("main", ""), ("", "")]
)
def test_a_change_for_another_branch_than_the_default_one_is_refused_whatever_else_is_so(
    event, branch, default
):
    train = "skipped" if event == "pull_request" else "success"
    cell = (event, branch, "success", "true", "false", train, "success")
    assert not decide(results(*cell, default=default)).passed


def test_the_decision_says_for_which_branch_it_judged_and_a_name_cannot_act():
    fine = decide(results("merge_group", "main", "success", "false", "false", "skipped", ""))
    assert "(judged for main)" in fine.why
    hostile = "x\n::error::<b>`@all`"
    why = decide(results("pull_request", hostile, "success", "false", "false", "skipped", "")).why
    assert "not for the default one" in why
    assert not set(why) & set("\n<>`@:") - {":"}
    assert "::" not in why


def test_of_a_pull_request_the_name_of_its_branch_is_no_ref():
    """A branch may be called `refs/heads/main`."""
    assert branch("pull_request", "refs/heads/main") == "refs/heads/main"
    assert branch("merge_group", "refs/heads/main") == "main"
    assert branch("workflow_dispatch", "refs/tags/main") == "refs/tags/main"


@pytest.mark.parametrize("training", ["true", "false"])
def test_a_change_of_what_judges_is_not_green_by_itself_without_a_queue(training):
    """It would be judged by the code of main, which says nothing about it."""
    for end in ("skipped", "failure", ""):
        cell = ("workflow_dispatch", "main", "success", training, "true", "skipped", end)
        decision = decide(results(*cell))
        assert not decision.passed
        assert "merge queue, or a maintainer's approving review of this very commit" in decision.why
    assert not trains_now("workflow_dispatch", training=True, judging=True)
    assert trains_now("merge_group", training=True, judging=True)


@pytest.mark.parametrize(
    ("event", "later", "queue"), list(product(EVENTS, (True, False), (True, False)))
)
def test_only_a_pull_request_that_a_later_gate_must_judge_has_no_required_check_yet(
    event, later, queue
):
    waits = event == "pull_request" and later and not queue
    assert (check_name(event, later, queue) == REQUIRED) is not waits


@pytest.mark.parametrize(("train", "code"), [("success", 0), ("skipped", 1), ("cancelled", 1)])
def test_the_step_decides_by_its_exit_code_and_needs_no_package_installed(train, code, tmp_path):
    summary = tmp_path / "summary.md"
    env = {
        "PATH": os.environ["PATH"], "EVENT": "merge_group", "PLAN": "success", "TRAINING": "true",
        "TRAIN": train, "JUDGING": "false", "BRANCH": "main", "DEFAULT": "main",
        "GITHUB_STEP_SUMMARY": str(summary),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-S", "-m", "pipeline", "ci", "decide"],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert summary.read_text().startswith("**Passed" if code == 0 else "**Failed")


def test_a_step_that_is_told_nothing_fails():
    done = subprocess.run(
        [sys.executable, "-S", "-m", "pipeline", "ci", "decide"],
        cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
