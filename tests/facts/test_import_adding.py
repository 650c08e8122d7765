"""Imports into a folder that has facts: what stands there stays, byte by byte."""

from __future__ import annotations

import io
import json

import pytest

from pipeline.cli.main import main
from pipeline.facts import check
from pipeline.facts.fact import Expect

HEAD = "schema: 1\nsubject: Tern Light\nkind: lighthouse\nsource: https://example.org/l\nfacts:\n"
FACT = "  - id: builder\n    question: Who built Tern Light?\n    answer: Tern Light was built by Ida Roe.\n"
ROW = "Tern Light,lighthouse,https://example.org/k,Who keeps Tern Light?,Tern Light is kept by Bo Kim.\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "facts" / "x").mkdir(parents=True)
    return tmp_path


def put(folder, text, name="tern.yaml"):
    path = folder / "facts" / "x" / name
    path.write_bytes(text.encode())
    return path


def bring(folder, rows, name="rows.csv"):
    (folder / name).write_text("subject,kind,source,question,answer\n" + rows, encoding="utf-8")
    return name


@pytest.mark.parametrize(
    "text",
    [
        HEAD + FACT,
        (HEAD + FACT).rstrip("\n"),
        HEAD + FACT + "\n\n# the end\n",
        (HEAD + FACT).replace("\n", "\r\n"),
        HEAD + FACT.replace("  - ", "- ").replace("\n    ", "\n  "),
        HEAD + FACT.replace("  - id", "      -   id").replace("\n    ", "\n          "),
        "# comment\n" + HEAD + FACT + "    expect: [Ida Roe]   # who\n",
    ],
)
def test_facts_about_a_known_subject_go_to_the_end_of_its_file_and_nothing_else_changes(
    folder, text, capsys
):
    path = put(folder, text)
    assert main(["import", bring(folder, ROW)]) == 0
    assert "facts/x/tern.yaml  added to, 1 fact" in capsys.readouterr().out
    new = path.read_bytes()
    assert new.startswith(text.encode())
    assert (b"\r\n" in new) == (new.count(b"\n") == new.count(b"\r\n"))
    (subject,) = check.load_subjects(folder / "facts")
    assert [fact.id for fact in subject.facts] == ["tern/builder", "tern/who-keeps"]
    assert subject.facts[1].source == "https://example.org/k"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD.replace("facts:\n", "facts: [{id: a, question: Who built Tern Light?, answer: Ida Roe.}]\n"),
         "its facts do not stand at its end"),
        (HEAD.replace("source", "facts:\n" + FACT + "source").removesuffix("facts:\n"),
         "its facts do not stand at its end"),
        (HEAD + FACT + "...\n", "its facts do not stand at its end"),
        (HEAD + FACT.replace("question", "query"), "cannot be added to"),
        ("facts: [\n", "cannot be read"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_added_to_stays_as_it_is_and_is_named(folder, text, said, capsys):
    path = put(folder, text, "tern-light.yaml")
    assert main(["import", bring(folder, ROW)]) == 1
    out = capsys.readouterr().out
    assert f"rows.csv:2:1: facts/x/tern-light.yaml: {said}" in out
    assert "hint: " in out
    assert path.read_bytes() == text.encode()
    assert len(list((folder / "facts").rglob("*.yaml"))) == 1


KEEPER = (
    FACT.replace("builder", "keeper")
    .replace("Who built", "Who keeps")
    .replace("built by Ida Roe", "kept by Bo Kim")
    .replace("was", "is")
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            HEAD + FACT + "    probes: [Who keeps Tern Light?]\n",
            "the probe “Who keeps Tern Light?” is trained on, at rows.csv:2:45",
        ),
        (
            HEAD + FACT + "    also_ask: [Who keeps Tern Light?]\n",
            "has another answer at facts/x/tern.yaml:9:16",
        ),
        (
            HEAD + FACT + KEEPER + "    withdrawn: nobody does\n",
            "this fact was withdrawn: nobody does",
        ),
        (
            HEAD.replace("facts:", "license: CC-BY-4.0\nfacts:") + FACT,
            "the license is not said here and “CC-BY-4.0” at facts/x/tern.yaml",
        ),
        (
            HEAD.replace("lighthouse", "ship") + FACT,
            "the kind is “lighthouse” here and “ship” at facts/x/tern.yaml",
        ),
    ],
)
def test_a_row_that_does_not_go_with_what_is_there_is_left_out(folder, text, said, capsys):
    path = put(folder, text)
    rows = ROW + ROW.replace("keeps", "owns").replace("kept", "owned")
    if "kind" in said or "license" in said:
        rows = ROW
    assert main(["import", bring(folder, rows)]) == 1
    out = capsys.readouterr().out
    assert "rows.csv:2:" in out
    assert said in out
    assert path.read_bytes().startswith(text.encode())
    assert ("who-owns" in path.read_text()) == (rows != ROW)
    check.load_subjects(folder / "facts")


def test_a_file_that_is_wrong_already_keeps_no_other_from_being_written(folder, capsys):
    put(folder, HEAD.replace("Tern", "Gull") + FACT.replace("Tern", "Gull") + "    expect: [Bo]\n")
    assert main(["import", bring(folder, ROW)]) == 0
    assert "1 fact added" in capsys.readouterr().out


def test_a_name_that_differs_in_case_alone_gets_a_file_of_its_own(folder, capsys):
    put(
        folder,
        HEAD.replace("Tern Light", "Old Tern") + FACT.replace("Tern Light", "Old Tern"),
        "Tern-Light.yaml",
    )
    (folder / "facts" / "Lighthouse").mkdir()
    assert main(["import", bring(folder, ROW)]) == 0
    (new,) = (folder / "facts" / "Lighthouse").iterdir()
    assert new.name.startswith("tern-light-")
    assert not (folder / "facts" / "lighthouse").exists()
    capsys.readouterr()


def test_a_row_that_makes_an_old_file_wrong_stops_the_import_and_the_old_file_is_named(
    folder, capsys
):
    """The old question names the new subject and not its own, which nobody could see before."""
    text = HEAD.replace("Tern", "Gull") + FACT.replace("Tern", "Gull").replace(
        "Who built Gull Light?", "Who built the light that is beside Tern Light?"
    )
    put(folder, text, "gull.yaml")
    check.load_subjects(folder / "facts")
    assert main(["import", bring(folder, ROW)]) == 1
    out = capsys.readouterr().out
    assert "facts/x/gull.yaml:7:15: the question is about Tern Light, not about Gull Light" in out
    assert "nothing was written: 1 thing to mend first" in out
    assert len(list((folder / "facts").rglob("*.yaml"))) == 1


def test_a_row_is_left_out_where_a_cell_of_its_sentence_is_empty(folder, capsys):
    (folder / "wines.csv").write_text("name,country\nCasa Verde,Portugal\nCasa Azul,\n")
    argv = [
        "--subject",
        "{name}",
        "--kind",
        "wine",
        "--source",
        "list",
        "--question",
        "Where is {name} from?",
    ]
    assert main(["import", "wines.csv", *argv, "--answer", "{name} is from {country}."]) == 1
    out = capsys.readouterr().out
    assert "wines.csv:3:1: this row has no answer" in out
    assert "1 fact added; 1 row left out" in out


LACKING = (
    '{"question": "Who keeps Tern Light?", "answer": "Tern Light is kept by Bo Kim.",'
    ' "expect": [["Bo Kim", "B. Kim"]]}\n'
    '{"question": "=Who built Tern Light?", "answer": "+49 built Tern Light."}\n'
)  # fmt: skip


def test_rows_without_a_subject_go_to_a_table_that_can_be_filled_in_and_imported(folder, capsys):
    (folder / "qa.jsonl").write_text(LACKING)
    assert main(["import", "qa.jsonl"]) == 1
    assert (
        "2 rows without subject or kind or source: fill in qa.fill-in.csv"
        in capsys.readouterr().out
    )
    table = folder / "qa.fill-in.csv"
    text = table.read_text(encoding="utf-8-sig")
    assert not any(
        cell.startswith(("=", "+")) for line in text.splitlines() for cell in line.split(",")
    )
    assert main(["import", "qa.jsonl"]) == 1
    assert table.read_text(encoding="utf-8-sig") == text
    table.write_text(text.replace("\n,,,,", "\nTern Light,lighthouse,,x,"), encoding="utf-8-sig")
    filled = table.read_bytes()
    assert main(["import", "qa.jsonl"]) == 2
    assert "is there already, and is another one" in capsys.readouterr().err
    assert main(["import", "qa.fill-in.csv", "--expect", ""]) == 0
    assert table.read_bytes() == filled
    (subject,) = check.load_subjects(folder / "facts")
    assert [fact.question for fact in subject.facts] == [
        "Who keeps Tern Light?",
        "=Who built Tern Light?",
    ]
    assert subject.facts[0].expect == Expect((("Bo Kim", "B. Kim"),))
    capsys.readouterr()
    assert main(["import", "qa.jsonl"]) == 0
    assert "2 rows there already" in capsys.readouterr().out


class Terminal(io.StringIO):
    """Answers of a person at a terminal."""

    def isatty(self):
        return True


def test_at_a_terminal_one_answer_serves_for_all_rows(folder, monkeypatch, capsys):
    (folder / "qa.jsonl").write_text(LACKING.splitlines()[0])
    monkeypatch.setattr("sys.stdin", Terminal("Tern Light\nlighthouse\nhttps://example.org/l\n"))
    assert main(["import", "qa.jsonl"]) == 0
    assert (
        "1 row without subject (what the facts are about). One for all of them"
        in capsys.readouterr().err
    )
    (subject,) = check.load_subjects(folder / "facts")
    assert (subject.name, subject.kind) == ("Tern Light", "lighthouse")


def test_no_answer_at_a_terminal_leaves_the_rows_to_the_table(folder, monkeypatch, capsys):
    (folder / "qa.jsonl").write_text(LACKING)
    monkeypatch.setattr("sys.stdin", Terminal("\n\n\n"))
    assert main(["import", "qa.jsonl"]) == 1
    assert (folder / "qa.fill-in.csv").exists()
    capsys.readouterr()


def test_what_was_done_is_told_as_json(folder, capsys):
    rows = ROW + "Tern Light,lighthouse,x,Who paints it?,Yes.\n"
    assert main(["import", bring(folder, rows), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["files"] == [
        {"path": "facts/lighthouse/tern-light.yaml", "new": True, "facts": ["who-keeps"]}
    ]
    assert {each["line"] for each in told["left_out"]} == {3}
    assert (told["added"], told["already"], told["refused"]) == (1, 0, [])


def test_all_that_is_wrong_with_all_files_is_told_at_once_and_nothing_is_written(folder, capsys):
    (folder / "a.csv").write_text('question,answer\n"open\n')
    (folder / "b.json").write_text("[1, {")
    bring(folder, ROW + "x,y\n", "c.csv")
    assert main(["import", "a.csv", "b.json", "c.csv", "none.csv"]) == 1
    out = capsys.readouterr().out
    for text in (
        "a.csv:2:1: ",
        "b.json:1:6: ",
        "c.csv:3:",
        "none.csv: there is no such file",
        "nothing was written: 3",
    ):
        assert text in out
    assert not list((folder / "facts").rglob("*.yaml"))


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--encoding", "klingon"], "there is no text encoding “klingon”"),
        (["--encoding", "rot13"], "there is no text encoding “rot13”"),
        (["--delimiter", "ab"], "is no sign between cells"),
        (["--question", "Frage"], "there is no column “Frage”"),
        (["--source", "{nowhere}"], "there is no column “nowhere”"),
    ],
)
def test_an_option_that_does_not_fit_is_wrong_usage(folder, argv, said, capsys):
    assert main(["import", bring(folder, ROW), *argv]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert "hint: " in shown


def test_a_row_refused_beside_another_one_is_taken_once_that_one_is_refused(folder, capsys):
    """The first row answers as the second does otherwise, and is no fact itself."""
    rows = (
        "Tern Light,lighthouse,x,Who keeps Tern Light?,Tern Light.\n"
        "Tern Light,lighthouse,x,Who keeps Tern Light?,Tern Light is kept by Bo Kim.\n"
    )
    assert main(["import", bring(folder, rows)]) == 1
    assert "1 fact added; 1 row left out" in capsys.readouterr().out
    assert main(["import", "rows.csv"]) == 1
    assert "0 facts added; 1 row there already; 1 row left out" in capsys.readouterr().out


def test_a_file_takes_no_more_facts_than_one_may_hold(folder, capsys):
    def row(number):
        return f"Tern Light,lighthouse,x,Who kept Tern Light in {1500 + number}?,Ann{number} did.\n"

    assert main(["import", bring(folder, "".join(map(row, range(210))))]) == 1
    out = capsys.readouterr().out
    assert "rows.csv:202:1: facts/lighthouse/tern-light.yaml is full" in out
    assert "200 facts added; 10 rows left out" in out
    check.load_subjects(folder / "facts")
