"""Each file under tests/cases/import is imported; the TOML beside it says how, and what must come of it."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.facts import check

CASES = Path(__file__).parents[1] / "cases" / "import"
NAMES = sorted(path.stem for path in CASES.glob("*.toml"))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bring(here, name):
    shutil.copy(CASES / name, here / name)
    return tomllib.loads((CASES / f"{name}.toml").read_text(encoding="utf-8"))


def state(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", NAMES)
def test_a_file_becomes_facts_that_pass_the_check_and_all_else_is_told(name, here, capsys):
    case = bring(here, name)
    assert main(["import", name, *case.get("args", ())]) == case.get("code", 0)
    shown = capsys.readouterr()
    for text in case.get("told", ()):
        assert text in shown.out
    for text in case.get("said", ()):
        assert text in shown.err
    wanted = case.get("files", {})
    assert {
        path.relative_to("facts").as_posix() for path in Path("facts").rglob("*") if path.is_file()
    } == set(wanted)
    if wanted:
        subjects = {subject.slug: subject for subject in check.load_subjects(Path("facts"))}
        for path, ids in wanted.items():
            facts = subjects[Path(path).stem].facts
            assert [fact.id.partition("/")[2] for fact in facts] == ids


@pytest.mark.parametrize("name", NAMES)
def test_a_second_import_adds_nothing_and_says_so(name, here, capsys):
    case = bring(here, name)
    main(["import", name, *case.get("args", ())])
    before = state(here)
    capsys.readouterr()
    main(["import", name, *case.get("args", ())])
    out = capsys.readouterr().out
    assert state(here) == before
    assert "0 facts added" in out or "nothing was written" in out
    assert ("there already" in out) == bool(case.get("files"))


@pytest.mark.parametrize("name", NAMES)
def test_a_dry_run_writes_nothing_and_says_the_same(name, here, capsys):
    case = bring(here, name)
    before = state(here)
    code = main(["import", name, "--dry-run", *case.get("args", ())])
    out = capsys.readouterr().out
    assert state(here) == before
    assert code == case.get("code", 0)
    assert all(text in out for text in case.get("told", ()))
    assert all(f"facts/{path}  would be written" in out for path in case.get("files", {}))
