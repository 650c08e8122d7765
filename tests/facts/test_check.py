"""Checking facts: each case is a file or folder below cases/facts, and beside it what must be said.

A valid case is a file that has no problem, alone and among the others. An invalid case is `x.yaml`
with `x.expect`, or a folder with a file `expect`; that has two lines for each problem, in order:

    LINE:COLUMN: a part of the message       in a folder: FILE:LINE:COLUMN: ...
      hint: a part of the hint
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from pipeline.core.errors import ConfigError, FactsError
from pipeline.facts.check import check, load_subjects
from pipeline.facts.files.schema import SCHEMA

ROOT = Path(__file__).parents[2]
VALID = Path(__file__).parents[1] / "cases" / "facts" / "valid"
INVALID = Path(__file__).parents[1] / "cases" / "facts" / "invalid"
MINIMAL = (VALID / "minimal.yaml").read_text(encoding="utf-8")


def cases(folder):
    return [
        pytest.param(path, id=path.name)
        for path in sorted(folder.iterdir())
        if path.suffix != ".expect"
    ]


def expectations(case):
    """Read what must be said: place, part of the message, part of the hint."""
    path = case / "expect" if case.is_dir() else case.with_suffix(".expect")
    lines = path.read_text(encoding="utf-8").splitlines()
    said = [line.partition(": ") for line in lines[0::2]]
    hints = [line.removeprefix("  hint: ") for line in lines[1::2]]
    return [(place, text, hint) for (place, _, text), hint in zip(said, hints, strict=True)]


def complaints(case):
    """Check a case: place, message and hint of each problem, with paths as seen from the case."""
    base = case if case.is_dir() else case.parent
    said = []
    for problem in check([case]).problems:
        place = str(problem.where).removeprefix(f"{base}/")
        if not case.is_dir():
            place = place.removeprefix(f"{case.name}:")
        said.append((place, problem.message.replace(f"{base}/", ""), problem.hint))
    return said


@pytest.mark.parametrize("case", cases(INVALID))
def test_what_is_wrong_is_said_in_full(case):
    said, expected = complaints(case), expectations(case)
    assert [place for place, _, _ in said] == [place for place, _, _ in expected], said
    for (_, message, hint), (_, text, advice) in zip(said, expected, strict=True):
        assert text in message
        assert advice in hint
        assert advice


@pytest.mark.parametrize("case", [each for each in cases(INVALID) if "asks-nothing" in each.id])
def test_a_fact_that_asks_nothing_is_refused(case):
    assert any(problem.severity == "error" for problem in check([case]).problems)
    with pytest.raises(FactsError):
        load_subjects(case)


def test_at_least_forty_kinds_of_facts_that_ask_nothing_are_kept():
    assert sum("asks-nothing" in each.id for each in cases(INVALID)) >= 40


@pytest.mark.parametrize("case", [each for each in cases(INVALID) if "warned" in each.id])
def test_what_only_deserves_a_look_is_not_refused(case):
    assert {problem.severity for problem in check([case]).problems} == {"warning"}
    load_subjects(case)


@pytest.mark.parametrize("case", cases(INVALID))
def test_messages_speak_the_language_of_contributors(case):
    for _, message, hint in complaints(case):
        words = f"{message} {hint}"
        assert not re.search(r"\b(str|dict|int|NoneType|None|object|array|instance)\b", words)
        assert not re.search(r"\^|\\S|\[a-z|\(\?", words)


@pytest.mark.parametrize("case", cases(VALID))
def test_a_good_file_is_accepted(case):
    checked = check([case])
    assert checked.problems == ()
    assert [subject.slug for subject in checked.subjects] == [case.stem]


def test_good_files_are_accepted_together():
    checked = check([VALID])
    assert checked.problems == ()
    assert len(checked.subjects) == len(list(VALID.iterdir()))


def test_the_facts_of_this_repository_are_good():
    assert check([ROOT / "facts"]).problems == ()


def test_text_is_read_as_written():
    (subject,) = load_subjects(VALID / "plain-text.yaml")
    assert subject.kind == "NO"
    assert subject.aliases[:5] == ("on", "3.10", "2024-01-02", "~", "null")
    assert subject.facts[0].id == "plain-text/1"
    assert subject.facts[0].answer == "NO"
    assert subject.facts[0].withdrawn == "yes"


def test_load_raises_with_every_problem():
    with pytest.raises(FactsError, match="5 problems in the facts") as caught:
        load_subjects(INVALID / "probe-is-trained.yaml")
    assert len(caught.value.problems) == 5


@pytest.mark.parametrize("call", [load_subjects, lambda path: check([path])])
def test_a_path_that_does_not_exist_is_wrong_usage(call, tmp_path):
    with pytest.raises(ConfigError, match="nowhere does not exist") as caught:
        call(tmp_path / "nowhere")
    assert caught.value.exit_code == 2
    assert caught.value.hint


def test_a_folder_without_facts_is_a_problem(tmp_path):
    (tmp_path / "README.md").write_text("nothing")
    (problem,) = check([tmp_path]).problems
    assert str(problem.where) == str(tmp_path)
    assert problem.message == "no facts were found"


def test_all_files_below_a_folder_are_read_in_order(tmp_path):
    for name in ("b/z.yaml", "a/deep/er/y.yaml", "x.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            MINIMAL.replace("Ohm", f"Ohm {path.stem}").replace("ohm", f"ohm {path.stem}")
        )
    assert [subject.slug for subject in check([tmp_path]).subjects] == ["y", "z", "x"]


def test_a_file_named_twice_is_read_once(tmp_path, monkeypatch):
    path = tmp_path / "ohm.yaml"
    path.write_text(MINIMAL)
    monkeypatch.chdir(tmp_path)
    checked = check([tmp_path, path, Path("ohm.yaml")])
    assert checked.problems == ()
    assert len(checked.subjects) == 1


def test_links_and_folders_that_look_like_facts_are_problems(tmp_path):
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts" / "x.yaml").mkdir()
    (tmp_path / "facts" / "link").symlink_to(tmp_path)
    (tmp_path / "facts" / "link.yaml").symlink_to(VALID / "minimal.yaml")
    (tmp_path / "facts" / "ohm.yaml").write_text(MINIMAL)
    said = {Path(p.where.path).name: p.message for p in check([tmp_path / "facts"]).problems}
    assert said == {
        "link": "this is a link to another file",
        "link.yaml": "this is a link to another file",
        "x.yaml": "this is a folder, not a facts file",
    }


def test_a_path_of_another_kind_is_a_problem(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text(MINIMAL)
    (problem,) = check([path]).problems
    assert problem.message == "the name of a facts file ends in .yaml"


def test_the_schema_is_valid_and_explains_every_property():
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft7Validator.check_schema(schema)
    explained = 0
    for part in parts(schema):
        assert part["title"]
        assert part["description"].endswith((".", "`."))
        for example in part["examples"]:
            assert list(Draft7Validator(part).iter_errors(example)) == []
        explained += 1
    assert explained > 30


def parts(schema):
    """Yield a schema and every schema of a property or an entry in it."""
    yield schema
    for part in schema.get("properties", {}).values():
        yield from parts(part)
    if "items" in schema:
        yield from parts(schema["items"])


def test_the_schema_allows_no_unknown_keys_anywhere():
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    for part in parts(schema):
        if part.get("type") == "object":
            assert part["additionalProperties"] is False


def test_a_file_with_a_warning_is_checked_and_taught_all_the_same():
    (subject,) = load_subjects(INVALID / "warned-looks-latin.yaml")
    assert subject.facts
