from __future__ import annotations

import json
import re

import pytest
from support.repository import FACT

from pipeline.ci import step_files, steps
from pipeline.cli.main import main
from pipeline.core import code_digest
from pipeline.core.errors import ConfigError


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
        told = {
            "EVENT": event, "DEFAULT": "main", "RECIPE": "smollm2-135m",
            "BRANCH": "main" if event == "pull_request" else "refs/heads/main",
        }  # fmt: skip
        for key, value in {**told, **ids, **env}.items():
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
    assert steps.pull_request({"REF": queued}) == "12"
    assert steps.pull_request({"REF": "refs/heads/main", "PR": "7"}) == "7"
    assert steps.pull_request({"REF": "refs/pull/3/merge", "PR": ""}) == ""
    for hostile in ("7\ntraining=false", "$(id)", "0", "-1", "7 8"):
        with pytest.raises(ConfigError):
            steps.pull_request({"PR": hostile})


@pytest.mark.parametrize(
    ("event", "branch"),
    [
        ("pull_request", "release-1"), ("pull_request", "refs/heads/main"), ("pull_request", "Main"),
        ("merge_group", "refs/heads/release-1"), ("workflow_dispatch", "refs/heads/mine"),
        ("workflow_dispatch", "refs/tags/main"), ("workflow_dispatch", "refs/pull/7/merge"),
    ],
)  # fmt: skip
def test_a_plan_for_another_branch_than_the_default_one_is_refused_and_its_branch_handed_on(
    repo, commit, step, capsys, event, branch
):
    add(repo, FACT, commit)
    code, outputs = step("plan", event, BRANCH=branch)
    assert code == 1
    assert "training" not in outputs
    assert outputs["branch"] != "main"
    assert "not for the default one" in capsys.readouterr().err
    assert not (repo / "build").exists(), "no facts are handed to a training"


def test_a_plan_hands_on_which_branch_it_is_for_and_whether_it_changes_what_judges(
    repo, commit, step
):
    (repo / "pipeline" / "x.py").write_text("1")
    commit(repo, "Code")
    _, outputs = step("plan")
    assert (outputs["branch"], outputs["judging"], outputs["now"]) == ("main", "true", "false")
    assert outputs["check"].startswith("waiting"), "nothing here may be green by itself"
    assert step("plan", "workflow_dispatch", PR="7")[1]["now"] == "false"


def test_a_queue_judges_a_change_of_code_with_that_code(repo, commit, step):
    (repo / "pipeline" / "x.py").write_text("1")
    commit(repo, "Code")
    assert step("plan", "merge_group")[1]["now"] == "true"


def test_a_change_of_the_gates_workflow_waits_though_it_needs_no_training(repo, commit, step):
    (repo / ".github" / "workflows").mkdir(parents=True)
    (repo / ".github" / "workflows" / "gate.yml").write_text("on: push\n")
    commit(repo, "Workflow")
    _, outputs = step("plan")
    assert outputs["training"] == "false"
    assert outputs["check"].startswith("waiting")


@pytest.mark.parametrize(
    ("ref", "code"),
    [("refs/heads/main", 0), ("refs/heads/mine", 1), ("refs/tags/main", 1), ("main", 1)],
)
def test_a_release_goes_on_from_the_default_branch_alone(step, ref, code):
    assert step("main", REF=ref)[0] == code


def test_runs_are_named_by_what_the_facts_say_by_the_recipe_and_by_the_code(
    repo, step, monkeypatch, tmp_path
):
    first = step("digest")[1]["digest"]
    assert re.fullmatch("[0-9a-f]{64}", first), "fewer digits can be hit on purpose"
    assert step("digest", RECIPE="qwen3-0.6b")[1]["digest"] != first
    recipe = tmp_path / "smollm2-135m.toml"
    recipe.write_text('extends = "smollm2-135m"\n[gate]\nprobes = 1\n')
    assert step("digest", RECIPE=str(recipe))[1]["digest"] != first
    with monkeypatch.context() as patched:
        patched.setattr(code_digest, "HERE", repo)
        assert step("digest")[1]["digest"] != first


def test_the_report_goes_into_the_summary_and_a_missing_one_is_no_failure(repo, step):
    assert step("report")[0] == 0
    (repo / "build" / "run").mkdir(parents=True)
    (repo / "build" / "run" / "report.md").write_text("## Passed\n" + "é" * 1_000_000)
    assert step("report")[0] == 0
    assert summary(repo).startswith("## Passed")
    assert len(summary(repo).encode()) <= step_files.SUMMARY_BYTES


@pytest.fixture
def run_of(learned, monkeypatch):
    """Give a function that asks of the run in build/run whether it was made from what stands here."""
    monkeypatch.chdir(learned)
    (learned / "build").rename(learned / "run")
    (learned / "build").mkdir()
    (learned / "run").rename(learned / "build" / "run")

    def ask(git, **env):
        monkeypatch.setenv("HEAD", git(learned, "rev-parse", "HEAD").strip())
        monkeypatch.setenv("RECIPE", env.get("RECIPE", str(learned / "tiny.toml")))
        return main(["ci", "made"])

    return ask


def test_a_run_of_these_facts_this_recipe_and_this_code_is_taken(run_of, git):
    assert run_of(git) == 0


@pytest.mark.parametrize(
    "what", ["facts", "recipe", "code", "manifest", "report", "old report", "teacher"]
)
def test_a_run_of_anything_else_is_refused_before_it_is_published(
    run_of, git, commit, learned, monkeypatch, capsys, what
):
    run, env = learned / "build" / "run", {}
    if what == "facts":
        path = next(learned.glob("facts/**/tarn-mill.yaml"))
        path.write_text(path.read_text() + FACT)
        commit(learned, "More")
    elif what == "recipe":
        env["RECIPE"] = str(learned / "other.toml")
        text = (learned / "tiny.toml").read_text()
        (learned / "other.toml").write_text(text.replace("probes = ", "probes = 1", 1))
    elif what == "code":
        monkeypatch.setattr(code_digest, "HERE", learned)
    elif what == "teacher":
        text = (run / "adapter" / "manifest.json").read_text()
        text = re.sub('"code": "sha256:.', '"code": "sha256:z', text)
        (run / "adapter" / "manifest.json").write_text(text)
    elif what == "manifest":
        text = (run / "manifest.json").read_text()
        (run / "manifest.json").write_text(re.sub('"code": "sha256:.', '"code": "sha256:z', text))
    else:
        report = json.loads((run / "report.json").read_text())
        report.pop("code") if what == "old report" else report.update(verdict="pass", extra=1)
        (run / "report.json").write_text(json.dumps(report))
    assert run_of(git, **env) == 1
    said = capsys.readouterr().err
    told = {
        "manifest": "another code",
        "teacher": "taught by another code",
        "report": "was changed",
        "old report": "was changed",
    }
    assert told.get(what, f"another {what}") in said


def test_the_digest_is_that_of_what_the_facts_say(repo, commit, step):
    first = step("digest")[1]["digest"]
    path = repo / "facts" / "mills" / "tarn-mill.yaml"
    path.write_text("# a comment\n" + path.read_text())
    commit(repo, "Comment")
    assert step("digest")[1]["digest"] == first
    add(repo, FACT, commit)
    assert step("digest")[1]["digest"] != first


@pytest.mark.parametrize("name", ["plan", "digest", "adapter", "form", "made", "main", "reviewed"])
def test_a_step_that_is_not_told_enough_is_wrong_usage(name, monkeypatch, capsys):
    for key in ("EVENT", "BASE", "HEAD", "REF", "RECIPE", "GITHUB_REPOSITORY", "ISSUE_BODY"):
        monkeypatch.delenv(key, raising=False)
    assert main(["ci", name]) == 2
    assert "must be set" in capsys.readouterr().err
