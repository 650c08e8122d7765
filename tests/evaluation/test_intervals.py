from __future__ import annotations

import pytest

from pipeline.evaluation.intervals import Rate, misses_allowed, sign_test


@pytest.mark.parametrize(
    ("count", "total", "bound"), [(12, 12, 0.779), (59, 59, 0.950), (299, 299, 0.990), (0, 12, 0.0)]
)
def test_lower_bounds_are_those_of_clopper_and_pearson(count, total, bound):
    assert Rate(count, total).lower_bound == pytest.approx(bound, abs=5e-4)


@pytest.mark.parametrize(
    ("count", "total", "bound"),
    [(0, 149, 0.0199), (0, 598, 0.0050), (3, 40, 0.1826), (5, 5, 1.0), (0, 0, 1.0)],
)
def test_upper_bounds_are_those_of_clopper_and_pearson(count, total, bound):
    assert Rate(count, total).upper_bound == pytest.approx(bound, abs=5e-5)


def test_a_sample_of_nothing_proves_nothing():
    assert (Rate(0, 0).lower_bound, Rate(0, 0).upper_bound) == (0.0, 1.0)


def test_bounds_exist_for_thousands_of_probes():
    assert Rate(6000, 12_000).lower_bound == pytest.approx(0.4924, abs=5e-4)


@pytest.mark.parametrize(
    ("total", "allowed"),
    [(0, None), (12, None), (89, None), (90, 0), (156, 1), (360, 8), (800, 25)],
)
def test_as_many_misses_are_allowed_as_still_prove_the_rate(total, allowed):
    # 0.95 ** 90 is the first power below 0.01.
    assert misses_allowed(total, 0.95, 0.01) == allowed


@pytest.mark.parametrize(
    ("lost", "gained", "chance"),
    [(0, 0, 1.0), (0, 9, 1.0), (1, 0, 0.5), (5, 0, 1 / 32), (10, 1, 12 / 2048), (8, 8, 0.598)],
)
def test_the_sign_test_is_the_exact_binomial_one(lost, gained, chance):
    assert sign_test(lost, gained) == pytest.approx(chance, abs=5e-4)
