from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from benchmarks import recipe
from pipeline.core.errors import ConfigError

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parents[1] / "cases" / "bench"


def facts(*argv):
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *argv],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_cases_come_smallest_first_each_with_every_seed():
    found = recipe.cases(None, [20, 4], [0, 1])
    assert [(case.facts, case.seed) for case in found] == [(4, 0), (4, 1), (20, 0), (20, 1)]
    assert all(sum(len(s.facts) for s in case.subjects) == case.facts for case in found)


def test_a_files_other_questions_are_asked_and_never_taught():
    (case,) = recipe.cases(CASES / "good.jsonl", [2], [0])
    assert [question for _, question in case.others] == [
        "Who cast Orland Bell?",
        "how old is the moon",
    ]
    assert len(case.left_out) == 1


def test_more_facts_than_memory_holds_are_refused_with_the_line_where_it_ends():
    with pytest.raises(ConfigError, match=r"good\.jsonl:\d+: 1000000000 facts need more memory"):
        recipe.cases(CASES / "good.jsonl", [10**9], [0])


@pytest.mark.parametrize("sizes", [["0"], ["-3"], ["many"]])
def test_a_size_that_is_no_number_above_zero_is_wrong_usage(sizes):
    assert facts("bench", "--sizes", *sizes).returncode == 2


def test_a_file_that_cannot_be_used_ends_the_command_with_its_line():
    done = facts("bench", "--data", str(CASES / "no-answer.jsonl"), "--sizes", "1")
    assert done.returncode == 2
    assert "no-answer.jsonl:1" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="session")
def benched(tmp_path_factory):
    """Benchmark four facts beside stock TRL, in few steps; give folder, process, and what does it again."""
    folder = tmp_path_factory.mktemp("bench")
    recipe, out = folder / "short.toml", folder / "out"
    recipe.write_text(
        'extends = "smollm2-135m"\n[dataset]\neveryday = 60\n[train]\nleast_steps = 80\n'
    )
    argv = ("--sizes", "4", "--against", "stock", "--recipe", str(recipe), "--out", str(out))
    run = partial(facts, "bench", *argv)
    return out, run(), run


@pytest.mark.acceptance("bench")
def test_a_benchmark_teaches_measures_and_compares(benched):
    out, done, _ = benched
    assert done.returncode == 0, done.stderr
    recipe, stock = json.loads((out / "bench.json").read_text(encoding="utf-8"))
    assert (recipe["method"], stock["method"]) == ("recipe", "stock")
    assert recipe["recall"]["held out"]["hits"] >= 0.9 * recipe["recall"]["held out"]["asked"] > 0
    assert recipe["kl_mean"] < stock["kl_mean"]
    assert stock["examples"] == 4 * 25
    assert "examples a second" in done.stdout
    assert (out / "bench.svg").read_bytes().startswith(b"<?xml")


@pytest.mark.acceptance("bench")
def test_a_benchmark_goes_on_where_it_was(benched):
    out, _, run = benched
    before = {path: path.stat().st_mtime_ns for path in out.glob("*/*/manifest.json")}
    again = run()
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("measured before, kept") == 2
    assert before == {path: path.stat().st_mtime_ns for path in out.glob("*/*/manifest.json")}
