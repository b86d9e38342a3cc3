"""Compiled kernels that draw cells from fitted forests."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["draw", "quantile"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)


@njit(cache=True, nogil=True)
def _mix(x):
    """Finaliser of splitmix64 (Steele, Lea, Flood 2014): 64 bits in, 64 scrambled bits out."""
    x = (x ^ (x >> np.uint64(30))) * _M1
    x = (x ^ (x >> np.uint64(27))) * _M2
    return x ^ (x >> np.uint64(31))


@njit(cache=True, nogil=True)
def uniform(key, row, column, k):
    """Uniform number in (0, 1) that depends on its four names only."""
    x = _mix(key + _GOLDEN * np.uint64(row + 1))
    x = _mix(x + _GOLDEN * np.uint64(column * 16 + k + 1))
    return (np.float64(x >> np.uint64(11)) + 0.5) * 1.1102230246251565e-16


@njit(cache=True, nogil=True)
def quantile(values, a, e, u):
    """Value of the smoothed distribution of sorted values[a:e] at probability u.

    Each value owns the interval between the midpoints to its neighbours, uniformly; at the ends
    a quarter of the inner gap lies outside.
    """
    m = e - a
    if m == 1:
        return np.float64(values[a])
    x = u * m
    i = min(int(x), m - 1)
    x -= i
    v = np.float64(values[a + i])
    if i == 0:
        high = 0.5 * (v + values[a + 1])
        low = v - 0.5 * (high - v)
    elif i == m - 1:
        low = 0.5 * (v + values[a + i - 1])
        high = v + 0.5 * (v - low)
    else:
        low = 0.5 * (v + values[a + i - 1])
        high = 0.5 * (v + values[a + i + 1])
    return low + x * (high - low)


@njit(cache=True, nogil=True)
def descend(bins, i, relabel, predictors, feature, cut, child, node):
    """Leaf of row i of `bins` (d, n) below `node`."""
    while child[node] >= 0:
        k = feature[node]
        node = child[node] + (relabel[k, bins[predictors[k], i]] > cut[node])
    return node


@njit(cache=True, nogil=True)
def draw(
    bins, parent, key, first, column, roots, relabel, predictors, feature, cut, child,
    at, codes, sums, free_code, free_at, free, slope, mean, low, high, out_code, out_z,
):  # fmt: skip
    """Draw one cell of each row: a tree, its leaf, a code, and for free scores a value."""
    trees = len(roots)
    for i in range(len(out_code)):
        row = first + i
        t = int(uniform(key, row, column, 0) * trees)
        v = descend(bins, i, relabel, predictors, feature, cut, child, roots[t])
        a, e = at[v], at[v + 1]
        x = uniform(key, row, column, 1) * sums[e - 1]
        j = a
        while j < e - 1 and sums[j] <= x:
            j += 1
        out_code[i] = codes[j]
        if codes[j] == free_code:
            value = quantile(free, free_at[v], free_at[v + 1], uniform(key, row, column, 2))
            if slope[v] != 0.0 and not np.isnan(parent[i]):
                value += slope[v] * (parent[i] - mean[v])
                value = min(max(value, low[v]), high[v])
            out_z[i] = value
