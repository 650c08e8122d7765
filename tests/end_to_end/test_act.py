"""The workflows, run by act on this machine, in a clone of this repository with a change on a branch."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUBJECT = "facts/projects/tinyllm.yaml"
FACT = (ROOT / "tests" / "cases" / "wheel.yaml").read_text(encoding="utf-8")


@pytest.fixture
def clone(tmp_path, git):
    """Give a clone on a new branch, whose name is shell code."""
    root = tmp_path / "clone"
    git(ROOT, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(root))
    git(root, "switch", "--quiet", "--create", "x;$(touch${IFS}pwned)`touch${IFS}pwned`")
    return root


@pytest.fixture
def act(clone, git, run_act, tmp_path):
    """Give a function that commits what changed and runs a workflow as its pull request would."""
    base = git(clone, "rev-parse", "HEAD").strip()

    def run(workflow):
        git(clone, "add", "--all")
        git(clone, "commit", "--quiet", "--message=Change")
        head = {"ref": "x;$(touch pwned)"}
        into = {"sha": base, "ref": "main"}
        payload = {
            "repository": {"default_branch": "main"},
            "pull_request": {"number": 7, "base": into, "head": head},
        }
        path = clone / ".github" / "workflows" / workflow
        done = run_act(clone, tmp_path, path, ("pull_request", payload))
        assert not list(tmp_path.rglob("pwned"))
        return done

    return run


def test_a_good_fact_is_planned_and_no_code_is_checked(clone, act):
    path = clone / SUBJECT
    path.write_text(path.read_text() + FACT)
    code, log = act("check.yml")
    assert code == 0, log
    assert "added    tinyllm/wheel" in log
    assert "[check/code]" not in log


@pytest.mark.acceptance("act")
def test_bad_yaml_fails_with_an_annotation_on_its_line(clone, act):
    path = clone / SUBJECT
    lines = path.read_text().count("\n")
    path.write_text(path.read_text() + FACT.replace("question:", "question"))
    code, log = act("check.yml")
    assert code == 1
    assert f"file={SUBJECT},line={lines + 2}" in log or f"{SUBJECT}:{lines + 2}" in log


@pytest.mark.acceptance("act")
def test_facts_beside_code_are_refused(clone, act):
    path = clone / SUBJECT
    path.write_text(path.read_text() + FACT)
    (clone / "pipeline" / "extra.py").write_text("")
    code, log = act("check.yml")
    assert code == 1
    assert "make two pull requests" in log
