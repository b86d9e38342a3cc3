"""What the forests missed: a discriminator whose odds decide which drawn rows are kept.

Column by column, small faults add up to rows that a classifier can tell from real ones. A
boosted classifier of real against drawn rows estimates how much too often each kind of row is
drawn, and a drawn row is accepted with a probability proportional to its odds. Each row tries
candidates of its own, so any range of rows is the same in any company.

References
----------
Azadi et al. (2019), "Discriminator rejection sampling";
Friedman (2002), "Stochastic gradient boosting".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abbild.tables.forest_boost import Boosted, Knobs, boost, evaluate

MOST_FEATURES = 32  # a tree looks at

__all__ = ["Boosting", "Corrector", "fit_corrector"]


@dataclass(frozen=True, slots=True)
class Boosting:
    """How the discriminator is boosted; see `abbild.tables.trees.Trees`."""

    rounds: int = 300
    depth: int = 6
    rate: float = 0.1
    ridge: float = 1.0
    least: float = 20.0
    row_share: float = 0.5
    column_share: float = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Corrector:
    """Log odds of real against drawn, as a sum of trees.

    Attributes
    ----------
    feature, right, values : see `forest_boost.Boosted`
    limit : greatest odds a row is given; the least are one over it
    """

    feature: NDArray[np.uint16]
    right: NDArray[np.uint8]
    values: NDArray[np.float32]
    limit: float

    def log_odds(self, bins: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return (n,) clipped log odds of the rows of `bins` (d, n)."""
        model = Boosted(self.feature, self.right, self.values)
        raw = evaluate(np.ascontiguousarray(bins), model)
        top = np.log(self.limit)
        return np.asarray(np.clip(raw.astype(np.float64), -top, top))


def fit_corrector(
    real: NDArray[np.uint8],
    drawn: NDArray[np.uint8],
    nominal: NDArray[np.bool_],
    boosting: Boosting,
    limit: float,
    rng: np.random.Generator,
) -> Corrector:
    """Boost real (d, n) against drawn (d, m) rows, both classes of the same weight."""
    bins = np.ascontiguousarray(np.hstack([real, drawn]))
    is_real = np.arange(bins.shape[1]) < real.shape[1]
    weight = np.where(is_real, 1.0, real.shape[1] / drawn.shape[1]).astype(np.float32)
    b, d = boosting, len(bins)
    column_share = min(b.column_share, MOST_FEATURES / d)
    knobs = Knobs(b.rate, b.ridge, b.least, b.row_share, column_share)
    key = np.uint64(rng.integers(2**63))
    model = boost(bins, nominal, is_real, weight, b.rounds, b.depth, knobs, key)
    return Corrector(model.feature, model.right, model.values, limit)
