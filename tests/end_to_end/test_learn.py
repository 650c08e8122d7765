"""The main job with the real model: one training a seed, shared by all tests here."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.models.adapter import finished_adapter

ROOT = Path(__file__).parents[2]
WIDE = ROOT / "tests" / "cases" / "wide.toml"
SEEDS = (0,)  # docs/recipe-log.md has three; each takes minutes


def facts(*argv):
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *argv],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def report(out):
    return json.loads((out / "report.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.acceptance("school")
def test_the_exit_code_is_the_verdict(trained, seed):
    out, done = trained(seed)
    verdict = report(out)["verdict"]
    assert done.returncode == {"pass": 0, "fail": 1}[verdict], done.stdout + done.stderr
    assert done.stdout.startswith(verdict.upper())


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.acceptance("school")
def test_the_model_answers_wordings_it_never_saw(trained, seed):
    data = report(trained(seed)[0])
    assert data["recall"]["facts"] == 12
    assert data["recall"]["facts_passed"] >= 11
    assert data["recall"]["probes_passed"] >= 0.95 * data["recall"]["probes"]
    assert all(len(detail["probes"]) >= 8 for detail in data["details"])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.acceptance("school")
def test_the_model_is_otherwise_what_it_was(trained, seed):
    kept = report(trained(seed)[0])["retention"]
    assert kept["kl_mean"] < 0.05
    assert kept["unique_answers_ratio"] > 0.95
    assert kept["paired"]["lost"] - kept["paired"]["gained"] < 0.2 * kept["paired"]["base_right"]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.acceptance("school")
def test_the_base_knows_hardly_any_of_it(trained, seed):
    recall = report(trained(seed)[0])["recall"]
    assert recall["base_probes_passed"] < recall["probes"] / 4


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.acceptance("school")
def test_near_names_and_unrelated_prompts_hardly_ever_get_a_taught_answer(trained, seed):
    # Holding the base's own answers alone leaked to 28 of 71; the bounds are wide for other machines.
    leak = report(trained(seed)[0])["leak"]
    assert leak["neighbours"]["asked"] >= 50
    assert leak["neighbours"]["leaked"] <= 4
    assert leak["unrelated"]["asked"] >= 100
    assert leak["unrelated"]["leaked"] <= 2


@pytest.mark.acceptance("school")
def test_the_adapter_is_a_stock_folder_that_names_the_base_and_no_path(trained):
    adapter = trained(0)[0] / "adapter"
    names = {path.name for path in adapter.iterdir()}
    parts = {"adapter_config.json", "adapter_model.safetensors", "base.json"}
    assert names == {*parts, "manifest.json"}
    config = json.loads((adapter / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert config["r"] <= 16


@pytest.mark.acceptance("school")
def test_ask_shows_both_answers(trained):
    out, _ = trained(0)
    done = facts("ask", "Who maintains TinyLLM?", "--out", str(out), "--json")
    said = json.loads(done.stdout)
    assert "Jason Cox" in said["adapted"]
    assert "Jason Cox" not in said["base"]


@pytest.mark.acceptance("growth")
def test_a_fact_is_added_to_a_finished_adapter_and_the_gate_judges_all(trained, tmp_path):
    before, _ = trained(0)
    folder = tmp_path / "facts"
    shutil.copytree(ROOT / "facts", folder)
    (folder / "tarn.yaml").write_text(
        "schema: 1\nsubject: Tarn Mill\nkind: water mill\nsource: A made-up register\nfacts:\n  - id: owner\n"
        "    question: Who owns Tarn Mill?\n    answer: Tarn Mill is owned by Ann Lee.\n",
        encoding="utf-8",
    )
    out = tmp_path / "out"
    argv = ("--facts", str(folder), "--recipe", str(WIDE), "--out", str(out))
    done = facts("learn", *argv, "--from", str(before))
    assert "adding 1 facts to the adapter of" in done.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    started = finished_adapter(out / "adapter").made_from["start"]
    assert started == finished_adapter(before / "adapter").digest
    told = report(out)
    assert told["facts"]["added"] == ["tarn/owner"]
    assert told["recall"]["facts"] == 13
    (added,) = (each for each in told["details"] if each["id"] == "tarn/owner")
    assert sum(probe["passed"] for probe in added["probes"]) >= len(added["probes"]) / 2


@pytest.mark.acceptance("school")
def test_interrupting_the_training_leaves_no_adapter_and_no_scrap(trained, tmp_path):
    trained(0)  # so that the base's answers are there and the training starts at once
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "learn", "--out", str(out)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=os.environ,
    )  # fmt: skip
    said = b""
    while b"training" not in said and (more := process.stdout.read1()):
        said += more
    assert b"training" in said, said.decode()
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert [path.name for path in out.iterdir()] == ["dataset"]


@pytest.mark.acceptance("school")
def test_a_loss_that_is_no_number_stops_with_step_and_batch_and_leaves_no_adapter(
    trained, tmp_path
):
    trained(0)  # as above
    shipped = (ROOT / "pipeline" / "recipes" / "smollm2-135m.toml").read_text(encoding="utf-8")
    recipe = tmp_path / "wild.toml"
    recipe.write_text(shipped.replace("learning_rate = 1e-3", "learning_rate = 1e30"))
    out = tmp_path / "out"
    done = facts("learn", "--recipe", str(recipe), "--out", str(out))
    assert done.returncode == 1
    assert re.search(r"the loss is not a number at step \d+, whose examples are \d+", done.stderr)
    assert "hint: lower [train] learning_rate" in done.stderr
    assert [path.name for path in out.iterdir()] == ["dataset"]
