"""Compiled kernels that turn the rows of a leaf into what may be kept of them."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["count_codes", "free_values"]


@njit(cache=True, nogil=True)
def count_codes(child, start, stop, perm, code, size):
    """Count the codes of each leaf.

    `code` (m,) int32 in [0, size). Returns at (nodes + 1,) int32, codes and running counts
    (both int32): node v owns at[v]:at[v + 1].
    """
    nodes = len(child)
    at = np.zeros(nodes + 1, np.int32)
    codes = np.empty(len(perm), np.int32)
    sums = np.empty(len(perm), np.int32)
    have = np.zeros(size, np.int32)
    seen = np.empty(size, np.int32)
    used = 0
    for v in range(nodes):
        at[v] = used
        if child[v] >= 0:
            continue
        k = 0
        for i in range(start[v], stop[v]):
            c = code[perm[i]]
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
    """Shrunken slope of z on p, 0 if it is not clearly better than none; and the mean of p."""
    m = len(z)
    if m == 0:
        return 0.0, 0.0
    mz, mp = z.mean(), p.mean()
    szz, spp, szp = 0.0, 0.0, 0.0
    for i in range(m):
        a, b = z[i] - mz, p[i] - mp
        szz += a * a
        spp += b * b
        szp += a * b
    if m < 5 or spp <= 1e-12 or szz <= 1e-12 or szp * szp / (spp * szz) * m < 4.0:
        return 0.0, mp
    return szp / (spp * (1.0 + 2.0 / m)), mp


@njit(cache=True, nogil=True)
def free_values(child, start, stop, perm, free, z, parent):
    """Collect the values of each leaf that are no point mass, less what `parent` explains.

    `free` (m,) bool; `z`, `parent` (m,) float64 scores, `parent` NaN where missing. Returns at
    (nodes + 1,) int32, sorted residuals float32, and per node slope, mean of the parent, lowest
    and highest score (float32).
    """
    nodes = len(child)
    at = np.zeros(nodes + 1, np.int32)
    kept = np.empty(len(perm), np.float32)
    slope = np.zeros(nodes, np.float32)
    mean = np.zeros(nodes, np.float32)
    low = np.zeros(nodes, np.float32)
    high = np.zeros(nodes, np.float32)
    used = 0
    zs = np.empty(len(perm))
    ps = np.empty(len(perm))
    for v in range(nodes):
        at[v] = used
        if child[v] >= 0:
            continue
        k, known = 0, True
        for i in range(start[v], stop[v]):
            r = perm[i]
            if free[r]:
                zs[k] = z[r]
                ps[k] = parent[r]
                known &= not np.isnan(parent[r])
                k += 1
        if k == 0:
            continue
        beta, mp = 0.0, 0.0
        if known:
            beta, mp = _slope(zs[:k], ps[:k])
        lo, hi = zs[:k].min(), zs[:k].max()
        slope[v], mean[v] = beta, mp
        low[v], high[v] = lo - (hi - lo) / k, hi + (hi - lo) / k
        if beta != 0.0:
            for i in range(k):
                zs[i] -= beta * (ps[i] - mp)
        zs[:k].sort()
        for i in range(k):
            kept[used + i] = zs[i]
        used += k
    at[nodes] = used
    return at, kept[:used].copy(), slope, mean, low, high
