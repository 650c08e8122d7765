"""Nothing that others wrote acts on a terminal or on a workflow's log, whichever verb prints it."""

from __future__ import annotations

import ast
import io
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.core import console
from pipeline.core.console import Guard

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MINIMAL = (ROOT / "tests" / "cases" / "facts" / "valid" / "minimal.yaml").read_text(
    encoding="utf-8"
)
HOSTILE = (
    "::error::x", "  ::add-mask::x", "\n::stop-commands::x", "##[error]x", "a ##[group]x", "##vso[task]x",
    "\x1b[2J\x1b[31m", "\x9b31m", "\r::warning::x", "%0A::error::x", "a\u202eb", "\U000e0041", "\x00", "\x07",
)  # fmt: skip


def acts(text):
    """Say what in a log would act, if anything."""
    for line in text.split("\n"):
        if line.strip().startswith("::"):
            return line
        if "##[" in line or "##vso[" in line:
            return line
        if any(not (char.isprintable() or char in "\t\u3000\xa0") for char in line):
            return line
    return ""


def guarded(*pieces):
    stream = io.StringIO()
    guard = Guard(stream)
    for piece in pieces:
        assert guard.write(piece) == len(piece)
    return stream.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_becomes_visible(text):
    assert acts(f"{text}\n") or "%0A" in text
    assert not acts(guarded(f"{text}\n"))
    assert not acts(guarded("facts: ", text, "\n"))


def test_a_command_in_pieces_is_none():
    for pieces in (
        (":", ":error::x"),
        ("  ", "::x"),
        ("a\n", ":", ":x"),
        ("##", "[error]x"),
        ("#", "#", "[x"),
    ):
        assert not acts(guarded(*pieces)), pieces


def test_eight_thousand_texts_in_any_pieces_do_not_act():
    rng = random.Random(0)
    parts = (*HOSTILE, ":", "#", "[", " ", "\n", "text", "日本語", "é")
    for _ in range(8000):
        pieces = rng.choices(parts, k=rng.randint(1, 6))
        assert not acts(guarded(*pieces)), pieces


def test_plain_text_of_all_languages_passes_as_it_is():
    text = "facts/x.yaml:4:12: “Skłodowska 東京　✓” costs €3 :: half\n\thint: a # b\n"
    assert guarded(text) == text


def test_data_stays_json():
    data = {"said": "".join(HOSTILE)}
    for ascii_only in (True, False):
        written = guarded(json.dumps(data, indent=2, ensure_ascii=ascii_only))
        assert not acts(written)
        assert json.loads(written) == data


def test_a_bar_of_progress_moves_on_a_terminal_alone():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    Guard(stream).write("\r50% |###")
    assert stream.getvalue() == "\r50% |###"
    assert guarded("\r50%") == "\\r50%"


def test_only_commands_of_ours_begin_a_line(capsys):
    with console.guarded():
        print("::error::theirs")
        console.commands("::error::ours")
    assert capsys.readouterr().out == "\\u003a:error::theirs\n::error::ours\n"


def test_no_module_writes_past_the_guard():
    """Names that reach the streams behind the guard stand in its module only."""
    for path in sorted((ROOT / "pipeline").glob("*.py")):
        if path.name == "console.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = node.attr if isinstance(node, ast.Attribute) else ""
            assert name not in {"__stdout__", "__stderr__"}, path


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """Work in a folder whose facts file has a hostile name and hostile texts."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts" / "::error::x##[y].yaml").write_text(
        MINIMAL.replace("Ohm", '"\\e[2J ::error::x ##[error]y\\r"'), encoding="utf-8"
    )
    (tmp_path / "facts" / "ohm.yaml").write_text(
        MINIMAL.replace("kind: unit", 'kind: "##[error]%0A::x"\n::add-mask::x: y'), encoding="utf-8"
    )
    return tmp_path


def verbs(text):
    """Give a call of each verb that has `text` in what it reads, names or is told."""
    name = text.replace("\0", "").replace("/", "") or "x"
    return [
        ["learn", "--facts", name, "--out", "out"],
        ["learn", "--recipe", name],
        ["build", "--facts", "facts", "--out", name],
        ["train", "--out", name],
        ["gate", "--out", name],
        ["gate", "--server", name, "--model", name, "--out", name],
        ["check"], ["check", "--format", "json"], ["check", name], ["check", "--base", name],
        ["plan", "--base", name], ["plan", "--base", "HEAD", "--head", name, "--json"],
        ["ask", name, "--out", name, "--json"],
        ["bench", "--data", name], ["bench", "--sizes", name],
        ["new", "--facts", name],
        ["check-adapter", name, "--quick"],
        ["publish", "--to", name, "--out", name], ["publish", "--promote", name, "--to", name],
        ["pull", name], ["pull", f"org/name@{name}", "--key", name],
        ["serve", "--settings", name], ["deploy", name], ["rollback", name], ["status", name],
        ["ci", name], ["ci", "form"], ["ci", "plan"],
        [name],
    ]  # fmt: skip


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize("text", ["::error::x##[y]\x1b[2J\u202e", "a\n::error::x\r::x::%0A"])
def test_no_verb_prints_text_that_acts(text, monkeypatch, capsys):
    issue = ("ISSUE_BODY", "ISSUE_NUMBER", "ISSUE_AUTHOR", "ISSUE_AUTHOR_ID")
    for key in (*issue, "EVENT", "BASE", "HEAD"):
        monkeypatch.setenv(key, text.replace("\0", ""))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for argv in verbs(text):
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{text}\n" * 9))
        try:
            code = main(argv)
        except SystemExit as end:  # argparse ends like this
            code = end.code
        shown = capsys.readouterr()
        assert code in (0, 1, 2), (argv, shown.err)
        assert not acts(shown.out + "\n" + shown.err), (argv, acts(shown.out + "\n" + shown.err))


def test_a_bug_is_shown_with_its_trace_and_does_not_act(monkeypatch, capsys):
    def fail(_paths):
        raise RuntimeError("\n::error::x\x1b[2J ##[error]y")

    monkeypatch.setattr("pipeline.facts.check.check", fail)
    assert main(["check"]) == 3
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert not acts(shown)


def test_annotations_reach_the_log_as_commands(hostile):
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "check", "--format", "github"],
        cwd=hostile, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if line]
    assert lines
    assert all(line.startswith(("::error file=facts/", "::error title=facts::")) for line in lines)
    assert not any(not char.isprintable() for line in lines for char in line)
