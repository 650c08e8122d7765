"""The long proofs are named completely, chosen by what changed, and go on where they were cut off."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import acceptance
import pytest
from support import acceptance as marks

ROOT = Path(__file__).parents[2]
PARTS = acceptance.parts()
CODE = "0" * 64


def listed():
    return subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip


def test_every_part_is_made_of_marked_tests_or_of_files_that_are_there():
    for name, part in PARTS.items():
        assert (name in marks.PARTS) != bool(part.tests)
        assert all((ROOT / path).exists() for path in part.tests)
    assert set(marks.PARTS) <= set(PARTS)


@pytest.mark.parametrize("name", marks.PARTS)
def test_a_part_has_tests(name):
    marked = [
        file.name
        for file in (ROOT / "tests").rglob("test_*.py")
        if re.search(rf'acceptance\([^)]*"{name}"', file.read_text(encoding="utf-8"))
    ]
    assert marked


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_what_a_part_says_it_is_touched_by_is_there(part):
    for glob in part.touched_by:
        assert acceptance.touching(acceptance.Part("one", "", 0, (glob,)), listed()), (
            f"{part.name}: {glob} names no file"
        )


@pytest.mark.parametrize(
    "folder", ["pipeline", "serve", "facts", "schema", ".github", "benchmarks"]
)
def test_a_change_to_any_part_of_the_product_asks_for_a_proof(folder):
    files = [file for file in listed() if file.startswith(f"{folder}/")]
    assert files
    unproven = [f for f in files if not any(acceptance.touching(p, [f]) for p in PARTS.values())]
    assert unproven == []


def test_a_change_of_prose_asks_for_none():
    assert not any(acceptance.touching(p, ["README.md", "docs/gate.md"]) for p in PARTS.values())


def test_every_night_runs_every_part():
    text = (ROOT / ".github" / "workflows" / "proofs.yml").read_text(encoding="utf-8")
    nightly = re.findall(r"fromJSON\('(\[.*?\])'\)", text)[-1]
    assert json.loads(nightly) == list(PARTS)


def test_the_docs_name_every_part():
    text = (ROOT / "docs" / "acceptance.md").read_text(encoding="utf-8")
    assert [name for name in PARTS if f"`{name}`" not in text] == []


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Give a part of one file with three tests, the second of which fails while `broken` is there."""
    monkeypatch.setattr(acceptance, "ROOT", tmp_path)
    monkeypatch.setattr(acceptance, "OUT", tmp_path / "out")
    monkeypatch.setattr(acceptance, "_git", lambda *_: "c0ffee\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        "pytest_plugins = ['support.acceptance']\n"
        "from pathlib import Path\n"
        "def pytest_addoption(parser):\n"
        "    parser.addoption('--part')\n"
        "    parser.addoption('--quick', action='store_true')\n"
        "    parser.addoption('--passed', type=Path)\n"
    )
    (tmp_path / "test_own.py").write_text(
        "from pathlib import Path\n"
        "def note(name): Path('ran').open('a').write(name)\n"
        "def test_a(): note('a')\n"
        "def test_b(): note('b'); assert not Path('broken').exists()\n"
        "def test_c(): note('c')\n"
    )
    return acceptance.Part("own", "", 1, ("x",), ("test_own.py",))


def test_a_part_that_failed_goes_on_with_what_had_not_passed(own, tmp_path):
    (tmp_path / "broken").touch()
    first = acceptance.run(own, CODE)
    assert (first.passed, first.tests) == (False, 2)
    (tmp_path / "broken").unlink()
    second = acceptance.run(own, CODE)
    assert (second.passed, second.tests) == (True, 3)
    assert (tmp_path / "ran").read_text() == "abcb"


def test_a_part_that_passed_for_this_code_is_not_run_again_but_for_other_code_it_is(own, tmp_path):
    assert acceptance.run(own, CODE).passed
    assert acceptance.run(own, CODE).passed
    assert (tmp_path / "ran").read_text() == "abc"
    assert acceptance.run(own, "1" * 64).tests == 3
    assert (tmp_path / "ran").read_text() == "abcabc"


def test_a_part_that_nobody_knows_is_wrong_usage_and_names_those_there_are():
    done = subprocess.run(
        [sys.executable, "tests/acceptance.py", "scool"],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert "scool: no such part; the parts are school, self-test" in done.stderr
