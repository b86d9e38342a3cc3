"""Compiled kernels that draw cells from fitted forests."""

# Kernels are typed by numba at run time; their docstrings name dtypes and shapes.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

__all__ = ["Nodes", "draw_cells", "draw_within", "weigh"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)

Array = Any


class Nodes(NamedTuple):
    """A forest as flat arrays, see `abbild.tables.forest.Forest`."""

    predictors: Array
    relabel: Array
    roots: Array
    feature: Array
    cut: Array
    child: Array
    at: Array
    codes: Array
    sums: Array
    free_at: Array
    free: Array
    lines: Array


@njit(cache=True, nogil=True)
def _mix(x):
    """Finaliser of splitmix64 (Steele, Lea & Flood 2014): 64 bits in, 64 scrambled bits out."""
    x = (x ^ (x >> np.uint64(30))) * _M1
    x = (x ^ (x >> np.uint64(27))) * _M2
    return x ^ (x >> np.uint64(31))


@njit(cache=True, nogil=True)
def _uniform(key, row, k):
    """Uniform number in (0, 1) that depends on its three names only."""
    x = _mix(_mix(key + _GOLDEN * row) + _GOLDEN * np.uint64(k + 1))
    return (np.float64(x >> np.uint64(11)) + 0.5) * 2.0**-53


@njit(cache=True, nogil=True)
def _leaf(nodes, bins, i, v):
    """Leaf of row i of `bins` (d, n) below node v."""
    while nodes.child[v] >= 0:
        k = nodes.feature[v]
        b = nodes.relabel[k, bins[nodes.predictors[k], i]]
        v = nodes.child[v] + (b > nodes.cut[v])
    return v


@njit(cache=True, nogil=True)
def _piece(values, a, e, i):
    """Return the ends of the interval that the i-th of the sorted values[a:e] owns.

    They are the midpoints to its neighbours; at the ends a quarter of the gap lies outside.
    """
    v = np.float64(values[a + i])
    if e - a == 1:
        return v, v
    if i == 0:
        high = 0.5 * (v + values[a + 1])
        return v - 0.5 * (high - v), high
    low = 0.5 * (v + values[a + i - 1])
    if i == e - a - 1:
        return low, v + 0.5 * (v - low)
    return low, 0.5 * (v + values[a + i + 1])


@njit(cache=True, nogil=True)
def _quantile(values, a, e, u):
    """Value at probability u of the smoothed distribution of the sorted values[a:e]."""
    x = u * (e - a)
    i = min(int(x), e - a - 1)
    low, high = _piece(values, a, e, i)
    return low + (x - i) * (high - low)


@njit(cache=True, nogil=True)
def _rank(values, a, e, x):
    """Probability of at most x, and the density there; the inverse of `_quantile`."""
    m = e - a
    if x < _piece(values, a, e, 0)[0]:
        return 0.0, 0.0
    i, j = 0, m - 1  # the piece that holds x
    while i < j:
        h = (i + j) // 2
        if _piece(values, a, e, h)[1] < x:
            i = h + 1
        else:
            j = h
    low, high = _piece(values, a, e, i)
    if x > high:
        return 1.0, 0.0
    if high <= low:
        return (i + 1) / m, 1e12 / m
    return (i + (x - low) / (high - low)) / m, 1.0 / (m * (high - low))


@njit(cache=True, nogil=True)
def _shift(nodes, v, parent):
    """Return what the parent score adds to the residuals of leaf v."""
    slope = nodes.lines[v, 0]
    if slope == 0.0 or np.isnan(parent):
        return 0.0
    return slope * (parent - nodes.lines[v, 1])


@njit(cache=True, nogil=True)
def _clip(nodes, v, value):
    return min(max(value, np.float64(nodes.lines[v, 2])), np.float64(nodes.lines[v, 3]))


@njit(cache=True, nogil=True)
def draw_cells(nodes, free_code, bins, parent, key, rows, out_code, out_z):
    """Draw one cell of each row: a tree, its leaf, a code, and for a free score a value.

    `bins` (d, n) uint8, `parent` (n,) float64, `rows` (n,) uint64; writes (n,) int32, float64.
    """
    trees = len(nodes.roots)
    for i in range(len(rows)):
        t = int(_uniform(key, rows[i], 0) * trees)
        v = _leaf(nodes, bins, i, nodes.roots[t])
        j, e = nodes.at[v], nodes.at[v + 1]
        x = _uniform(key, rows[i], 1) * nodes.sums[e - 1]
        while j < e - 1 and nodes.sums[j] <= x:
            j += 1
        out_code[i] = nodes.codes[j]
        if nodes.codes[j] == free_code:
            u = _uniform(key, rows[i], 2)
            value = _quantile(nodes.free, nodes.free_at[v], nodes.free_at[v + 1], u)
            out_z[i] = _clip(nodes, v, value + _shift(nodes, v, parent[i]))


@njit(cache=True, nogil=True)
def _span(nodes, v, shift, low, high):
    """Probabilities below and up to an interval of free scores, in leaf v."""
    a, e = nodes.free_at[v], nodes.free_at[v + 1]
    least, most = np.float64(nodes.lines[v, 2]), np.float64(nodes.lines[v, 3])
    if high < least or low > most:
        return 0.0, 0.0
    below = 0.0 if low <= least else _rank(nodes.free, a, e, low - shift)[0]
    upto = 1.0 if high >= most else _rank(nodes.free, a, e, high - shift)[0]
    return below, max(upto, below)


@njit(cache=True, nogil=True)
def _code_mass(nodes, v, j, free_code, shift, allowed, spans):
    """Probability that leaf v draws its j-th code and that the cell is allowed."""
    before = nodes.sums[j - 1] if j > nodes.at[v] else 0
    share = (nodes.sums[j] - before) / nodes.sums[nodes.at[v + 1] - 1]
    if nodes.codes[j] != free_code:
        return share if allowed[nodes.codes[j]] else 0.0
    inside = 0.0
    for s in range(len(spans)):
        below, upto = _span(nodes, v, shift, spans[s, 0], spans[s, 1])
        inside += upto - below
    return share * inside


@njit(cache=True, nogil=True)
def _leaf_mass(nodes, v, free_code, shift, allowed, spans):
    mass = 0.0
    for j in range(nodes.at[v], nodes.at[v + 1]):
        mass += _code_mass(nodes, v, j, free_code, shift, allowed, spans)
    return mass


@njit(cache=True, nogil=True)
def _free_within(nodes, v, shift, spans, u):
    """Free score of leaf v inside the union of `spans`."""
    a, e = nodes.free_at[v], nodes.free_at[v + 1]
    total = 0.0
    for s in range(len(spans)):
        below, upto = _span(nodes, v, shift, spans[s, 0], spans[s, 1])
        total += upto - below
    x = u * total
    value = np.nan
    for s in range(len(spans)):
        below, upto = _span(nodes, v, shift, spans[s, 0], spans[s, 1])
        if upto > below:
            value = _quantile(nodes.free, a, e, min(below + x, upto)) + shift
            value = min(max(_clip(nodes, v, value), spans[s, 0]), spans[s, 1])
            if x <= upto - below:
                break
            x -= upto - below
    return value


@njit(cache=True, nogil=True)
def draw_within(  # noqa: PLR0913
    nodes, free_code, bins, parent, key, rows, allowed, spans, out_code, out_z, log
):
    """Draw cells given that they are allowed; add the log probability of that to `log`.

    `allowed` (codes,) bool; `spans` (s, 2) float64 intervals of free scores.
    """
    trees = len(nodes.roots)
    mass = np.zeros(trees)
    leaf = np.zeros(trees, np.int32)
    for i in range(len(rows)):
        total = 0.0
        for t in range(trees):
            v = _leaf(nodes, bins, i, nodes.roots[t])
            shift = _shift(nodes, v, parent[i])
            leaf[t], mass[t] = v, _leaf_mass(nodes, v, free_code, shift, allowed, spans)
            total += mass[t]
        if total <= 0.0:
            log[i] = -np.inf
            out_code[i] = -1
            continue
        log[i] += np.log(total / trees)
        x = _uniform(key, rows[i], 0) * total
        t = 0
        while t < trees - 1 and (x >= mass[t] or mass[t] <= 0.0):
            x -= mass[t]
            t += 1
        while mass[t] <= 0.0:
            t -= 1
        v = leaf[t]
        shift = _shift(nodes, v, parent[i])
        x = _uniform(key, rows[i], 1) * mass[t]
        chosen = -1
        for j in range(nodes.at[v], nodes.at[v + 1]):
            part = _code_mass(nodes, v, j, free_code, shift, allowed, spans)
            if part > 0.0:
                chosen = j
                if x < part:
                    break
                x -= part
        out_code[i] = nodes.codes[chosen]
        if nodes.codes[chosen] == free_code:
            out_z[i] = _free_within(nodes, v, shift, spans, _uniform(key, rows[i], 2))


@njit(cache=True, nogil=True)
def weigh(nodes, free_code, bins, parent, code, z, log):
    """Add to `log` the log probability (density for free scores) of given cells.

    `code` (n,) int32, -1 for no evidence; `z` (n,) float64 for cells with the free code.
    """
    trees = len(nodes.roots)
    for i in range(len(code)):
        if code[i] < 0:
            continue
        total = 0.0
        for t in range(trees):
            v = _leaf(nodes, bins, i, nodes.roots[t])
            before = 0
            for j in range(nodes.at[v], nodes.at[v + 1]):
                if nodes.codes[j] == code[i]:
                    share = (nodes.sums[j] - before) / nodes.sums[nodes.at[v + 1] - 1]
                    if code[i] == free_code:
                        a, e = nodes.free_at[v], nodes.free_at[v + 1]
                        shift = _shift(nodes, v, parent[i])
                        share *= _rank(nodes.free, a, e, z[i] - shift)[1]
                    total += share
                before = nodes.sums[j]
        log[i] += np.log(total / trees) if total > 0.0 else -np.inf
