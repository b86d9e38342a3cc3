"""Layers: what the mesh says at the points that the rays hit."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from abbild.images.labels.draws import Draws, Geometry, group, list_draws, owners
from abbild.images.layers import Hits, Layers
from abbild.images.stage import Floats, Singles, Stage, View

__all__ = ["gather_layers"]

Arrays = tuple[Singles, Singles, Singles, Singles, Singles, Singles]


def gather_layers(stage: Stage, view: View, hits: Hits) -> Layers:
    """Measure every layer at `hits`; what names no triangle of `stage` is left empty.

    Normals look towards the camera's side: turned over on back faces, and a shading normal that
    would still look away, at the rim of a coarse round mesh, is laid into the picture plane.
    Cost: linear in pixels, about 60 ns each.
    """
    draws = list_draws(stage)
    out = _empty_layers(*hits.body.shape)
    if len(draws):
        owner = owners(hits.body.ravel(), hits.part.ravel(), draws.first)
        order, starts = group(owner, len(draws))
        eye = _eye_of(view)
        for k in np.flatnonzero(np.diff(starts)).tolist():
            pixels = order[starts[k] : starts[k + 1]]
            _gather_part(draws, k, stage.bodies[draws.body[k] - 1].bounds, eye, hits, pixels, out)
    distance, position, normal, facet, uv, place = out
    return Layers(hits, distance, position, normal, facet, uv, place)


def _empty_layers(height: int, width: int) -> Arrays:
    shape = (height, width)
    return (
        np.full(shape, np.inf, np.float32),
        np.full((*shape, 3), np.nan, np.float32),
        np.zeros((*shape, 3), np.float32),
        np.zeros((*shape, 3), np.float32),
        np.zeros((*shape, 2), np.float32),
        np.zeros((*shape, 3), np.float32),
    )


def _eye_of(view: View) -> Floats:
    """Return the camera's place and, for an orthographic view, its axis: (2, 3)."""
    axis = view.matrix[:3, 2] if view.projection == "orthographic" else np.zeros(3)
    return np.stack([view.matrix[:3, 3], axis]).astype(np.float64)


def _gather_part(
    draws: Draws,
    k: int,
    bounds: Floats,
    eye: Floats,
    hits: Hits,
    pixels: NDArray[np.int64],
    out: Arrays,
) -> None:
    geometry = draws.geometry[k]
    matrix = np.ascontiguousarray(draws.matrices[k, :3])
    frames = (matrix, cofactors(matrix), np.ascontiguousarray(bounds), eye)
    gather(_arrays_of(geometry), frames, (hits.face, hits.weights), pixels, out)


def _arrays_of(geometry: Geometry) -> tuple[Singles, NDArray[np.int32], Singles, Singles]:
    return geometry.vertices, geometry.faces, geometry.normals, geometry.uv


@njit(cache=True)
def cofactors(matrix: Floats) -> Floats:
    """Return the cofactor matrix of the left 3 x 3: the inverse transpose up to a factor.

    It carries normals under any scale, and unlike the inverse it exists for flat bodies too.
    """
    out = np.empty((3, 3))
    for i in range(3):
        a, b = (i + 1) % 3, (i + 2) % 3
        for j in range(3):
            c, d = (j + 1) % 3, (j + 2) % 3
            out[i, j] = matrix[a, c] * matrix[b, d] - matrix[a, d] * matrix[b, c]
    return out


@njit(cache=True)
def turn(matrix: Floats, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Multiply the left 3 x 3 of `matrix` with a vector."""
    return (
        matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z,
        matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z,
        matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z,
    )


@njit(cache=True)
def scaled(x: float, y: float, z: float, length: float) -> tuple[float, float, float]:
    """Divide by `length`, or give zeros if there is none."""
    if length > 0.0:
        return x / length, y / length, z / length
    return 0.0, 0.0, 0.0


@njit(cache=True)
def face_camera(
    n: tuple[float, float, float],
    g: tuple[float, float, float],
    v: tuple[float, float, float],
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Turn shading normal `n` and facet normal `g` towards `v`, unit, from surface to camera."""
    gx, gy, gz = scaled(g[0], g[1], g[2], math.sqrt(g[0] ** 2 + g[1] ** 2 + g[2] ** 2))
    if gx == 0.0 and gy == 0.0 and gz == 0.0:
        gx, gy, gz = v
    if gx * v[0] + gy * v[1] + gz * v[2] < 0.0:
        gx, gy, gz = -gx, -gy, -gz
    nx, ny, nz = scaled(n[0], n[1], n[2], math.sqrt(n[0] ** 2 + n[1] ** 2 + n[2] ** 2))
    along = nx * gx + ny * gy + nz * gz
    if along == 0.0 and nx == 0.0 and ny == 0.0 and nz == 0.0:
        return (gx, gy, gz), (gx, gy, gz)
    if along < 0.0:
        nx, ny, nz = -nx, -ny, -nz
    away = nx * v[0] + ny * v[1] + nz * v[2]
    if away < 0.0:
        nx, ny, nz = nx - away * v[0], ny - away * v[1], nz - away * v[2]
        length = math.sqrt(nx * nx + ny * ny + nz * nz)
        if length < 1e-9:
            return (gx, gy, gz), (gx, gy, gz)
        nx, ny, nz = nx / length, ny / length, nz / length
    return (nx, ny, nz), (gx, gy, gz)


@njit(cache=True)
def gather(
    mesh: tuple[Singles, NDArray[np.int32], Singles, Singles],
    frames: tuple[Floats, Floats, Floats, Floats],
    hits: tuple[NDArray[np.int32], Singles],
    pixels: NDArray[np.int64],
    out: Arrays,
) -> None:
    """Write the layers of one part's `pixels` into the arrays of `out`."""
    vertices, faces, normals, uv = mesh
    matrix, carry, bounds, eye = frames
    distance, position, normal, facet, texture, place = out
    flat = eye[1, 0] != 0.0 or eye[1, 1] != 0.0 or eye[1, 2] != 0.0
    width = hits[0].shape[1]
    size = np.empty(3)
    for k in range(3):
        size[k] = bounds[1, k] - bounds[0, k]
    p, n = np.empty(3), np.empty(3)
    for pixel in pixels:
        j, i = pixel // width, pixel % width
        f = hits[0][j, i]
        if not 0 <= f < faces.shape[0]:
            continue
        w1, w2 = float(hits[1][j, i, 0]), float(hits[1][j, i, 1])
        w0 = 1.0 - w1 - w2
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        for k in range(3):
            p[k] = w0 * vertices[a, k] + w1 * vertices[b, k] + w2 * vertices[c, k]
            n[k] = w0 * normals[a, k] + w1 * normals[b, k] + w2 * normals[c, k]
            share = (p[k] - bounds[0, k]) / size[k] if size[k] > 0.0 else 0.5
            place[j, i, k] = min(max(share, 0.0), 1.0)
        for k in range(2):
            texture[j, i, k] = w0 * uv[a, k] + w1 * uv[b, k] + w2 * uv[c, k]
        x, y, z = turn(matrix, p[0], p[1], p[2])
        x, y, z = x + matrix[0, 3], y + matrix[1, 3], z + matrix[2, 3]
        position[j, i, 0], position[j, i, 1], position[j, i, 2] = x, y, z
        vx, vy, vz = eye[0, 0] - x, eye[0, 1] - y, eye[0, 2] - z
        if flat:
            length = -(vx * eye[1, 0] + vy * eye[1, 1] + vz * eye[1, 2])
            view = (-eye[1, 0], -eye[1, 1], -eye[1, 2])
        else:
            length = math.sqrt(vx * vx + vy * vy + vz * vz)
            view = scaled(vx, vy, vz, length)
        distance[j, i] = length
        ux, uy, uz = (
            float(vertices[b, 0]) - vertices[a, 0],
            float(vertices[b, 1]) - vertices[a, 1],
            float(vertices[b, 2]) - vertices[a, 2],
        )
        sx, sy, sz = (
            float(vertices[c, 0]) - vertices[a, 0],
            float(vertices[c, 1]) - vertices[a, 1],
            float(vertices[c, 2]) - vertices[a, 2],
        )
        g = turn(carry, uy * sz - uz * sy, uz * sx - ux * sz, ux * sy - uy * sx)
        shading, flatly = face_camera(turn(carry, n[0], n[1], n[2]), g, view)
        for k in range(3):
            normal[j, i, k], facet[j, i, k] = shading[k], flatly[k]
