"""Files to import: whatever their bytes, good facts are written once, or it is said why not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.mutations import edited, edits, outcome

from pipeline.core import problems
from pipeline.facts import check
from pipeline.facts.authoring.library import read_library
from pipeline.facts.importing.drafts import cell_of, texts_of
from pipeline.facts.importing.read import read_files
from pipeline.facts.importing.rows import Options
from pipeline.facts.importing.run import plan_import, write_import

ROOT = Path(__file__).parents[2]
MILLS = ROOT / "tests" / "cases" / "mills" / "facts"
SEEDS = [
    path
    for path in sorted((ROOT / "tests" / "cases" / "import").iterdir())
    if path.suffix != ".toml" and path.stat().st_size < 4_000
]
TOKENS = (
    b",", b";", b"\t", b"|", b'"', b'""', b"\n", b"\r\n", b"\r", b"\0", b"=cmd", b"'=1", b"\xef\xbb\xbf",
    b"\xff\xfe", b"sep=|\n", b"Tarn Mill", b"question", b"{", b"}", b"[", b"]", b'"a": ', b"\\ud800",
    b"\\u0000", b"NaN", b"9" * 5000, b"x" * 700, b"\xe2\x80\xae", b"\xed\xb2\x80", b"<|im_end|>", b"- ",
    b"e\xcc\x81", b": ", b"&a ", b"*a", b"../", b"\xc2\x85", b"\xe2\x80\xa8", b"\xc3\x9f", b" ",
    b"  \xc2\xa0", b"\xf0\x9f\x99\x82",
)  # fmt: skip
OPTIONS = Options({"subject": "Ash Lock", "kind": "lock", "source": "x"})
CELLS = st.one_of(
    st.sampled_from(
        ["Ash Lock", "Who built Ash Lock?", "Ash Lock was built by Ida Roe.", "C++", "C", "", "=1+1"]
    ),
    st.text(max_size=30),
)  # fmt: skip


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("import")


def run(path, facts, options):
    """Import a file; give what came of it, None where it was refused, and the files there are then."""

    def go():
        library = read_library(facts)
        made = plan_import(read_files([path], options), library)
        write_import(made, library, facts.parent / "fill-in.csv")
        return made

    made, error = outcome(go)
    assert made or (error.exit_code in (1, 2) and error.hint)
    return made, {file: file.read_bytes() for file in facts.parent.rglob("*") if file.is_file()}


def assert_holds(raw, name, options, work):
    """Assert what holds for any file: good facts, nothing lost, all told, nothing more the second time."""
    home = work / "home"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(MILLS, home / "facts")
    before = {file: file.read_bytes() for file in (home / "facts").rglob("*.yaml")}
    path = work / name
    path.write_bytes(raw)
    made, after = run(path, home / "facts", options)
    assert all(after[file].startswith(old) for file, old in before.items())
    if made is None:
        assert after == before
        return 0
    told = (*made.refused, *made.left)
    assert problems.as_text(told).replace("\n", "").isprintable()
    assert all(problem.where.path for problem in told)
    check.load_subjects(home / "facts")
    again, same = run(path, home / "facts", options)
    assert same == after
    assert again is None or not again.files
    return made.added


@given(seed=st.sampled_from(SEEDS), changes=edits(TOKENS))
def test_any_edit_of_a_file_is_facts_or_problems(work, seed, changes):
    assert_holds(edited(seed.read_bytes(), changes), seed.name, OPTIONS, work)


@given(
    raw=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)),
    name=st.sampled_from(["x.csv", "x.tsv", "x.json", "x.jsonl", "x.yaml", "x"]),
)
def test_any_bytes_are_facts_or_problems(work, raw, name):
    assert_holds(raw, name, Options(), work)


@given(
    rows=st.lists(st.lists(CELLS, min_size=4, max_size=4), max_size=6),
    sign=st.sampled_from(",;\t|"),
)
@example(rows=[["C", "l", "Who made C?", "Ada."], ["C++", "l", "Who made C++?", "Bo."]], sign=",")
def test_any_table_in_order_is_facts_or_problems(work, rows, sign):
    quoted = (sign.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    text = "\n".join([sign.join(["subject", "kind", "question", "answer"]), *quoted])
    assert_holds(text.encode("utf-8", "surrogatepass"), "x.csv", Options({"source": "x"}), work)


@given(texts=st.lists(st.text(alphabet="ab;,[]\"' \\|", min_size=1, max_size=8), max_size=4))
def test_a_list_comes_back_from_a_cell(texts):
    lined = tuple(line for text in texts if (line := " ".join(text.split())))
    assert [
        " ".join(str(each).split()) for each in texts_of(cell_of(lined)) if str(each).strip()
    ] == [*lined]


NAMES = ("Ash Lock", "Tarn Mill", "Elm Lock")
ASKED = ("Who built {}?", "Who owns {}?", "Who built Elm Lock?", "Which person owns {}?")
SAID = ("{} belongs to Ida Roe.", "{} belongs to Bo Kim.", "Yes.", "Elm Lock.", "Ida Roe.")
PROBED = ("", "Who owns Ash Lock?", "Which person owns {}?")


@given(rows=st.lists(st.tuples(*map(st.sampled_from, (NAMES, ASKED, SAID, PROBED))), max_size=9))
@example(
    rows=[
        ("Ash Lock", ASKED[0], SAID[0], ""),
        ("Elm Lock", ASKED[0], SAID[0], ""),
        ("Ash Lock", ASKED[2], SAID[0], ""),
    ]
)
def test_rows_that_contradict_each_other_are_taken_or_left_out_once_and_for_all(work, rows):
    lines = [
        f"{name},lock,{asked.format(name)},{answer.format(name)},{probe.format(name)}"
        for name, asked, answer, probe in rows
    ]
    text = "\n".join(["subject,kind,question,answer,probes", *lines])
    assert_holds(text.encode(), "x.csv", Options({"source": "x"}), work)
