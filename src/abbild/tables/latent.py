"""Evidence about a row as intervals of hidden uniform numbers, one for each dimension.

A column of levels has one dimension, a column of scores one, and a second one (missing or not)
if it has missing cells. Both `independent` and `copula` draw in these dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from abbild.tables.encoded import Encoded, Levels, Scores
from abbild.tables.marginals import LevelMarginal, ScoreMarginal, build
from abbild.tables.model import Given, Within

__all__ = ["Dimension", "assemble", "dimensions", "evidence", "freed", "truncated"]

Floats = NDArray[np.float64]
Marginals = tuple[LevelMarginal | ScoreMarginal, ...]


@dataclass(frozen=True, slots=True)
class Dimension:
    """One hidden number of a row: of column `column`, its value or whether it is missing."""

    column: int
    missing: bool


def dimensions(marginals: Marginals) -> list[Dimension]:
    """List the hidden numbers, in the order of the columns."""
    out = []
    for i, marginal in enumerate(marginals):
        if isinstance(marginal, ScoreMarginal) and marginal.missing > 0:
            out.append(Dimension(i, True))
        out.append(Dimension(i, False))
    return out


def evidence(
    marginals: Marginals, n: int, given: Given | None, within: Within | None
) -> dict[Dimension, Floats]:
    """Return, for each dimension something is known of, (n, m, 2) intervals of [0, 1].

    An interval of no width is a point; NaN is what cannot be. The interval of a value is meant
    for rows where it is not missing.
    """
    out: dict[Dimension, Floats] = {}
    for i, marginal in enumerate(marginals):
        value, missing = Dimension(i, False), Dimension(i, True)
        if given is not None and marginal.name in given:
            cells = given[marginal.name]
            low, high = marginal.spans(cells)  # type: ignore[arg-type]
            out[value] = np.stack([low, high], axis=-1)[:, None, :]
            if isinstance(marginal, ScoreMarginal) and marginal.missing > 0:
                out[missing] = _lost(np.isnan(cells), ~np.isnan(cells), marginal.missing)
        elif within is not None and marginal.name in within:
            allowed = within[marginal.name]
            spans = marginal.allowed(allowed)
            spans = spans if len(spans) else np.full((1, 2), np.nan)
            out[value] = np.broadcast_to(spans, (n, *spans.shape))
            if isinstance(marginal, ScoreMarginal) and marginal.missing > 0:
                some = allowed.intervals is None or len(allowed.intervals) > 0
                lost = np.full(n, allowed.missing)
                out[missing] = _lost(lost, np.full(n, some), marginal.missing)
    return out


def _lost(lost: NDArray[np.bool_], found: NDArray[np.bool_], share: float) -> Floats:
    """Return the intervals of a dimension that says missing below `share`."""
    low = np.where(lost, 0.0, np.where(found, share, np.nan))
    high = np.where(found, 1.0, np.where(lost, share, np.nan))
    return np.stack([low, high], axis=-1)[:, None, :]


def assemble(
    marginals: Marginals, u: dict[Dimension, Floats], n: int, target: str | None
) -> Encoded:
    """Return the rows that hidden uniform numbers stand for."""
    columns: list[Levels | Scores] = []
    for i, marginal in enumerate(marginals):
        lost = np.zeros(n, bool)
        if isinstance(marginal, ScoreMarginal) and marginal.missing > 0:
            lost = u[Dimension(i, True)] < marginal.missing
        columns.append(build(marginal, u[Dimension(i, False)], lost))
    return Encoded(n, tuple(columns), target)


def truncated(spans: Floats, mean: Floats, deviation: float, v: Floats) -> tuple[Floats, Floats]:
    """Draw normal numbers inside intervals, and the log probability of these.

    Parameters
    ----------
    spans : (n, m, 2) intervals of [0, 1], ranks under the standard normal distribution
    mean, deviation : of the normal numbers, (n,) and one for all
    v : (n,) uniform numbers to draw with

    Returns
    -------
    (n,) normal numbers, and (n,) logarithms of the probability of the intervals, or of the
    density where these are one point; ``-inf`` where nothing is possible
    """
    with np.errstate(invalid="ignore"):
        edges = (ndtri(spans) - mean[:, None, None]) / deviation
        mass = ndtr(edges)  # (n, m, 2)
        # far out on the right, tails keep digits that masses near 1 have lost
        right = edges[..., 0] > 0
        width = np.where(
            right, ndtr(-edges[..., 0]) - ndtr(-edges[..., 1]), mass[..., 1] - mass[..., 0]
        )
    width = np.nan_to_num(np.maximum(width, 0.0))
    ends = np.cumsum(width, axis=1)
    total = ends[:, -1]
    target = v * total
    at = np.minimum((ends <= target[:, None]).sum(axis=1), spans.shape[1] - 1)
    rows = np.arange(len(v))
    inside = target - (ends - width)[rows, at]
    low = edges[rows, at, 0]
    z = np.where(right[rows, at], -ndtri(ndtr(-low) - inside), ndtri(mass[rows, at, 0] + inside))
    z = np.clip(z, low, edges[rows, at, 1])
    point = (spans[:, 0, 0] == spans[:, 0, 1]) & (spans.shape[1] == 1)
    first = edges[:, 0, 0]
    with np.errstate(divide="ignore"):
        log = np.where(point, -0.5 * first**2 - np.log(deviation), np.log(total))
    z = np.where(point, first, z)
    lost = ~np.isfinite(z)
    return mean + deviation * np.where(lost, 0.0, z), np.where(lost, -np.inf, log)


def freed(
    spans: Floats, marginals: Marginals, dimension: Dimension, u: dict[Dimension, Floats]
) -> Floats:
    """Return the `spans` of a dimension, but all of [0, 1] in rows whose cell is missing."""
    before = Dimension(dimension.column, True)
    marginal = marginals[dimension.column]
    if dimension.missing or before not in u or isinstance(marginal, LevelMarginal):
        return spans
    whole = np.full_like(spans, np.nan)
    whole[:, 0] = 0.0, 1.0
    return np.where((u[before] < marginal.missing)[:, None, None], whole, spans)
