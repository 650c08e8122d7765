from __future__ import annotations

import pytest

from pipeline.bounds import Rate


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
