"""Exact binomial bounds and tests of counts, all one-sided."""

from __future__ import annotations

import math
from dataclasses import dataclass

CONFIDENCE = 0.95
"""One-sided confidence of every bound that is reported."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A count of a total, with the bounds that the sample size allows."""

    count: int
    total: int

    @property
    def lower_bound(self) -> float:
        """The true rate is above this with 95 % confidence (Clopper and Pearson 1934)."""
        return 1 - Rate(self.total - self.count, self.total).upper_bound

    @property
    def upper_bound(self) -> float:
        """The true rate is below this with 95 % confidence (Clopper and Pearson 1934)."""
        if self.count >= self.total:
            return 1.0
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            if _at_most(self.count, self.total, middle) > 1 - CONFIDENCE:
                low = middle
            else:
                high = middle
        return high


def misses_allowed(total: int, rate: float, risk: float) -> int | None:
    """Give the most misses of `total` trials that still prove a rate above `rate`; None: not even 0 do.

    `risk` is the probability of so few misses when the true rate is `rate`.
    """
    allowed = None
    for misses in range(total):
        if _at_most(misses, total, 1 - rate) > risk:
            break
        allowed = misses
    return allowed


def sign_test(lost: int, gained: int) -> float:
    """Probability of `lost` or more losses among all changes if both directions were equally likely.

    This is McNemar's test for paired answers in its exact, one-sided form.
    """
    changes = lost + gained
    return 1.0 if lost == 0 else _at_most(changes - lost, changes, 0.5)


def _at_most(count: int, total: int, rate: float) -> float:
    """Probability of at most `count` successes in `total` trials of `rate`, which is not 0 or 1.

    In logarithms: the binomial coefficients of a thousand probes are beyond any float.
    """
    yes, no, ways = math.log(rate), math.log1p(-rate), math.lgamma(total + 1)
    return math.fsum(
        math.exp(
            ways - math.lgamma(k + 1) - math.lgamma(total - k + 1) + k * yes + (total - k) * no
        )
        for k in range(count + 1)
    )
