"""Compiled kernels that grow one histogram tree; `abbild.tables.forest` says what for."""

# Kernels are typed by numba at run time; their docstrings name dtypes and shapes.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc"

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

__all__ = ["BINS", "Tree", "apply", "grow"]

BINS = 256  # of a predictor, one byte
_SORT_BELOW = 640  # rows; smaller nodes are sorted by bin, larger ones counted per bin and class

Array = Any  # numba infers the types of kernel arguments; signatures are in the docstrings


class Tree(NamedTuple):
    """A grown tree over m rows.

    Attributes
    ----------
    feature : (v,) int16 per node
    cut : (v,) uint8; a row goes left if its bin is at most this
    child : (v,) int32; the left child, the right one follows it; -1 for a leaf
    start, stop : (v,) int32; the slice of `perm` a node owns
    perm : (m,) int32 row numbers
    """

    feature: Array
    cut: Array
    child: Array
    start: Array
    stop: Array
    perm: Array


class _Work(NamedTuple):
    """Scratch space of one tree."""

    cls: Array  # (m,) int32 classes of the rows of a node
    order: Array  # (m,) int32 the same, sorted by bin
    spare: Array  # (m,) int32
    count: Array  # (BINS,) int32
    table: Array  # (BINS, classes) int32
    have: Array  # (classes,) int32
    left: Array  # (classes,) int32
    right: Array  # (classes,) int32
    low: Array  # (dims,) float64
    total: Array  # (dims,) float64


@njit(cache=True, nogil=True)
def _sort_by_bin(column, perm, start, stop, work):
    """Sort a node by bin into `work.order`; `work.count` becomes the end of each bin."""
    count = work.count
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
        work.order[count[b]] = work.cls[i - start]
        count[b] += 1


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _spread(low, total, left, right):
    """Sum over both sides of the squared norm of the mean, times the rows."""
    a, b = 0.0, 0.0
    for j in range(len(low)):
        s = low[j]
        t = total[j] - s
        a += s * s
        b += t * t
    return a / left + b / right


@njit(cache=True, nogil=True)
def _best_sorted_scores(basis, m, min_leaf, work):
    """Best cut of a sorted node: largest reduction of the squared distance to the mean."""
    count, low = work.count, work.low
    best, cut = 0.0, -1
    low[:] = 0.0
    i = 0
    for b in range(BINS - 1):
        if count[b] == i:
            continue
        while i < count[b]:
            low += basis[work.order[i]]
            i += 1
        if m - i < min_leaf:
            break
        if i >= min_leaf:
            gain = _spread(low, work.total, i, m - i)
            if gain > best:
                best, cut = gain, b
    return best, cut


@njit(cache=True, nogil=True)
def _best_counted_scores(basis, m, min_leaf, work):
    """As `_best_sorted_scores`, from counts per bin and class."""
    table, low = work.table, work.low
    best, cut = 0.0, -1
    low[:] = 0.0
    left = 0
    for b in range(BINS - 1):
        before = left
        for c in range(table.shape[1]):
            if table[b, c]:
                low += table[b, c] * basis[c]
                left += table[b, c]
        if m - left < min_leaf:
            break
        if left > before and left >= min_leaf:
            gain = _spread(low, work.total, left, m - left)
            if gain > best:
                best, cut = gain, b
    return best, cut


@njit(cache=True, nogil=True)
def _best_sorted_levels(m, xlogx, min_leaf, work):
    """Best cut of a sorted node by entropy: largest sum of n log n over classes and sides."""
    count, left, right = work.count, work.left, work.right
    left[:] = 0
    right[:] = work.have
    low, high = 0.0, 0.0
    for c in range(len(right)):
        high += xlogx[right[c]]
    best, cut = -1e300, -1
    i = 0
    for b in range(BINS - 1):
        if count[b] == i:
            continue
        while i < count[b]:
            c = work.order[i]
            a, r = left[c], right[c]
            low += xlogx[a + 1] - xlogx[a]
            high += xlogx[r - 1] - xlogx[r]
            left[c] = a + 1
            right[c] = r - 1
            i += 1
        if m - i < min_leaf:
            break
        if i >= min_leaf:
            score = low - xlogx[i] + high - xlogx[m - i]
            if score > best:
                best, cut = score, b
    return best, cut


@njit(cache=True, nogil=True)
def _count_table(column, perm, start, stop, work):
    table = work.table
    table[:] = 0
    for i in range(start, stop):
        table[column[perm[i]], work.cls[i - start]] += 1


@njit(cache=True, nogil=True)
def _best_counted_levels(m, xlogx, min_leaf, work):
    """As `_best_sorted_levels`, from counts per bin and class."""
    table, left, right = work.table, work.left, work.right
    left[:] = 0
    right[:] = work.have
    low, high = 0.0, 0.0
    for c in range(len(right)):
        high += xlogx[right[c]]
    best, cut = -1e300, -1
    done = 0
    for b in range(BINS - 1):
        before = done
        for c in range(len(left)):
            k = table[b, c]
            if k:
                a, r = left[c], right[c]
                low += xlogx[a + k] - xlogx[a]
                high += xlogx[r - k] - xlogx[r]
                left[c] = a + k
                right[c] = r - k
                done += k
        if m - done < min_leaf:
            break
        if done > before and done >= min_leaf:
            score = low - xlogx[done] + high - xlogx[m - done]
            if score > best:
                best, cut = score, b
    return best, cut


@njit(cache=True, nogil=True)
def _search_levels(bins, perm, start, stop, xlogx, penalty, min_leaf, work):
    """Return the feature and cut of the best significant split by entropy, or -1, -1."""
    m = stop - start
    have = work.have
    have[:] = 0
    for i in range(m):
        have[work.cls[i]] += 1
    present = 0
    score = -xlogx[m]
    for c in range(len(have)):
        present += have[c] > 0
        score += xlogx[have[c]]
    at, where = -1, -1
    if present < 2:
        return at, where
    best = score + penalty * 0.5 * (present - 1)
    for k in range(bins.shape[0]):
        if m < _SORT_BELOW:
            _sort_by_bin(bins[k], perm, start, stop, work)
            score, cut = _best_sorted_levels(m, xlogx, min_leaf, work)
        else:
            _count_table(bins[k], perm, start, stop, work)
            score, cut = _best_counted_levels(m, xlogx, min_leaf, work)
        if score > best:
            best, at, where = score, k, cut
    return at, where


@njit(cache=True, nogil=True)
def _search_scores(bins, perm, start, stop, basis, penalty, min_leaf, work):
    """Return the feature and cut of the best significant split by distance, or -1, -1."""
    m = stop - start
    total = work.total
    total[:] = 0.0
    squares = 0.0
    for i in range(m):
        row = basis[work.cls[i]]
        for j in range(len(row)):
            total[j] += row[j]
            squares += row[j] * row[j]
    before = 0.0
    for j in range(len(total)):
        before += total[j] * total[j] / m
    at, where = -1, -1
    impurity = squares - before
    if impurity < 1e-9 * m:
        return at, where
    best = before + penalty * impurity / m
    for k in range(bins.shape[0]):
        if m < _SORT_BELOW:
            _sort_by_bin(bins[k], perm, start, stop, work)
            score, cut = _best_sorted_scores(basis, m, min_leaf, work)
        else:
            _count_table(bins[k], perm, start, stop, work)
            score, cut = _best_counted_scores(basis, m, min_leaf, work)
        if score > best:
            best, at, where = score, k, cut
    return at, where


@njit(cache=True, nogil=True)
def _partition(column, cut, perm, start, stop, spare):
    """Stable split of perm[start:stop]; returns where the right part begins."""
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
def grow(bins, y, classes, basis, xlogx, penalty, min_leaf):
    """Grow one tree.

    Parameters
    ----------
    bins : (f, m) uint8 predictors
    y : (m,) int32 class of the target
    classes : number of classes
    basis : (classes, dims) float64; squared distances between its rows are what a split must
        reduce. Of shape (0, 0) for nominal classes, which are judged by entropy
    xlogx : (m + 1,) float64 table of n log n
    penalty : a split must gain more than so many times what it gains by chance
    min_leaf : rows

    Returns
    -------
    A `Tree`.
    """
    m = bins.shape[1]
    limit = 2 * (m // min_leaf) + 3
    feature, cut = np.zeros(limit, np.int16), np.zeros(limit, np.uint8)
    child = np.full(limit, -1, np.int32)
    start, stop = np.zeros(limit, np.int32), np.zeros(limit, np.int32)
    perm = np.arange(m).astype(np.int32)
    nominal = basis.shape[0] == 0
    work = _Work(
        np.empty(m, np.int32),
        np.empty(m, np.int32),
        np.empty(m, np.int32),
        np.zeros(BINS, np.int32),
        np.zeros((BINS, classes), np.int32),
        np.zeros(classes, np.int32),
        np.zeros(classes, np.int32),
        np.zeros(classes, np.int32),
        np.zeros(basis.shape[1]),
        np.zeros(basis.shape[1]),
    )
    stop[0] = m
    nodes, node = 1, 0
    while node < nodes:
        a, e = start[node], stop[node]
        if e - a >= 2 * min_leaf:
            for i in range(a, e):
                work.cls[i - a] = y[perm[i]]
            if nominal:
                at, where = _search_levels(bins, perm, a, e, xlogx, penalty, min_leaf, work)
            else:
                at, where = _search_scores(bins, perm, a, e, basis, penalty, min_leaf, work)
            if at >= 0:
                middle = _partition(bins[at], where, perm, a, e, work.spare)
                feature[node], cut[node], child[node] = at, where, nodes
                start[nodes], stop[nodes] = a, middle
                start[nodes + 1], stop[nodes + 1] = middle, e
                nodes += 2
        node += 1
    return Tree(
        feature[:nodes].copy(),
        cut[:nodes].copy(),
        child[:nodes].copy(),
        start[:nodes].copy(),
        stop[:nodes].copy(),
        perm,
    )


@njit(cache=True, nogil=True)
def apply(bins, tree):
    """Drop all rows of `bins` (f, m) down `tree`; return it with these rows in its leaves."""
    m, nodes = bins.shape[1], len(tree.child)
    leaf = np.empty(m, np.int32)
    size = np.zeros(nodes, np.int32)
    for i in range(m):
        v = 0
        while tree.child[v] >= 0:
            v = tree.child[v] + (bins[tree.feature[v], i] > tree.cut[v])
        leaf[i] = v
        size[v] += 1
    for v in range(nodes - 1, -1, -1):  # children follow their parents
        if tree.child[v] >= 0:
            size[v] = size[tree.child[v]] + size[tree.child[v] + 1]
    start = np.zeros(nodes, np.int32)
    for v in range(nodes):
        c = tree.child[v]
        if c >= 0:
            start[c] = start[v]
            start[c + 1] = start[v] + size[c]
    at = start.copy()
    perm = np.empty(m, np.int32)
    for i in range(m):
        perm[at[leaf[i]]] = i
        at[leaf[i]] += 1
    return Tree(tree.feature, tree.cut, tree.child, start, start + size, perm)
