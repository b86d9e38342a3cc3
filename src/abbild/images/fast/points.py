"""The points of surfaces that a picture sees, computed from its primary hits."""

# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from abbild.images.fast.compiled import compiled, inlined
from abbild.images.fast.prepared import Geometry, Instances, Prepared
from abbild.images.layers import Hits
from abbild.images.stage import View

__all__ = ["Camera", "Points", "camera_of", "points_of"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int32]


class Camera(NamedTuple):
    """What shading must know of a view.

    Attributes
    ----------
    eye, forward : (3,) float64, world
    pixel : size of a pixel at distance 1; for parallel rays, everywhere
    is_parallel : orthographic
    """

    eye: Floats
    forward: Floats
    pixel: float
    is_parallel: bool


class Points(NamedTuple):
    """One array a quantity, for every pixel.

    Attributes
    ----------
    instance : (h, w) int32, -1 for none
    position : (h, w, 3) float64, world
    origin : (h, w, 3) float64, where rays to lamps begin: off the facet and, on a smooth surface,
        on the surface its normals promise (Hanika 2021), so that facets cast no shadow on it
    normal, facet : (h, w, 3) float32, world, on the camera's side
    uv : (h, w, 2) float32
    spread : (h, w) float32, side of a pixel in u and v
    footprint : (h, w) float32, side of a pixel, metres
    """

    instance: Ints
    position: Floats
    origin: Floats
    normal: Singles
    facet: Singles
    uv: Singles
    spread: Singles
    footprint: Singles


def camera_of(view: View) -> Camera:
    """Take what shading needs from a view."""
    matrix = np.asarray(view.matrix, np.float64)
    pixel = 1.0 / sqrt(abs(view.fx * view.fy))
    eye, forward = matrix[:3, 3].copy(), matrix[:3, 2].copy()
    return Camera(eye, forward, pixel, view.projection == "orthographic")


def points_of(prepared: Prepared, camera: Camera, hits: Hits) -> Points:
    """Compute the points of all pixels; about 60 ns each."""
    h, w = hits.body.shape
    points = Points(
        np.empty((h, w), np.int32),
        np.empty((h, w, 3), np.float64),
        np.empty((h, w, 3), np.float64),
        np.empty((h, w, 3), np.float32),
        np.empty((h, w, 3), np.float32),
        np.empty((h, w, 2), np.float32),
        np.empty((h, w), np.float32),
        np.empty((h, w), np.float32),
    )
    _fill(points, prepared.geometry, prepared.instances, camera, _arrays(hits))
    return points


def _arrays(hits: Hits) -> tuple[Ints, Ints, Ints, Singles]:
    return hits.body, hits.part, hits.face, hits.weights


@inlined
def _moved(matrix, p):
    return (
        matrix[0, 0] * p[0] + matrix[0, 1] * p[1] + matrix[0, 2] * p[2] + matrix[0, 3],
        matrix[1, 0] * p[0] + matrix[1, 1] * p[1] + matrix[1, 2] * p[2] + matrix[1, 3],
        matrix[2, 0] * p[0] + matrix[2, 1] * p[1] + matrix[2, 2] * p[2] + matrix[2, 3],
    )


@inlined
def _turned(inverse, n, side):
    """Return a normal in the world, by the transposed inverse; zero where it has no direction."""
    x = inverse[0, 0] * n[0] + inverse[1, 0] * n[1] + inverse[2, 0] * n[2]
    y = inverse[0, 1] * n[0] + inverse[1, 1] * n[1] + inverse[2, 1] * n[2]
    z = inverse[0, 2] * n[0] + inverse[1, 2] * n[1] + inverse[2, 2] * n[2]
    size = sqrt(x * x + y * y + z * z)
    scale = side / size if size > 0.0 else 0.0
    return x * scale, y * scale, z * scale


@inlined
def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@inlined
def _lifted(p, corner, normal, weight):
    """Share of one corner in the point of the smooth surface (Hanika 2021, equation 2)."""
    below = (p[0] - corner[0]) * normal[0] + (p[1] - corner[1]) * normal[1]
    below += (p[2] - corner[2]) * normal[2]
    k = weight * below if below < 0.0 else 0.0
    return -k * normal[0], -k * normal[1], -k * normal[2]


@inlined
def _triple(array, at):
    return float(array[at, 0]), float(array[at, 1]), float(array[at, 2])


@inlined
def _towards(camera, p):
    """Return the unit direction to the eye, and how large a pixel is here."""
    x, y, z = camera.eye[0] - p[0], camera.eye[1] - p[1], camera.eye[2] - p[2]
    if camera.is_parallel:
        return (-camera.forward[0], -camera.forward[1], -camera.forward[2]), camera.pixel
    distance = sqrt(x * x + y * y + z * z) + 1e-300
    return (x / distance, y / distance, z / distance), camera.pixel * distance


@inlined
def _facet(a, b, c, view):
    """Return the unit normal towards the camera, 1 or -1 for front or back, and twice the area."""
    ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    n = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    size = sqrt(_dot(n, n))
    if size == 0.0:
        return view, 1.0, 1e-300
    side = 1.0 if _dot(n, view) >= 0.0 else -1.0
    scale = side / size
    return (n[0] * scale, n[1] * scale, n[2] * scale), side, size


@inlined
def _uv(geometry, corners, weights, out):
    """Write u and v, and return twice the area of the triangle in them."""
    uv = geometry.uv
    u0, v0 = uv[corners[0], 0], uv[corners[0], 1]
    u1, v1 = uv[corners[1], 0] - u0, uv[corners[1], 1] - v0
    u2, v2 = uv[corners[2], 0] - u0, uv[corners[2], 1] - v0
    out[0] = u0 + weights[0] * u1 + weights[1] * u2
    out[1] = v0 + weights[0] * v1 + weights[1] * v2
    return abs(u1 * v2 - u2 * v1)


@inlined
def _normal(normals, inverse, corners, weights, side):
    """Interpolated normal and whether the surface is flat here."""
    a, b, c = (
        _triple(normals, corners[0]),
        _triple(normals, corners[1]),
        _triple(normals, corners[2]),
    )
    p, q = weights
    r = 1.0 - p - q
    n = (
        r * a[0] + p * b[0] + q * c[0],
        r * a[1] + p * b[1] + q * c[1],
        r * a[2] + p * b[2] + q * c[2],
    )
    return _turned(inverse, n, side), a == b and b == c


@inlined
def _raise(points, normals, inverse, corners, places, weights):
    """Lift the origin of a pixel's rays onto the smooth surface."""
    at, p, side = places[3]
    r = 1.0 - weights[0] - weights[1]
    a = _lifted(p, places[0], _turned(inverse, _triple(normals, corners[0]), side), r)
    b = _lifted(p, places[1], _turned(inverse, _triple(normals, corners[1]), side), weights[0])
    c = _lifted(p, places[2], _turned(inverse, _triple(normals, corners[2]), side), weights[1])
    for k in range(3):
        points.origin[at[0], at[1], k] += a[k] + b[k] + c[k]


@inlined
def _point(points, geometry, instances, camera, at, which, face, weights):
    i, j = at
    index = geometry.first_face[instances.mesh[which]] + face
    corners = geometry.faces[index, 0], geometry.faces[index, 1], geometry.faces[index, 2]
    matrix, inverse = instances.matrix[which], instances.inverse[which]
    a = _moved(matrix, _triple(geometry.vertices, corners[0]))
    b = _moved(matrix, _triple(geometry.vertices, corners[1]))
    c = _moved(matrix, _triple(geometry.vertices, corners[2]))
    p, q = weights
    r = 1.0 - p - q
    x = (
        r * a[0] + p * b[0] + q * c[0],
        r * a[1] + p * b[1] + q * c[1],
        r * a[2] + p * b[2] + q * c[2],
    )
    view, footprint = _towards(camera, x)
    facet, side, area = _facet(a, b, c, view)
    normal, is_flat = _normal(geometry.normals, inverse, corners, weights, side)
    cosine = _dot(normal, facet)
    turn = 1.0 if cosine > 0.0 else -1.0
    uv_area = _uv(geometry, corners, weights, points.uv[i, j])
    slant = max(abs(_dot(facet, view)), 0.05)
    points.spread[i, j] = footprint * sqrt(uv_area / (area * slant))
    points.footprint[i, j] = footprint
    size = abs(x[0]) + abs(x[1]) + abs(x[2])
    lift = 0.02 * footprint + 1e-10 * size
    for k in range(3):
        points.position[i, j, k] = x[k]
        points.origin[i, j, k] = x[k] + lift * facet[k]
        points.facet[i, j, k] = facet[k]
        points.normal[i, j, k] = turn * normal[k] if cosine != 0.0 else facet[k]
    if not is_flat:
        places = a, b, c, (at, x, side * turn)
        _raise(points, geometry.normals, inverse, corners, places, weights)


@compiled
def _fill(
    points: Points, geometry: Geometry, instances: Instances, camera: Camera, hits: Any
) -> None:
    body, part, face, weights = hits
    for i in range(body.shape[0]):
        for j in range(body.shape[1]):
            if body[i, j] <= 0:
                points.instance[i, j] = -1
                for c in range(3):
                    points.normal[i, j, c], points.facet[i, j, c] = 0.0, 0.0
                points.footprint[i, j] = 0.0
                continue
            which = instances.first[body[i, j]] + part[i, j]
            points.instance[i, j] = which
            w = float(weights[i, j, 0]), float(weights[i, j, 1])
            _point(points, geometry, instances, camera, (i, j), which, face[i, j], w)
