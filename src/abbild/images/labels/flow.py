"""Where each seen point goes between two moments."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from abbild.images.errors import SceneError
from abbild.images.labels.camera import project, rays
from abbild.images.labels.draws import Draws, group, list_draws, owners
from abbild.images.labels.trace import occluded
from abbild.images.layers import Layers
from abbild.images.stage import Floats, Singles, Stage, View

__all__ = ["find_flow"]

SLACK = 1e-4  # of the distance: what lies this little before a point is the point's own surface


def find_flow(
    layers: Layers, before: Stage, view_before: View, after: Stage, view_after: View
) -> tuple[Singles, NDArray[np.bool_]]:
    """Follow the points that `layers` saw to another moment or camera.

    This is the motion field: each point of a surface is followed by its triangle and barycentric
    weights; shadows and reflections do not move anything. Pixels without a body move as points
    at infinity do, by the turn of the camera alone (not at all in an orthographic view).

    Parameters
    ----------
    layers : of `before` seen by `view_before`
    after : the same bodies with other poses

    Returns
    -------
    flow : (h, w, 2) float32 pixels, right and down; NaN where the other view has no place for
        the point
    hidden : (h, w) bool, the other view does not show the point: something stands before it or
        it lies outside of the image

    Raises
    ------
    SceneError
        the stages hold different bodies
    MissingExtraError
        embreex is not installed: whether a point is hidden is decided by a ray
    """
    _check_same(before, after)
    height, width = layers.body.shape
    empty = (layers.body == 0).ravel()
    if view_after.projection == "orthographic":
        points = np.add(*rays(view_after)).reshape(-1, 3)
    else:
        # at unit distance, which a lens cannot tell from infinity
        points = view_after.matrix[:3, 3] + rays(view_before)[1].reshape(-1, 3)
    _follow(layers, after, points)
    pixels, _, mapped = project(view_after, points)
    start = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1)
    hidden = ~_inside(pixels, mapped, view_after)
    asked = np.flatnonzero(~hidden)
    hidden[asked] = _stands_before(after, view_after, points[asked], empty[asked])
    flow = (pixels.reshape(height, width, 2) - start).astype(np.float32)
    return flow, hidden.reshape(height, width)


def _check_same(before: Stage, after: Stage) -> None:
    if len(before.bodies) != len(after.bodies):
        raise SceneError(
            f"flow needs the same bodies: {len(before.bodies)} before and {len(after.bodies)} after"
        )
    for one, other in zip(before.bodies, after.bodies, strict=True):
        faces = [[len(part.mesh.faces) for part in body.parts] for body in (one, other)]
        if one.name != other.name or faces[0] != faces[1]:
            raise SceneError(
                f"flow needs the same bodies in the same order: {one.name!r} became {other.name!r}"
            )


def _follow(layers: Layers, after: Stage, points: Floats) -> None:
    """Overwrite the rows of `points` whose pixels saw a body, by its place in `after`."""
    draws: Draws = list_draws(after)
    hits = layers.hits
    owner = owners(hits.body.ravel(), hits.part.ravel(), draws.first)
    order, starts = group(owner, len(draws))
    face, weights = hits.face.ravel(), hits.weights.reshape(-1, 2)
    for k in np.flatnonzero(np.diff(starts)).tolist():
        geometry = draws.geometry[k]
        mesh = (geometry.vertices, geometry.faces)
        matrix = np.ascontiguousarray(draws.matrices[k, :3])
        carry(mesh, matrix, order[starts[k] : starts[k + 1]], (face, weights), points)


def _inside(pixels: Floats, mapped: NDArray[np.bool_], view: View) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        x, y = pixels[:, 0], pixels[:, 1]
        inside: NDArray[np.bool_] = (
            mapped & (x >= 0) & (x < view.width) & (y >= 0) & (y < view.height)
        )
    return inside


def _stands_before(
    stage: Stage, view: View, points: Floats, empty: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return whether a surface stands between the camera and each of `points`."""
    eye, axis = view.matrix[:3, 3], view.matrix[:3, 2]
    if view.projection == "orthographic":
        along = (points - eye) @ axis
        directions = np.broadcast_to(axis, points.shape)
        origins = points - along[:, None] * axis
        far = np.where(empty, math.inf, along)
    else:
        ways = points - eye
        length = np.linalg.norm(ways, axis=1)
        directions = ways / length[:, None]
        origins = np.broadcast_to(eye, points.shape)
        far = np.where(empty, math.inf, length)
    origins = origins + view.near * directions
    return occluded(stage, origins, directions, far * (1 - SLACK) - view.near)


@njit(cache=True)
def carry(
    mesh: tuple[Singles, NDArray[np.int32]],
    matrix: Floats,
    pixels: NDArray[np.int64],
    hits: tuple[NDArray[np.int32], Singles],
    points: Floats,
) -> None:
    """Write the world place of the points that `hits` names on one mesh."""
    vertices, faces = mesh
    local = np.empty(3)
    for n in pixels:
        f = hits[0][n]
        if not 0 <= f < faces.shape[0]:
            continue
        w1, w2 = float(hits[1][n, 0]), float(hits[1][n, 1])
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        for k in range(3):
            local[k] = (1.0 - w1 - w2) * vertices[a, k] + w1 * vertices[b, k] + w2 * vertices[c, k]
        for k in range(3):
            points[n, k] = matrix[k, 3]
            for m in range(3):
                points[n, k] += matrix[k, m] * local[m]
