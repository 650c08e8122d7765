"""An installed wheel has all that the command reads: recipes, word lists, schema and templates."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = {".toml", ".json", ".jsonl", ".txt", ".j2"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Build the wheel of what is committed or not, and unpack it as an installation does."""
    source = tmp_path_factory.mktemp("source") / "schoolhouse"
    skipped = shutil.ignore_patterns(".*", "build", "tests", "__pycache__", "*.egg-info", "docs")
    shutil.copytree(ROOT, source, symlinks=True, ignore=skipped)
    place = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", place, source], check=True)
    (wheel,) = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(place / "site")
    return place / "site"


@pytest.fixture
def facts(installed, tmp_path):
    """Give a function that runs the installed command in a folder with facts alone."""
    shutil.copytree(ROOT / "facts", tmp_path / "facts")

    def run(*argv):
        return subprocess.run(
            [sys.executable, "-m", "pipeline", *argv], cwd=tmp_path, capture_output=True, text=True,
            check=False, env={**os.environ, "PYTHONPATH": str(installed)},
        )  # fmt: skip

    return run


def test_every_file_that_is_no_code_is_in_the_wheel(installed):
    wanted = {
        path.relative_to(ROOT)
        for folder in ("pipeline", "serve")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in DATA and "__pycache__" not in path.parts
    }
    assert len(wanted) > 10
    assert [path for path in sorted(wanted) if not (installed / path).is_file()] == []


def test_the_installed_command_checks_facts(facts, tmp_path):
    assert facts("check").returncode == 0
    (tmp_path / "facts" / "mill.yaml").write_text("subject: Tarn Mill\nfacts: [{question: Who?}]\n")
    done = facts("check")
    assert (done.returncode, done.stderr) == (1, "")
    assert "mill.yaml:1:1: this facts file has no `kind`" in done.stdout


@pytest.mark.xdist_group("model")
def test_the_installed_command_writes_the_same_dataset_as_a_checkout(facts, tmp_path):
    assert facts("build", "--out", "installed").returncode == 0
    argv = ["build", "--facts", str(tmp_path / "facts"), "--out", str(tmp_path / "here")]
    subprocess.run([sys.executable, "-m", "pipeline", *argv], cwd=ROOT, check=True)
    for name in ("train.jsonl", "probes.jsonl"):
        written = [
            (tmp_path / out / "dataset" / name).read_bytes() for out in ("installed", "here")
        ]
        assert written[0] == written[1]
