"""What identifies a base and an adapter, and that training writes it."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace

import pytest

from pipeline.core import artifact, config
from pipeline.core.artifact import StageManifest
from pipeline.core.errors import PipelineError
from pipeline.models import adapter, base_model, identity
from pipeline.models.adapter import TrainStats
from pipeline.models.base_model import Base
from pipeline.models.context import RunContext
from pipeline.training import fit

SETTINGS = config.load_recipe("smollm2-135m").base


@pytest.fixture
def copy(tiny_base, tmp_path):
    """Give a function that identifies a copy of the tiny base with a file written anew."""

    def made(name="", text=""):
        folder = tmp_path / f"copy of {name}"
        shutil.copytree(tiny_base.folder, folder)
        if name:
            (folder / name).write_text(text)
        return identity.identity_of(
            SETTINGS, base_model.find_base(replace(SETTINGS, folder=str(folder)))
        )

    return made


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("model.safetensors", ("digest", "weights")),
        ("tokenizer.json", ("digest", "tokenizer")),
        ("special_tokens_map.json", ("digest", "tokenizer")),
        ("chat_template.jinja", ("digest", "chat template")),
        ("config.json", ("digest",)),
    ],
)
def test_a_base_with_another_file_is_another_base_and_the_part_is_named(name, parts, copy):
    assert identity.differences(copy(), copy(name, '{"x": 1}')) == parts


def test_a_chat_template_is_the_same_wherever_it_stands(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    (one / "chat_template.jinja").write_text("{{ x }}")
    (two / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ x }}"}))
    found = [identity.identity_of(SETTINGS, Base("x", folder, "sha256:0")) for folder in (one, two)]
    assert found[0].chat_template == found[1].chat_template == artifact.digest_bytes(b"{{ x }}")


def test_weights_that_the_hub_pins_are_named_by_their_commit_and_not_read(tmp_path):
    (tmp_path / "model.safetensors").mkdir()  # reading it would fail
    found = Base("x", tmp_path, "sha256:0", ("ours/base", "1" * 40))
    said = identity.identity_of(SETTINGS, found)
    assert (said.revision, said.weights) == ("1" * 40, "sha256:0")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"hub": 1}', "[" * 100_000, '{"hub": "x", "more": "y"}']
)
def test_what_names_no_base_is_told_with_what_to_do(text, tmp_path):
    (tmp_path / "base.json").write_text(text)
    with pytest.raises(PipelineError, match="does not name a base") as caught:
        identity.read_identity(tmp_path)
    assert "train it anew" in caught.value.hint


def test_training_writes_the_base_beside_the_adapter_and_its_name_into_the_settings(
    tiny_base, write_adapter, tmp_path, monkeypatch
):
    """The weights are made up: what is tested is what is kept with them."""
    recipe = replace(
        config.load_recipe("smollm2-135m"), base=replace(SETTINGS, folder=str(tiny_base.folder))
    )
    session = RunContext(recipe, tmp_path / "out", 0)
    named = {"base_model_name_or_path": "SmolLM2-135M-Instruct"}
    monkeypatch.setattr(adapter, "save_adapter", lambda _, folder: write_adapter(folder, named))
    fit._keep(None, TrainStats(1, 1, 1, 1.0, 0.1), session, {"seed": 0})  # noqa: SLF001
    folder = tmp_path / "out" / "adapter"
    said = identity.read_identity(folder)
    assert said == identity.identity_of(recipe.base, session.base)
    assert (
        json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"]
        == said.hub
    )
    assert artifact.read_manifest(folder, StageManifest).digest == identity.adapter_digest(folder)
    assert json.loads((folder / "base.json").read_text()) == asdict(said)
