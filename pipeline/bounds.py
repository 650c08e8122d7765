"""What a count out of a number of trials proves: exact one-sided binomial bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass

CONFIDENCE = 0.95
"""One-sided confidence of every bound."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many, with the bounds that the sample size allows."""

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
