"""Which column comes first, and which earlier ones a column is predicted from."""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from abbild.tables.tree_bins import MISSING, ColumnBins

__all__ = ["column_order", "dependence", "predictors"]

CELLS = 16  # per column; more are joined
_WORK = 2e9  # counting steps all pairs may take


@njit(cache=True, nogil=True)
def _pair_information(cells, out):
    """Mutual information of all pairs of rows of `cells` (d, n) uint8, less its bias, in nats."""
    d, n = cells.shape
    table = np.zeros((CELLS + 1, CELLS + 1), np.int32)
    for a in range(d):
        for b in range(a):
            table[:] = 0
            x, y = cells[a], cells[b]
            for i in range(n):
                table[x[i], y[i]] += 1
            total = 0.0
            used = 0
            for j in range(CELLS + 1):
                for k in range(CELLS + 1):
                    if table[j, k]:
                        total += table[j, k] * np.log(table[j, k])
                        used += 1
            out[a, b] = total / n
            out[b, a] = used
    return out


def dependence(bins: NDArray[np.uint8], columns: tuple[ColumnBins, ...]) -> NDArray[np.float64]:
    """Return the (d, d) mutual information of columns on at most 17 cells each, in nats.

    Cost is O(d^2 n), on the first rows only where that would be much; rows must be in no order.
    """
    d, n = bins.shape
    if not d:
        return np.zeros((0, 0))
    used = int(min(n, max(500, min(20_000, 2 * _WORK / max(d * d, 1)))))
    cells = np.stack([_coarse(bins[j, :used], columns[j]) for j in range(d)])
    out = _pair_information(cells, np.zeros((d, d)))
    joint, seen = np.tril(out, -1), np.triu(out, 1).T
    counts = [np.bincount(c, minlength=CELLS + 1).astype(np.float64) for c in cells]
    own = np.array([(c * np.log(np.maximum(c, 1))).sum() / used for c in counts])
    levels = np.array([(c > 0).sum() for c in counts])
    bias = (seen - levels[:, None] - levels[None, :] + 1) / (2 * used)  # Miller & Madow 1955
    mi = np.tril(joint - own[:, None] - own[None, :] + np.log(used) - bias, -1)
    return np.asarray(np.maximum(mi + mi.T, 0.0), np.float64)


def _coarse(bins: NDArray[np.uint8], column: ColumnBins) -> NDArray[np.uint8]:
    """Join bins to 16 cells of equal mass, or the 15 most frequent levels and the rest."""
    counts = np.bincount(bins, minlength=256)
    if column.is_nominal:
        lookup = np.full(256, CELLS - 1)
        top = np.argsort(-counts, kind="stable")[: CELLS - 1]
        lookup[top] = np.arange(len(top))
    else:
        there = counts.copy()
        there[MISSING] = 0
        middle = np.cumsum(there) - there / 2
        lookup = np.minimum(middle / max(there.sum(), 1) * CELLS, CELLS - 1).astype(np.int64)
        lookup[MISSING] = CELLS
    return lookup[bins].astype(np.uint8)


def column_order(information: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return columns by descending sum of their information on all others."""
    return np.argsort(-information.sum(axis=1), kind="stable")


def predictors(
    information: NDArray[np.float64], order: NDArray[np.int64], position: int, most: int
) -> NDArray[np.int64]:
    """Return the at most `most` columns before `position` that say most about the one there."""
    before = order[:position]
    if len(before) <= most:
        return before
    value = information[order[position], before]
    return before[np.sort(np.argsort(-value, kind="stable")[:most])]
