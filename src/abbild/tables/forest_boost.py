"""Compiled kernels of the discriminator: boosted trees on bins; see `tree_corrector`.

Slope and curvature of the log loss are whole numbers packed into one 64-bit word, so sums are
exact whatever their order, and the sums of a node are those of its parent less its sibling's.
"""

# Kernels are typed by numba at run time; their docstrings name dtypes and shapes.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

__all__ = ["Boosted", "Knobs", "boost", "evaluate"]

BINS = 256
_LOW = np.int64(0xFFFFFFFF)
_HALF = np.int64(32)
_BLOCK = 512  # rows scored together

Array = Any


class Boosted(NamedTuple):
    """Trees of fixed depth in heap order: node v has the children 2v + 1 and 2v + 2.

    Attributes
    ----------
    feature : (rounds, 2 ** depth - 1) uint16
    right : (rounds, 2 ** depth - 1, 32) uint8; bit ``b % 8`` of byte ``b // 8`` says whether
        rows of bin b go to the right
    values : (rounds, 2 ** depth) float32 log odds
    """

    feature: Array
    right: Array
    values: Array


class Knobs(NamedTuple):
    """See `abbild.tables.tree_corrector.Boosting`."""

    rate: float
    ridge: float
    least: float
    row_share: float
    column_share: float


class _Buffers(NamedTuple):
    sums: Array  # (nodes, features, BINS) int64
    inverse: Array  # (features, BINS) uint8, the bin of each rank
    starts: Array  # (2, leaves + 2) int32
    spare_rows: Array
    spare_words: Array


@njit(cache=True, nogil=True)
def _next(state):
    """Advance a 64-bit linear congruential generator (Knuth's MMIX constants)."""
    return state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)


@njit(cache=True, nogil=True)
def _coin(state):
    return np.float64(state >> np.uint64(40)) * 2.0**-24


@njit(cache=True, nogil=True)
def _sample(real, weight, score, share, scale, state, rows, words):
    """Choose rows; write them and their packed slopes and curvatures. Returns count and state."""
    k = 0
    for i in range(len(real)):
        state = _next(state)
        if _coin(state) < share:
            p = np.float32(1.0) / (np.float32(1.0) + np.exp(-score[i]))
            slope = weight[i] * (np.float32(real[i]) - p)
            curve = weight[i] * p * (np.float32(1.0) - p)
            rows[k] = i
            words[k] = (np.int64(np.rint(slope * scale)) << _HALF) + np.int64(
                np.rint(curve * scale) + 1
            )
            k += 1
    return k, state


@njit(cache=True, nogil=True)
def _histogram(column, rows, words, start, stop, out):
    out[:] = 0
    for i in range(start, stop):
        out[column[rows[i]]] += words[i]


@njit(cache=True, nogil=True)
def _order_bins(sums, inverse):
    """Sort bins by their mean slope: the best order for cuts of a nominal feature."""
    mean = np.zeros(BINS)
    for b in range(BINS):
        if sums[b] != 0:
            mean[b] = np.float64(sums[b] >> _HALF) / np.float64(sums[b] & _LOW)
    ordered = np.argsort(mean, kind="mergesort")
    for k in range(BINS):
        inverse[k] = ordered[k]


@njit(cache=True, nogil=True)
def _best_cut(sums, inverse, whole, ridge, least):
    """Best cut of one node and feature: its gain and the last rank on the left."""
    g_all, h_all = np.float64(whole >> _HALF), np.float64(whole & _LOW)
    before = g_all * g_all / (h_all + ridge)
    best, cut = 0.0, -1
    total = np.int64(0)
    for k in range(BINS - 1):
        word = sums[inverse[k]]
        if word == 0:
            continue
        total += word
        h = np.float64(total & _LOW)
        if h_all - h < least:
            break
        if h >= least:
            g = np.float64(total >> _HALF)
            r = g_all - g
            gain = g * g / (h + ridge) + r * r / (h_all - h + ridge) - before
            if gain > best:
                best, cut = gain, k
    return best, cut


@njit(cache=True, nogil=True)
def _set_sides(inverse, cut, sides):
    """Mark the bins whose rank is above `cut`."""
    for k in range(cut + 1, BINS):
        b = inverse[k]
        sides[b >> 3] |= np.uint8(1 << (b & 7))


@njit(cache=True, nogil=True)
def _partition(column, sides, rows, words, start, stop, spare_rows, spare_words):
    """Stable split of rows[start:stop]; returns where the right part begins."""
    at, k = start, 0
    for i in range(start, stop):
        b = column[rows[i]]
        if (sides[b >> 3] >> (b & 7)) & 1:
            spare_rows[k] = rows[i]
            spare_words[k] = words[i]
            k += 1
        else:
            rows[at] = rows[i]
            words[at] = words[i]
            at += 1
    rows[at:stop] = spare_rows[:k]
    words[at:stop] = spare_words[:k]
    return at


@njit(cache=True, nogil=True)
def _split(bins, used, feature, right, v, bounds, rows, words, buffers, knobs):  # noqa: PLR0913
    """Split node v where that gains most; returns where its right part begins."""
    a, e = bounds[0], bounds[1]
    if e <= a:
        return e
    sums, inverse = buffers.sums[v], buffers.inverse
    whole = np.int64(0)
    for b in range(BINS):
        whole += sums[0, b]
    best, at, where = 1e-6, -1, -1
    for k in range(len(used)):
        gain, cut = _best_cut(sums[k], inverse[k], whole, knobs.ridge, knobs.least)
        if gain > best:
            best, at, where = gain, k, cut
    if at < 0:
        return e
    feature[v] = used[at]
    _set_sides(inverse[at], where, right[v])
    return _partition(
        bins[used[at]], right[v], rows, words, a, e, buffers.spare_rows, buffers.spare_words
    )


@njit(cache=True, nogil=True)
def _add(bins, feature, right, values, depth, score):
    """Add one tree to the scores of all rows.

    Level by level over short blocks and without branches, so that the loads of many rows are
    under way at once; unsigned indices spare a test for negative ones.
    """
    n = len(score)
    at = np.zeros(_BLOCK, np.uint32)
    one, three, seven = np.uint32(1), np.uint32(3), np.uint32(7)
    for start in range(0, n, _BLOCK):
        size = min(_BLOCK, n - start)
        at[:] = 0
        for _ in range(depth):
            for i in range(size):
                v = at[i]
                b = np.uint32(bins[np.uint32(feature[v]), np.uint64(start + i)])
                side = (np.uint32(right[v, b >> three]) >> (b & seven)) & one
                at[i] = v + v + one + side
        first = np.uint32((1 << depth) - 1)
        for i in range(size):
            score[start + i] += values[at[i] - first]


@njit(cache=True, nogil=True)
def _grow_tree(  # noqa: PLR0913
    bins, nominal, used, feature, right, values, depth, rows, words, knobs, buffers
):
    """Grow one tree on packed rows."""
    sums, inverse, starts = buffers.sums, buffers.inverse, buffers.starts
    for k in range(len(used)):
        _histogram(bins[used[k]], rows, words, 0, len(rows), sums[0, k])
        for b in range(BINS):
            inverse[k, b] = b
        if nominal[used[k]]:
            _order_bins(sums[0, k], inverse[k])
    starts[0, 0], starts[0, 1] = 0, len(rows)
    for level in range(depth):
        first = (1 << level) - 1
        for v in range(first, 2 * first + 1):
            j = v - first
            if level and j % 2 == 0:
                _fill_pair(bins, used, rows, words, starts[0, j : j + 3], v, sums)
        for v in range(first, 2 * first + 1):
            bounds = starts[0, v - first : v - first + 2]
            middle = _split(bins, used, feature, right, v, bounds, rows, words, buffers, knobs)
            starts[1, 2 * (v - first)] = bounds[0]
            starts[1, 2 * (v - first) + 1] = middle
            starts[1, 2 * (v - first) + 2] = bounds[1]
        starts[0] = starts[1]
    for leaf in range(1 << depth):
        total = np.int64(0)
        for i in range(starts[0, leaf], starts[0, leaf + 1]):
            total += words[i]
        g, h = np.float64(total >> _HALF), np.float64(total & _LOW)
        values[leaf] = knobs.rate * g / (h + knobs.ridge)


@njit(cache=True, nogil=True)
def _fill_pair(bins, used, rows, words, bounds, v, sums):
    """Sum siblings v and v + 1: the smaller one is counted, the other what its parent has left."""
    a, m, e = bounds[0], bounds[1], bounds[2]
    parent = (v - 1) // 2
    small, large, s, t = v, v + 1, a, m
    if m - a > e - m:
        small, large, s, t = v + 1, v, m, e
    for k in range(len(used)):
        _histogram(bins[used[k]], rows, words, s, t, sums[small, k])
        for b in range(BINS):
            sums[large, k, b] = sums[parent, k, b] - sums[small, k, b]


@njit(cache=True, nogil=True)
def boost(bins, nominal, real, weight, rounds, depth, knobs, key):
    """Fit the log odds of real against drawn rows.

    Parameters
    ----------
    bins : (d, n) uint8; `nominal` (d,) bool, features whose bins have no order
    real : (n,) bool; `weight` (n,) float32, at most 1
    knobs : `Knobs`
    key : uint64
    """
    d, n = bins.shape
    inner = (1 << depth) - 1
    feature = np.zeros((rounds, inner), np.uint16)
    right = np.zeros((rounds, inner, BINS // 8), np.uint8)
    values = np.zeros((rounds, inner + 1), np.float32)
    scale = min(16384.0, 2.0**31 / (n + 1.0))  # no sum leaves its half of a word
    score = np.zeros(n, np.float32)
    rows, words = np.empty(n, np.int32), np.empty(n, np.int64)
    most = max(min(d, 4), int(np.ceil(knobs.column_share * d)))
    scaled = Knobs(knobs.rate, knobs.ridge * scale, knobs.least * scale, 0.0, 0.0)
    buffers = _Buffers(
        np.zeros((inner, most, BINS), np.int64),
        np.zeros((most, BINS), np.uint8),
        np.zeros((2, inner + 3), np.int32),
        np.empty(n, np.int32),
        np.empty(n, np.int64),
    )
    features = np.arange(d)
    state = key
    for t in range(rounds):
        k, state = _sample(real, weight, score, knobs.row_share, scale, state, rows, words)
        for j in range(most):  # a random part of the features, by Fisher and Yates
            state = _next(state)
            other = j + int(_coin(state) * (d - j))
            features[j], features[other] = features[other], features[j]
        used = np.sort(features[:most])
        _grow_tree(
            bins, nominal, used, feature[t], right[t], values[t], depth, rows[:k], words[:k],
            scaled, buffers,
        )  # fmt: skip
        _add(bins, feature[t], right[t], values[t], depth, score)
    return Boosted(feature, right, values)


@njit(cache=True, nogil=True)
def evaluate(bins, model):
    """Return the (n,) float32 log odds of the rows of `bins` (d, n)."""
    depth = 0
    while (1 << depth) - 1 < model.feature.shape[1]:
        depth += 1
    score = np.zeros(bins.shape[1], np.float32)
    for t in range(len(model.feature)):
        _add(bins, model.feature[t], model.right[t], model.values[t], depth, score)
    return score
