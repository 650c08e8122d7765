"""A base quantised for training, by the real bitsandbytes; calls to Unsloth are compared with its source."""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import learn
from pipeline.core import config
from pipeline.core.errors import ConfigError
from pipeline.models import backends
from pipeline.models.adapter import finished_adapter, load_adapter
from pipeline.models.context import RunContext
from pipeline.training import fit

ROOT = Path(__file__).parents[2]
RECIPE = config.load_recipe("smollm2-135m")
UNSLOTH = ROOT / "build" / "unsloth" / "unsloth"


def short(quantization):
    """Give the recipe with a few steps on a base that is quantised or not."""
    few = replace(RECIPE.train, exposures=1, few_exposures=1, least_steps=24)
    return replace(RECIPE, base=replace(RECIPE.base, quantization=quantization), train=few)


def test_a_quantisation_that_nobody_knows_is_refused():
    with pytest.raises(ConfigError, match="'int3' is not known"):
        backends.choose("int3")


@pytest.mark.parametrize("quantization", ["", "nf4"])
def test_without_a_card_a_base_is_loaded_by_transformers(quantization):
    assert backends.choose(quantization) == "transformers"


@pytest.mark.acceptance("gpu-dry")
def test_a_quantised_base_learns_like_the_base_itself_and_is_judged_as_it_is_served(
    tmp_path,
):
    losses = {}
    for quantization in ("", "nf4"):
        session = RunContext(short(quantization), tmp_path / f"out{quantization}", 0)
        learn.build(ROOT / "tests" / "cases" / "mills" / "facts", session)
        fit.fit(session)
        losses[quantization] = finished_adapter(session.out / "adapter").train.loss
    assert losses["nf4"] == pytest.approx(losses[""], rel=0.15)
    local = session.local()
    assert not local.quantization
    adapted = load_adapter(local, session.out / "adapter")
    assert adapted.model.dtype == local.model.dtype


def parameters(source, name):
    """Give the parameters of a function in a source file, by its name: of every one called so."""
    found = [
        node
        for node in ast.walk(ast.parse(Path(source).read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    assert found
    return [{a.arg for a in (*node.args.args, *node.args.kwonlyargs)} for node in found]


@pytest.mark.acceptance("gpu-dry")
@pytest.mark.skipif(not UNSLOTH.exists(), reason="no source of Unsloth: `make unsloth-source`")
@pytest.mark.parametrize(
    ("function", "file", "name"),
    [
        (backends.load_model, "models/loader.py", "from_pretrained"),
        (backends.adapt, "models/llama.py", "get_peft_model"),
    ],
)
def test_unsloth_takes_what_it_is_given(function, file, name):
    """Its source is read, not imported: importing it needs a card."""
    given = {
        keyword.arg
        for call in ast.walk(ast.parse(inspect.getsource(function)))
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == name
        for keyword in call.keywords
        if keyword.arg
    }
    assert given
    assert any(given <= known for known in parameters(UNSLOTH / file, name))
