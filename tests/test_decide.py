from __future__ import annotations

import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from pipeline.decide import EVENTS, REQUIRED, Results, check_name, decide

ROOT = Path(__file__).parent.parent
ENDS = ("success", "failure", "cancelled", "skipped", "")
PASSING = {
    ("pull_request", "success", "true", "skipped"),  # the gate trains it later
    ("pull_request", "success", "false", "skipped"),
    ("merge_group", "success", "true", "success"),
    ("merge_group", "success", "false", "skipped"),
    ("workflow_dispatch", "success", "true", "success"),
    ("workflow_dispatch", "success", "false", "skipped"),
}
"""All that may pass: event, result of the plan, whether it asks for training, result of the training."""
CELLS = list(
    product((*EVENTS, "push", "pull_request_target", ""), ENDS, ("true", "false", ""), ENDS)
)


@pytest.mark.parametrize("cell", CELLS, ids="/".join)
def test_the_required_check_passes_for_exactly_what_was_proven(cell):
    decision = decide(Results(*cell))
    assert decision.passed == (cell in PASSING)
    assert decision.why


@pytest.mark.parametrize(
    ("event", "training", "queue"), list(product(EVENTS, (True, False), (True, False)))
)
def test_only_a_pull_request_that_a_maintainer_must_gate_has_no_required_check_yet(
    event, training, queue
):
    waits = event == "pull_request" and training and not queue
    assert (check_name(event, training, queue) == REQUIRED) is not waits


@pytest.mark.parametrize(("train", "code"), [("success", 0), ("skipped", 1), ("cancelled", 1)])
def test_the_step_decides_by_its_exit_code_and_needs_no_package_installed(train, code, tmp_path):
    summary = tmp_path / "summary.md"
    env = {
        "PATH": os.environ["PATH"], "EVENT": "merge_group", "PLAN": "success", "TRAINING": "true",
        "TRAIN": train, "GITHUB_STEP_SUMMARY": str(summary),
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
