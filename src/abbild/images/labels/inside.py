"""Whether a point lies within a body."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from abbild.images.errors import SceneError
from abbild.images.labels.draws import list_draws
from abbild.images.stage import Floats, Singles, Stage

__all__ = ["is_inside"]


def is_inside(stage: Stage, point: Floats) -> int:
    """Return the id of the first body that encloses `point` (3,) of the world, 0 for none.

    By the winding number: what a body's triangles cover of the sphere of all directions, counted
    from outside. Above one half is inside, so that small holes do no harm; a room whose triangles
    look inwards encloses nothing, nor does a flat sheet. Cost: triangles of the bodies whose box
    holds the point.

    References
    ----------
    Van Oosterom and Strackee (1983), "The solid angle of a plane triangle", equation 8.
    """
    draws = list_draws(stage)
    point = np.asarray(point, np.float64)
    if point.shape != (3,) or not np.isfinite(point).all():
        raise SceneError(f"a point needs three finite numbers, not {point}")
    total = np.zeros(len(stage.bodies) + 1)
    for k, (geometry, matrix) in enumerate(zip(draws.geometry, draws.matrices, strict=True)):
        if np.linalg.det(matrix[:3, :3]) == 0:
            continue
        local = np.linalg.solve(matrix, np.append(point, 1.0))[:3]
        if (local < geometry.bounds[0]).any() or (local > geometry.bounds[1]).any():
            continue
        # in the body's own frame: a mirrored pose turns no body inside out
        total[draws.body[k]] += wind(geometry.vertices, geometry.faces, local)
    inside = np.flatnonzero(total > 0.5)
    return int(inside[0]) if len(inside) else 0


@njit(cache=True)
def wind(vertices: Singles, faces: NDArray[np.int32], point: Floats) -> float:
    """Return the winding number of a mesh around `point`: 1 within, 0 outside if it is closed."""
    total = 0.0
    at, length = np.empty((3, 3)), np.empty(3)
    for f in range(faces.shape[0]):
        for v in range(3):
            far = 0.0
            for k in range(3):
                at[v, k] = vertices[faces[f, v], k] - point[k]
                far += at[v, k] ** 2
            length[v] = math.sqrt(far)
        a, b, c = at[0], at[1], at[2]
        volume = (
            a[0] * (b[1] * c[2] - b[2] * c[1])
            + a[1] * (b[2] * c[0] - b[0] * c[2])
            + a[2] * (b[0] * c[1] - b[1] * c[0])
        )
        ab = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
        bc = b[0] * c[0] + b[1] * c[1] + b[2] * c[2]
        ca = c[0] * a[0] + c[1] * a[1] + c[2] * a[2]
        rest = length[0] * length[1] * length[2]
        rest += ab * length[2] + bc * length[0] + ca * length[1]
        total += 2.0 * math.atan2(volume, rest)
    return total / (4.0 * math.pi)
