"""What a body is to the collision engine: a few convex solids in its own rigid frame.

A body's matrix is split into a rigid pose and a stretch (polar decomposition); the stretch is
baked into the solids, because a collision engine knows rotations and places only. A convex hull
commutes with every affine map, so the hull of a mesh is found once and kept under the mesh's
identity.
"""

from __future__ import annotations

from typing import Any, Literal, get_args
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from abbild.core.errors import unknown_name
from abbild.images.errors import SceneError
from abbild.images.physics.pieces import pieces
from abbild.images.physics.primitives import Solid, around, extent, recognise
from abbild.images.physics.surfaces import heights, kind_of, sides
from abbild.images.stage import Body, Mesh

__all__ = ["Shape", "hull_points", "rigid", "solids"]

Floats = NDArray[np.float64]
Shape = Literal["auto", "hull", "pieces", "sphere", "box", "cylinder", "capsule", "plane", "none"]
SHAPES: tuple[str, ...] = get_args(Shape)

CORNERS = 64  # of a hull, while that is within NEAR of the full one
MOST_CORNERS = 256
NEAR = 0.004  # of the extent
MOST_PARTS = 16  # a body of more parts is one hull
FLAT = 1e-4  # thickness over extent below which a part is a sheet
SHEET = 0.01  # thickness a sheet gets, behind its face, over its extent
GROUND = 0.05  # the same for what never moves: thick enough that nothing falls through

_HULLS: WeakKeyDictionary[Mesh, Floats] = WeakKeyDictionary()
_SOLIDS: WeakKeyDictionary[Mesh, dict[Any, tuple[Solid, ...]]] = WeakKeyDictionary()
REMEMBERED = 64  # shapes and stretches of one mesh


def rigid(matrix: Floats) -> tuple[Floats, Floats]:
    """Split an affine map into a rigid one and what is stretched before it.

    Parameters
    ----------
    matrix : (4, 4) affine

    Returns
    -------
    pose : (4, 4), rotation (determinant +1) and place
    stretch : (3, 3) with ``matrix[:3, :3] = pose[:3, :3] @ stretch``; a mirror stays in here
    """
    linear = np.asarray(matrix, np.float64)[:3, :3]
    lengths = np.linalg.norm(linear, axis=0)
    gram = linear.T @ linear
    if lengths.min() > 0 and np.abs(gram - np.diag(lengths**2)).max() <= 1e-12 * lengths.max() ** 2:
        rotation = linear / lengths
        if np.linalg.det(rotation) < 0:
            rotation, lengths = rotation * [1.0, 1.0, -1.0], lengths * [1.0, 1.0, -1.0]
        stretch = np.diag(lengths)
    else:
        left, _, right = np.linalg.svd(linear)
        rotation = left @ right
        if np.linalg.det(rotation) < 0:
            rotation = rotation * [1.0, 1.0, -1.0]
        stretch = rotation.T @ linear
    pose = np.eye(4)
    pose[:3, :3] = rotation
    pose[:3, 3] = matrix[:3, 3]
    return pose, stretch


def hull_points(mesh: Mesh) -> Floats:
    """Corners of the convex hull of a mesh, (k, 3); of a flat mesh, its own vertices.

    Found once for a mesh; about 60 ms for 65,000 triangles.
    """
    known = _HULLS.get(mesh)
    if known is None:
        known = _HULLS[mesh] = _corners(mesh.vertices.astype(np.float64))
    return known


def _corners(points: Floats) -> Floats:
    points = np.unique(points, axis=0)
    try:
        corners: Floats = points[np.sort(ConvexHull(points).vertices)]
    except (QhullError, ValueError):  # flat, a line or a point: qhull has no volume to enclose
        return points
    return corners


def solids(body: Body, stretch: Floats, shape: str = "auto", *, moves: bool) -> tuple[Solid, ...]:
    """Say what a body collides as.

    Parameters
    ----------
    body : its parts are read, its matrix is not
    stretch : (3, 3), of `rigid`
    shape : "auto" looks at every part: a ball, an axis-parallel box, a cylinder or a capsule is
        recognised, a part with deep hollows falls to convex pieces (`pieces`), anything else is
        its hull. Of what never moves, open ground (terrain, a road) is a height field and a
        room's or an open box's sides are thick plates (`kind_of`). "hull" fills hollows. "sphere",
        "box", "cylinder" and "capsule" circumscribe the whole body (box and cylinder along the
        body's own axes), "plane" is the infinite half space below the body's top, "none" does not
        collide
    moves : a flat part becomes a thin plate, of 1 % of its extent; if it never moves, a thick one
        of 5 %. The plate lies behind its front face

    Raises
    ------
    UnknownNameError
        for another shape
    SceneError
        if something that moves has no extent, or numbers that are not finite
    """
    if shape not in SHAPES:
        raise unknown_name("collision shape", shape, SHAPES)
    if shape == "none" or not body.parts:
        return ()
    _check(body, stretch, moves)
    if shape in ("auto", "hull", "pieces"):
        return _by_parts(body, stretch, shape, moves)
    points = np.concatenate([hull_points(part.mesh) for part in body.parts]) @ stretch.T
    return (around(points, shape),)


def _check(body: Body, stretch: Floats, moves: bool) -> None:
    bounds = body.bounds
    if not (np.isfinite(bounds).all() and np.isfinite(stretch).all()):
        raise SceneError(
            f"body {body.name!r} has vertices or a matrix that are not finite",
            hint="check the mesh and the scale for NaN and infinity",
        )
    if moves and not extent(bounds @ stretch.T) > 0:
        raise SceneError(
            f"body {body.name!r} has no extent and cannot move",
            hint='leave it out of the simulation (shape "none") or give it a size',
        )


def _by_parts(body: Body, stretch: Floats, shape: str, moves: bool) -> tuple[Solid, ...]:
    meshes = [part.mesh for part in body.parts if len(part.mesh.vertices)]
    if len(meshes) > MOST_PARTS:
        points = np.concatenate([hull_points(mesh) for mesh in meshes]) @ stretch.T
        return (Solid("hull", points=_few(_corners(points))),)
    return tuple(s for mesh in meshes for s in _remembered(mesh, stretch, shape, moves))


def _remembered(mesh: Mesh, stretch: Floats, shape: str, moves: bool) -> tuple[Solid, ...]:
    """Give equal instances of a mesh the same solids; stretches are rounded to 1e-9."""
    scale = float(np.abs(stretch).max()) or 1.0
    places = 9 - int(np.floor(np.log10(scale)))
    rounded = np.round(stretch, places) + 0.0  # no negative zeros
    known = _SOLIDS.setdefault(mesh, {})
    key = rounded.tobytes(), shape, moves
    if key not in known:
        if len(known) >= REMEMBERED:
            known.clear()
        known[key] = _of_mesh(mesh, rounded, shape, moves)
    return known[key]


def _of_mesh(mesh: Mesh, stretch: Floats, shape: str, moves: bool) -> tuple[Solid, ...]:
    points = hull_points(mesh) @ stretch.T
    if not extent(points) > 0:
        return ()
    sheet = _thicken(points, mesh, stretch, SHEET if moves else GROUND)
    if sheet is None and shape == "auto" and not moves:
        surface = _surface(mesh, stretch)
        if surface:
            return tuple(surface)
    if sheet is not None:
        return tuple(_part(mesh, stretch, sheet, shape, deep=False))
    return tuple(_part(mesh, stretch, points, shape, deep=True))


def _surface(mesh: Mesh, stretch: Floats) -> list[Solid]:
    """Make a height field or plates of what stands and is no solid; nothing if it is one."""
    kind = kind_of(mesh)
    if kind == "ground" and (stretch == np.diag(np.diag(stretch))).all() and stretch[2, 2] > 0:
        return [_ground(mesh, np.diag(stretch))]
    if kind != "shell":
        return []
    thick = GROUND * extent(hull_points(mesh) @ stretch.T)
    turn = np.linalg.inv(stretch)
    plates = []
    for points, normal in sides(mesh):
        back = -normal @ turn
        corners = points @ stretch.T
        plate = np.concatenate([corners, corners + thick / np.linalg.norm(back) * back])
        plates.append(Solid("hull", points=_few(_corners(plate))))
    return plates


def _ground(mesh: Mesh, scale: Floats) -> Solid:
    z, corners = heights(mesh)
    low, high = np.sort(corners * scale[:2], axis=0)
    z = z[:: int(np.sign(scale[1])), :: int(np.sign(scale[0]))] * scale[2]
    place = np.eye(4)
    place[:3, 3] = [*(low + high) / 2, z.min()]
    return Solid(
        "ground",
        np.array([*(high - low) / 2, np.ptp(z)]),
        place,
        heights=z - z.min(),
    )


def _part(
    mesh: Mesh, stretch: Floats, points: Floats, shape: str, *, deep: bool
) -> tuple[Solid, ...]:
    """Choose primitive, pieces or hull for the hull corners `points` of a mesh."""
    if deep and shape in ("auto", "pieces") and _is_hollow(mesh):
        convex = pieces(mesh)
        if len(convex) > 1:
            return tuple(Solid("hull", points=_few(piece @ stretch.T)) for piece in convex)
    known = recognise(points) if shape == "auto" else None
    return (known or Solid("hull", points=_few(points)),)


def _is_hollow(mesh: Mesh) -> bool:
    """Whether a mesh encloses clearly less than its hull; cheap, to spare most a closer look."""
    corners = mesh.vertices[mesh.faces].astype(np.float64) - mesh.bounds.mean(axis=0)
    volume = abs(float(np.linalg.det(corners).sum())) / 6
    try:
        return volume < 0.95 * float(ConvexHull(hull_points(mesh)).volume)
    except (QhullError, ValueError):
        return False


def _thicken(points: Floats, mesh: Mesh, stretch: Floats, thickness: float) -> Floats | None:
    """Make a plate of a sheet; None if the points have a volume."""
    size = extent(points)
    middle = points.mean(axis=0)
    _, spread, axes = np.linalg.svd(points - middle, full_matrices=False)
    if len(spread) == 3 and np.ptp((points - middle) @ axes[2]) > FLAT * size:
        return None
    if len(spread) < 2 or np.ptp((points - middle) @ axes[1]) <= FLAT * size:
        return _rod(points, thickness * size)
    normal = np.cross(axes[0], axes[1])
    corners = mesh.vertices[mesh.faces].astype(np.float64) @ stretch.T
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).sum(axis=0)
    back = -normal if facing @ normal >= 0 else normal
    return np.concatenate([points, points + thickness * size * back])


def _rod(points: Floats, width: float) -> Floats:
    corners = np.array([[i, j, k] for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)])
    return np.concatenate([points + width / 2 * corner for corner in corners])


def _few(points: Floats) -> Floats:
    """Keep `CORNERS` of the corners, more where that is not enough to be near."""
    for limit in (CORNERS, MOST_CORNERS):
        if len(points) <= limit:
            return points
        kept, gap = _spread(points, limit)
        if gap <= NEAR * extent(points):
            break
    return kept


def _spread(points: Floats, limit: int) -> tuple[Floats, float]:
    """Corners that are extreme along `limit` directions, and how far the others stick out."""
    steps = np.arange(limit - 6) + 0.5
    height = 1 - 2 * steps / (limit - 6)
    turn = np.pi * (1 + 5**0.5) * steps
    flat = np.sqrt(1 - height**2)
    around = np.stack([flat * np.cos(turn), flat * np.sin(turn), height], axis=1)
    ways = np.concatenate([np.eye(3), -np.eye(3), around])
    kept = points[np.unique((points @ ways.T).argmax(axis=0))]
    try:
        planes = ConvexHull(kept).equations
    except (QhullError, ValueError):
        return points[:: len(points) // limit + 1], np.inf
    return kept, float((points @ planes[:, :3].T + planes[:, 3]).max())
