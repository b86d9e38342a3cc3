"""Compiled kernels that keep of the rows of a leaf what one column needs, and no row."""

# Kernels are typed by numba at run time; their docstrings name dtypes and shapes.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc"

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["count_codes", "free_values"]

_ENOUGH = 5  # free values a leaf must have of its own; with fewer it borrows its ancestor's


@njit(cache=True, nogil=True)
def count_codes(tree, code, size):
    """Count the codes of each leaf.

    `code` (m,) int32 in [0, size). Returns at (nodes + 1,), codes and running counts, all
    int32: node v owns at[v]:at[v + 1].
    """
    nodes = len(tree.child)
    at = np.zeros(nodes + 1, np.int32)
    codes = np.empty(len(tree.perm), np.int32)
    sums = np.empty(len(tree.perm), np.int32)
    have = np.zeros(size, np.int32)
    seen = np.empty(size, np.int32)
    used = 0
    for v in range(nodes):
        at[v] = used
        if tree.child[v] >= 0:
            continue
        k = 0
        for i in range(tree.start[v], tree.stop[v]):
            c = code[tree.perm[i]]
            if have[c] == 0:
                seen[k] = c
                k += 1
            have[c] += 1
        running = 0
        for c in np.sort(seen[:k]):
            running += have[c]
            have[c] = 0
            codes[used] = c
            sums[used] = running
            used += 1
    at[nodes] = used
    return at, codes[:used].copy(), sums[:used].copy()


@njit(cache=True, nogil=True)
def _slope(z, p):
    """Shrunken slope of `z` on `p`, 0 where it is not clearly better than none."""
    m = len(z)
    mz, mp = z.mean(), p.mean()
    szz, spp, szp = 0.0, 0.0, 0.0
    for i in range(m):
        a, b = z[i] - mz, p[i] - mp
        szz += a * a
        spp += b * b
        szp += a * b
    if m < 5 or not (spp > 1e-12 and szz > 1e-12) or szp * szp / (spp * szz) * m < 4.0:
        return 0.0
    return szp / (spp * (1.0 + 2.0 / m))


@njit(cache=True, nogil=True)
def _gather(tree, v, free, z, parent, zs, ps):
    """Copy the free values of node v; return how many."""
    k = 0
    for i in range(tree.start[v], tree.stop[v]):
        r = tree.perm[i]
        if free[r]:
            zs[k] = z[r]
            ps[k] = parent[r]
            k += 1
    return k


@njit(cache=True, nogil=True)
def _ancestors(child):
    above = np.full(len(child), -1, np.int32)
    for v in range(len(child)):
        if child[v] >= 0:
            above[child[v]] = v
            above[child[v] + 1] = v
    return above


@njit(cache=True, nogil=True)
def free_values(tree, free, z, parent, most):
    """Collect the values of each leaf that are no point mass, less what `parent` explains.

    `free` (m,) bool; `z`, `parent` (m,) float64 scores, `parent` NaN where missing. A leaf of
    more than `most` values keeps that many quantiles of them. Returns at (nodes + 1,) int32,
    sorted residuals float32, and (nodes, 4) float32: slope, mean of the parent, lowest and
    highest score.
    """
    nodes = len(tree.child)
    above = _ancestors(tree.child)
    at = np.zeros(nodes + 1, np.int32)
    kept = np.empty(max(1024, len(tree.perm)), np.float32)
    lines = np.zeros((nodes, 4), np.float32)
    used = 0
    zs = np.empty(len(tree.perm))
    ps = np.empty(len(tree.perm))
    for v in range(nodes):
        at[v] = used
        if tree.child[v] >= 0:
            continue
        k = _gather(tree, v, free, z, parent, zs, ps)
        if k == 0:
            continue
        w = v
        while k < _ENOUGH and above[w] >= 0:
            w = above[w]
            k = _gather(tree, w, free, z, parent, zs, ps)
        beta, mean = _slope(zs[:k], ps[:k]), ps[:k].mean()
        low, high = zs[:k].min(), zs[:k].max()
        reach = (high - low) / k
        if beta != 0.0:
            lines[v, 0], lines[v, 1] = beta, mean
            for i in range(k):
                zs[i] -= beta * (ps[i] - mean)
        lines[v, 2], lines[v, 3] = low - reach, high + reach
        zs[:k].sort()
        keep = min(k, most)
        if used + keep > len(kept):
            kept = np.concatenate((kept, np.empty(len(kept) + keep, np.float32)))
        for i in range(keep):
            kept[used + i] = zs[i if keep == k else i * (k - 1) // (keep - 1)]
        used += keep
    at[nodes] = used
    return at, kept[:used].copy(), lines
