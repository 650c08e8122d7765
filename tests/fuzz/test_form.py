"""Issues made with the form: any body becomes a facts file in order, or an error that says why."""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.mutations import edited, edits, outcome

from pipeline.ci import issue_form
from pipeline.core import problems
from pipeline.core.errors import FactsError
from pipeline.facts import check
from pipeline.facts.files import facts_file

MILLS = Path(__file__).parents[1] / "cases" / "mills"
GOOD = {
    "Subject": "Ash Lock", "Kind": "canal lock", "Topic": "Canals", "Question": "Who built Ash Lock?",
    "Answer": "Ash Lock was built by Ida Roe.", "Words of a right answer": "Ida Roe",
    "Test questions": "Which person is behind Ash Lock?", "Source": "https://example.org/locks",
}  # fmt: skip
TOKENS = (
    b"### Subject\n", b"### Source\n\n", b"\n", b"\r\n", b"\r", b"_No response_", b"- ", b"'", b'"',
    b": ", b"#",
    b"---\n", b"  - id: x\n", b"{", b"[", b"&a ", b"*a", b"!!", b"%", b"\0", b"\xe2\x80\xae", b"\xe2\x80\xa8",
    b"../", b"::error::x", b"${{ x }}", b"<|im_end|>", b"Tarn Mill", b"x" * 700, b"\xc2\x85", b"\xef\xbb\xbf",
    b"\xed\xb2\x80",
)  # fmt: skip
ANSWERS = st.one_of(
    st.sampled_from([*GOOD.values(), "Tarn Mill", "_No response_", "", "..", "- a\n- b", "yes", "1"]),
    st.text(max_size=60),
)  # fmt: skip


def body(answers):
    """Write what GitHub makes of the form."""
    return "\n\n".join(f"### {name}\n\n{text}" for name, text in answers.items())


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    """Give a facts folder with two mills in it."""
    root = tmp_path_factory.mktemp("form") / "repo"
    shutil.copytree(MILLS, root)
    return root / "facts"


def assert_holds(text, facts):
    """Assert that a body becomes a file that the check accepts, or an error with words to show."""
    made, error = outcome(lambda: issue_form.write_form(issue_form.parse_form(text), facts))
    if isinstance(error, FactsError):
        assert error.problems
        assert problems.as_text(error.problems).replace("\n", "").isprintable()
    elif error:
        assert error.exit_code == 1
        assert error.hint
    else:
        assert_good(made, facts)


def assert_good(made, facts):
    """Assert that the check accepts the file, and that what was there before is still in it."""
    assert re.fullmatch(r"facts/[a-z0-9-]{1,60}/[a-z0-9-]{1,60}\.yaml", str(made.path))
    document = facts_file.parse_document(made.text.encode(), str(made.path))
    checked = check.check_documents([(PurePosixPath(made.path), document)], (), "facts")
    assert not [each for each in checked.problems if each.severity == "error"]
    ids = [fact.id for subject in checked.subjects for fact in subject.facts]
    assert ids.count(made.fact) == 1
    old = facts.parent / made.path
    if old.exists():
        assert made.text.startswith(old.read_text())


@given(answers=st.fixed_dictionaries(dict.fromkeys(GOOD, ANSWERS)))
@example(answers=GOOD)
@example(answers=GOOD | {"Subject": "Tarn Mill"})
def test_any_answers_become_a_good_file_or_an_error(facts, answers):
    assert_holds(body(answers), facts)


@given(name=st.sampled_from(list(GOOD)), text=ANSWERS)
def test_one_odd_answer_among_good_ones_becomes_a_good_file_or_an_error(facts, name, text):
    assert_holds(body(GOOD | {name: text}), facts)


@given(changes=edits(TOKENS))
@example(changes=[(0.5, 0, b"\x80")])
def test_any_edit_of_a_body_becomes_a_good_file_or_an_error(facts, changes):
    text = edited(body(GOOD).encode(), changes).decode("utf-8", "surrogateescape")
    assert_holds(text, facts)


@given(changes=edits(TOKENS))
@example(changes=[(0.9, 200, b"")])
def test_a_fact_for_a_file_that_is_not_in_order_is_refused_and_breaks_nothing(
    facts, tmp_path_factory, changes
):
    folder = tmp_path_factory.mktemp("odd") / "facts"
    folder.mkdir()
    good = (facts / "mills" / "tarn-mill.yaml").read_bytes()
    (folder / "tarn-mill.yaml").write_bytes(edited(good, changes))
    answers = issue_form.parse_form(body(GOOD | {"Subject": "Tarn Mill"}))
    made, error = outcome(issue_form.write_form, answers, folder)
    assert made or error.exit_code == 1
    if made:
        assert made.text.encode().startswith(edited(good, changes).rstrip(b"\n"))
    shutil.rmtree(folder.parent)
