from __future__ import annotations

import pytest

from pipeline import config
from pipeline.errors import ConfigError

SHIPPED = (config.RECIPES / "smollm2-135m.toml").read_text(encoding="utf-8")


def test_every_shipped_recipe_loads():
    for path in config.RECIPES.glob("*.toml"):
        assert config.load(path.stem).name == path.stem


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
        config.load(str(recipe))
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


def test_an_unknown_recipe_names_the_known_ones():
    with pytest.raises(ConfigError) as caught:
        config.load("smolm")
    assert "smollm2-135m" in caught.value.hint
