"""Averages over neighbours that lie on the same surface."""

# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.images.fast.compiled import compiled, inlined
from abbild.images.fast.points import Points

__all__ = ["smooth", "spread_out"]

Singles = NDArray[np.float32]

# A box over four, made symmetric by a box over two: what repeats every four pixels vanishes.
# Edges sharper than two pixels have no such pattern and are only softened.
_WEIGHTS = np.array([[0.5, 1.0, 1.0, 1.0, 0.5], [0.0, 0.5, 1.0, 0.5, 0.0]])
_SHARP = 2.0
_TILE = 8


def smooth(
    values: Singles,
    points: Points,
    stride: int = 1,
    widths: Singles | None = None,
    apart: int = 1,
) -> Singles:
    """Average 5 x 5 neighbours on the same surface, which removes the pattern of 4 x 4 samples.

    Parameters
    ----------
    values : (h, w) float32, one for every `stride`-th pixel of the points in each direction
    apart : values between two of those that are averaged, as in wavelets with holes
    widths : for each tile of 8 x 8 values, over how many pixels they go from 0 to 1; None for many
    """
    out = values.copy()
    if widths is None:
        widths = np.full((-(-values.shape[0] // _TILE), -(-values.shape[1] // _TILE)), np.inf)
        widths = widths.astype(np.float32)
    _smooth(out, values, points, (stride, apart), widths, _WEIGHTS)
    return out


def spread_out(values: Singles, points: Points, stride: int) -> Singles:
    """Fill all pixels from every `stride`-th one, from those on the same surface."""
    out = np.ones(points.instance.shape, np.float32)
    _spread_out(out, values, points, stride)
    return out


@inlined
def _alike(points, i, j, p, q, reach):
    """Whether two pixels see the same surface: body, normal, one plane within `reach` pixels."""
    if points.instance[i, j] != points.instance[p, q]:
        return False
    n, m = points.normal[i, j], points.normal[p, q]
    if n[0] * m[0] + n[1] * m[1] + n[2] * m[2] < 0.9:
        return False
    a, b = points.position[i, j], points.position[p, q]
    off = n[0] * (b[0] - a[0]) + n[1] * (b[1] - a[1]) + n[2] * (b[2] - a[2])
    return abs(off) < reach * points.footprint[i, j]


@compiled
def _is_even(values, tile, apart):
    reach = 2 * apart
    top, left = max(tile[0] - reach, 0), max(tile[2] - reach, 0)
    bottom, right = min(tile[1] + reach, values.shape[0]), min(tile[3] + reach, values.shape[1])
    first = values[top, left]
    for i in range(top, bottom):
        for j in range(left, right):
            if values[i, j] != first:
                return False
    return True


@inlined
def _mean(values, points, i, j, steps, weights):
    stride, apart = steps
    total, count = 0.0, 0.0
    reach = 2 if weights[0] > 0.0 else 1
    for di in range(-reach, reach + 1):
        for dj in range(-reach, reach + 1):
            p, q = i + di * apart, j + dj * apart
            weight = weights[di + 2] * weights[dj + 2]
            if weight == 0.0 or p < 0 or q < 0 or p >= values.shape[0] or q >= values.shape[1]:
                continue
            if _alike(points, i * stride, j * stride, p * stride, q * stride, 2.0 * stride * apart):
                total += weight * values[p, q]
                count += weight
    return total / count


@compiled
def _widest(widths, i, j):
    """Width in a tile and those around it."""
    widest = 0.0
    for p in range(max(i - 1, 0), min(i + 2, widths.shape[0])):
        for q in range(max(j - 1, 0), min(j + 2, widths.shape[1])):
            widest = max(widest, widths[p, q])
    return widest


@compiled
def _smooth(
    out: Singles, values: Singles, points: Points, steps: Any, widths: Singles, weights: Any
) -> None:
    h, w = values.shape
    stride = steps[0]
    for top in range(0, h, _TILE):
        for left in range(0, w, _TILE):
            tile = top, min(top + _TILE, h), left, min(left + _TILE, w)
            if _is_even(values, tile, steps[1]):
                continue
            widest = _widest(widths, top // _TILE, left // _TILE)
            chosen = weights[1 if widest < _SHARP else 0]
            for i in range(tile[0], tile[1]):
                for j in range(tile[2], tile[3]):
                    if points.instance[i * stride, j * stride] >= 0:
                        out[i, j] = _mean(values, points, i, j, steps, chosen)


@inlined
def _nearest_alike(values, points, i, j, stride):
    """Bilinear between the coarse pixels around, but only those on the same surface."""
    top, left = i // stride, j // stride
    total, count, plain = 0.0, 0.0, 0.0
    for di in range(2):
        for dj in range(2):
            p, q = min(top + di, values.shape[0] - 1), min(left + dj, values.shape[1] - 1)
            down, right = (i - top * stride) / stride, (j - left * stride) / stride
            weight = (down if di else 1.0 - down) * (right if dj else 1.0 - right) + 1e-4
            plain += 0.25 * values[p, q]
            if _alike(points, i, j, p * stride, q * stride, 2.0 * stride):
                total += weight * values[p, q]
                count += weight
    return total / count if count > 0.0 else plain


@compiled
def _spread_out(out: Singles, values: Singles, points: Points, stride: int) -> None:
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            if points.instance[i, j] >= 0:
                out[i, j] = _nearest_alike(values, points, i, j, stride)
