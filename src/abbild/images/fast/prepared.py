"""A stage as flat arrays for compiled code; what two stages share is made once and kept."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from abbild.images.fast.compiled import compiled
from abbild.images.fast.textures import Textures, pack
from abbild.images.fast.tree import tree_of
from abbild.images.stage import Mesh, Part, Stage, Surface

__all__ = ["Geometry", "Instances", "Paint", "Prepared", "prepare"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int32]


class Geometry(NamedTuple):
    """Meshes one after the other.

    Attributes
    ----------
    boxes, links, corners, leaves : the trees (`Tree`), nodes and places counted through
    root : (m,) int64, node where the tree of each mesh begins
    vertices, normals, uv : of all meshes
    faces : (f, 3) int32, into the vertices of all meshes
    first_face : (m,) int64, where the faces of each mesh begin
    extent : (m, 2, 3) float64, bounds of each mesh
    """

    boxes: Singles
    links: Ints
    corners: Singles
    leaves: Ints
    root: NDArray[np.int64]
    vertices: Singles
    normals: Singles
    uv: Singles
    faces: Ints
    first_face: NDArray[np.int64]
    extent: Floats


class Paint(NamedTuple):
    """Surfaces.

    Attributes
    ----------
    values : (s, 9) float64: colour, roughness, metallic, specular, emission
    textures : (s, 4) int32: of colour, roughness, metallic, normal; -1 for none
    smooth : (s,) bool
    """

    values: Floats
    textures: Ints
    smooth: NDArray[np.bool_]


class Instances(NamedTuple):
    """Parts of bodies, in order.

    Attributes
    ----------
    body : (i,) int32, id of the body
    mesh, surface : (i,) int32
    first : (b + 1,) int32, first part of each body, counted by its id
    matrix, inverse : (i, 3, 4) float64, world from part and back
    box : (i, 2, 3) float64, bounds in the world
    """

    body: Ints
    mesh: Ints
    surface: Ints
    first: Ints
    matrix: Floats
    inverse: Floats
    box: Floats


class Prepared(NamedTuple):
    """A stage without its lamps and environment."""

    geometry: Geometry
    paint: Paint
    textures: Textures
    instances: Instances


class _Layout(NamedTuple):
    geometry: Geometry
    paint: Paint
    textures: Textures
    body: Ints
    mesh: Ints
    surface: Ints
    first: Ints


@lru_cache(maxsize=4)
def _geometry(meshes: tuple[Mesh, ...]) -> Geometry:
    trees = [tree_of(mesh) for mesh in meshes]
    node_start = np.cumsum([0, *(len(tree.boxes) for tree in trees)])
    face_start = np.cumsum([0, *(len(mesh.faces) for mesh in meshes)])
    vertex_start = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    links, faces = [], []
    for k, (tree, mesh) in enumerate(zip(trees, meshes, strict=True)):
        inner, leaf = tree.links + node_start[k], tree.links - 16 * face_start[k]
        links.append(np.where(tree.links >= 0, inner, leaf).astype(np.int32))
        faces.append((mesh.faces + vertex_start[k]).astype(np.int32))
    return Geometry(
        _joined([tree.boxes for tree in trees], (0, 12), np.float32),
        _joined(links, (0, 2), np.int32),
        _joined([tree.corners for tree in trees], (0, 9), np.float32),
        _joined([tree.faces for tree in trees], (0,), np.int32),
        node_start[:-1].astype(np.int64),
        _joined([mesh.vertices for mesh in meshes], (0, 3), np.float32),
        _joined([mesh.normals for mesh in meshes], (0, 3), np.float32),
        _joined([mesh.uv for mesh in meshes], (0, 2), np.float32),
        _joined(faces, (0, 3), np.int32),
        face_start[:-1].astype(np.int64),
        _joined([mesh.bounds[None] for mesh in meshes], (0, 2, 3), np.float64),
    )


def _joined(arrays: list[Any], empty: tuple[int, ...], dtype: Any) -> Any:
    return np.ascontiguousarray(np.concatenate([np.zeros(empty, dtype), *arrays]), dtype=dtype)


@lru_cache(maxsize=4)
def _paint(surfaces: tuple[Surface, ...]) -> tuple[Paint, Textures]:
    values = np.zeros((len(surfaces), 9))
    textures = np.full((len(surfaces), 4), -1, np.int32)
    smooth = np.ones(len(surfaces), np.bool_)
    images: dict[int, tuple[int, tuple[Any, bool]]] = {}
    for k, surface in enumerate(surfaces):
        smooth[k] = surface.smooth_texture
        values[k, 5], values[k, 6:9] = surface.specular, surface.emission
        is_flat = surface.color.ndim == 1
        _set(values[k], slice(0, 3), surface.color if is_flat else 1.0)
        _set(values[k], slice(3, 4), surface.roughness)
        _set(values[k], slice(4, 5), surface.metallic)
        maps = (None if is_flat else surface.color, surface.roughness, surface.metallic)
        for slot, image in enumerate((*maps, surface.normal_map)):
            if isinstance(image, np.ndarray) and image.ndim >= 2:
                found = images.setdefault(id(image), (len(images), (image, slot == 0)))
                textures[k, slot] = found[0]
    return Paint(values, textures, smooth), pack([image for _, image in images.values()])


def _set(values: Floats, where: slice, value: Any) -> None:
    values[where] = 1.0 if isinstance(value, np.ndarray) and value.ndim >= 2 else value


@lru_cache(maxsize=8)
def _layout(bodies: tuple[tuple[Part, ...], ...]) -> _Layout:
    parts = list(chain.from_iterable(bodies))
    meshes = {mesh: k for k, mesh in enumerate(dict.fromkeys(part.mesh for part in parts))}
    surfaces = {s: k for k, s in enumerate(dict.fromkeys(part.surface for part in parts))}
    counts = [len(each) for each in bodies]
    paint, textures = _paint(tuple(surfaces))
    return _Layout(
        _geometry(tuple(meshes)),
        paint,
        textures,
        np.repeat(np.arange(1, len(bodies) + 1), counts).astype(np.int32),
        np.array([meshes[part.mesh] for part in parts], np.int32),
        np.array([surfaces[part.surface] for part in parts], np.int32),
        np.cumsum([0, 0, *counts]).astype(np.int32),
    )


@compiled
def _invert(matrix: Floats, inverse: Floats) -> None:
    """Inverse of an affine map by cofactors; zeros where there is none."""
    for i in range(3):
        for j in range(3):
            a, b, c, d = (j + 1) % 3, (j + 2) % 3, (i + 1) % 3, (i + 2) % 3
            inverse[i, j] = matrix[a, c] * matrix[b, d] - matrix[a, d] * matrix[b, c]
    size = 0.0
    for k in range(3):
        size += matrix[0, k] * inverse[k, 0]
    scale = 1.0 / size if size != 0.0 else 0.0
    for i in range(3):
        for j in range(3):
            inverse[i, j] *= scale
    for i in range(3):
        inverse[i, 3] = 0.0
        for k in range(3):
            inverse[i, 3] -= inverse[i, k] * matrix[k, 3]


@compiled
def _place(
    matrix: Floats, inverse: Floats, box: Floats, matrices: Floats, layout: Any, extent: Floats
) -> None:
    body, mesh = layout
    for k in range(len(body)):
        for i in range(3):
            for j in range(4):
                matrix[k, i, j] = matrices[body[k] - 1, i, j]
        _invert(matrix[k], inverse[k])
        for i in range(3):
            middle, half = matrix[k, i, 3], 0.0
            for j in range(3):
                low, high = extent[mesh[k], 0, j], extent[mesh[k], 1, j]
                middle += 0.5 * matrix[k, i, j] * (low + high)
                half += 0.5 * abs(matrix[k, i, j]) * (high - low)
            half += 1e-12 * (abs(middle) + half)
            box[k, 0, i], box[k, 1, i] = middle - half, middle + half


def prepare(stage: Stage) -> Prepared:
    """Lay a stage out; where only matrices are new it costs some microseconds a body."""
    layout = _layout(tuple(body.parts for body in stage.bodies))
    matrices = np.array([body.matrix for body in stage.bodies], np.float64).reshape(-1, 4, 4)
    count = len(layout.body)
    matrix, inverse = np.empty((count, 3, 4)), np.empty((count, 3, 4))
    box = np.empty((count, 2, 3))
    parts = layout.body, layout.mesh
    _place(matrix, inverse, box, matrices, parts, layout.geometry.extent)
    instances = Instances(*parts, layout.surface, layout.first, matrix, inverse, box)
    return Prepared(layout.geometry, layout.paint, layout.textures, instances)
