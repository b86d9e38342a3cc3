"""Triangles: building meshes, normals at hard edges, texture coordinates, and what is wrong.

Everything is vectorised and costs milliseconds for ten thousand triangles.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from abbild.images.errors import AssetError
from abbild.images.stage import Mesh
from abbild.images.topology import face_volumes, half_edges, neighbours, weld

__all__ = [
    "CREASE",
    "area",
    "box_uv",
    "check_mesh",
    "flat_shaded",
    "merge",
    "mesh_of",
    "moved_vertices",
    "planar_uv",
    "smooth",
    "spherical_uv",
    "subdivide",
    "transformed",
    "volume",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
CREASE = float(np.radians(40.0))  # an edge between faces that differ by more is hard


def mesh_of(vertices: ArrayLike, faces: ArrayLike, normals: ArrayLike, uv: ArrayLike) -> Mesh:
    """Bring arrays to the types of a `Mesh`.

    Parameters
    ----------
    vertices : (v, 3) metres
    faces : (f, 3)
    normals : (v, 3); they are made unit length, zeros become +z
    uv : (v, 2)
    """
    unit = _unit(np.asarray(normals, np.float64))
    return Mesh(
        np.ascontiguousarray(vertices, dtype=np.float32),
        np.ascontiguousarray(faces, dtype=np.int32),
        np.ascontiguousarray(unit, dtype=np.float32),
        np.ascontiguousarray(uv, dtype=np.float32),
    )


def flat_shaded(vertices: ArrayLike, faces: ArrayLike, uv: ArrayLike | None = None) -> Mesh:
    """Give every triangle its own three vertices and its plane's normal.

    Parameters
    ----------
    vertices : (v, 3) metres
    faces : (f, 3)
    uv : (v, 2) for each vertex or (f, 3, 2) for each corner; None takes `box_uv`
    """
    points = np.asarray(vertices, np.float64)
    triangles = np.asarray(faces, np.int64)
    normals = np.repeat(_unit(_cross(points, triangles)), 3, axis=0)
    corners = points[triangles.reshape(-1)]  # (3f, 3)
    if uv is None:
        texture = box_uv(corners, normals)
    else:
        texture = _corner_uv(np.asarray(uv, np.float64), triangles)
    return mesh_of(corners, np.arange(len(corners)).reshape(-1, 3), normals, texture)


def smooth(
    vertices: ArrayLike,
    faces: ArrayLike,
    crease: float = CREASE,
    uv: ArrayLike | None = None,
) -> Mesh:
    """Compute normals that are smooth except where faces meet at more than `crease`.

    Vertices are split there, so that every vertex has one normal; and where corners of one vertex
    have different texture coordinates. Normals are weighted by the angle of each corner, which
    does not depend on how a polygon was cut into triangles (Thürmer and Wüthrich 1998).

    Parameters
    ----------
    vertices : (v, 3) metres; equal positions should be one vertex (`weld`)
    faces : (f, 3)
    crease : radians between the normals of two faces
    uv : (v, 2) for each vertex or (f, 3, 2) for each corner; None takes `box_uv`
    """
    points = np.asarray(vertices, np.float64)
    triangles = np.asarray(faces, np.int64)
    flat = _unit(_cross(points, triangles))
    group = _corner_groups(triangles, flat, crease)  # (3f,)
    weight = _corner_angles(points, triangles).reshape(-1)
    share = np.repeat(flat, 3, axis=0) * weight[:, None]
    normals = np.stack([np.bincount(group, share[:, k]) for k in range(3)], axis=1)
    if uv is None:
        _, first = np.unique(group, return_index=True)
        position = points[triangles.reshape(-1)[first]]
        return mesh_of(position, group.reshape(-1, 3), normals, box_uv(position, _unit(normals)))
    texture = _corner_uv(np.asarray(uv, np.float64), triangles)
    first, split = _first_and_place(group, texture)
    position = points[triangles.reshape(-1)[first]]
    return mesh_of(position, split.reshape(-1, 3), normals[group[first]], texture[first])


def merge(meshes: Iterable[Mesh]) -> Mesh:
    """Put several meshes into one; none is refused."""
    several = list(meshes)
    if not several:
        raise AssetError("no mesh to merge")
    counts = np.cumsum([0, *(len(one.vertices) for one in several[:-1])])
    return mesh_of(
        np.concatenate([one.vertices for one in several]),
        np.concatenate([one.faces + shift for one, shift in zip(several, counts, strict=True)]),
        np.concatenate([one.normals for one in several]),
        np.concatenate([one.uv for one in several]),
    )


def transformed(mesh: Mesh, matrix: ArrayLike) -> Mesh:
    """Move a mesh by an affine (4, 4) `matrix`; mirrors keep their outside outside.

    Normals follow the inverse transpose.
    """
    affine = np.asarray(matrix, np.float64)
    linear = affine[:3, :3]
    points = mesh.vertices @ linear.T + affine[:3, 3]
    normals = mesh.normals @ np.linalg.inv(linear)
    faces = mesh.faces[:, ::-1] if np.linalg.det(linear) < 0 else mesh.faces
    return mesh_of(points, faces, normals, mesh.uv)


def moved_vertices(mesh: Mesh, vertices: ArrayLike, crease: float = np.pi) -> Mesh:
    """Give a mesh other positions, (v, 3), and the normals that follow from them.

    Vertices that had one position must keep one; texture coordinates stay.
    """
    _, joined, kept = weld(mesh.vertices, mesh.faces)
    points = np.zeros((int(joined.max()) + 1, 3))
    points[joined.reshape(-1)] = np.asarray(vertices, np.float64)[mesh.faces[kept].reshape(-1)]
    return smooth(points, joined, crease, mesh.uv[mesh.faces[kept]])


def subdivide(mesh: Mesh, times: int = 1) -> Mesh:
    """Cut every triangle into four at the middles of its edges, `times` times.

    Positions stay on the old triangles; normals and texture coordinates are interpolated.
    """
    for _ in range(times):
        mesh = _subdivided(mesh)
    return mesh


def box_uv(vertices: ArrayLike, normals: ArrayLike, tile: float = 1.0) -> Floats:
    """Project each vertex along the axis its normal is nearest to; one texture is `tile` metres.

    Returns (v, 2); upright faces have v upwards, texts on them are not mirrored.
    """
    points = np.asarray(vertices, np.float64) / tile
    direction = np.asarray(normals, np.float64)
    axis = np.abs(direction).argmax(axis=1)
    sign = np.where(np.take_along_axis(direction, axis[:, None], 1)[:, 0] < 0, -1.0, 1.0)
    x, y, z = points.T
    u = np.choose(axis, [sign * y, -sign * x, x])
    v = np.choose(axis, [z, z, sign * y])
    return np.stack([u, v], axis=1)


def spherical_uv(vertices: ArrayLike) -> Floats:
    """Longitude and latitude of each vertex as seen from the origin, (v, 2) in [0, 1]."""
    x, y, z = np.asarray(vertices, np.float64).T
    u = np.arctan2(y, x) / (2 * np.pi) % 1.0
    v = np.arctan2(z, np.hypot(x, y)) / np.pi + 0.5
    return np.stack([u, v], axis=1)


def planar_uv(vertices: ArrayLike, axes: tuple[int, int] = (0, 1), tile: float = 0.0) -> Floats:
    """Project along an axis: `axes` become u and v, (v, 2).

    One texture is `tile` metres; 0 fits it once into the bounds.
    """
    plane = np.asarray(vertices, np.float64)[:, list(axes)]
    if tile > 0:
        return plane / tile
    low, high = plane.min(axis=0), plane.max(axis=0)
    return np.asarray((plane - low) / np.maximum(high - low, 1e-12))


def volume(mesh: Mesh) -> float:
    """Signed volume, cubic metres; meaningful for a closed mesh, positive if it faces outwards."""
    return float(face_volumes(mesh.vertices.astype(np.float64), mesh.faces).sum())


def area(mesh: Mesh) -> float:
    """Area of all triangles, square metres."""
    doubled = _cross(mesh.vertices.astype(np.float64), mesh.faces.astype(np.int64))
    return float(np.linalg.norm(doubled, axis=1).sum() / 2)


def check_mesh(mesh: Mesh, name: str) -> None:
    """Refuse a mesh that no engine can use, in one sentence that begins with `name`.

    Raises
    ------
    AssetError
        No vertices or faces, indices out of range, NaN or infinite values, no area at all.
    """
    if len(mesh.vertices) == 0 or len(mesh.faces) == 0:
        raise AssetError(f"{name} has {len(mesh.vertices)} vertices and {len(mesh.faces)} faces")
    low, high = int(mesh.faces.min()), int(mesh.faces.max())
    if low < 0 or high >= len(mesh.vertices):
        raise AssetError(
            f"{name} has a face with vertex {low if low < 0 else high}, "
            f"but vertices 0 to {len(mesh.vertices) - 1}"
        )
    for what in ("vertices", "normals", "uv"):
        bad = ~np.isfinite(getattr(mesh, what)).all(axis=1)
        if bad.any():
            raise AssetError(
                f"{name} has {int(bad.sum())} of {len(bad)} {what} that are NaN or infinite"
            )
    if area(mesh) == 0.0:
        raise AssetError(f"{name} has {len(mesh.faces)} faces without any area")


def _unit(vectors: NDArray[Any]) -> Floats:
    """Return unit vectors, (..., 3); zeros become +z."""
    length = np.sqrt(np.einsum("...k,...k->...", vectors, vectors))[..., None]
    result: Floats = np.divide(vectors, length, out=np.zeros(vectors.shape), where=length > 0)
    result[..., 2:] += length == 0
    return result


def _cross(points: Floats, faces: NDArray[Any]) -> Floats:
    a, b, c = (points[faces[:, k]] for k in range(3))
    return np.cross(b - a, c - a)


def _corner_uv(uv: Floats, faces: Ints) -> Floats:
    """Texture coordinates of each corner, (3f, 2)."""
    return uv.reshape(-1, 2) if uv.ndim == 3 else uv[faces.reshape(-1)]


def _first_and_place(group: Ints, texture: Floats) -> tuple[Ints, Ints]:
    """Return the first of each kind of corner (group, texture coordinates), and each one's kind."""
    single = np.ascontiguousarray(texture, np.float32) + np.float32(0)  # no negative zero
    whole = single.view(np.uint64).reshape(-1)
    _, spot = np.unique(whole, return_inverse=True)
    key = group * (int(spot.max(initial=0)) + 1) + spot
    _, first, split = np.unique(key, return_index=True, return_inverse=True)
    return first, split.reshape(-1)


def _corner_angles(points: Floats, faces: Ints) -> Floats:
    """Angle of each triangle at each of its corners, (f, 3) radians."""
    corners = points[faces]  # (f, 3, 3)
    after = _unit(np.roll(corners, -1, axis=1) - corners)
    before = _unit(np.roll(corners, 1, axis=1) - corners)
    cosine = np.einsum("fki,fki->fk", after, before)
    result: Floats = np.arccos(np.clip(cosine, -1, 1))
    return result


def _corner_groups(faces: Ints, flat: Floats, crease: float) -> Ints:
    """Return a number for each corner, (3f,), equal where corners share one smooth vertex."""
    one, two = neighbours(faces)
    cosine = np.einsum("ij,ij->i", flat[one // 3], flat[two // 3])
    start, end, _ = half_edges(faces)
    opposite = start[one] == end[two]  # else the two faces disagree about the outside
    soft = opposite & (cosine >= np.cos(crease) - 1e-12)
    one, two = one[soft], two[soft]
    after_one, after_two = one - one % 3 + (one + 1) % 3, two - two % 3 + (two + 1) % 3
    rows = np.concatenate([one, after_one])
    columns = np.concatenate([after_two, two])
    size = faces.size
    graph = coo_matrix((np.ones(len(rows), np.int8), (rows, columns)), shape=(size, size))
    group: Ints = connected_components(graph, directed=False)[1].astype(np.int64)
    return group


def _subdivided(mesh: Mesh) -> Mesh:
    faces = mesh.faces.astype(np.int64)
    start, end, _ = half_edges(faces)
    edges = np.stack([np.minimum(start, end), np.maximum(start, end)], axis=1)
    unique, which = np.unique(edges, axis=0, return_inverse=True)
    middle = which.reshape(-1, 3) + len(mesh.vertices)  # between corners k and k + 1
    a, b, c = faces.T
    ab, bc, ca = middle.T
    four = np.stack([a, ab, ca, ab, b, bc, ca, bc, c, ab, bc, ca], axis=1).reshape(-1, 3)

    def extended(values: NDArray[np.float32]) -> Floats:
        return np.concatenate([values, values[unique].mean(axis=1)]).astype(np.float64)

    return mesh_of(extended(mesh.vertices), four, extended(mesh.normals), extended(mesh.uv))
