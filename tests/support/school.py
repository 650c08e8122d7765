"""One small real school: a few facts taught by a recipe small in steps, once for all tests that use it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.repository import commit

SCHOOL = Path(__file__).parent.parent / "cases" / "school"
ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class School:
    """A git repository with facts and `recipe.toml`, the run in its `build/`, and the outcome of learning."""

    root: Path
    done: subprocess.CompletedProcess

    @property
    def out(self):
        """The run's folder."""
        return self.root / "build"

    @property
    def report(self):
        """The gate's report."""
        return json.loads((self.out / "report.json").read_text(encoding="utf-8"))

    def facts(self, *argv, **env):
        """Run the command in the repository."""
        return run(self.root, *argv, **env)


def run(root, *argv, **env):
    """Run the command in a folder, with this tree's code."""
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *argv], cwd=root, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
    )  # fmt: skip


@pytest.fixture(scope="session")
def school(tmp_path_factory):
    """Teach the school's facts once; tests judge the outcome.

    Fails where a second process of the same run would teach them too: its tests belong to one.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        try:
            (tmp_path_factory.getbasetemp().parent / "school-taught").touch(exist_ok=False)
        except FileExistsError:
            pytest.fail("another process of this run teaches the school: use --dist loadgroup")
    root = tmp_path_factory.mktemp("school") / "repo"
    shutil.copytree(SCHOOL, root)
    (root / ".gitignore").write_text("build/\n")
    commit(root, "Facts about mills", first=True)
    return School(root, run(root, "learn", "--recipe", "recipe.toml"))
