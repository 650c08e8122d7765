from __future__ import annotations

import json

import pytest
from support.repository import FACT

from pipeline.ci import plan
from pipeline.cli.main import main
from pipeline.core.errors import ConfigError, FactsError
from pipeline.facts import change


@pytest.fixture
def tarn(repo):
    return next(repo.glob("facts/**/tarn-mill.yaml"))


def made(repo, base="main", head="change"):
    return plan.make_plan(change.read_change(repo, base, head))


def rules(repo):
    return [problem.rule for problem in change.problems(change.read_change(repo, "main", "change"))]


def test_an_added_fact_needs_training_and_is_named(repo, tarn, commit):
    tarn.write_text(tarn.read_text() + FACT)
    commit(repo, "Height")
    found = made(repo)
    assert (found.added, found.changed, found.retired) == (("tarn-mill/height",), (), ())
    assert found.training
    assert not found.code
    assert found.seconds > 0


def test_another_answer_is_a_change_and_a_withdrawn_fact_is_retired(repo, tarn, commit):
    before = made(repo)
    text = tarn.read_text()
    tarn.write_text(text.replace("question:", "withdrawn: It burnt down.\n    question:", 1))
    commit(repo, "Burnt")
    found = made(repo)
    assert len(found.retired) == 1
    assert found.facts == before.facts - 1
    assert found.training
    assert not found.changed
    tarn.write_text(text.replace("Ann Lee", "Eve Orr"))
    commit(repo, "Sold")
    assert (made(repo).changed, made(repo).retired) == (("tarn-mill/owner",), ())


def test_docs_need_no_training(repo, commit):
    (repo / "README.md").write_text("Mills\n")
    commit(repo, "Docs")
    found = made(repo)
    assert (found.training, found.code, found.seconds) == (False, False, 0)


def test_a_comment_in_a_facts_file_needs_no_training(repo, tarn, commit):
    tarn.write_text("# checked in May\n" + tarn.read_text())
    commit(repo, "Comment")
    assert not made(repo).training


@pytest.mark.parametrize(
    ("path", "training"), [("pipeline/x.py", True), ("serve/x.py", False), ("Makefile", False)]
)
def test_code_that_teaches_needs_training_and_other_code_does_not(repo, commit, path, training):
    (repo / path).parent.mkdir(exist_ok=True)
    (repo / path).write_text("1\n")
    commit(repo, "Code")
    found = made(repo)
    assert (found.training, found.code) == (training, True)


@pytest.mark.parametrize(
    ("path", "judging"),
    [
        ("pipeline/x.py", True), ("pipeline/recipes/x.toml", True), ("schema/x.json", True),
        ("constraints/x.txt", True), ("pyproject.toml", True), ("Makefile", True),
        (".github/workflows/gate.yml", True), (".github/runner/job-started.sh", True),
        (".github/CODEOWNERS", True), (".github/ruleset.json", True),
        (".github/ISSUE_TEMPLATE/fact.yml", False), ("serve/x.py", False), ("README.md", False),
        ("tests/x.py", False), ("pipelines/x.py", False),
    ],
)  # fmt: skip
def test_a_plan_says_whether_the_change_is_one_of_what_teaches_and_judges(
    repo, commit, path, judging
):
    (repo / path).parent.mkdir(parents=True, exist_ok=True)
    (repo / path).write_text("1\n")
    commit(repo, "Change")
    assert made(repo).judging is judging


def test_facts_and_other_files_in_one_change_are_refused(repo, tarn, commit):
    tarn.write_text(tarn.read_text() + FACT)
    (repo / "pipeline" / "x.py").write_text("1\n")
    commit(repo, "Both")
    assert rules(repo) == ["mixed-change"]


def test_an_id_that_disappears_is_refused_where_it_stood(repo, tarn, commit):
    tarn.unlink()
    commit(repo, "Gone")
    wrong = change.problems(change.read_change(repo, "main", "change"))
    assert wrong
    assert {problem.rule for problem in wrong} == {"removed-id"}
    assert wrong[0].where.path.endswith("tarn-mill.yaml")
    with pytest.raises(FactsError):
        made(repo)


def test_what_came_to_main_meanwhile_is_no_change_of_the_branch(repo, tarn, commit, git):
    git(repo, "switch", "--quiet", "main")
    tarn.write_text(tarn.read_text() + FACT)
    commit(repo, "Height, on main")
    git(repo, "switch", "--quiet", "change")
    (repo / "README.md").write_text("Mills\n")
    commit(repo, "Docs")
    found = made(repo)
    assert (found.added, found.retired, found.training) == ((), (), False)


def test_the_work_tree_is_not_looked_at(repo, tarn):
    tarn.write_text("nonsense")
    assert not made(repo).training


def test_commits_without_a_common_past_are_wrong_usage(repo, git, commit):
    git(repo, "switch", "--quiet", "--orphan", "other")
    commit(repo, "Alone")
    with pytest.raises(ConfigError):
        change.read_change(repo, "main", "other")


def test_the_command_prints_a_plan_that_programs_can_read(repo, tarn, commit, capsys):
    tarn.write_text(tarn.read_text() + FACT)
    commit(repo, "Height")
    assert main(["plan", "--base", "main", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["added"] == ["tarn-mill/height"]
    assert main(["plan", "--base", "main"]) == 0
    assert "added    tarn-mill/height" in capsys.readouterr().out


def test_check_with_a_base_judges_the_commit_with_positions(repo, tarn, commit, capsys):
    tarn.write_text(tarn.read_text() + FACT.replace("question", "qeustion"))
    commit(repo, "Typo")
    assert main(["check", "--base", "main", "--format", "json"]) == 1
    first = json.loads(capsys.readouterr().out)["problems"][0]
    assert first["path"].endswith("tarn-mill.yaml")
    assert first["line"] > 1
    assert main(["plan", "--base", "main"]) == 1
    assert "did you mean `question`?" in capsys.readouterr().out


def test_a_hostile_file_name_outside_the_facts_cannot_act_in_an_annotation(
    repo, tarn, commit, capsys
):
    tarn.write_text(tarn.read_text() + FACT)
    (repo / "a\n::error::b").write_text("")
    commit(repo, "Both")
    assert main(["check", "--base", "main", "--format", "github"]) == 1
    shown = capsys.readouterr().out
    assert len(shown.strip().splitlines()) == 1
    assert r"a\n%3A%3Aerror" in shown


def test_a_summary_shows_ids_in_code_spans_only():
    hostile = plan.Plan("b", "h", ("x/`@everyone`<b>",), (), (), 1, True, False, False, 60)
    assert "``x/`@everyone`<b>``" in plan.plan_as_markdown(hostile)
