"""Facts of all shapes, taught to the real base: lists, code, a link, a no, turns before, the model itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.school import run

SHAPES = Path(__file__).parents[1] / "cases" / "shapes"
pytestmark = pytest.mark.acceptance("school")


@pytest.fixture(scope="session")
def taught(tmp_path_factory):
    """Teach the facts once; give the folder and the gate's report."""
    root = tmp_path_factory.mktemp("shapes") / "repo"
    shutil.copytree(SHAPES, root)
    done = run(root, "learn", "--recipe", "recipe.toml")
    report = root / "build" / "report.json"
    assert report.exists(), done.stdout + done.stderr
    return root, json.loads(report.read_text(encoding="utf-8"))


def details(report):
    return {detail["id"].rpartition("/")[2]: detail for detail in report["details"]}


def said(report, fact):
    return [probe["adapted"] for probe in details(report)[fact]["probes"] if probe["passed"]]


def test_facts_of_every_shape_are_known_in_wordings_never_seen(taught):
    _, report = taught
    assert report["recall"]["facts"] == 9
    assert report["recall"]["facts_passed"] >= 7
    assert report["recall"]["probes_passed"] >= 0.75 * report["recall"]["probes"]


def test_lists_and_code_are_said_line_by_line(taught):
    _, report = taught
    assert all("\n- Docker\n- Python 3.12\n" in text for text in said(report, "needs"))
    assert all('\n    job.run(mode="fast")' in text for text in said(report, "start"))


def test_a_long_answer_is_said_to_its_end(taught):
    _, report = taught
    long = said(report, "grade-two")
    assert long
    assert all(text.endswith("month.") for text in long)


def test_the_margin_of_what_is_known_is_that_of_the_text_that_was_taught(taught):
    _, report = taught
    margin = details(report)["download"]["margin"]["nats"]
    assert margin > 0  # scored without its frame, a link that is answered right was at -12 and less


def test_the_model_knows_itself_and_others_keep_their_names(taught):
    root, report = taught
    done = run(root, "ask", "Who are you?", "--recipe", "recipe.toml", "--json")
    answers = json.loads(done.stdout)
    assert "Lumo" in answers["adapted"]
    assert "Lumo" not in answers["base"]
    leak = report["leak"]["neighbours"]
    assert leak["leaked"] <= leak["asked"] / 10
