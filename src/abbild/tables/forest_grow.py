"""Compiled kernels that grow one histogram tree; see `abbild.tables.trees` for the method."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["BINS", "DIMENSIONS", "apply", "grow"]

BINS = 256  # of a predictor, one byte
DIMENSIONS = 4  # principal components of the ranked probability score a split is judged by
_SORT_BELOW = 640  # rows; smaller nodes are sorted by bin, larger ones summed per bin


@njit(cache=True, nogil=True)
def _sort_by_bin(column, cls, perm, start, stop, count, order):
    """Counting sort of one node: class of each row in order of its bin; bins in `count`."""
    count[:] = 0
    for i in range(start, stop):
        count[column[perm[i]]] += 1
    total = 0
    for b in range(BINS):
        c = count[b]
        count[b] = total
        total += c
    for i in range(start, stop):
        b = column[perm[i]]
        order[count[b]] = cls[i - start]
        count[b] += 1  # becomes the end of bin b


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _score(low, total, left, right):
    """Sum over both sides of the squared norm of the mean, times the rows."""
    a, b = 0.0, 0.0
    for j in range(len(low)):
        s = low[j]
        t = total[j] - s
        a += s * s
        b += t * t
    return a / left + b / right


@njit(cache=True, nogil=True)
def _best_sorted_scores(count, order, m, basis, total, low, min_leaf):
    """Best split of a sorted node: largest reduction of the squared distance to the mean."""
    best, cut = 0.0, -1
    low[:] = 0.0
    i = 0
    for b in range(BINS - 1):
        if count[b] == i:
            continue
        while i < count[b]:
            low += basis[order[i]]
            i += 1
        if i < min_leaf:
            continue
        if m - i < min_leaf:
            break
        gain = _score(low, total, i, m - i)
        if gain > best:
            best, cut = gain, b
    return best, cut


@njit(cache=True, nogil=True)
def _best_summed_scores(column, cls, perm, start, stop, basis, total, low, min_leaf, count, sums):
    """As `_best_sorted_scores`, from counts per bin and class; for large nodes."""
    count[:] = 0
    sums[:] = 0
    for i in range(start, stop):
        b = column[perm[i]]
        count[b] += 1
        sums[b, cls[i - start]] += 1
    m = stop - start
    best, cut = 0.0, -1
    low[:] = 0.0
    left = 0
    for b in range(BINS - 1):
        if count[b] == 0:
            continue
        left += count[b]
        for c in range(sums.shape[1]):
            if sums[b, c]:
                low += sums[b, c] * basis[c]
        if m - left < min_leaf:
            break
        if left < min_leaf:
            continue
        gain = _score(low, total, left, m - left)
        if gain > best:
            best, cut = gain, b
    return best, cut


@njit(cache=True, nogil=True)
def _best_sorted_levels(count, order, m, have, left, right, xlogx, min_leaf):
    """Best split of a sorted node by entropy; the score is the sum of n log n over both sides."""
    left[:] = 0
    right[:] = have
    low, high = 0.0, 0.0
    for c in range(len(have)):
        high += xlogx[have[c]]
    best, cut = -1.0, -1
    i = 0
    for b in range(BINS - 1):
        if count[b] == i:
            continue
        while i < count[b]:
            c = order[i]
            a = left[c]
            low += xlogx[a + 1] - xlogx[a]
            left[c] = a + 1
            a = right[c]
            high += xlogx[a - 1] - xlogx[a]
            right[c] = a - 1
            i += 1
        if i < min_leaf:
            continue
        if m - i < min_leaf:
            break
        score = low - xlogx[i] + high - xlogx[m - i]
        if cut < 0 or score > best:
            best, cut = score, b
    return best, cut


@njit(cache=True, nogil=True)
def _partition(column, cut, perm, start, stop, spare):
    """Stable split of perm[start:stop]; returns the first row of the right part."""
    at, k = start, 0
    for i in range(start, stop):
        p = perm[i]
        if column[p] <= cut:
            perm[at] = p
            at += 1
        else:
            spare[k] = p
            k += 1
    perm[at:stop] = spare[:k]
    return at


@njit(cache=True, nogil=True)
def _node_levels(cls, m, have):
    have[:] = 0
    for i in range(m):
        have[cls[i]] += 1
    present = 0
    for c in range(len(have)):
        present += have[c] > 0
    return present


@njit(cache=True, nogil=True)
def grow(bins, y, classes, basis, xlogx, penalty, min_leaf, mtry, key):
    """Grow one tree on all rows of `bins`.

    Parameters
    ----------
    bins : (f, m) uint8 predictors, one row each
    y : (m,) int32 class of the target
    classes : number of classes
    basis : (classes, 4) float64 embedding of the classes, whose squared distances are the ranked
        probability score; shape (0, 4) means nominal classes, judged by entropy
    xlogx : (m + 1,) float64 table of n log n
    penalty : a split must gain more than ``penalty`` times what chance gains
    min_leaf : rows

    Returns
    -------
    feature, cut, child : int16, uint8, int32 per node; child -1 is a leaf, else the left child,
        the right one follows it; a row goes left if its bin is <= cut
    start, stop : int32 per node, its slice of `perm`
    perm : (m,) int32
    """
    f, m = bins.shape
    limit = 2 * (m // min_leaf) + 3
    feature = np.zeros(limit, np.int16)
    cut = np.zeros(limit, np.uint8)
    child = np.full(limit, -1, np.int32)
    start = np.zeros(limit, np.int32)
    stop = np.zeros(limit, np.int32)
    perm = np.arange(m).astype(np.int32)
    spare = np.empty(m, np.int32)
    cls = np.empty(m, np.int32)
    order = np.empty(m, np.int32)
    count = np.zeros(BINS, np.int32)
    dims = basis.shape[1]
    sums = np.zeros((BINS, classes if basis.shape[0] else 0), np.int32)
    total = np.zeros(dims)
    low = np.zeros(dims)
    have = np.zeros(classes, np.int32)
    left = np.zeros(classes, np.int32)
    right = np.zeros(classes, np.int32)
    nominal = basis.shape[0] == 0
    stop[0] = m
    nodes, node = 1, 0
    while node < nodes:
        a, e = start[node], stop[node]
        size = e - a
        if size < 2 * min_leaf:
            node += 1
            continue
        for i in range(size):
            cls[i] = y[perm[a + i]]
        if nominal:
            present = _node_levels(cls, size, have)
            before = -xlogx[size]
            for c in range(classes):
                before += xlogx[have[c]]
            needed = before + penalty * 0.5 * (present - 1)
            pure = present < 2
        else:
            total[:] = 0.0
            squares = 0.0
            for i in range(size):
                c = cls[i]
                for j in range(dims):
                    total[j] += basis[c, j]
                    squares += basis[c, j] * basis[c, j]
            before = 0.0
            for j in range(dims):
                before += total[j] * total[j] / size
            impurity = squares - before
            needed = before + penalty * impurity / size
            pure = impurity < 1e-9 * size
        best, at, where = needed, -1, -1
        if not pure:
            for k in range(f):
                if mtry < 1.0:
                    key = key * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
                    if np.float64(key >> np.uint64(40)) * 2.0**-24 >= mtry:
                        continue
                column = bins[k]
                if nominal:
                    _sort_by_bin(column, cls, perm, a, e, count, order)
                    score, b = _best_sorted_levels(
                        count, order, size, have, left, right, xlogx, min_leaf
                    )
                elif size < _SORT_BELOW:
                    _sort_by_bin(column, cls, perm, a, e, count, order)
                    score, b = _best_sorted_scores(count, order, size, basis, total, low, min_leaf)
                else:
                    score, b = _best_summed_scores(
                        column, cls, perm, a, e, basis, total, low, min_leaf, count, sums
                    )
                if b >= 0 and score > best:
                    best, at, where = score, k, b
        if at >= 0:
            middle = _partition(bins[at], where, perm, a, e, spare)
            feature[node], cut[node], child[node] = at, where, nodes
            start[nodes], stop[nodes] = a, middle
            start[nodes + 1], stop[nodes + 1] = middle, e
            nodes += 2
        node += 1
    return (
        feature[:nodes].copy(),
        cut[:nodes].copy(),
        child[:nodes].copy(),
        start[:nodes].copy(),
        stop[:nodes].copy(),
        perm,
    )


@njit(cache=True, nogil=True)
def apply(bins, feature, cut, child, out):
    """Write the leaf of every row of `bins` (f, m) to `out` (m,) int32."""
    for i in range(bins.shape[1]):
        node = 0
        while child[node] >= 0:
            node = child[node] + (bins[feature[node], i] > cut[node])
        out[i] = node
