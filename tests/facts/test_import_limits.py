"""Files too large, and files that never end: a limit is said, and little is held in memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.facts.authoring.compose import MAX_FACTS
from pipeline.facts.files import schema
from pipeline.facts.importing.rows import MAX_ROWS, MAX_WHOLE

ROOT = Path(__file__).parents[2]
HEADER = "subject,kind,source,question,answer\n"
ROW = "Tern Light,lighthouse,x,Who kept Tern Light in {0}?,Ann{0} did.\n"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def bring(text, name="x.csv"):
    Path(name).write_text(text, encoding="utf-8")
    return name


def test_more_rows_than_one_import_takes_are_refused_at_their_line(capsys):
    name = bring(HEADER + "".join(map(ROW.format, range(MAX_ROWS + 2))))
    assert main(["import", name]) == 1
    out = capsys.readouterr().out
    assert f"x.csv:{MAX_ROWS + 2}:1: here are more than 10,000 rows" in out
    assert "hint: import the file in parts" in out
    assert not Path("facts").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEADER + "x" * 2_000_000, "x.csv:2:1: this line has more than 1,048,576 characters"),
        (
            HEADER + 'a,"' + "x\n" * 900_000,
            "x.csv:2:1: a quote is opened in this row and never closed",
        ),
        (HEADER + '"\n",' * 1_200_000, "x.csv:2:1: this row does not end"),
        (HEADER + "," * 900_000 + "\n", "0 facts added"),
    ],
    ids=["line", "quote", "row", "empty"],
)
def test_what_does_not_end_is_refused_where_it_begins(text, said, capsys):
    assert main(["import", bring(text)]) == (0 if "0 facts" in said else 1)
    assert said in capsys.readouterr().out


def test_json_of_more_than_can_be_held_is_refused_with_a_way_out(capsys):
    assert main(["import", bring(" " * (MAX_WHOLE + 1), "x.json")]) == 1
    out = capsys.readouterr().out
    assert "larger than 32 MiB" in out
    assert "JSONL" in out


def test_a_file_is_full_where_the_schema_says_so():
    rules = json.loads(schema.SCHEMA.read_text(encoding="utf-8"))
    assert rules["properties"]["facts"]["maxItems"] == MAX_FACTS


@pytest.mark.slow
def test_a_hundred_megabytes_are_read_row_by_row():
    with Path("x.csv").open("w", encoding="utf-8") as file:
        file.write(f"notes,{HEADER}")
        file.writelines(f"{'long ' * 200_000},{ROW.format(number)}" for number in range(100))
    assert Path("x.csv").stat().st_size > 100_000_000
    code = (
        "import sys; from pipeline.cli.main import main\n"
        "code = main(['import', 'x.csv'])\n"
        # Not getrusage: its maximum is that of the process before exec as well, here of the tests.
        "peak = next(row.split()[1] for row in open('/proc/self/status') if row.startswith('VmHWM'))\n"
        "sys.exit(code or print(int(peak) // 1024))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    *_, summary, peak = done.stdout.splitlines()
    assert summary == "100 facts added"
    assert int(peak) < 250, "mebibytes"
