from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core import config
from pipeline.core.errors import ConfigError
from pipeline.training import forecast, memory
from pipeline.training.memory import Shape, Step

ROOT = Path(__file__).parents[2]
GIB = 2**30
LLAMA_8B = Shape(
    hidden=4096, layers=32, query=4096, key=1024, intermediate=14336, vocabulary=128256, tied=False,
    context=131072,
)  # fmt: skip


def test_the_weights_of_an_8b_base_are_those_that_it_is_known_for():
    """8.03 billion parameters, of them 6.98 in linear layers."""
    full = memory.training(LLAMA_8B, 16, "", Step(1, 1))[False].base
    assert full == pytest.approx(2 * 8.03e9, rel=0.001)
    assert memory.training(LLAMA_8B, 16, "nf4", Step(1, 1))[True].base == pytest.approx(
        5.7e9, rel=0.01
    )


def test_a_quantised_8b_base_trains_within_20_gib_on_examples_of_512_tokens():
    recipe = config.load_recipe("smollm2-135m").train
    examples = recipe.batch_facts + recipe.batch_contrasts + recipe.batch_general
    step = Step(tokens=512 * examples, scored=40 * examples)
    assert memory.training(LLAMA_8B, 16, "nf4", step)[True].total <= 20 * GIB
    assert memory.training(LLAMA_8B, 16, "", step)[False].total > 24 * GIB


@pytest.mark.parametrize("text", ["", "{}", '{"hidden_size": "wide"}'])
def test_a_base_that_is_no_such_model_is_an_error(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ConfigError, match="does not tell the sizes"):
        memory.shape(tmp_path)


def test_sizes_are_read_as_the_config_names_them(tmp_path):
    known = {
        "hidden_size": 576, "num_hidden_layers": 30, "num_attention_heads": 9,
        "num_key_value_heads": 3, "intermediate_size": 1536, "vocab_size": 49152,
        "tie_word_embeddings": True, "max_position_embeddings": 8192,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(known))
    assert memory.shape(tmp_path) == Shape(576, 30, 576, 192, 1536, 49152, tied=True, context=8192)


@pytest.mark.acceptance("gpu-dry")
def test_the_estimate_is_within_15_percent_of_what_training_takes():
    """The case with the fewest tokens, and one on a quantised base; `benchmarks/memory.py` has more."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("memory", ROOT / "benchmarks" / "memory.py")
    memory = module_from_spec(spec)
    spec.loader.exec_module(memory)
    for case in (memory.CASES[0], memory.CASES[3]):
        found = memory.apart(case)
        assert found["estimate"] == pytest.approx(found["measured"], rel=0.15), case


def test_what_does_not_fit_is_refused_with_what_to_do():
    """The card is made up here: half of what is needed."""
    recipe = config.load_recipe("smollm2-135m")
    peak = memory.training(LLAMA_8B, 16, "", Step(1000, 300))[False]
    small = forecast.Forecast(1000, Step(1000, 300), peak, peak.total // 2, recompute=False)
    with pytest.raises(ConfigError, match=r"training needs 2\d\.\d GiB") as raised:
        forecast.require_memory(small, recipe)
    assert "nf4" in raised.value.hint
    forecast.require_memory(replace(small, available=2 * peak.total), recipe)
    told = forecast.forecast_as_text(small)
    assert "1000 steps, the longest of 1000 tokens" in told
    assert told.endswith("it does not fit")
