"""Training in real processes, with the real base: killed and gone on with, or several at one adapter."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from pipeline.core import config

pytestmark = pytest.mark.slow

STEPS = 20
KILLS = 5
TRAIN = """
import sys
from pipeline.training import trainer
from pipeline.__main__ import main
trainer.KEPT_EVERY = 2
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give a folder with a dataset of two mills and a recipe of a few small steps."""
    root = tmp_path_factory.mktemp("resume")
    shutil.copytree(config.RECIPES.parent.parent / "tests" / "cases" / "mills", root / "repo")
    text = (config.RECIPES / "smollm2-135m.toml").read_text(encoding="utf-8")
    for name, value in (
        ("exposures", 1), ("least_steps", STEPS), ("batch_contrasts", 1), ("batch_general", 1),
        ("everyday", 2),
    ):  # fmt: skip
        text = re.sub(rf"(?m)^{name} = \d+", f"{name} = {value}", text)
    (root / "recipe.toml").write_text(text)
    return root


def start(folder, out, launcher=()):
    """Start training into a folder."""
    argv = ["--recipe", folder / "recipe.toml", "--out", folder / out]
    command = [sys.executable, "-c", TRAIN]
    if not (folder / out / "dataset").exists():
        subprocess.run([*command, "build", "--facts", folder / "repo" / "facts", *argv], check=True)
    command = [sys.executable, *launcher] if launcher else command
    return subprocess.Popen([*command, "train", *argv], stderr=subprocess.DEVNULL)


def told(folder, out):
    """Give what training told of itself."""
    return json.loads((folder / out / "adapter" / "manifest.json").read_text())["train"]


def weights(folder, out):
    return load_file(folder / out / "adapter" / "adapter_model.safetensors")


def done(folder, out):
    """Give the last step of which a checkpoint is kept."""
    kept = (folder / out).glob(".checkpoints-*/checkpoint-*/trainer_state.json")
    return max((json.loads(path.read_text())["global_step"] for path in kept), default=0)


@pytest.mark.acceptance("gpu-dry")
def test_a_training_killed_five_times_ends_with_the_adapter_of_one_that_was_not(folder):
    assert start(folder, "whole").wait() == 0
    rng = random.Random(0)
    reached = 0
    for _ in range(KILLS):
        process = start(folder, "killed")
        while process.poll() is None and done(folder, "killed") <= reached:
            time.sleep(0.05)
        time.sleep(rng.random())  # in the middle of a step, or of writing a checkpoint
        process.kill()
        process.wait()
        reached = done(folder, "killed")
        assert 0 < reached < STEPS
    assert start(folder, "killed").wait() == 0

    whole, killed = weights(folder, "whole"), weights(folder, "killed")
    assert whole.keys() == killed.keys()
    assert all(torch.equal(whole[name], killed[name]) for name in whole)
    manifests = [told(folder, out) for out in ("whole", "killed")]
    assert [each["steps"] for each in manifests] == [STEPS, STEPS]
    assert manifests[0]["loss"] == pytest.approx(manifests[1]["loss"])
    assert (manifests[0]["resumed"], manifests[1]["resumed"] >= reached) == (0, True)
    assert not list((folder / "killed").glob(".checkpoints-*"))


@pytest.mark.acceptance("gpu-dry")
def test_two_processes_train_the_adapter_that_one_does_up_to_the_order_of_steps(folder):
    assert start(folder, "whole").wait() == 0
    # Without cards "--multi_gpu" alone has it start several: they meet over gloo, on the processor.
    launch = (
        "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "-m", "pipeline",
    )  # fmt: skip
    assert start(folder, "two", launch).wait() == 0
    one, two = told(folder, "whole"), told(folder, "two")
    assert (two["examples"], two["tokens"], two["steps"]) == (
        one["examples"], one["tokens"], one["steps"],
    )  # fmt: skip
    assert two["loss"] == pytest.approx(one["loss"], rel=0.1)
    alike = [
        torch.nn.functional.cosine_similarity(w.flatten().float(), v.flatten().float(), dim=0)
        for w, v in zip(
            weights(folder, "whole").values(), weights(folder, "two").values(), strict=True
        )
    ]
    assert min(alike) > 0.5, "the same beginning, the same examples"
    assert not list((folder / "two").glob(".checkpoints-*"))


def test_more_processes_than_a_step_has_examples_are_refused(monkeypatch, tmp_path):
    from pipeline.core.errors import ConfigError
    from pipeline.training.trainer import TrainerInput, run_training

    monkeypatch.setenv("WORLD_SIZE", "3")
    work = TrainerInput(
        [], [[0, 1, 2], [0, 1]], config.load_recipe("smollm2-135m").train, 0, tmp_path
    )
    with pytest.raises(ConfigError, match="3 processes cannot share steps of 2 examples"):
        run_training(None, work)


def test_a_checkpoint_that_was_cut_off_is_not_gone_on_with(tmp_path):
    from pipeline.training.trainer import _last_whole

    for step, state in ((4, '{"global_step": 4}'), (10, '{"global'), (12, None)):
        path = tmp_path / f"checkpoint-{step}"
        path.mkdir()
        if state:
            (path / "trainer_state.json").write_text(state)
    assert _last_whole(tmp_path).name == "checkpoint-4"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-4"]
