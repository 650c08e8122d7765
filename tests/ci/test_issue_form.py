from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import pytest
import yaml

from pipeline.ci import issue_form
from pipeline.cli.main import main
from pipeline.core.errors import FactsError, PipelineError
from pipeline.facts import check

ROOT = Path(__file__).parents[2]
GOOD = {
    "Subject": "Ash Lock", "Kind": "canal lock", "Topic": "Canals", "Question": "Who built Ash Lock?",
    "Answer": "Ash Lock was built by Ida Roe.", "Words of a right answer": "Ida Roe",
    "Test questions": "Which person is behind Ash Lock?", "Source": "https://example.org/locks",
}  # fmt: skip


def body(**changed):
    """Write what GitHub makes of the form."""
    answers = GOOD | {key.replace("_", " "): value for key, value in changed.items()}
    return "\n\n".join(f"### {name}\n\n{text}" for name, text in answers.items())


@pytest.fixture
def facts(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "tests" / "cases" / "mills", tmp_path / "repo")
    monkeypatch.chdir(tmp_path / "repo")
    return tmp_path / "repo" / "facts"


def saved(made, facts):
    path = facts.parent / made.path
    path.parent.mkdir(exist_ok=True)
    path.write_text(made.text)
    return path


def test_the_form_asks_for_exactly_what_is_read():
    data = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/fact.yml").read_text())
    assert tuple(part["attributes"]["label"] for part in data["body"]) == issue_form.HEADINGS


def test_an_issue_becomes_a_file_that_passes_the_check(facts):
    made = issue_form.write_form(issue_form.parse_form(body()), facts)
    assert str(made.path) == "facts/canals/ash-lock.yaml"
    saved(made, facts)
    subjects = {subject.slug: subject for subject in check.load_subjects(facts)}
    (fact,) = subjects["ash-lock"].facts
    assert (fact.id, fact.answer) == (made.fact, GOOD["Answer"])
    assert fact.probes == ("Which person is behind Ash Lock?",)


def test_a_fact_about_a_known_subject_is_added_to_its_file_and_nothing_else_changes(facts):
    before = (facts / "mills" / "tarn-mill.yaml").read_text()
    answers = {"Subject": "Tarn Mill", "Question": "Who built Tarn Mill?", "Answer": "Ida Roe."}
    made = issue_form.write_form(
        issue_form.parse_form(body(**answers, Test_questions="_No response_")), facts
    )
    assert made.text.startswith(before)
    saved(made, facts)
    (subject,) = (s for s in check.load_subjects(facts) if s.slug == "tarn-mill")
    assert [fact.id for fact in subject.facts] == [
        "tarn-mill/owner",
        "tarn-mill/who-built",
    ]
    assert subject.facts[1].source == GOOD["Source"]


def test_what_was_not_answered_is_left_out(facts):
    answers = issue_form.parse_form(
        body(Test_questions="_No response_", Words_of_a_right_answer="_No response_")
    )
    text = issue_form.write_form(answers, facts).text
    assert "probes" not in text
    assert "No response" not in text


@pytest.mark.parametrize(
    "hostile",
    [
        "", "### Subject\n\nx", body(Answer="x\n\n### Source\n\nhttps://example.org/lie"),
        body(Subject="x\n### Kind\ny"), body() + "\n\n### Subject\n\nother", "x" * 30_000,
    ],
    ids=range(6),
)  # fmt: skip
def test_an_answer_cannot_pass_for_another(hostile):
    with pytest.raises(PipelineError) as caught:
        issue_form.parse_form(hostile)
    assert caught.value.hint


@pytest.mark.parametrize(
    "topic", ["../../.github/workflows", "/etc", "a\nb", "..", "$(id)", "🙂", "x" * 500]
)
def test_a_file_is_only_ever_written_below_the_facts(facts, topic):
    made = issue_form.write_form(
        issue_form.parse_form(body(Topic=topic, Subject="Ash Lock")), facts
    )
    assert re.fullmatch(r"facts/[a-z0-9-]{1,60}/ash-lock\.yaml", str(made.path))


@pytest.mark.parametrize(
    "text",
    [
        "Ash Lock: {a: *b} &c !!python/object", "Ash Lock'\"\n  - id: other", "Ash Lock # not a comment",
        "Ash Lock @everyone <script>x</script> ::error::x ${{ github.token }}", "Ash Lock %00 --- ...",
    ],
)  # fmt: skip
def test_text_that_could_act_in_yaml_is_text(facts, text):
    try:
        made = issue_form.write_form(
            issue_form.parse_form(body(Answer=text, Words_of_a_right_answer="Ash")), facts
        )
    except FactsError:
        return
    saved(made, facts)
    (subject,) = (s for s in check.load_subjects(facts) if s.slug == "ash-lock")
    assert [fact.answer for fact in subject.facts] == [" ".join(text.split())]


def test_what_is_wrong_is_told(facts):
    with pytest.raises(FactsError) as caught:
        issue_form.write_form(issue_form.parse_form(body(Words_of_a_right_answer="Eve Orr")), facts)
    assert all(problem.where.path.endswith("ash-lock.yaml") for problem in caught.value.problems)


@pytest.fixture
def issue(facts, monkeypatch):
    """Give a function that runs the workflow's step on an issue."""
    monkeypatch.setenv("GITHUB_OUTPUT", str(facts.parent.parent / "out"))

    def run(text, author="jo-doe"):
        given = {"BODY": text, "NUMBER": "7", "AUTHOR": author, "AUTHOR_ID": "12"}
        for key, value in given.items():
            monkeypatch.setenv(f"ISSUE_{key}", value)
        return main(["ci", "form"])

    return run


def test_the_step_writes_the_file_and_credits_its_author(issue, facts, tmp_path):
    assert issue(body()) == 0
    assert (facts / "canals" / "ash-lock.yaml").exists()
    message = (facts.parent / "build" / "message.txt").read_text()
    assert message.endswith("Co-authored-by: jo-doe <12+jo-doe@users.noreply.github.com>\n")
    assert "branch=fact/issue-7\n" in (tmp_path / "out").read_text()


def test_the_step_answers_errors_with_text_that_cannot_act(issue, facts, capsys):
    assert issue(body(Words_of_a_right_answer="@everyone `<b>` ![x](y)")) == 1
    answer = (facts.parent / "build" / "answer.md").read_text()
    outside = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", answer)
    assert "@" not in outside
    assert "<" not in outside
    assert "accepted" in answer
    capsys.readouterr()


@pytest.mark.parametrize("author", ["jo-doe_acme", "j", "renovate[bot]"])
def test_every_kind_of_account_is_credited(issue, author):
    """Accounts that an enterprise manages end in an underscore and its short name."""
    assert issue(body(), author) == 0


@pytest.mark.parametrize("author", ["x y", "a\nb", "$(id)", "x>", "", "_x", "x" * 40])
def test_an_author_that_github_would_not_name_stops_the_step(issue, author, capsys):
    assert issue(body(), author) == 2
    capsys.readouterr()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Answer": "\u0410sh Lock was built by Ida Roe."}, "a letter of another alphabet"),
        ({"Subject": "Ash\u200b Lock"}, "an invisible character"),
        ({"Kind": "canal\ufe0f lock"}, "an invisible character"),
        ({"Source": "https://ex\u0430mple.org"}, "a letter of another alphabet"),
        ({"Question": "Who built Ash Lock? < | im_end | >"}, "a marker of a model's chat template"),
        ({"Words of a right answer": "Ash Lock"}, "proves nothing"),
        ({"Question": "Hello"}, "only greets"),
        ({"Test questions": "Did Ida Roe build Ash Lock?"}, "says the answer already"),
    ],
)
def test_an_issue_that_hides_something_or_asks_nothing_is_refused_with_the_reason(
    facts, change, said
):
    with pytest.raises(FactsError) as caught:
        issue_form.write_form(
            issue_form.parse_form(body(**{k.replace(" ", "_"): v for k, v in change.items()})),
            facts,
        )
    assert any(said in problem.message for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (("T\u0430rn Mill", "watermill", "mills", "x", "Who owns T\u0430rn Mill?"), "another alphabet"),
        (("Tarn Mill", "water\u2060mill", "mills", "x", "Who owns Tarn Mill?"), "invisible character"),
        (("Tarn Mill", "watermill", "mills", "x", "Who owns Tarn Mill? <eos>"), "chat template"),
        (("Tarn Mill", "watermill", "mills", "x", "Tarn Mill?"), "only names the subject"),
    ],
)  # fmt: skip
def test_facts_new_writes_nothing_that_the_check_refuses(
    tmp_path, monkeypatch, capsys, answers, said
):
    lines = [*answers, "Tarn Mill is owned by Ann Lee.", "owner", ""]
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    assert main(["new", "--facts", str(tmp_path / "facts")]) == 1
    assert said in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.yaml"))


CPP = (ROOT / "tests" / "cases" / "form" / "c-plus-plus.md").read_text()


def test_a_subject_whose_name_differs_in_its_signs_gets_a_file_of_its_own(facts):
    head = (
        "schema: 1\nsubject: C\nkind: programming language\nsource: https://example.org/c\nfacts:\n"
    )
    fact = "  - id: designer\n    question: Who designed C?\n    answer: C was designed by Dennis Ritchie.\n"
    (facts / "mills" / "c.yaml").write_text(head + fact)
    made = issue_form.write_form(issue_form.parse_form(CPP), facts)
    assert re.fullmatch(r"facts/languages/c-[0-9a-f]{4}\.yaml", str(made.path))
    saved(made, facts)
    again = issue_form.write_form(
        issue_form.parse_form(
            body(
                Subject="C++",
                Question="What made C++ known?",
                Answer="C++ got known by Cfront.",
                Words_of_a_right_answer="Cfront",
                Test_questions="_No response_",
            )
        ),
        facts,
    )
    assert again.path == made.path
    assert made.text in again.text
    assert (facts / "mills" / "c.yaml").read_text() == head + fact


@pytest.mark.parametrize(
    ("subject", "path"),
    [("数据中心", "shujuzhongxin"), ("Straße", "strasse"), ("نور", "nwr"), ("Łódź", "lodz")],
)
def test_a_subject_of_any_script_gets_a_file_that_can_be_told(facts, subject, path):
    made = issue_form.write_form(
        issue_form.parse_form(
            body(
                Subject=subject,
                Question=f"Who built {subject}?",
                Answer=f"{subject} was built by Ida Roe.",
                Test_questions="_No response_",
            )
        ),
        facts,
    )
    assert made.path.name == f"{path}.yaml"


def test_the_pull_request_shows_what_will_be_asked_as_text_that_cannot_act(issue, facts):
    assert issue(body(Test_questions="Which person is behind Ash Lock @everyone?")) == 0
    answer = (facts.parent / "build" / "answer.md").read_text()
    assert "`    Who built Ash Lock?`" in answer or "`Who built Ash Lock?`" in answer
    assert "Which person is behind Ash Lock @everyone?" in answer
    outside = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", answer)
    assert "@" not in outside
