from __future__ import annotations

import pytest
from support.repository import FACT

from pipeline import workflow
from pipeline.__main__ import main
from pipeline.errors import ConfigError


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """Give a step the files that it answers into."""
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.setenv(name, str(tmp_path / name))
        (tmp_path / name).touch()


@pytest.fixture
def step(repo, git, monkeypatch):
    """Give a function that runs a step on the change and gives its exit code and outputs."""

    def run(name, event="pull_request", head="change", **env):
        ends = {"BASE": "main", "HEAD": head}
        ids = {key: git(repo, "rev-parse", rev).strip() for key, rev in ends.items()}
        for key, value in {"EVENT": event, **ids, **env}.items():
            monkeypatch.setenv(key, value)
        code = main(["ci", name])
        lines = (repo.parent / "GITHUB_OUTPUT").read_text().splitlines()
        return code, dict(line.split("=", 1) for line in lines)

    return run


def add(repo, text, commit):
    path = repo / "facts" / "mills" / "tarn-mill.yaml"
    path.write_text(path.read_text() + text)
    commit(repo, "More")


def summary(repo):
    return (repo.parent / "GITHUB_STEP_SUMMARY").read_text()


def test_a_new_fact_is_planned_and_its_facts_lie_ready_as_plain_files(repo, commit, step):
    add(repo, FACT, commit)
    code, outputs = step("plan")
    assert code == 0
    assert outputs["training"] == "true"
    assert outputs["check"].startswith("waiting")
    assert "`tarn-mill/height`" in summary(repo)
    assert "four metres" in (repo / "build/facts/mills/tarn-mill.yaml").read_text()


def test_with_a_merge_queue_the_pull_request_has_the_required_check(repo, commit, step):
    add(repo, FACT, commit)
    assert step("plan", QUEUE="true")[1]["check"] == "recall-gate"


def test_a_change_that_needs_no_training_says_so(repo, commit, step):
    (repo / "README.md").write_text("Mills")
    commit(repo, "Docs")
    code, outputs = step("plan")
    assert (code, outputs["training"], outputs["check"]) == (0, "false", "recall-gate")
    assert not (repo / "build").exists()


def test_bad_facts_fail_the_plan_with_an_annotation_on_their_line(repo, commit, step, capsys):
    add(repo, FACT.replace("question", "qeustion"), commit)
    code, outputs = step("plan")
    assert code == 1
    assert "training" not in outputs
    assert "::error file=facts/mills/tarn-mill.yaml,line=" in capsys.readouterr().out


def test_a_dispatched_commit_that_lacks_something_of_main_is_refused(
    repo, commit, git, step, capsys
):
    git(repo, "switch", "--quiet", "main")
    add(repo, FACT, commit)
    code, outputs = step("plan", "workflow_dispatch", PR="7")
    assert code == 1
    assert "training" not in outputs
    assert "up to date" in capsys.readouterr().err


@pytest.mark.parametrize("head", ["main", "HEAD", "$(id)", "-x", "1234567"])
def test_a_dispatch_names_a_commit_and_nothing_that_moves(step, monkeypatch, head, capsys):
    step("plan")
    monkeypatch.setenv("HEAD", head)
    assert main(["ci", "plan"]) == 2
    assert "40 digits" in capsys.readouterr().err


def test_the_pull_request_is_told_by_the_queue_or_by_the_maintainer():
    queued = f"refs/heads/gh-readonly-queue/main/pr-12-{'a' * 40}"
    assert workflow.pull_request({"REF": queued}) == "12"
    assert workflow.pull_request({"REF": "refs/heads/main", "PR": "7"}) == "7"
    assert workflow.pull_request({"REF": "refs/pull/3/merge", "PR": ""}) == ""
    for hostile in ("7\ntraining=false", "$(id)", "0", "-1", "7 8"):
        with pytest.raises(ConfigError):
            workflow.pull_request({"PR": hostile})


def test_the_digest_is_that_of_what_the_facts_say(repo, commit, step):
    first = step("digest")[1]["digest"]
    assert len(first) == 16
    path = repo / "facts" / "mills" / "tarn-mill.yaml"
    path.write_text("# a comment\n" + path.read_text())
    commit(repo, "Comment")
    assert step("digest")[1]["digest"] == first
    add(repo, FACT, commit)
    assert step("digest")[1]["digest"] != first


def test_the_report_goes_into_the_summary_and_a_missing_one_is_no_failure(repo, step):
    assert step("report")[0] == 0
    (repo / "build" / "run").mkdir(parents=True)
    (repo / "build" / "run" / "report.md").write_text("## Passed\n" + "é" * 1_000_000)
    assert step("report")[0] == 0
    assert summary(repo).startswith("## Passed")
    assert len(summary(repo).encode()) <= workflow.SUMMARY_BYTES


@pytest.mark.parametrize("name", ["plan", "digest", "adapter", "form"])
def test_a_step_that_is_not_told_enough_is_wrong_usage(name, monkeypatch, capsys):
    for key in ("EVENT", "BASE", "HEAD", "GITHUB_REPOSITORY", "ISSUE_BODY"):
        monkeypatch.delenv(key, raising=False)
    assert main(["ci", name]) == 2
    assert "must be set" in capsys.readouterr().err
