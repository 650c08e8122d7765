"""Adapter folders that must not be judged, made from a real one of a tiny model."""

from __future__ import annotations

import json
import shutil
from copy import deepcopy
from pathlib import Path

import pytest

from pipeline import adapter
from pipeline.answer import LocalModel
from pipeline.errors import PipelineError

BASE = "tiny"
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # the libraries about each other


@pytest.fixture(scope="module")
def local():
    """Give a model of two layers, with random weights and no tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 16, "intermediate_size": 24, "vocab_size": 40}
    heads = {"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1}
    return LocalModel(LlamaForCausalLM(LlamaConfig(**sizes, **heads)), None)


@pytest.fixture(scope="module")
def saved(local, tmp_path_factory):
    """Give an adapter folder as PEFT writes it."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=4, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM")
    model = get_peft_model(deepcopy(local.model), config)
    config.base_model_name_or_path = BASE
    folder = tmp_path_factory.mktemp("adapter")
    model.save_pretrained(folder, save_embedding_layers=False)
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    """Give a copy of it to harm."""
    return Path(shutil.copytree(saved, tmp_path / "adapter"))


def change(folder, **keys):
    file = folder / adapter.CONFIG
    config = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**config, **keys}), encoding="utf-8")


def weights(folder):
    from safetensors.torch import load_file

    return load_file(folder / adapter.WEIGHTS)


def put(folder, tensors):
    from safetensors.torch import save_file

    save_file(tensors, folder / adapter.WEIGHTS)


def test_a_plain_lora_for_this_base_is_in_order(folder, local):
    adapter.check(folder, BASE, local)


def test_an_adapter_for_another_base_is_refused_by_its_name(folder, local):
    with pytest.raises(PipelineError, match="was made for the base tiny, not for other"):
        adapter.check(folder, "other", local)


def test_an_adapter_that_only_claims_this_base_is_refused_by_its_shapes(folder, local):
    tensors = weights(folder)
    name = next(iter(tensors))
    put(folder, {**tensors, name: tensors[name][:, :-2].contiguous()})
    with pytest.raises(PipelineError, match=r"has the shape .* where the base needs"):
        adapter.check(folder, BASE, local)


def test_an_adapter_for_layers_that_the_base_lacks_is_refused(folder, local):
    tensors = weights(folder)
    name = next(iter(tensors))
    put(folder, {**tensors, name.replace("layers.0", "layers.7"): tensors[name].clone()})
    with pytest.raises(PipelineError, match="is for no layer of the base"):
        adapter.check(folder, BASE, local)


@pytest.mark.parametrize("kept", [0, 4, 200, 0.5, -1])
def test_a_truncated_weights_file_is_refused(folder, local, kept):
    file = folder / adapter.WEIGHTS
    data = file.read_bytes()
    file.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])
    with pytest.raises(PipelineError, match="is missing or damaged"):
        adapter.check(folder, BASE, local)


@pytest.mark.parametrize("beside", [True, False])
def test_a_pickle_is_refused_unread_even_beside_good_weights(folder, local, beside):
    (folder / "adapter_model.bin").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    if not beside:
        (folder / adapter.WEIGHTS).unlink()
    with pytest.raises(PipelineError, match="is a pickle"):
        adapter.check(folder, BASE, local)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"new_trick": 1}, "unknown key 'new_trick'"),
        ({"bad\x1b[31m": 1}, r"unknown key 'bad\\\\x1b\[31m'"),
        ({"use_dora": True}, "use_dora is true, which servers do not support"),
        ({"bias": "all"}, 'bias is "all"'),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save is"),
        ({"rank_pattern": {"q_proj": 8}}, "rank_pattern is"),
        ({"peft_type": "IA3"}, "is not the configuration of a LoRA"),
        ({"r": 0}, "has no rank"),
        ({"r": "4"}, "has no rank"),
        ({"r": 8}, "has the shape"),
    ],
)
def test_a_configuration_that_servers_would_not_follow_is_refused(folder, local, keys, message):
    change(folder, **keys)
    with pytest.raises(PipelineError, match=message):
        adapter.check(folder, BASE, local)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7"])
def test_a_configuration_that_is_none_is_refused(folder, local, text):
    (folder / adapter.CONFIG).write_text(text, encoding="utf-8")
    with pytest.raises(PipelineError, match=r"adapter_config\.json: "):
        adapter.check(folder, BASE, local)


@pytest.mark.parametrize("gone", [adapter.CONFIG, adapter.WEIGHTS])
def test_a_folder_that_lacks_a_file_is_refused(folder, local, gone):
    (folder / gone).unlink()
    with pytest.raises(PipelineError, match=gone):
        adapter.check(folder, BASE, local)


def test_weights_that_are_no_numbers_are_refused(folder, local):
    tensors = weights(folder)
    next(iter(tensors.values()))[0, 0] = float("nan")
    put(folder, tensors)
    with pytest.raises(PipelineError, match="holds values that are no numbers"):
        adapter.check(folder, BASE, local)


def test_an_adapter_without_weights_is_refused(folder, local):
    put(folder, {})
    with pytest.raises(PipelineError, match="holds no weights"):
        adapter.check(folder, BASE, local)
