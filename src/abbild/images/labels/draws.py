"""A stage as a flat list of meshes to be drawn, checked once and cut to what a view can see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numba import njit
from numpy.typing import NDArray

from abbild.images.errors import AssetError, SceneError
from abbild.images.stage import Body, Floats, Mesh, Singles, Stage, View

__all__ = ["Draws", "Geometry", "find_reach", "group", "list_draws", "owners", "prepare_mesh"]


@dataclass(frozen=True, eq=False)
class Geometry:
    """Arrays of one mesh, contiguous and of the types that the kernels are compiled for.

    Attributes
    ----------
    vertices, normals : (v, 3) float32
    faces : (f, 3) int32, every index within the vertices
    uv : (v, 2) float32
    bounds : (2, 3) float64
    """

    vertices: Singles
    faces: NDArray[np.int32]
    normals: Singles
    uv: Singles
    bounds: Floats


@dataclass(frozen=True, eq=False)
class Draws:
    """Parts of a stage in the order of bodies and parts.

    Attributes
    ----------
    body : (n,) int32 ids, from 1
    part : (n,) int32, place within the body
    first : (bodies + 1,) int32, place of each body's first part; ``first[id - 1] + part`` finds
        a part
    geometry : n meshes
    matrices : (n, 4, 4) float64, world from body
    """

    body: NDArray[np.int32]
    part: NDArray[np.int32]
    first: NDArray[np.int32]
    geometry: tuple[Geometry, ...]
    matrices: Floats

    def __len__(self) -> int:
        return len(self.geometry)


_prepared: WeakKeyDictionary[Mesh, Geometry] = WeakKeyDictionary()


def prepare_mesh(mesh: Mesh) -> Geometry:
    """Return `mesh` ready for the kernels; checked the first time and then remembered.

    Raises
    ------
    AssetError
        no triangles, corners that are not finite, or triangles that point outside the vertices
        (compiled code would read foreign memory)
    """
    known = _prepared.get(mesh)
    if known is None:
        known = _prepared[mesh] = _check_mesh(mesh)
    return known


def _check_mesh(mesh: Mesh) -> Geometry:
    vertices = np.ascontiguousarray(mesh.vertices, np.float32)
    faces = np.ascontiguousarray(mesh.faces, np.int32)
    if not len(faces):
        raise AssetError("a mesh has no triangles", hint="remove the part, or check its source")
    if not np.isfinite(vertices).all():
        raise AssetError("a mesh has corners that are not finite numbers")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise AssetError(
            f"a triangle points at corner {faces.max()} of a mesh of {len(vertices)} corners"
        )
    normals = np.ascontiguousarray(mesh.normals, np.float32)
    uv = np.ascontiguousarray(mesh.uv, np.float32)
    if normals.shape != vertices.shape or uv.shape != (len(vertices), 2):
        raise AssetError(
            f"a mesh of {len(vertices)} corners has normals {normals.shape} and uv {uv.shape}",
            hint="give every corner one normal and one texture coordinate",
        )
    bounds = np.stack([vertices.min(axis=0), vertices.max(axis=0)]).astype(np.float64)
    return Geometry(vertices, faces, normals, uv, bounds)


def list_draws(stage: Stage, ids: Sequence[int] | None = None) -> Draws:
    """List the parts of all bodies of `stage`, or of those in `ids` only.

    Raises
    ------
    SceneError
        a body's matrix is not finite
    """
    wanted = range(1, len(stage.bodies) + 1) if ids is None else ids
    body: list[int] = []
    part: list[int] = []
    geometry: list[Geometry] = []
    first = np.zeros(len(stage.bodies) + 1, np.int32)
    matrices: list[Floats] = []
    for identity in wanted:
        thing = stage.bodies[identity - 1]
        first[identity - 1] = len(geometry)
        for place, piece in enumerate(thing.parts):
            body.append(identity)
            part.append(place)
            geometry.append(prepare_mesh(piece.mesh))
            matrices.append(thing.matrix)
    first[-1] = len(geometry)
    stacked = np.array(matrices, np.float64).reshape(-1, 4, 4)
    if not np.isfinite(stacked).all():
        _refuse_matrix(stage.bodies)
    return Draws(
        np.array(body, np.int32), np.array(part, np.int32), first, tuple(geometry), stacked
    )


def _refuse_matrix(bodies: tuple[Body, ...]) -> None:
    for body in bodies:
        if not np.isfinite(body.matrix).all():
            raise SceneError(f"the pose of {body.name!r} has numbers that are not finite")


def find_reach(draws: Draws, view: View) -> NDArray[np.bool_]:
    """Return which parts may touch the image of a pinhole or orthographic `view`, (n,) bool.

    A part is out when all corners of its box lie beyond one side of the frustum.
    """
    boxes = np.array([geometry.bounds for geometry in draws.geometry]).reshape(-1, 2, 3)
    local = np.ascontiguousarray((view.camera_from_world @ draws.matrices)[:, :3])
    flat = float(view.projection == "orthographic")
    lens = np.array([view.fx, view.fy, view.cx, view.cy, view.near, flat])
    touches = np.empty(len(draws), np.bool_)
    _touch(boxes, local, lens, (view.width, view.height), touches)
    return touches


@njit(cache=True)
def _touch(
    boxes: Floats,
    matrices: Floats,
    lens: Floats,
    size: tuple[int, int],
    touches: NDArray[np.bool_],
) -> None:
    fx, fy, cx, cy, near, flat = lens
    for k in range(len(boxes)):
        m, beyond = matrices[k], 31
        for corner in range(8):
            a = boxes[k, corner & 1, 0]
            b = boxes[k, corner >> 1 & 1, 1]
            c = boxes[k, corner >> 2 & 1, 2]
            x = m[0, 0] * a + m[0, 1] * b + m[0, 2] * c + m[0, 3]
            y = m[1, 0] * a + m[1, 1] * b + m[1, 2] * c + m[1, 3]
            z = m[2, 0] * a + m[2, 1] * b + m[2, 2] * c + m[2, 3]
            w = 1.0 if flat > 0.0 else z
            column, row = fx * x + cx * w, fy * y + cy * w
            beyond &= (
                (z < near)
                | (column < 0.0) << 1
                | (column > size[0] * w) << 2
                | (row < 0.0) << 3
                | (row > size[1] * w) << 4
            )
        touches[k] = beyond == 0


@njit(cache=True)
def group(owner: NDArray[np.int32], parts: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of `owner` (n,) sorted by its value, and where each value begins.

    Values below 0 are left out; within one value places keep their order.
    """
    starts = np.zeros(parts + 1, np.int64)
    for i in range(owner.size):
        if owner[i] >= 0:
            starts[owner[i] + 1] += 1
    starts = np.cumsum(starts)
    order = np.empty(starts[parts], np.int64)
    at = starts.copy()
    for i in range(owner.size):
        if owner[i] >= 0:
            order[at[owner[i]]] = i
            at[owner[i]] += 1
    return order, starts


@njit(cache=True)
def owners(
    body: NDArray[np.int32], part: NDArray[np.int32], first: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Return the place among the draws of every hit, -1 for none; `body` and `part` are (n,).

    What names no part of the stage counts as none: hits may come from any renderer.
    """
    out = np.full(body.size, -1, np.int32)
    for i in range(body.size):
        if 0 < body[i] < first.size and part[i] >= 0:
            at = first[body[i] - 1] + part[i]
            if at < first[body[i]]:
                out[i] = at
    return out
