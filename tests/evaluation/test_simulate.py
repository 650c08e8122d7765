"""What the gate promises of itself, held with the real decision; seeds are fixed, so nothing is luck."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core import config
from pipeline.dataset import build
from pipeline.evaluation import simulate
from pipeline.facts import check, synthetic

pytestmark = pytest.mark.slow

RECIPE = config.load_recipe("smollm2-135m")
RUNS = 500


@pytest.fixture(scope="module", params=["shipped", "made up"])
def made(request):
    """Give the shipped facts, and as many that have one wording each and thus fewer probes."""
    shipped = check.load_subjects(Path(__file__).parents[2] / "facts")
    subjects = shipped if request.param == "shipped" else synthetic.subjects(12, 0)
    return build.build(subjects, RECIPE.dataset, 0)


def test_a_model_of_95_percent_is_hardly_ever_accepted(made):
    found = simulate.accepted(made, RECIPE, 0.95, RUNS, seed=1)
    assert found.count / found.total <= 0.01


def test_a_model_of_99_8_percent_is_hardly_ever_rejected(made):
    found = simulate.accepted(made, RECIPE, 0.998, RUNS, seed=1)
    assert found.count / found.total >= 0.95


def test_a_perfect_model_is_always_accepted_and_one_that_knows_half_never(made):
    assert simulate.accepted(made, RECIPE, 1.0, 20, seed=1).count == 20
    assert simulate.accepted(made, RECIPE, 0.5, 20, seed=1).count == 0
