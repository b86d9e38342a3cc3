"""Intervals, always inside the range of the number they belong to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

__all__ = ["auc_interval", "clopper_pearson", "jackknife", "normal", "placements", "wilson"]

Floats = NDArray[np.float64]


def normal(
    value: float, error: float, *, low: float = 0.0, high: float = 1.0, level: float = 0.95
) -> tuple[float, float]:
    """Return value -+ z error, cut to [`low`, `high`]."""
    width = float(stats.norm.ppf(0.5 + level / 2)) * error
    return max(low, value - width), min(high, value + width)


def wilson(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the score interval of a share of `n` > 0 records (Wilson 1927)."""
    z = float(stats.norm.ppf(0.5 + level / 2))
    p = hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # rounding must not push the bound past the share itself
    return max(0.0, min(p, float(middle - half))), min(1.0, max(p, float(middle + half)))


def clopper_pearson(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a share of `n` > 0 records (Clopper, Pearson 1934)."""
    tail = (1 - level) / 2
    low = float(stats.beta.ppf(tail, hits, n - hits + 1)) if hits else 0.0
    high = float(stats.beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return low, high


def placements(positive: Floats, negative: Floats) -> tuple[Floats, Floats]:
    """Return how each score is placed among those of the other class; ties count one half.

    Returns
    -------
    ``(n,)`` share of negatives below each positive and ``(m,)`` share of positives above each
    negative; the mean of either is the AUC, and their spread its error (DeLong et al. 1988).
    """
    return _below(positive, np.sort(negative)), 1 - _below(negative, np.sort(positive))


def auc_interval(
    positive: Floats, negative: Floats, level: float = 0.95
) -> tuple[float, float, float, float]:
    """Return AUC, its standard error, and the bounds of its interval in [0, 1].

    The error is DeLong's; where it vanishes (perfect separation) one misplaced record of the
    smaller class stands in for it.
    """
    up, down = placements(positive, negative)
    value = float(up.mean())
    n, m = len(positive), len(negative)
    error = float(np.sqrt(_spread(up) / n + _spread(down) / m))
    error = max(error, 0.5 / min(n, m))
    return value, error, *normal(value, error, level=level)


def jackknife(left_out: Floats) -> float:
    """Return the standard error from the (g,) values with one group of rows left out each."""
    g = len(left_out)
    return float(np.sqrt((g - 1) / g * np.sum((left_out - left_out.mean()) ** 2)))


def _below(x: Floats, ordered: Floats) -> Floats:
    left = np.searchsorted(ordered, x, side="left")
    right = np.searchsorted(ordered, x, side="right")
    return (left + right) / (2 * len(ordered))


def _spread(x: Floats) -> float:
    return float(x.var(ddof=1)) if len(x) > 1 else 0.25
