from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

RUNNER = Path(__file__).parent.parent / ".github" / "runner"
REPO = "ours/facts"
FILES = f"{REPO}/.github/workflows"
QUEUE = "refs/heads/gh-readonly-queue/main/pr-7-0123"
MAIN = "refs/heads/main"


@pytest.fixture
def hook(tmp_path):
    """Give a function that calls the hook as the runner does, for one repository."""
    allowed = tmp_path / "repository"
    allowed.write_text(f"{REPO}\n")

    def call(event, workflow, repository=REPO, **env):
        given = {
            "PATH": os.environ["PATH"], "SCHOOLHOUSE_ALLOWED": str(allowed),
            "GITHUB_EVENT_NAME": event, "GITHUB_WORKFLOW_REF": workflow,
            "GITHUB_REPOSITORY": repository,
        }  # fmt: skip
        return subprocess.run(
            ["/bin/bash", "-e", RUNNER / "job-started.sh"],
            env=given | env, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return call


@pytest.mark.parametrize(
    ("event", "workflow"),
    [
        ("merge_group", f"{FILES}/gate.yml@{QUEUE}"),
        ("workflow_dispatch", f"{FILES}/gate.yml@{MAIN}"),
        ("push", f"{FILES}/release.yml@{MAIN}"),
        ("workflow_dispatch", f"{FILES}/release.yml@{MAIN}"),
        ("schedule", f"{FILES}/nightly.yml@{MAIN}"),
        ("workflow_dispatch", f"{FILES}/nightly.yml@{MAIN}"),
    ],
)
def test_what_was_approved_may_use_the_gpu(hook, event, workflow):
    assert hook(event, workflow).returncode == 0


@pytest.mark.parametrize(
    ("event", "workflow"),
    [
        ("pull_request", f"{FILES}/gate.yml@refs/pull/7/merge"),
        ("pull_request", f"{FILES}/gate.yml@{MAIN}"),
        ("pull_request_target", f"{FILES}/gate.yml@{MAIN}"),
        ("workflow_run", f"{FILES}/gate.yml@{MAIN}"),
        ("issue_comment", f"{FILES}/gate.yml@{MAIN}"),
        ("push", f"{FILES}/gate.yml@{MAIN}"),
        ("push", f"{FILES}/release.yml@refs/heads/other"),
        ("push", f"{FILES}/release.yml@{MAIN}-2"),
        ("push", f"{FILES}/evil.yml@{MAIN}"),
        ("workflow_dispatch", f"{FILES}/gate.yml@refs/heads/main-2"),
        ("workflow_dispatch", f"{FILES}/gate.yml@refs/tags/main"),
        ("merge_group", f"{FILES}/gate.yml@{MAIN}"),
        ("merge_group", f"{FILES}/gate.yml@refs/heads/gh-readonly-queue/main/"),
        ("merge_group", f"{FILES}/evil.yml@{QUEUE}"),
        ("merge_group", f"theirs/facts/.github/workflows/gate.yml@{QUEUE}"),
        ("merge_group", f"{FILES}/gate.yml@refs/heads/gh-readonly-queue/other/pr-7"),
        ("", ""),
        ("*", "*"),
    ],
)
def test_everything_else_is_refused(hook, event, workflow):
    done = hook(event, workflow)
    assert done.returncode == 1
    assert done.stdout.startswith("::error::this runner refuses")


def test_another_repository_is_refused(hook):
    assert hook("push", f"{FILES}/release.yml@{MAIN}", repository="theirs/facts").returncode == 1


def test_a_repository_that_is_a_pattern_allows_nothing(hook, tmp_path):
    (tmp_path / "repository").write_text("*\n")
    assert hook("push", f"{FILES}/release.yml@{MAIN}").returncode == 1
    (tmp_path / "repository").unlink()
    assert hook("push", f"{FILES}/release.yml@{MAIN}").returncode == 1


def test_names_from_a_stranger_can_do_nothing_in_the_log(hook, tmp_path):
    hostile = f"{FILES}/gate.yml@refs/heads/$(touch pwned)\n::add-mask::x;`touch pwned`"
    done = hook("pull_request", hostile)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert not (tmp_path / "pwned").exists()


def test_the_path_of_a_job_is_not_used(hook, tmp_path):
    fake = tmp_path / "head"
    fake.write_text("#!/bin/sh\necho theirs/facts\n")
    fake.chmod(0o755)
    assert hook("push", f"{FILES}/release.yml@{MAIN}", PATH=str(tmp_path)).returncode == 0


@pytest.mark.parametrize("script", sorted(RUNNER.glob("*.sh")), ids=lambda path: path.name)
def test_the_scripts_are_executable_and_parse(script):
    assert os.access(script, os.X_OK)
    assert subprocess.run(["/bin/bash", "-n", script], check=False).returncode == 0
