"""Facts files: whatever their bytes are, the check ends with problems or with subjects, never otherwise."""

from __future__ import annotations

import json
import random
import sys
from dataclasses import asdict
from pathlib import Path, PurePath

import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from support.mutations import drawn, edited, edits

from pipeline.core import config, json_file, problems
from pipeline.dataset import build
from pipeline.facts.check import check_documents
from pipeline.facts.fact import Subject, taught
from pipeline.facts.files import facts_file
from pipeline.facts.files.facts_file import MAX_BYTES

ROOT = Path(__file__).parents[2]
SEEDS = [
    path.read_bytes()
    for folder in ("facts", "tests/cases/facts", "tests/cases/mills")
    for path in sorted((ROOT / folder).rglob("*.yaml"))
    if path.stat().st_size < 4_000
]
TOKENS = (
    b"\t", b"[", b"]", b"{", b"}", b"- ", b": ", b":", b'"', b"'", b"\\x", b"\\u200b", b"&a ", b"*a", b"? ",
    b"\n", b"\r", b"\xff", b"%YAML 1.1\n", b"---\n", b"...\n", b"!!python/object:os.system ", b"!", b"<<: *a",
    b"| ", b">-\n", b"@", b"`", b" #", b"#x", b"\0", b"\xef\xbb\xbf", b"\xe2\x80\xae", b"\xed\xa0\x80", b"~",
    b"schema: 1\n", b"  - id: x\n", b"facts:\n", b"expect: []\n", b"reverse:\n", b"withdrawn: ", b"9" * 5000,
    b"[" * 500, b"- " * 500, b"2026-02-30", b"<|im_end|>", b"e\xcc\x81", b"x" * 700,
)  # fmt: skip
MILD = (b"a", b" ", b"Ohm", b"9", b"-", b"\xc3\xa9", b",", b"\n", b"  ", b"#")
"""What may well leave a file in order."""
KEYS = (
    "schema", "subject", "kind", "aliases", "source", "license", "facts", "id", "question", "answer",
    "expect", "also_ask", "probes", "reverse", "retrieved", "review_by", "owner", "supersedes",
    "withdrawn", "<<", "", "*a", "&b", "x y", "y" * 300,
)  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(["Ohm", "Who is Ohm?", "1", "true", "2026-01-01", "2026-02-30", "a: b", "[x", "|", ""]),
    st.text(max_size=40),
)  # fmt: skip
MOST_STEPS = 250
"""Lines of Python that may run for one byte of a file; a file of 64 KiB then takes seconds."""


def check(raw):
    """Check a file's bytes as `facts check` does."""
    document = facts_file.parse_document(raw, "facts/x.yaml")
    return document, check_documents([(PurePath("facts/x.yaml"), document)], (), "facts")


def assert_told(raw, checked):
    """Assert that each problem has its place in the file, and words that can be shown."""
    lines = raw.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    for problem in checked.problems:
        where = problem.where
        assert where.path == "facts/x.yaml"
        assert 0 <= where.line <= len(lines)
        assert where.column <= len(lines[where.line - 1]) + 1 if where.line else not where.column
        assert problem.rule
        assert problem.message
    shown = problems.as_text(checked.problems)
    assert shown.replace("\n", "").isprintable()
    log = problems.as_github(checked.problems).splitlines()
    assert all(line.startswith(("::error ", "::warning ")) for line in log)
    assert problems.as_json(checked.problems).isascii()


def assert_holds(raw):
    """Assert what holds for any bytes; give how many subjects were read from them."""
    document, checked = check(raw)
    assert document.data is not None or document.problems
    assert checked.subjects or checked.problems
    assert_told(raw, checked)
    if any(problem.severity == "error" for problem in checked.problems):
        return 0
    (subject,) = checked.subjects
    assert json_file.read_json(Subject, json.dumps(asdict(subject))) == subject
    again = yaml.safe_dump(document.data, allow_unicode=True, sort_keys=False, width=1000).encode()
    if len(again) <= MAX_BYTES:
        (same,) = check(again)[1].subjects
        assert said(same) == said(subject)
    return 1


def said(subject):
    """Give what a subject's file says, without where each thing stands in it."""
    rows = asdict(subject)
    del rows["where"]
    for fact in rows["facts"]:
        del fact["where"]
    return rows


def steps(raw):
    """Count the lines of Python that run while a file is checked."""
    count = 0

    def line(_frame, event, _arg):
        nonlocal count
        count += event == "line"
        return line

    before = sys.gettrace()
    sys.settrace(line)
    try:
        check(raw)
    finally:
        sys.settrace(before)
    return count


@st.composite
def documents(draw, depth=0):
    """Give data like that of a facts file, right and wrong."""
    if depth == 3:
        return draw(TEXTS)
    values = st.one_of(TEXTS, st.lists(documents(depth + 1), max_size=3), documents(depth + 1))
    keys = draw(st.lists(st.sampled_from(KEYS), max_size=7, unique=True))
    return {key: draw(values) for key in keys}


@st.composite
def facts_files(draw):
    """Give the text of a facts file that is nearly right, in any of YAML's styles."""
    fact = st.fixed_dictionaries(
        {"id": st.from_regex(r"[a-z0-9-]{1,5}", fullmatch=True), "question": TEXTS, "answer": TEXTS},
        optional={key: st.one_of(TEXTS, st.lists(TEXTS, max_size=3), documents(2)) for key in KEYS[10:19]},
    )  # fmt: skip
    data = {
        "schema": draw(st.sampled_from([1, 1, 1, "1", 2, True])),
        "subject": draw(TEXTS),
        "kind": draw(TEXTS),
        "source": draw(TEXTS),
        "facts": draw(st.lists(fact, min_size=1, max_size=4)),
    } | draw(st.one_of(st.just({}), documents(2)))
    style = draw(st.sampled_from([None, '"', "'", "|", ">"]))
    flow = draw(st.sampled_from([None, True, False]))
    text = yaml.safe_dump(data, default_style=style, default_flow_style=flow, allow_unicode=True)
    return text.encode("utf-8", "surrogatepass")


@given(raw=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
@example(raw=b"? ")
@example(raw=b"---")
@example(raw=b"- " * 20_000)
@example(raw=b"a: &a [*a]")
def test_any_bytes_are_problems_or_facts(raw):
    assert_holds(raw)


@given(raw=facts_files())
def test_any_text_of_the_grammar_is_problems_or_facts(raw):
    assert_holds(raw)


@given(raw=st.sampled_from(SEEDS), changes=edits(TOKENS))
def test_any_edit_of_a_facts_file_is_problems_or_facts(raw, changes):
    assert_holds(edited(raw, changes))


@given(raw=st.sampled_from(SEEDS), times=st.integers(1, 40), token=st.sampled_from(TOKENS))
def test_the_check_does_not_take_more_steps_for_a_byte_the_larger_the_file_is(raw, times, token):
    raw = ((raw + token) * times)[:MAX_BYTES]
    assert steps(raw) < 20_000 + MOST_STEPS * len(raw)


def test_six_thousand_mutations_of_facts_files_end_well():
    chance, tried, accepted = random.Random(6), 0, 0
    for number in range(6_000):
        changes = drawn(chance, TOKENS if number % 3 else MILD)[: None if number % 3 else 1]
        accepted += assert_holds(edited(SEEDS[number % len(SEEDS)], changes))
        tried += 1
    assert tried >= 6_000
    assert accepted >= 150, "mutations that only ever break a file prove little"


def test_what_was_accepted_can_be_made_examples_of():
    settings = config.load_recipe("smollm2-135m").dataset
    chance, built = random.Random(8), 0
    for number in range(400):
        _, checked = check(edited(SEEDS[number % len(SEEDS)], drawn(chance, MILD)[:1]))
        wrong = any(problem.severity == "error" for problem in checked.problems)
        if not wrong and any(taught(checked.subjects)):
            built += bool(build.build(checked.subjects, settings, 0).examples)
    assert built >= 20
