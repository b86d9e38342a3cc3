"""Exact rasterisation through pixel centres, for cameras that keep straight lines straight.

Works in homogeneous pixels q = K p, without clipping (Olano and Greer 1997, "Triangle scan
conversion using 2D homogeneous coordinates"): the edge functions e_i = (x, y, 1) . (q_j x q_k)
are linear in the pixel, all of the sign of det(q0, q1, q2) exactly where the ray meets the
triangle in front of the camera, and e_i / sum(e) are the barycentric weights in space. Two
triangles that share an edge evaluate negated functions, bit for bit, so that no ray slips through.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from abbild.images.errors import SceneError
from abbild.images.labels.camera import check_view
from abbild.images.labels.draws import Draws, find_reach, list_draws
from abbild.images.layers import Hits
from abbild.images.stage import Floats, Singles, Stage, View

__all__ = [
    "can_raster",
    "find_span",
    "lens_of",
    "nearness",
    "pixel_range",
    "place_corners",
    "raster",
    "set_up",
    "triangle_box",
]

NARROW = 8  # pixels; below it, testing every pixel is quicker than finding a row's span


def can_raster(view: View) -> bool:
    """Whether straight lines stay straight in `view`, so that `raster` sees what it sees."""
    return view.projection != "fisheye" and not any(view.distortion)


def raster(stage: Stage, view: View) -> Hits:
    """Find what each pixel's centre sees, for a pinhole without distortion or an orthographic view.

    The nearest surface wins, of equal ones the body with the lower id; both sides of triangles
    are seen. Cost: linear in triangles and in covered pixels.

    Raises
    ------
    SceneError
        the view bends straight lines (`trace` serves it), or poses are not finite
    AssetError
        a mesh is broken
    """
    check_view(view)
    if not can_raster(view):
        raise SceneError(
            f"a {view.projection} view with distortion {view.distortion} cannot be rasterised",
            hint="use find_hits, which traces rays for such lenses",
        )
    draws = list_draws(stage)
    reached = np.flatnonzero(find_reach(draws, view)) if len(draws) else np.zeros(0, np.int64)
    shape = (view.height, view.width)
    owner = np.full(shape, -1, np.int32)
    key = np.full(shape, -np.inf if view.projection == "orthographic" else 0.0)
    corners, records = _fill_all(draws, reached, view, key, owner)
    return _resolve_hits(draws, view, owner, corners, records)


def lens_of(view: View) -> Floats:
    """Return fx, fy, cx, cy, near, and 1 for an orthographic view else 0: (6,) float64."""
    flat = float(view.projection == "orthographic")
    return np.array([view.fx, view.fy, view.cx, view.cy, view.near, flat])


def _fill_all(
    draws: Draws,
    reached: NDArray[np.int64],
    view: View,
    key: Floats,
    owner: NDArray[np.int32],
) -> tuple[Floats, NDArray[np.int32]]:
    lens = lens_of(view)
    matrices = np.ascontiguousarray((view.camera_from_world @ draws.matrices)[:, :3])
    sizes = [len(draws.geometry[k].vertices) for k in reached]
    corners = np.empty((sum(sizes), 6))
    records = np.empty((sum(len(draws.geometry[k].faces) for k in reached), 5), np.int32)
    count, base = 0, 0
    for k, size in zip(reached.tolist(), sizes, strict=True):
        geometry = draws.geometry[k]
        mine = corners[base : base + size]
        place_corners(geometry.vertices, matrices[k], lens, mine)
        count = fill(geometry.faces, mine, lens, key, owner, records, (count, k, base))
        base += size
    return corners, records


def _resolve_hits(
    draws: Draws,
    view: View,
    owner: NDArray[np.int32],
    corners: Floats,
    records: NDArray[np.int32],
) -> Hits:
    shape = (view.height, view.width)
    body = np.zeros(shape, np.int32)
    part, face = np.full(shape, -1, np.int32), np.full(shape, -1, np.int32)
    weights = np.zeros((*shape, 2), np.float32)
    z = np.full(shape, np.inf, np.float32)
    resolve(owner, corners, records, (draws.body, draws.part), (body, part, face, weights, z))
    return Hits(body, part, face, weights, z)


@njit(cache=True)
def place_corners(vertices: Singles, matrix: Floats, lens: Floats, corners: Floats) -> None:
    """Write q (3), pixel (2) and z of every vertex into `corners`, (v, 6) float64.

    `matrix` is (3, 4), camera from body. The pixel is meaningless for z <= 0 unless orthographic.
    """
    fx, fy, cx, cy, flat = lens[0], lens[1], lens[2], lens[3], lens[5] > 0
    for v in range(vertices.shape[0]):
        a, b, c = float(vertices[v, 0]), float(vertices[v, 1]), float(vertices[v, 2])
        x = matrix[0, 0] * a + matrix[0, 1] * b + matrix[0, 2] * c + matrix[0, 3]
        y = matrix[1, 0] * a + matrix[1, 1] * b + matrix[1, 2] * c + matrix[1, 3]
        z = matrix[2, 0] * a + matrix[2, 1] * b + matrix[2, 2] * c + matrix[2, 3]
        w = 1.0 if flat else z
        qx, qy = fx * x + cx * w, fy * y + cy * w
        corners[v, 0] = qx
        corners[v, 1] = qy
        corners[v, 2] = w
        inverse = 1.0 / w if w != 0.0 else 0.0
        corners[v, 3] = qx * inverse
        corners[v, 4] = qy * inverse
        corners[v, 5] = z


@njit(cache=True)
def triangle_box(
    p: Floats, q: Floats, r: Floats, lens: Floats
) -> tuple[float, float, float, float]:
    """Return the pixel box x0, x1, y0, y1 of what of a triangle lies beyond the near plane."""
    near = lens[4]
    low, high = min(p[5], q[5], r[5]), max(p[5], q[5], r[5])
    if high < near:
        return math.inf, -math.inf, math.inf, -math.inf
    if low < near and lens[5] == 0.0:
        return clipped_box(p, q, r, near)
    return (
        min(p[3], q[3], r[3]),
        max(p[3], q[3], r[3]),
        min(p[4], q[4], r[4]),
        max(p[4], q[4], r[4]),
    )


@njit(cache=True)
def clipped_box(p: Floats, q: Floats, r: Floats, near: float) -> tuple[float, float, float, float]:
    """Return the pixel box of a triangle that crosses z = near, by its clipped edges."""
    x0, x1, y0, y1 = math.inf, -math.inf, math.inf, -math.inf
    corners = (p, q, r, p)
    for k in range(3):
        a, b = corners[k], corners[k + 1]
        if a[2] >= near:
            x, y = a[0] / a[2], a[1] / a[2]
            x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
        if (a[2] >= near) != (b[2] >= near):
            t = (near - a[2]) / (b[2] - a[2])
            x, y = (a[0] + t * (b[0] - a[0])) / near, (a[1] + t * (b[1] - a[1])) / near
            x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
    return x0, x1, y0, y1


@njit(cache=True)
def pixel_range(low: float, high: float, size: int) -> tuple[int, int]:
    """Return the first and one past the last pixel whose centre lies in [low, high]."""
    low, high = max(low - 0.5 - 1e-6, 0.0), min(high - 0.5 + 1e-6, size - 1.0)
    if not low <= high:
        return 0, 0
    return math.ceil(low), math.floor(high) + 1


@njit(cache=True)
def edge_functions(p: Floats, q: Floats, r: Floats) -> tuple[float, ...]:
    """Return the coefficients a, b, c of the three edge functions, then det(p, q, r).

    All are of one sign where the ray meets the triangle, that of the determinant.
    """
    a0, b0, c0 = q[1] * r[2] - q[2] * r[1], q[2] * r[0] - q[0] * r[2], q[0] * r[1] - q[1] * r[0]
    a1, b1, c1 = r[1] * p[2] - r[2] * p[1], r[2] * p[0] - r[0] * p[2], r[0] * p[1] - r[1] * p[0]
    a2, b2, c2 = p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]
    return a0, b0, c0, a1, b1, c1, a2, b2, c2, p[0] * a0 + p[1] * b0 + p[2] * c0


@njit(cache=True)
def set_up(p: Floats, q: Floats, r: Floats, lens: Floats) -> tuple[float, ...]:
    """Return nine coefficients of edges (>= 0 inside), three of nearness, its least and most.

    Nearness is 1 / z, or -z for an orthographic view: linear in the pixel in both. A triangle
    seen edge-on covers nothing: its least exceeds its most.
    """
    near, flat = lens[4], lens[5] > 0.0
    a0, b0, c0, a1, b1, c1, a2, b2, c2, det = edge_functions(p, q, r)
    if det == 0.0:
        return 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0
    if det < 0.0:
        a0, b0, c0, a1, b1, c1 = -a0, -b0, -c0, -a1, -b1, -c1
        a2, b2, c2, det = -a2, -b2, -c2, -det
    g0, g1, g2 = (-p[5], -q[5], -r[5]) if flat else (1.0, 1.0, 1.0)
    ka = (a0 * g0 + a1 * g1 + a2 * g2) / det
    kb = (b0 * g0 + b1 * g1 + b2 * g2) / det
    kc = (c0 * g0 + c1 * g1 + c2 * g2) / det
    low, high = max(min(p[5], q[5], r[5]), near), max(p[5], q[5], r[5])
    least, most = (-high, -low) if flat else (1.0 / high, 1.0 / low)
    return a0, b0, c0, a1, b1, c1, a2, b2, c2, ka, kb, kc, least, most


@njit(cache=True)
def nearness(t: tuple[float, ...], x: float, y: float, crosses: bool) -> float:
    """Return how near triangle `t` of `set_up` is at pixel (x, y); -inf if it is not there."""
    if (
        t[0] * x + (t[1] * y + t[2]) < 0.0
        or t[3] * x + (t[4] * y + t[5]) < 0.0
        or t[6] * x + (t[7] * y + t[8]) < 0.0
    ):
        return -math.inf
    k = t[9] * x + (t[10] * y + t[11])
    if crosses and k > t[13]:
        return -math.inf  # before the near plane
    # rounding must not carry a sliver beyond its own corners
    return min(max(k, t[12]), t[13])


@njit(cache=True)
def row_span(a: float, rest: float, first: int, last: int) -> tuple[int, int]:
    """Narrow pixels [first, last) to where a (i + 0.5) + rest may be >= 0; one pixel to spare."""
    if a == 0.0:
        return (first, last) if rest >= 0.0 else (first, first)
    at = -rest / a - 0.5
    if a > 0.0:
        if at > first:
            first = math.floor(min(at, float(last)))
    elif at < last - 1:
        last = math.ceil(max(at, first - 1.0)) + 1
    return first, last


@njit(cache=True)
def find_span(t: tuple[float, ...], y: float, first: int, last: int) -> tuple[int, int]:
    """Narrow pixels [first, last) of a row to those that triangle `t` may cover."""
    if last - first > NARROW:
        first, last = row_span(t[0], t[1] * y + t[2], first, last)
        first, last = row_span(t[3], t[4] * y + t[5], first, last)
        first, last = row_span(t[6], t[7] * y + t[8], first, last)
    return first, last


@njit(cache=True)
def fill(
    faces: NDArray[np.int32],
    corners: Floats,
    lens: Floats,
    key: Floats,
    owner: NDArray[np.int32],
    records: NDArray[np.int32],
    state: tuple[int, int, int],
) -> int:
    """Draw one mesh into `key` (nearness) and `owner` (row of `records`), both (h, w).

    `state` holds the records used so far, this part's number and the row of its first corner
    among all; a record is part, face and the rows of three corners. Returns the records used
    after.
    """
    count, draw, base = state
    for f in range(faces.shape[0]):
        u, v, w = faces[f, 0], faces[f, 1], faces[f, 2]
        p, q, r = corners[u], corners[v], corners[w]
        x0, x1, y0, y1 = triangle_box(p, q, r, lens)
        i0, i1 = pixel_range(x0, x1, key.shape[1])
        j0, j1 = pixel_range(y0, y1, key.shape[0])
        if i0 >= i1 or j0 >= j1:
            continue
        t = set_up(p, q, r, lens)
        if t[12] > t[13]:
            continue
        crosses, used = min(p[5], q[5], r[5]) < lens[4], False
        for j in range(j0, j1):
            left, right = find_span(t, j + 0.5, i0, i1)
            for i in range(left, right):
                k = nearness(t, i + 0.5, j + 0.5, crosses)
                if k > key[j, i]:
                    key[j, i], owner[j, i], used = k, count, True
        if used:
            records[count, 0], records[count, 1] = draw, f
            records[count, 2], records[count, 3], records[count, 4] = base + u, base + v, base + w
            count += 1
    return count


@njit(cache=True)
def weigh(p: Floats, q: Floats, r: Floats, x: float, y: float) -> tuple[float, float, float]:
    """Return the barycentric weights in space of the point that pixel (x, y) sees."""
    a0, b0, c0, a1, b1, c1, a2, b2, c2, det = edge_functions(p, q, r)
    sign = math.copysign(1.0, det)
    e0 = max(sign * (a0 * x + (b0 * y + c0)), 0.0)
    e1 = max(sign * (a1 * x + (b1 * y + c1)), 0.0)
    e2 = max(sign * (a2 * x + (b2 * y + c2)), 0.0)
    whole = e0 + e1 + e2
    if whole == 0.0:
        return 1.0, 0.0, 0.0
    return e0 / whole, e1 / whole, e2 / whole


@njit(cache=True)
def resolve(
    owner: NDArray[np.int32],
    corners: Floats,
    records: NDArray[np.int32],
    names: tuple[NDArray[np.int32], NDArray[np.int32]],
    out: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], Singles, Singles],
) -> None:
    """Write body, part, face, weights and z of every owned pixel into the arrays of `out`."""
    body, part, face, weights, z = out
    for j in range(owner.shape[0]):
        for i in range(owner.shape[1]):
            at = owner[j, i]
            if at < 0:
                continue
            p, q, r = corners[records[at, 2]], corners[records[at, 3]], corners[records[at, 4]]
            w0, w1, w2 = weigh(p, q, r, i + 0.5, j + 0.5)
            body[j, i], part[j, i] = names[0][records[at, 0]], names[1][records[at, 0]]
            face[j, i] = records[at, 1]
            weights[j, i, 0], weights[j, i, 1] = w1, w2
            z[j, i] = w0 * p[5] + w1 * q[5] + w2 * r[5]
