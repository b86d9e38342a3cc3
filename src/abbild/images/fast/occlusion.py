"""How open to the sky every point is (ambient occlusion)."""

# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

from math import pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.fast.compiled import compiled, inlined
from abbild.images.fast.points import Points
from abbild.images.fast.prepared import Prepared
from abbild.images.fast.shadows import RANK, TILE, any_between
from abbild.images.fast.tree import STACK

__all__ = ["openness_of"]

Singles = NDArray[np.float32]
Floats = NDArray[np.float64]
_ALPHAS = np.array([1.2207440846057596, 1.4902161200999, 1.8191725133961645])


def openness_of(
    prepared: Prepared, points: Points, rays: int, reach: float, stride: int, seed: Seed
) -> Singles:
    """Return the share of the sky, weighted by cosine, that no body within reach hides.

    Parameters
    ----------
    rays : for each pixel; 4 x 4 neighbours share 16 times as many directions
    reach : longest ray, in sizes of the middle body; lengths are spread evenly, so that what is
        far off hides less
    stride : only every so-manieth pixel in each direction

    Returns
    -------
    openness : (h / stride, w / stride) float32 in [0, 1], rounded up
    """
    h, w = points.instance.shape
    openness = np.ones((-(-h // stride), -(-w // stride)), np.float32)
    count = len(prepared.instances.body)
    if count and rays > 0:
        sizes = np.sqrt(np.sum(np.diff(prepared.instances.box, axis=1)[:, 0] ** 2, axis=1))
        length = reach * float(np.sort(sizes)[(count - 1) // 2])
        shift = (seed / "directions").rng().random(3)
        directions = _directions(rays, shift)
        scratch = np.empty(STACK, np.int64), np.empty(count, np.int64), RANK
        scene = prepared.geometry, prepared.instances, directions, length, stride
        _fill(openness, points, scene, scratch)
    return openness


def _directions(rays: int, shift: Floats) -> Floats:
    """Directions about +z by cosine, scaled by their lengths, (16 rays, 3)."""
    steps = np.arange(16 * rays)[:, None] / _ALPHAS
    u, v, length = ((shift + steps) % 1.0).T
    radius = np.sqrt(u)
    unit = np.stack([radius * np.cos(2 * pi * v), radius * np.sin(2 * pi * v), np.sqrt(1 - u)])
    return np.ascontiguousarray((unit * length).T)


@compiled
def _gather(points, instances, tile, stride, length, near):
    """Bodies within reach of a tile; -1 if it has no point."""
    lx, ly, lz, hx, hy, hz = np.inf, np.inf, np.inf, -np.inf, -np.inf, -np.inf
    for i in range(tile[0], tile[1]):
        for j in range(tile[2], tile[3]):
            if points.instance[i * stride, j * stride] >= 0:
                p = points.origin[i * stride, j * stride]
                lx, ly, lz = min(lx, p[0]), min(ly, p[1]), min(lz, p[2])
                hx, hy, hz = max(hx, p[0]), max(hy, p[1]), max(hz, p[2])
    count = 0
    if lx > hx:
        return -1
    for each in range(len(instances.box)):
        low, high = instances.box[each, 0], instances.box[each, 1]
        x = max(max(low[0] - hx, lx - high[0]), 0.0)
        y = max(max(low[1] - hy, ly - high[1]), 0.0)
        z = max(max(low[2] - hz, lz - high[2]), 0.0)
        if x * x + y * y + z * z < length * length:
            near[count] = each
            count += 1
    return count


@inlined
def _about(n, d, length):
    """Turn a direction about +z to one about `n` (Duff et al. 2017)."""
    sign = 1.0 if n[2] >= 0.0 else -1.0
    a = -1.0 / (sign + n[2])
    b = n[0] * n[1] * a
    return (
        length * (d[0] * (1.0 + sign * n[0] * n[0] * a) + d[1] * b + d[2] * n[0]),
        length * (d[0] * sign * b + d[1] * (sign + n[1] * n[1] * a) + d[2] * n[1]),
        length * (-d[0] * sign * n[0] - d[1] * n[1] + d[2] * n[2]),
    )


@inlined
def _open(points, scene, scratch, i, j, count):
    geometry, instances, directions, length, stride = scene
    stack, near, rank = scratch
    rays = len(directions) // 16
    p, q = i * stride, j * stride
    n, o = points.normal[p, q], points.origin[p, q]
    origin = o[0], o[1], o[2]
    kept = rays
    for k in range(rays):
        step = _about(n, directions[16 * k + rank[i & 3, j & 3]], length)
        if any_between(geometry, instances, near, count, origin, step, stack) < 1.0:
            kept -= 1
    return kept / rays


@compiled
def _fill(openness: Singles, points: Points, scene: Any, scratch: Any) -> None:
    h, w = openness.shape
    _, instances, _, length, stride = scene
    for top in range(0, h, TILE):
        for left in range(0, w, TILE):
            tile = top, min(top + TILE, h), left, min(left + TILE, w)
            count = _gather(points, instances, tile, stride, length, scratch[1])
            if count <= 0:
                continue
            for i in range(tile[0], tile[1]):
                for j in range(tile[2], tile[3]):
                    if points.instance[i * stride, j * stride] >= 0:
                        openness[i, j] = _open(points, scene, scratch, i, j, count)
