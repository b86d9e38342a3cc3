"""Compiled kernels of the discriminator: boosted trees on bins; see `tree_corrector`.

Slope and curvature of the log loss are whole numbers packed into one 64-bit word, so sums are
exact whatever their order, and the sums of a node are those of its parent less its sibling's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

__all__ = ["Boosted", "Knobs", "boost", "evaluate"]

BINS = 256
_LOW = np.int64(0xFFFFFFFF)
_HALF = np.int64(32)

Array = Any


class Boosted(NamedTuple):
    """Trees of fixed depth in heap order: node v has the children 2v + 1 and 2v + 2.

    Attributes
    ----------
    feature : (rounds, 2 ** depth - 1) int16; -1 sends all rows to the left
    cut : the same shape, uint8; a row goes left if the rank of its bin is at most this
    place : (d,) int16 index into `rank` of a nominal feature, -1 for others
    rank : (rounds, nominal, 256) uint8 order of the bins of nominal features
    values : (rounds, 2 ** depth) float32 log odds
    """

    feature: Array
    cut: Array
    place: Array
    rank: Array
    values: Array


class Knobs(NamedTuple):
    """See `abbild.tables.tree_corrector.Boosting`."""

    rate: float
    ridge: float
    least: float
    row_share: float
    column_share: float


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
def _order_bins(sums, rank):
    """Rank bins by their mean slope: the best order for cuts of a nominal feature."""
    mean = np.empty(BINS)
    for b in range(BINS):
        mean[b] = np.float64(sums[b] >> _HALF) / (np.float64(sums[b] & _LOW) + 1e-9)
        if sums[b] == 0:
            mean[b] = 0.0
    ordered = np.argsort(mean, kind="mergesort")
    for k in range(BINS):
        rank[ordered[k]] = k


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
def _partition(column, rank, cut, rows, words, start, stop, spare_rows, spare_words):
    at, k = start, 0
    for i in range(start, stop):
        if rank[column[rows[i]]] <= cut:
            rows[at] = rows[i]
            words[at] = words[i]
            at += 1
        else:
            spare_rows[k] = rows[i]
            spare_words[k] = words[i]
            k += 1
    rows[at:stop] = spare_rows[:k]
    words[at:stop] = spare_words[:k]
    return at


@njit(cache=True, nogil=True)
def _grow_level(bins, used, model, t, level, rows, words, starts, sums, inverse, knobs, spare):
    """Split the nodes of one level of tree t."""
    first = (1 << level) - 1
    for v in range(first, 2 * first + 1):
        a, e = starts[0, v - first], starts[0, v - first + 1]
        whole = np.int64(0)
        for b in range(BINS):
            whole += sums[v, 0, b]
        best, at, where = 1e-6, -1, -1
        if e > a:
            for k in range(len(used)):
                gain, cut = _best_cut(sums[v, k], inverse[k], whole, knobs.ridge, knobs.least)
                if gain > best:
                    best, at, where = gain, k, cut
        middle = e
        if at >= 0:
            f = used[at]
            model.feature[t, v], model.cut[t, v] = f, where
            rank = model.rank[t, max(model.place[f], 0)] if model.place[f] >= 0 else spare[2]
            middle = _partition(bins[f], rank, where, rows, words, a, e, spare[0], spare[1])
        starts[1, 2 * (v - first)] = a
        starts[1, 2 * (v - first) + 1] = middle
        starts[1, 2 * (v - first) + 2] = e


@njit(cache=True, nogil=True)
def _descend(bins, model, t, depth, i):
    v = 0
    for _ in range(depth):
        f = model.feature[t, v]
        right = 0
        if f >= 0:
            b = bins[f, i]
            if model.place[f] >= 0:
                b = model.rank[t, model.place[f], b]
            right = b > model.cut[t, v]
        v = 2 * v + 1 + right
    return v - ((1 << depth) - 1)


@njit(cache=True, nogil=True)
def _grow_tree(bins, model, t, depth, rows, words, used, knobs, buffers):
    """Grow tree t on packed rows and set its values."""
    sums, inverse, starts, spare = buffers
    for k in range(len(used)):
        _histogram(bins[used[k]], rows, words, 0, len(rows), sums[0, k])
        place = model.place[used[k]]
        for b in range(BINS):
            inverse[k, b] = b
        if place >= 0:
            _order_bins(sums[0, k], model.rank[t, place])
            for b in range(BINS):
                inverse[k, model.rank[t, place, b]] = b
    starts[0, 0], starts[0, 1] = 0, len(rows)
    for level in range(depth):
        if level:
            first = (1 << level) - 1
            for v in range(first, 2 * first + 1, 2):
                flat = starts[0, v - first : v - first + 3]
                _fill_pair(bins, used, rows, words, flat, v, sums)
        _grow_level(bins, used, model, t, level, rows, words, starts, sums, inverse, knobs, spare)
        starts[0] = starts[1]
    for leaf in range(1 << depth):
        total = np.int64(0)
        for i in range(starts[0, leaf], starts[0, leaf + 1]):
            total += words[i]
        g, h = np.float64(total >> _HALF), np.float64(total & _LOW)
        model.values[t, leaf] = knobs.rate * g / (h + knobs.ridge)


@njit(cache=True, nogil=True)
def _fill_pair(bins, used, rows, words, bounds, v, sums):
    """Sums of siblings v and v + 1 from their parent's: the smaller one is counted."""
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
def boost(bins, place, nominal, real, weight, rounds, depth, knobs, key):
    """Fit the log odds of real against drawn rows.

    Parameters
    ----------
    bins : (d, n) uint8
    place : (d,) int16, see `Boosted`; `nominal` is the number of nominal features
    real : (n,) bool; `weight` (n,) float32, at most 1
    knobs : `Knobs`
    key : uint64
    """
    d, n = bins.shape
    inner = (1 << depth) - 1
    model = Boosted(
        np.full((rounds, inner), -1, np.int16),
        np.zeros((rounds, inner), np.uint8),
        place,
        np.zeros((rounds, nominal, BINS), np.uint8),
        np.zeros((rounds, inner + 1), np.float32),
    )
    scale = min(16384.0, 2.0**31 / (n + 1.0))
    score = np.zeros(n, np.float32)
    rows, words = np.empty(n, np.int32), np.empty(n, np.int64)
    most = max(1, int(np.ceil(knobs.column_share * d)))
    scaled = Knobs(knobs.rate, knobs.ridge * scale, knobs.least * scale, 0.0, 0.0)
    buffers = (
        np.zeros((inner, most, BINS), np.int64),
        np.zeros((most, BINS), np.uint8),
        np.zeros((2, inner + 3), np.int32),
        (np.empty(n, np.int32), np.empty(n, np.int64), np.arange(BINS).astype(np.uint8)),
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
        _grow_tree(bins, model, t, depth, rows[:k], words[:k], used, scaled, buffers)
        for i in range(n):
            score[i] += model.values[t, _descend(bins, model, t, depth, i)]
    return model


@njit(cache=True, nogil=True)
def evaluate(bins, model):
    """Return the (n,) float32 log odds of the rows of `bins` (d, n)."""
    n = bins.shape[1]
    depth = 0
    while (1 << depth) - 1 < model.feature.shape[1]:
        depth += 1
    score = np.zeros(n, np.float32)
    for t in range(len(model.feature)):
        for i in range(n):
            score[i] += model.values[t, _descend(bins, model, t, depth, i)]
    return score
