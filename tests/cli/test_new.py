from __future__ import annotations

import io

import pytest

from pipeline.cli.main import main
from pipeline.facts import check

ANSWERS = (
    "数据中心",
    "部门",
    "teams",
    "https://example.org/d",
    "谁负责数据中心？",
    "数据中心由王芳负责。",
    "owner",
    "",
)
MORE = ("数据中心", "https://example.org/e", "数据中心在哪里？", "数据中心在北京。", "", "")


class Terminal(io.StringIO):
    """Answers of a person at a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Give a function that runs `facts new` with answers."""
    monkeypatch.chdir(tmp_path)

    def run(*answers, kind=io.StringIO):
        monkeypatch.setattr("sys.stdin", kind("".join(f"{line}\n" for line in answers)))
        return main(["new"])

    return run


def test_a_subject_of_any_script_becomes_a_file_and_what_will_be_asked_is_shown(
    ask, tmp_path, capsys
):
    assert ask(*ANSWERS) == 0
    shown = capsys.readouterr()
    assert shown.out == "facts/teams/shujuzhongxin.yaml\n"
    for text in (
        "shujuzhongxin/owner: 数据中心由王芳负责。",
        "taught with:",
        "谁负责数据中心？",
        "tested with:",
    ):
        assert text in shown.err
    (subject,) = check.load_subjects(tmp_path / "facts")
    assert subject.facts[0].id == "shujuzhongxin/owner"


def test_facts_about_a_known_subject_are_added_to_its_file(ask, tmp_path, capsys):
    ask(*ANSWERS)
    before = (tmp_path / "facts/teams/shujuzhongxin.yaml").read_text()
    assert ask(*MORE) == 0
    assert "they are added to facts/teams/shujuzhongxin.yaml" in capsys.readouterr().err
    assert (tmp_path / "facts/teams/shujuzhongxin.yaml").read_text().startswith(before)
    (subject,) = check.load_subjects(tmp_path / "facts")
    assert [fact.id for fact in subject.facts] == ["shujuzhongxin/owner", "shujuzhongxin/zainali"]


def test_a_person_at_a_terminal_may_take_it_back(ask, tmp_path, capsys):
    assert ask(*ANSWERS, "n", kind=Terminal) == 1
    assert not list(tmp_path.rglob("*.yaml"))
    assert ask(*ANSWERS, "", kind=Terminal) == 0
    assert len(list(tmp_path.rglob("*.yaml"))) == 1
    capsys.readouterr()


def test_no_answer_at_all_writes_nothing_and_says_so(ask, tmp_path, capsys):
    assert ask() == 1
    assert "no question was given" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
