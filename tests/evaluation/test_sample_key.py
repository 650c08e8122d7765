"""The option that says by which key unchanged facts are drawn."""

from __future__ import annotations

import argparse
import json

import pytest

from pipeline import learn
from pipeline.cli import gate
from pipeline.cli.main import main
from pipeline.core import config
from pipeline.dataset.records import finished_dataset
from pipeline.evaluation import evaluate, sampling
from pipeline.evaluation.metrics import ModelAnswers
from pipeline.models.client import Server
from pipeline.models.context import RunContext
from pipeline.models.generate import Answer


@pytest.mark.parametrize("key", ["", " ", "a b", "x\n::error::", "$(id)", "ä", "k" * 129])
@pytest.mark.parametrize("verb", ["learn", "gate"])
def test_a_key_that_is_none_is_wrong_usage(key, verb, capsys):
    """An empty one would stand for what an author can choose."""
    with pytest.raises(SystemExit) as ended:
        main([verb, "--sample-key", key])
    assert ended.value.code == 2
    assert not any(line.startswith("::") for line in capsys.readouterr().err.splitlines())


def test_a_key_as_the_workflow_makes_it_is_taken():
    parser = argparse.ArgumentParser()
    gate.sample_option(parser)
    key = f"{'a' * 40}-12345678901"
    assert parser.parse_args(["--sample-key", key]).sample_key == key
    assert not parser.parse_args([]).sample_key


@pytest.mark.parametrize("key", ["", "c0ffee-41"])
def test_what_is_asked_is_drawn_by_the_key_and_the_report_says_by_which(learned, monkeypatch, key):
    """What the models answer is a stand-in; what they are asked, and the report, are not."""
    asked = []

    def ask(_session, _served, _made, drawn):
        asked.append(drawn)
        return ModelAnswers(drawn.beside([Answer("No.", True)] * len(drawn.of_base)),
                    [Answer("Yes.", True)] * len(drawn.probes))  # fmt: skip

    monkeypatch.setattr(evaluate, "ask_server", ask)
    session = RunContext(config.load_recipe(str(learned / "tiny.toml")), learned / "build", 0)
    learn.judge(session, evaluate.Target(server=Server("http://127.0.0.1:9", "x"), sample_key=key))
    made = finished_dataset(session.out)
    assert asked == [sampling.draw(made, (), session.recipe.gate, key or made.digest)]
    said = json.loads((session.out / "report.json").read_text())
    assert said["sample_key"] == (key or made.digest)
    assert (f"--sample-key {key}" in said["reproduce"]) is bool(key)
    summary = json.loads((session.out / "manifest.json").read_text())
    assert (summary["recipe"], summary["code"]) == (said["recipe_digest"], said["code"])
