"""Meshes that are no solids: ground that is open below, and rooms that are seen from inside."""

from __future__ import annotations

from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from abbild.images.stage import Mesh

__all__ = ["heights", "kind_of", "refine", "sides"]

Floats = NDArray[np.float64]
Kind = Literal["solid", "ground", "shell"]

CELLS = 128  # of a height field along its longer side, for a mesh that is no grid itself
MOST_NODES = 513
MOST_SIDES = 64
SAME = 1e-5  # of the extent, and in the components of unit normals

_KINDS: WeakKeyDictionary[Mesh, Kind] = WeakKeyDictionary()
_HEIGHTS: WeakKeyDictionary[Mesh, tuple[Floats, Floats]] = WeakKeyDictionary()


def kind_of(mesh: Mesh) -> Kind:
    """Say what a mesh that never moves is to collisions.

    Returns
    -------
    "solid" : closed and facing outwards, or anything else
    "shell" : faces inwards, or open, and made of at most 64 flat sides (rooms, open boxes)
    "ground" : open, and every face looks up along the mesh's own z (terrain)
    """
    known = _KINDS.get(mesh)
    if known is None:
        known = _KINDS[mesh] = _examine(mesh)
    return known


def _examine(mesh: Mesh) -> Kind:
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    middle = mesh.bounds.mean(axis=0)
    volume = float(((corners[:, 0] - middle) * across).sum())
    is_open = _is_open(mesh)
    if (is_open or volume < 0) and len(sides(mesh)) <= MOST_SIDES:
        return "shell"
    return "ground" if is_open and (across[:, 2] > 0).all() else "solid"


def _is_open(mesh: Mesh) -> bool:
    """Whether an edge belongs to one face only; vertices in the same place are the same."""
    scale = SAME * max(float(np.ptp(mesh.bounds, axis=0).max()), 1e-300)
    places = np.round(mesh.vertices.astype(np.float64) / scale)
    _, same = np.unique(places, axis=0, return_inverse=True)
    faces = same.reshape(-1)[mesh.faces]
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    edges = edges[edges[:, 0] != edges[:, 1]]
    _, times = np.unique(edges, axis=0, return_counts=True)
    return bool((times == 1).any())


def sides(mesh: Mesh) -> list[tuple[Floats, Floats]]:
    """Flat sides of a mesh: vertices in one plane, (k, 3), and their unit normal, (3,).

    Holes in a side (doors, windows) are not seen by its hull.
    """
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(across, axis=1)
    real = area > 0
    corners, normals = corners[real], across[real] / area[real, None]
    scale = SAME * max(float(np.linalg.norm(np.ptp(mesh.bounds, axis=0))), 1e-300)
    offset = np.einsum("ij,ij->i", normals, corners[:, 0])
    keys = np.round(np.concatenate([normals / 1e-3, offset[:, None] / (100 * scale)], axis=1))
    _, which = np.unique(keys, axis=0, return_inverse=True)
    order = np.argsort(which.reshape(-1), kind="stable")
    borders = np.flatnonzero(np.diff(which.reshape(-1)[order])) + 1
    return [
        (np.unique(corners[group].reshape(-1, 3), axis=0), normals[group[0]])
        for group in np.split(order, borders)
        if len(group)
    ]


def heights(mesh: Mesh) -> tuple[Floats, Floats]:
    """Heights of a ground over an even grid.

    Returns
    -------
    z : (rows, columns), y grows with the rows and x with the columns; a mesh that is an even grid
        itself gives its own vertices, any other one is looked at from above; beyond its edges the
        ground goes on as high as they are
    corners : (2, 2) lowest and highest x and y
    """
    known = _HEIGHTS.get(mesh)
    if known is None:
        known = _HEIGHTS[mesh] = _sample(mesh)
    return known


def _sample(mesh: Mesh) -> tuple[Floats, Floats]:
    points = mesh.vertices.astype(np.float64)
    corners = np.stack([points[:, :2].min(axis=0), points[:, :2].max(axis=0)])
    own = _own_grid(points)
    if own is not None:
        return own, corners
    edges = corners[1] - corners[0]
    # an even number of cells has a node in the middle, where roads have their crest
    cells = 2 * np.ceil(CELLS / 2 * edges / edges.max()).astype(int)
    z = np.full((cells[1] + 1, cells[0] + 1), -np.inf)
    _look_down(points[mesh.faces], corners[0], cells / edges, z)
    outside = np.isneginf(z)
    if outside.any():
        near = distance_transform_edt(outside, return_distances=False, return_indices=True)
        z = z[tuple(near)]
    return z, corners


@njit(cache=True)
def _look_down(triangles: Floats, low: Floats, scale: Floats, z: Floats) -> None:
    """Write the height of the highest triangle over each node of a grid, by barycentric weights."""
    rows, columns = z.shape
    for k in range(len(triangles)):
        x = (triangles[k, :, 0] - low[0]) * scale[0]
        y = (triangles[k, :, 1] - low[1]) * scale[1]
        area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
        if area == 0.0:
            continue
        for i in range(max(int(y.min()), 0), min(int(y.max()) + 2, rows)):
            for j in range(max(int(x.min()), 0), min(int(x.max()) + 2, columns)):
                u = ((j - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (i - y[0])) / area
                v = ((x[1] - x[0]) * (i - y[0]) - (j - x[0]) * (y[1] - y[0])) / area
                if u >= -1e-6 and v >= -1e-6 and u + v <= 1 + 1e-6:
                    a, b, c = triangles[k, 0, 2], triangles[k, 1, 2], triangles[k, 2, 2]
                    z[i, j] = max(z[i, j], a + u * (b - a) + v * (c - a))


def _own_grid(points: Floats) -> Floats | None:
    x, y = np.unique(points[:, 0]), np.unique(points[:, 1])
    if (
        len(x) * len(y) != len(points)
        or min(len(x), len(y)) < 2
        or max(len(x), len(y)) > MOST_NODES
    ):
        return None
    for values in (x, y):
        steps = np.diff(values)
        if np.ptp(steps) > 1e-3 * steps.mean():
            return None
    z: Floats = points[np.lexsort((points[:, 0], points[:, 1])), 2]
    return z.reshape(len(y), len(x))


def refine(z: Floats, low: Floats, high: Floats, step: float) -> tuple[Floats, Floats]:
    """Divide the cells of a height field that lie over a rectangle; the surface stays the same.

    The collision engine touches every cell in one point, so that a box on one large cell rocks.
    Its cells are cut along the diagonal from the lowest x and y to the highest, and so are these.

    Parameters
    ----------
    z : (rows, columns) heights
    low, high : (2,) corners of the rectangle, in cells: x over columns, y over rows
    step : wanted width of a cell, in old cells

    Returns
    -------
    fine : heights, at most 513 along a side
    corners : (2, 2) of the fine field, in old cells
    """
    most = np.array(z.shape)[::-1] - 1
    first = np.clip(np.floor(low), 0, most - 1).astype(int)
    last = np.clip(np.ceil(high), first + 1, most).astype(int)
    parts = int(np.clip(np.ceil(1 / step), 1, max((MOST_NODES - 1) // (last - first).max(), 1)))
    x, y = (first[k] + np.arange((last - first)[k] * parts + 1) / parts for k in (0, 1))
    column, row = (np.minimum(v.astype(int), m - 1) for v, m in zip((x, y), most, strict=True))
    u, v = np.meshgrid(x - column, y - row)
    a, b, c, d = (z[row + i][:, column + j] for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)))
    fine = np.where(u >= v, a + u * (b - a) + v * (d - b), a + v * (c - a) + u * (d - c))
    return fine, np.stack([first, last]).astype(np.float64)
