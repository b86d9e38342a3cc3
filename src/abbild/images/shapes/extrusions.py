"""Flat drawings with thickness: plates, letters, logos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from mapbox_earcut import triangulate_float64
from numpy.typing import ArrayLike, NDArray

from abbild.images.drawing import Drawing
from abbild.images.errors import AssetError, SceneError
from abbild.images.glyphs import text
from abbild.images.limits import between, positive
from abbild.images.meshes import merge, mesh_of, smooth, transformed
from abbild.images.stage import Mesh

__all__ = ["Extrusion", "Text", "extrude", "extrude_drawing", "extrude_sides"]

Floats = NDArray[np.float64]
Bounds = tuple[float, float, float, float]
UPRIGHT = np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])


@dataclass(frozen=True)
class Text:
    """Solid letters that stand upright at z = 0 and are read from -y.

    For engraved or printed text take a texture, `textures.Engraving`.

    Attributes
    ----------
    string : one line
    height : of the capitals, metres
    depth : metres
    bevel : of the front edges, metres
    weight : width of the strokes over the height, up to 0.25
    """

    string: str = "A"
    height: float = 0.1
    depth: float = 0.02
    bevel: float = 0.0
    weight: float = 1 / 7

    def check(self) -> None:
        """Raise SceneError for an empty string, unknown letters or lengths not above zero."""
        positive(self, "height", "depth")
        between(self, 0, self.depth, "bevel")
        between(self, 0.01, 0.25, "weight")
        if not isinstance(self.string, str) or not self.string.strip():
            raise SceneError(f"Text.string must have a letter, not {self.string!r}")

    def mesh(self) -> Mesh:
        """Strokes overlap where they meet; the texture fits once over the whole line."""
        self.check()
        drawing = text(self.string, self.height, weight=self.weight)
        flat = extrude_drawing(drawing, self.depth, self.bevel)
        lift = np.eye(4)
        lift[2, 3] = self.height / 2
        lift[1, 3] = self.depth / 2
        return transformed(flat, lift @ UPRIGHT)


@dataclass(frozen=True)
class Extrusion:
    """A plate with a given outline that stands upright, centred, and is seen from -y.

    Attributes
    ----------
    rings : outlines of (n, 2) corners, metres, x right and y up; even-odd, so that a ring inside
        of another is a hole
    thickness : metres
    bevel : of the front edge, metres; it shrinks where the outline has no room for it
    """

    rings: tuple[tuple[tuple[float, float], ...], ...] = (((-0.5, -0.5), (0.5, -0.5), (0.0, 0.5)),)
    thickness: float = 0.02
    bevel: float = 0.0

    def check(self) -> None:
        """Raise SceneError for a thickness not above zero, AssetError for rings without area."""
        positive(self, "thickness")
        between(self, 0, self.thickness, "bevel")
        if not isinstance(self.rings, (tuple, list)) or not self.rings:
            raise SceneError(f"Extrusion.rings must be at least one outline, not {self.rings!r}")
        _cleaned(self.rings)

    def mesh(self) -> Mesh:
        """Return the texture fits once into the bounds of the outline."""
        self.check()
        lift = np.eye(4)
        lift[1, 3] = self.thickness / 2
        return transformed(extrude(self.rings, self.thickness, self.bevel), lift @ UPRIGHT)


def extrude(
    rings: Sequence[ArrayLike], thickness: float, bevel: float = 0.0, bounds: Bounds | None = None
) -> Mesh:
    """Give a flat area thickness: it fills z = 0 to `thickness` and faces +z.

    Parameters
    ----------
    rings : (n, 2) corners each, metres, even-odd; they may not cross
    bevel : a 45 degree cut of the front edge, metres; it shrinks where there is no room
    bounds : x0, y0, x1, y1 that the texture covers once, None for those of the rings

    Raises
    ------
    AssetError
        Rings of fewer than three corners, not finite, or without area.
    """
    return merge(extrude_sides(rings, thickness, bevel, bounds))


def extrude_drawing(drawing: Drawing, thickness: float, bevel: float = 0.0) -> Mesh:
    """Extrude every fill of a drawing; they share one texture over the drawing's bounds."""
    if not drawing.fills:
        raise AssetError("a drawing without fills has nothing to extrude")
    bounds = drawing.bounds
    return merge(extrude(fill.rings, thickness, bevel, bounds) for fill in drawing.fills)


def extrude_sides(
    rings: Sequence[ArrayLike], thickness: float, bevel: float = 0.0, bounds: Bounds | None = None
) -> tuple[Mesh, Mesh, Mesh]:
    """Return front, wall and back of `extrude` as three meshes, for three surfaces.

    All take the texture straight through from the front, so that a wall continues its edge.
    """
    areas = _areas(_cleaned(rings))
    outline = [ring for area in areas for ring in area]
    inset = _inset(outline, min(bevel, thickness)) if bevel > 0 else outline
    frame = bounds or _bounds(outline)
    counts = [len(area) for area in areas]
    front = _cap(_grouped(inset, counts), thickness, frame, up=True)
    back = _cap(areas, 0.0, frame, up=False)
    actual = float(np.abs(inset[0] - outline[0]).max()) > 0
    edge = _room(outline, min(bevel, thickness)) if actual else 0.0
    walls = [
        _wall(low, high, thickness, edge, frame) for low, high in zip(outline, inset, strict=True)
    ]
    return front, merge(walls), back


def _cleaned(rings: Sequence[ArrayLike]) -> list[Floats]:
    """Finite rings without repeated corners, each with an area."""
    result = []
    for number, given in enumerate(rings):
        ring = np.asarray(given, np.float64)
        if ring.ndim != 2 or ring.shape[-1] != 2 or not np.isfinite(ring).all():
            raise AssetError(f"ring {number} of the outline is not a list of finite (x, y)")
        ring = ring[(ring != np.roll(ring, 1, axis=0)).any(axis=1)]
        if len(ring) < 3 or _signed_area(ring) == 0.0:
            raise AssetError(f"ring {number} of the outline bounds no area")
        result.append(ring)
    return result


def _areas(rings: list[Floats]) -> list[list[Floats]]:
    """Group rings by even-odd nesting: each counter-clockwise outline with its clockwise holes."""
    inside = np.array([[_contains(one, ring[0]) for one in rings] for ring in rings], np.bool_)
    np.fill_diagonal(inside, False)
    depth = inside.sum(axis=1)
    grouped = {k: [_turned(rings[k], 1)] for k in range(len(rings)) if depth[k] % 2 == 0}
    for k in np.flatnonzero(depth % 2):
        around = [j for j in np.flatnonzero(inside[k]) if depth[j] == depth[k] - 1]
        grouped[int(around[0])].append(_turned(rings[k], -1))
    return list(grouped.values())


def _contains(ring: Floats, point: Floats) -> bool:
    a, b = ring, np.roll(ring, -1, axis=0)
    crosses = (a[:, 1] > point[1]) != (b[:, 1] > point[1])
    share = (point[1] - a[crosses, 1]) / (b[crosses, 1] - a[crosses, 1])
    at = a[crosses, 0] + share * (b[crosses, 0] - a[crosses, 0])
    return bool((at > point[0]).sum() % 2)


def _signed_area(ring: Floats) -> float:
    x, y = ring.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def _turned(ring: Floats, sign: int) -> Floats:
    return ring if _signed_area(ring) * sign > 0 else ring[::-1]


def _mitres(ring: Floats) -> Floats:
    """Vectors that move every side of a ring to its left by one unit, (n, 2)."""
    ahead = np.roll(ring, -1, axis=0) - ring
    ahead = ahead / np.linalg.norm(ahead, axis=1, keepdims=True)
    left = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    total = left + np.roll(left, 1, axis=0)
    square = np.maximum((total**2).sum(axis=1, keepdims=True), 0.1)
    return np.asarray(2 * total / square)


def _room(rings: list[Floats], bevel: float) -> float:
    """Return the part of a bevel after which no side has vanished, metres."""
    limit = bevel
    for ring in rings:
        mitre = _mitres(ring)
        side = np.roll(ring, -1, axis=0) - ring
        length = np.linalg.norm(side, axis=1)
        loss = -((np.roll(mitre, -1, axis=0) - mitre) * side).sum(axis=1) / length
        shrinking = loss > 1e-9
        if shrinking.any():
            limit = min(limit, 0.9 * float((length[shrinking] / loss[shrinking]).min()))
    return limit


def _inset(rings: list[Floats], bevel: float) -> list[Floats]:
    reach = _room(rings, bevel)
    return [ring + reach * _mitres(ring) for ring in rings]


def _grouped(rings: list[Floats], counts: list[int]) -> list[list[Floats]]:
    ends = np.cumsum([0, *counts])
    return [rings[a:b] for a, b in pairwise(ends)]


def _bounds(rings: list[Floats]) -> Bounds:
    points = np.concatenate(rings)
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def _uv(flat: Floats, frame: Bounds) -> Floats:
    low, high = np.array(frame[:2]), np.array(frame[2:])
    return np.asarray((flat - low) / np.maximum(high - low, 1e-12))


def _cap(areas: list[list[Floats]], z: float, frame: Bounds, *, up: bool) -> Mesh:
    pieces = []
    for rings in areas:
        flat = np.concatenate(rings)
        ends = np.cumsum([len(ring) for ring in rings]).astype(np.uint32)
        faces = np.asarray(triangulate_float64(flat, ends), np.int64).reshape(-1, 3)
        a, b, c = (flat[faces[:, k]] for k in range(3))
        turn = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
        faces = np.where((turn < 0)[:, None] == up, faces[:, ::-1], faces)
        sign = 1.0 if up else -1.0
        points = np.column_stack([flat, np.full(len(flat), z)])
        pieces.append(
            mesh_of(points, faces, np.tile([0.0, 0.0, sign], (len(flat), 1)), _uv(flat, frame))
        )
    return merge(pieces)


def _wall(low: Floats, high: Floats, thickness: float, edge: float, frame: Bounds) -> Mesh:
    """Walls along one ring, with a bevel `edge` high if it has one."""
    levels = [(low, 0.0), (low, thickness - edge)]
    if edge > 0:
        levels = [*(levels if thickness > edge else levels[:1]), (high, thickness)]
    count = len(low)
    one = np.arange(count)
    two = (one + 1) % count
    points = np.concatenate([np.column_stack([ring, np.full(count, z)]) for ring, z in levels])
    faces = []
    for row in range(len(levels) - 1):
        a, b = row * count + one, row * count + two
        faces += [np.stack([a, b, b + count], axis=1), np.stack([a, b + count, a + count], axis=1)]
    uv = np.concatenate([_uv(ring, frame) for ring, _ in levels])
    return smooth(points, np.concatenate(faces), np.radians(30), uv)
