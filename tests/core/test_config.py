from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pipeline.core import config
from pipeline.core.errors import ConfigError

SHIPPED = (config.RECIPES / "smollm2-135m.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('extends = "none"', "extends: 'none' is no shipped recipe"),
        ('extends = "llama-3.1-8b"', "extends another one"),
        ("extends = 3", "is no shipped recipe"),
        ('extends = "smollm2-135m"\n[train]\nranks = 1', "unknown key 'ranks'"),
        ('extends = "smollm2-135m"\ntrain = 1', "is not a table"),
    ],
)
def test_what_a_recipe_cannot_extend_is_said(tmp_path, text, message):
    recipe = tmp_path / "mine.toml"
    recipe.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        config.load_recipe(str(recipe))
    assert message in caught.value.message


def test_a_recipe_that_extends_another_differs_in_its_own_keys_alone(tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text('extends = "smollm2-135m"\n[train]\nrank = 8\n', encoding="utf-8")
    own, shipped = config.load_recipe(str(recipe)), config.load_recipe("smollm2-135m")
    assert own == replace(shipped, name="mine", train=replace(shipped.train, rank=8))


def test_every_shipped_recipe_loads():
    for path in config.RECIPES.glob("*.toml"):
        assert config.load_recipe(path.stem).name == path.stem


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("rank = 16", "ranks = 16", "unknown key 'ranks'", "did you mean 'rank'?"),
        ("rank = 16", "", "missing key 'rank'", "copy a shipped recipe"),
        ("rank = 16", 'rank = "16"', "rank: '16' is not a whole number", "shipped recipes"),
        ("rank = 16", "rank = true", "rank: True is not a whole number", "shipped recipes"),
        ("rank = 16", "rank = -1", "rank: -1 is below zero", "shipped recipes"),
        ("[gate]", "[gates]", "unknown key 'gates'", "did you mean 'gate'?"),
        ("[train]", "[train", "cannot be read as a recipe", ""),
    ],
)
def test_a_bad_recipe_says_where_what_and_how_to_mend_it(tmp_path, old, new, message, hint):
    recipe = tmp_path / "mine.toml"
    recipe.write_text(SHIPPED.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        config.load_recipe(str(recipe))
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


def test_an_unknown_recipe_names_the_known_ones():
    with pytest.raises(ConfigError) as caught:
        config.load_recipe("smolm")
    assert "smollm2-135m" in caught.value.hint


NUMBERS = [line for line in SHIPPED.splitlines() if re.match(r"\w+ = [0-9.e-]+ *(#|$)", line)]
FLOATS = [line for line in NUMBERS if re.match(r"\w+ = [0-9]*[.e]", line)]


@pytest.mark.parametrize(
    "odd",
    ["9" * 5000, "9" * 400, f"0x{'f' * 5000}", f"[0x{'f' * 5000}]", "-1", "nan", "inf", "-inf"],
)
def test_no_key_takes_a_number_that_nothing_can_be_compared_with(tmp_path, odd):
    recipe = tmp_path / "mine.toml"
    assert len(FLOATS) > 10
    for line in FLOATS:
        key = line.partition(" = ")[0]
        recipe.write_text(SHIPPED.replace(line, f"{key} = {odd}", 1), encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            config.load_recipe(str(recipe))
        assert len(caught.value.message) < 300 + len(str(recipe))
