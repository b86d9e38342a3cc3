"""Surfaces given on rectangular grids, and profiles turned around an axis."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abbild.images.meshes import CREASE, mesh_of, smooth
from abbild.images.stage import Mesh
from abbild.images.topology import weld

__all__ = ["grid", "revolved"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def grid(
    points: ArrayLike, uv: ArrayLike, normals: ArrayLike | None = None, crease: float = np.pi
) -> Mesh:
    """Make the triangles of a surface given on a rectangular grid.

    Seen from outside columns run to the right and rows upwards. Rows or columns that end where
    they began (a seam) must repeat the same values; rows of one point (a pole) and other flat
    triangles are dropped.

    Parameters
    ----------
    points : (r, c, 3) metres
    uv : (r, c, 2)
    normals : (r, c, 3), or None for `smooth` ones over welded positions
    crease : radians, used without `normals`
    """
    position = np.asarray(points, np.float64)
    rows, columns = position.shape[:2]
    texture = np.asarray(uv, np.float64).reshape(-1, 2)
    flat = position.reshape(-1, 3)
    faces = _grid_faces(rows, columns)
    if normals is None:
        joined, kept_faces, kept = weld(flat, faces)
        return smooth(joined, kept_faces, crease, texture[faces[kept]])
    single = flat.astype(np.float32)
    a, b, c = (single[faces[:, k]] for k in range(3))
    solid = (a != b).any(axis=1) & (b != c).any(axis=1) & (c != a).any(axis=1)
    return _compact(flat, faces[solid], np.asarray(normals, np.float64).reshape(-1, 3), texture)


def revolved(profile: ArrayLike, segments: int, crease: float = CREASE) -> Mesh:
    """Turn a profile around the z axis.

    Parameters
    ----------
    profile : (n, 2) radius and z, from below to above along the outside; radius 0 is a pole
    segments : around the axis, >= 3
    crease : radians; the profile has an edge where it bends by more

    Returns
    -------
    mesh : u runs around (0 at +x, towards +y), v with the length of the profile
    """
    line = np.asarray(profile, np.float64)
    radius, height, slope, run = _profile_rows(line, crease)
    angle = 2 * np.pi * np.arange(segments) / segments
    cosine = np.append(np.cos(angle), 1.0)  # the seam repeats the first column exactly
    sine = np.append(np.sin(angle), 0.0)
    around = np.arange(segments + 1) / segments
    points = np.stack(
        [radius[:, None] * cosine, radius[:, None] * sine, height[:, None] + 0 * cosine], axis=-1
    )
    normals = np.stack(
        [slope[:, :1] * cosine, slope[:, :1] * sine, slope[:, 1:] + 0 * cosine], axis=-1
    )
    u = np.broadcast_to(around, points.shape[:2]).copy()
    for row, shift in ((0, 0.5), (-1, -0.5)):  # a pole's corner sits over its triangle's middle
        u[row] += shift / segments if radius[row] == 0.0 else 0.0
    uv = np.stack([u, np.broadcast_to(run[:, None], u.shape)], axis=-1)
    return grid(points, uv, normals)


def _grid_faces(rows: int, columns: int) -> Ints:
    """Two triangles a cell, counter-clockwise, (2 (r - 1) (c - 1), 3)."""
    low = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).reshape(-1)
    right, up, both = low + 1, low + columns, low + columns + 1
    lower = np.stack([low, right, both], axis=1)
    upper = np.stack([low, both, up], axis=1)
    return np.stack([lower, upper], axis=1).reshape(-1, 3).astype(np.int64)


def _compact(points: Floats, faces: Ints, normals: Floats, uv: Floats) -> Mesh:
    used, local = np.unique(faces, return_inverse=True)
    return mesh_of(points[used], local.reshape(-1, 3), normals[used], uv[used])


def _profile_rows(line: Floats, crease: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Rows of a revolved profile: radius, z, normal in the half plane, share of the length."""
    step = np.diff(line, axis=0)
    length = np.hypot(*step.T)
    outside = _unit2(np.stack([step[:, 1], -step[:, 0]], axis=1))
    run = np.append(0.0, np.cumsum(length)) / max(float(length.sum()), 1e-300)
    before = np.vstack([outside[:1], outside])
    after = np.vstack([outside, outside[-1:]])
    for end, normal in ((0, before), (-1, after)):
        axis = np.sign(normal[end, 1]) or 1.0
        if line[end, 0] == 0.0 and abs(normal[end, 1]) > np.cos(crease):
            before[end] = after[end] = (0.0, axis)  # a rounded pole
    sharp = np.einsum("ij,ij->i", before, after) < np.cos(crease)
    index = np.repeat(np.arange(len(line)), np.where(sharp, 2, 1))
    second = np.append(False, index[1:] == index[:-1])
    mean = _unit2(before + after)
    first_of_two = np.append(second[1:], False)
    normal = np.where(
        first_of_two[:, None],
        before[index],
        np.where(second[:, None], after[index], mean[index]),
    )
    return line[index, 0], line[index, 1], normal, run[index]


def _unit2(vectors: Floats) -> Floats:
    return vectors / np.maximum(np.hypot(vectors[:, 0], vectors[:, 1]), 1e-300)[:, None]
