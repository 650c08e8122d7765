from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UPWARDS = {
    "pipeline/core": "pipeline.facts.fact",
    "pipeline/facts": "pipeline.dataset.records",
    "pipeline/dataset": "pipeline.models.generate",
    "pipeline/models": "pipeline.dataset.records",
    "pipeline/training": "pipeline.evaluation.results",
    "pipeline/evaluation": "pipeline.report.data",
    "pipeline/report": "pipeline.learn",
    "pipeline/publishing": "pipeline.ci.steps",
    "pipeline/ci": "pipeline.publishing.release",
    "pipeline/cli": "pipeline.__main__",
    "serve/state": "serve.engines.api",
    "serve/engines": "serve.gateway.app",
    "serve/gateway": "serve.rollout.deploy",
    "serve/rollout": "serve.supervise",
    "serve/admin": "pipeline.cli.main",
}
"""For each package a module that it must not import: one of a package above it, or beside it."""


@pytest.fixture(scope="module")
def complaints(tmp_path_factory):
    """Plant all these imports in a copy of the tree, and give what the contract says."""
    tree = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", tree)
    for package in ("pipeline", "serve", "benchmarks"):
        shutil.copytree(
            ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for package, above in UPWARDS.items():
        (tree / package / "planted.py").write_text(f"import {above}\n")
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--no-cache"], cwd=tree, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(tree), "COLUMNS": "500"},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    return done.stdout


@pytest.mark.parametrize("package", UPWARDS)
def test_an_import_that_climbs_is_caught_in_every_package(package, complaints):
    planted = f"{package.replace('/', '.')}.planted -> {UPWARDS[package]}"
    assert planted in complaints


def test_every_package_has_its_planted_import():
    packages = {
        f"{top}/{each.name}"
        for top in ("pipeline", "serve")
        for each in (ROOT / top).iterdir()
        if (each / "__init__.py").is_file()
    }
    assert packages == set(UPWARDS)


def test_torch_is_not_imported_where_facts_are_only_read_or_published():
    program = "import sys, pipeline.ci.steps, pipeline.publishing.release, pipeline.cli.main\n"
    program += (
        "print([name for name in sys.modules if name.split('.')[0] in ('torch', 'transformers')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"
