"""The gate as a command and over a server, with the real base and a trained adapter."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support.school import SCHOOL

from pipeline import learn
from pipeline.core import artifact, config
from pipeline.core.errors import ConfigError, PipelineError
from pipeline.dataset.records import finished_dataset
from pipeline.evaluation import sampling
from pipeline.evaluation.evaluate import Target
from pipeline.models import answer_cache
from pipeline.models.client import Server
from pipeline.models.context import RunContext

ROOT = Path(__file__).parents[2]
RECIPE = config.load_recipe(str(SCHOOL / "recipe.toml"))
pytestmark = pytest.mark.xdist_group("model")


def facts(*argv, **env):
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *argv],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, **env},
    )  # fmt: skip


def report(out):
    return json.loads((out / "report.json").read_text(encoding="utf-8"))


@pytest.fixture
def copy(school, tmp_path):
    """Give a copy of a finished run to harm."""
    return Path(shutil.copytree(school.out, tmp_path / "copy"))


@pytest.fixture
def served(school, bare, serving, tmp_path):
    """Give a function that judges what a server says: `taught` answers facts, the base all the rest.

    The server replays: the base's own answers, and where `taught` is true each fact's answer. With
    `again`, the command judges it against the report that is there; its process takes the verdict's place.
    """
    out = tmp_path / "out"
    shutil.copytree(school.out / "dataset", out / "dataset")
    session = RunContext(RECIPE, out, 0)
    made = finished_dataset(out)
    drawn = sampling.draw(made, (), RECIPE.gate)
    rows = [(probe.chat, probe.general) for probe in drawn.of_base]
    base = answer_cache.answers(session.base, bare, rows, RECIPE.gate.max_new_tokens)
    before = {
        probe.prompt: said.text if said else "I am not sure."
        for probe, said in zip(drawn.probes, drawn.beside(base), strict=True)
    }
    answers = {fact.id: fact.answer for fact in made.facts}
    known = {p.prompt: answers[p.fact] for p in drawn.probes if p.role in {"fact", "noise"}}

    def run(taught, names=("base", "taught"), *, again=False):
        def reply(body):
            if body is None:
                return 200, {"data": [{"id": name} for name in names]}, 0
            asked = body["messages"][-1]["content"]
            text = known.get(asked, before[asked]) if taught else before[asked]
            message = {"message": {"content": text}, "finish_reason": "stop"}
            return 200, {"choices": [message]}, 0

        with serving(reply) as api:
            if again:
                argv = ("--server", api.url, "--model", "taught", "--against", str(out))
                done = school.facts("gate", "--recipe", "recipe.toml", "--out", str(out), *argv)
                return done, report(out)
            verdict = learn.judge(session, Target(server=Server(api.url, "taught")))
        return verdict, report(out)

    return run


@pytest.mark.acceptance("self-test")
def test_the_gate_accepts_a_good_adapter_and_rejects_all_that_are_planted(trained, tmp_path):
    copy = shutil.copytree(trained(0)[0], tmp_path / "copy")
    done = facts("gate", "--self-test", "--out", str(copy))
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(re.findall(r"✓ ([^:\n]+): rejected", done.stdout)) == {
        "an adapter trained on other facts", "an adapter that lacks one fact",
        "an adapter that still says a withdrawn fact", "the base alone", "an adapter of zeros",
        "a random adapter", "an adapter of facts alone",
    }  # fmt: skip


def test_against_its_own_report_every_fact_is_old_and_none_is_lost(served):
    served(taught=True)
    done, data = served(taught=True, again=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {detail["change"] for detail in data["details"]} == {"old"}
    assert data["facts"]["added"] == data["facts"]["changed"] == data["old"]["lost"] == []
    assert data["old"]["asked"] == 4
    assert data["old"]["probes"] == data["recall"]["probes"]
    assert data["old"]["probes_lost"] == data["old"]["probes_gained"] == 0


@pytest.mark.parametrize("harm", ["truncated", "pickle", "base"])
def test_a_harmed_adapter_is_refused_in_a_line_though_its_manifest_fits(copy, tmp_path, harm):
    folder = Path(shutil.copytree(copy / "adapter", tmp_path / "harmed"))
    weights = folder / "adapter_model.safetensors"
    if harm == "truncated":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif harm == "pickle":
        weights.rename(folder / "adapter_model.bin")
    else:
        file = folder / "adapter_config.json"
        file.write_text(file.read_text().replace("SmolLM2-135M-Instruct", "Another"))
    done = json.loads((folder / artifact.MANIFEST).read_text())
    text = json.dumps({**done, "digest": artifact.digest_folder(folder)})
    (folder / artifact.MANIFEST).write_text(text)
    argv = ("--recipe", str(SCHOOL / "recipe.toml"), "--out", str(copy), "--adapter", str(folder))
    done = facts("gate", *argv)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert {"truncated": "cannot be read", "pickle": "runs code", "base": "/Another'"}[
        harm
    ] in done.stderr


def test_a_server_that_knows_the_facts_and_else_is_the_base_passes(served):
    verdict, data = served(taught=True)
    assert verdict.passed, verdict.reasons
    assert data["retention"]["measured"] is False
    assert data["adapter"]["digest"] == ""
    assert "--server http://127.0.0.1" in data["reproduce"]


def test_a_server_that_lists_the_adapter_and_answers_as_the_base_fails(served):
    verdict, _ = served(taught=False)
    assert verdict.reasons[0] == (
        "the adapter changes no answer at all: it is empty or was not applied"
    )


def test_a_server_without_the_model_is_an_error_that_names_what_it_has(served):
    with pytest.raises(PipelineError, match="has no model 'taught'") as raised:
        served(taught=True, names=("base", "other"))
    assert "base, other" in raised.value.hint


def test_a_dataset_that_is_not_there_is_an_error(tmp_path):
    session = RunContext(replace(RECIPE), tmp_path, 0)
    with pytest.raises(PipelineError, match="is not a finished dataset"):
        learn.judge(session, Target(server=Server("http://127.0.0.1:9", "taught")))


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--server", "http://127.0.0.1:9"], "--server and --model go together"),
        (["--model", "taught"], "--server and --model go together"),
        (["--server", "u", "--model", "m", "--adapter", "a"], "are two ways to be asked"),
        (["--server", "u", "--model", "m", "--lm-eval", "t"], "--lm-eval needs the model's"),
        (["--against", "nowhere.json"], "is not a report of an adapter"),
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(tmp_path, argv, message):
    done = facts("gate", "--out", str(tmp_path), *argv)
    assert done.returncode == ConfigError.exit_code
    assert message in done.stderr
    assert "hint: " in done.stderr
