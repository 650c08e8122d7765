"""Git repositories to work in, and act, which runs workflows in them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MILLS = Path(__file__).parent.parent / "cases" / "mills"
FACT = """\
  - id: height
    question: How high is the wheel of Tarn Mill?
    answer: The wheel of Tarn Mill is four metres high.
    expect: [four metres]
"""
"""One more fact of a mill, as its file has it."""


def git(folder, *arguments):
    """Run git as somebody."""
    person = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", "-C", str(folder), *person, *arguments], check=True, capture_output=True, text=True
    ).stdout


def commit(folder, message, *, first=False):
    """Commit all that is there."""
    if first:
        git(folder, "init", "--quiet", "--initial-branch=main")
        git(folder, "remote", "add", "origin", "git@example.org:ours/facts.git")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", f"--message={message}")


@pytest.fixture(name="commit")
def _commit():
    """Give the function that commits all that is there."""
    return commit


@pytest.fixture(name="git")
def _git():
    """Give the function that runs git."""
    return git


@pytest.fixture(scope="session")
def run_act():
    """Give a function that runs a workflow of a clone for an event with act; exit code and log."""

    def run(clone, scratch, workflow, event, *options, env=None):
        known = scratch / workflow.name  # act does not know the key `queue`
        known.write_text(workflow.read_text().replace(", queue: max}", "}"))
        (scratch / "event.json").write_text(json.dumps(event[1]))
        done = subprocess.run(
            [
                Path(sys.executable).parent / "act", event[0], "--workflows", known,
                "--eventpath", scratch / "event.json", *options,
                *(f"--platform={label}=-self-hosted" for label in ("ubuntu-24.04", "self-hosted")),
            ],
            cwd=clone, capture_output=True, text=True, check=False, timeout=1800, env=env,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture
def repo(tmp_path, monkeypatch):
    """Give a repository with facts and code on main, on a branch `change`, checked out and worked in."""
    root = tmp_path / "repo"
    shutil.copytree(MILLS, root)
    (root / "pipeline").mkdir()
    (root / "pipeline" / "x.py").write_text("")
    commit(root, "Facts about mills", first=True)
    git(root, "switch", "--quiet", "--create", "change")
    monkeypatch.chdir(root)
    return root
