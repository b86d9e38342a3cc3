"""Smooth outlines: pixels between two surfaces mix the colours of both by their areas."""

# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.images.fast.compiled import compiled, inlined
from abbild.images.fast.points import Points
from abbild.images.fast.prepared import Prepared
from abbild.images.fast.tree import STACK, nearest
from abbild.images.labels import cast_pixels
from abbild.images.stage import View

__all__ = ["mix_edges"]

Singles = NDArray[np.float32]
Floats = NDArray[np.float64]
_TURNED = 0.8  # cosine between the normals of two pixels from which on there is an edge


def mix_edges(
    radiance: Singles, prepared: Prepared, points: Points, view: View, samples: int
) -> Singles:
    """Make the edge pixels of a picture averages of `samples` x `samples` rays, and return it.

    The rays only decide which of the surfaces seen by the 3 x 3 pixels around they meet; the
    colour is that of the neighbour that sees this surface. About 1 µs an edge pixel and ray.

    Parameters
    ----------
    radiance : (h, w, 3) float32, one ray a pixel
    """
    if samples < 2:
        return radiance
    pixels = np.empty((points.instance.size, 2), np.int32)
    count = _find(pixels, points)
    if count == 0:
        return radiance
    step = (np.arange(samples) + 0.5) / samples
    # a grid turned a little meets edges along rows and columns at more than `samples` places
    shift = (step - 0.5) / samples
    x = step[None, :] + shift[:, None]
    y = step[:, None] - shift[None, :]
    spots = np.stack([x.ravel(), y.ravel()], axis=1)
    places = pixels[:count, None, ::-1] + spots
    origins, directions = cast_pixels(view, places)
    mixed = np.empty((count, 3), np.float32)
    scratch = np.empty(STACK, np.int64), np.empty(9, np.int64)
    rays = origins + view.near * directions, directions
    _mix(mixed, radiance, pixels[:count], rays, points, tuple(prepared), scratch)
    radiance[pixels[:count, 0], pixels[:count, 1]] = mixed
    return radiance


@inlined
def _differ(points, i, j, p, q):
    """Whether there is an edge between two neighbours."""
    if points.instance[i, j] != points.instance[p, q]:
        return True
    if points.instance[i, j] < 0:
        return False
    n, m = points.normal[i, j], points.normal[p, q]
    if n[0] * m[0] + n[1] * m[1] + n[2] * m[2] < _TURNED:
        return True
    a, b = points.position[i, j], points.position[p, q]
    x, y, z = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    off = min(abs(n[0] * x + n[1] * y + n[2] * z), abs(m[0] * x + m[1] * y + m[2] * z))
    return off > 2.0 * points.footprint[i, j]


@compiled
def _find(pixels: NDArray[np.int32], points: Points) -> int:
    """List the edge pixels, row and column, and return their number."""
    h, w = points.instance.shape
    count = 0
    for i in range(h):
        for j in range(w):
            is_edge = False
            for k in range(4):
                p, q = i + (k == 0) - (k == 1), j + (k == 2) - (k == 3)
                if 0 <= p < h and 0 <= q < w and _differ(points, i, j, p, q):
                    is_edge = True
                    break
            if is_edge:
                pixels[count, 0], pixels[count, 1] = i, j
                count += 1
    return count


@compiled
def _around(points, i, j, near):
    """List the bodies that 3 x 3 pixels see."""
    h, w = points.instance.shape
    count = 0
    for p in range(max(i - 1, 0), min(i + 2, h)):
        for q in range(max(j - 1, 0), min(j + 2, w)):
            which, known = points.instance[p, q], False
            for k in range(count):
                known = known or near[k] == which
            if which >= 0 and not known:
                near[count] = which
                count += 1
    return count


@inlined
def _first(geometry, instances, near, count, origin, step, stack):
    """Return the first of some bodies along a ray, and its distance."""
    best, found = np.inf, -1
    for k in range(count):
        m = instances.inverse[near[k]]
        x, y, z = origin
        o = (
            m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3],
            m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3],
            m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3],
        )
        x, y, z = step
        d = (
            m[0, 0] * x + m[0, 1] * y + m[0, 2] * z,
            m[1, 0] * x + m[1, 1] * y + m[1, 2] * z,
            m[2, 0] * x + m[2, 1] * y + m[2, 2] * z,
        )
        root = geometry.root[instances.mesh[near[k]]]
        hit = nearest(geometry.boxes, geometry.links, geometry.corners, root, o, d, best, stack)
        if hit[1] >= 0:
            best, found = hit[0], near[k]
    return found, best


@inlined
def _donor(points, i, j, which, place):
    """Return the pixel of 3 x 3 that sees the same surface of a body: the one whose plane fits."""
    h, w = points.instance.shape
    best, found = np.inf, (i, j)
    for p in range(max(i - 1, 0), min(i + 2, h)):
        for q in range(max(j - 1, 0), min(j + 2, w)):
            if points.instance[p, q] != which:
                continue
            cost = 0.3 * ((p - i) * (p - i) + (q - j) * (q - j))
            if which >= 0:
                n, a = points.facet[p, q], points.position[p, q]
                off = n[0] * (place[0] - a[0]) + n[1] * (place[1] - a[1]) + n[2] * (place[2] - a[2])
                cost += abs(off) / points.footprint[p, q]
            if cost < best:
                best, found = cost, (p, q)
    return found


@compiled
def _mix(
    mixed: Singles,
    radiance: Singles,
    pixels: NDArray[np.int32],
    rays: Any,
    points: Points,
    prepared: Any,
    scratch: Any,
) -> None:
    origins, directions = rays
    geometry, _, _, instances = prepared
    stack, near = scratch
    samples = origins.shape[1]
    for n in range(len(pixels)):
        i, j = pixels[n, 0], pixels[n, 1]
        count = _around(points, i, j, near)
        red, green, blue = 0.0, 0.0, 0.0
        for k in range(samples):
            o = origins[n, k, 0], origins[n, k, 1], origins[n, k, 2]
            d = directions[n, k, 0], directions[n, k, 1], directions[n, k, 2]
            which, t = _first(geometry, instances, near, count, o, d, stack)
            place = (0.0, 0.0, 0.0)
            if which >= 0:
                place = o[0] + t * d[0], o[1] + t * d[1], o[2] + t * d[2]
            p, q = _donor(points, i, j, which, place)
            red += radiance[p, q, 0]
            green += radiance[p, q, 1]
            blue += radiance[p, q, 2]
        mixed[n, 0], mixed[n, 1], mixed[n, 2] = red / samples, green / samples, blue / samples
