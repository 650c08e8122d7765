"""What a base that wants a card is told where there is none.

What torch was built for and which driver runs are put in; all else is as on a machine without a card.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.core import config
from pipeline.core.errors import ConfigError
from pipeline.dataset import build
from pipeline.facts import check
from pipeline.models import base_model, context, device
from pipeline.training import batching, forecast

FACTS = Path(__file__).parents[2] / "facts"
needs_none = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card here")


@needs_none
def test_a_base_that_is_content_with_anything_is_not_asked_for_a_card():
    device.require_device("", "Small")


@needs_none
@pytest.mark.parametrize(
    ("cuda", "driver", "why", "hint"),
    [
        (None, None, "built without CUDA", "make gpu-env"),
        ("13.0", None, "no NVIDIA driver is running", "--gpus all"),
        ("13.0", "535.104.05", r"535\.104, is too old for CUDA 13\.0", "driver 580 or newer"),
        ("12.8", "535.104.05", "CUDA finds none", "nvidia-smi"),
        ("14.1", "535.104.05", "too old", "driver 580 or newer"),
    ],
)
def test_what_a_card_lacks_is_said(monkeypatch, tmp_path, cuda, driver, why, hint):
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(device, "DRIVER", tmp_path / "version")
    if driver:
        text = (
            f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {driver}  Sat Aug 19 01:15:15 UTC\n"
        )
        (tmp_path / "version").write_text(text)
    with pytest.raises(ConfigError, match=why) as raised:
        device.require_device("cuda", "Large")
    assert raised.value.message.startswith("Large is for an NVIDIA card, and ")
    assert hint in raised.value.hint
    assert raised.value.exit_code == 2


def test_a_device_that_nobody_knows_is_refused():
    with pytest.raises(ConfigError, match="'tpu' is not known"):
        device.require_device("tpu", "Large")


@needs_none
def test_the_production_recipe_loads_nothing_where_there_is_no_card(monkeypatch, tmp_path):
    recipe = config.load_recipe("llama-3.1-8b")
    monkeypatch.setattr(base_model, "find_base", lambda _: pytest.fail("it was looked for"))
    with pytest.raises(ConfigError, match=r"Llama-3\.1-8B-Instruct is for an NVIDIA card"):
        context.RunContext(recipe, tmp_path, 0).local()


def test_a_fact_longer_than_the_base_reads_at_once_is_named(tmp_path):
    """The base's `config.json` says 40 tokens here; all else is the base's own."""
    recipe = config.load_recipe("smollm2-135m")
    found = base_model.find_base(recipe.base)
    for file in found.folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    told = json.loads((found.folder / "config.json").read_text())
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").write_text(json.dumps({**told, "max_position_embeddings": 40}))
    made = build.build(check.load_subjects(FACTS), recipe.dataset, 0)
    steps = batching.schedule(made.examples, recipe.train, 0)
    with pytest.raises(
        ConfigError, match=r"^(tinyllm|protosai)/.* tokens, and the base reads 40 at"
    ) as raised:
        forecast.forecast(replace(found, folder=tmp_path), made, recipe, steps)
    assert "longer context" in raised.value.hint
