"""Bodies with corners: boxes and prisms, centred on the origin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abbild.images.errors import SceneError
from abbild.images.grids import grid
from abbild.images.limits import positive, whole
from abbild.images.meshes import merge, mesh_of
from abbild.images.stage import Mesh

__all__ = ["Box", "Prism", "RoundedBox"]

Floats = NDArray[np.float64]

# Axes of each side of a cube: texture u, texture v and outwards; u x v is outwards.
SIDES: tuple[tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]], ...] = (
    ((0, 1, 0), (0, 0, 1), (1, 0, 0)),
    ((0, -1, 0), (0, 0, 1), (-1, 0, 0)),
    ((-1, 0, 0), (0, 0, 1), (0, 1, 0)),
    ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
)


@dataclass(frozen=True)
class Box:
    """A cuboid; every side carries the whole texture once.

    Attributes
    ----------
    size : (3,) edge lengths along x, y, z, metres
    """

    size: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def check(self) -> None:
        """Raise SceneError unless the size is three lengths above zero."""
        _three(self)

    def mesh(self) -> Mesh:
        """Twelve triangles."""
        self.check()
        half = np.asarray(self.size, np.float64) / 2
        ends = np.array([-1.0, 1.0])
        uv = np.stack(np.meshgrid([0.0, 1.0], [0.0, 1.0]), axis=-1)
        sides = []
        for u, v, out in np.asarray(SIDES, np.float64):
            points = (ends[None, :, None] * u + ends[:, None, None] * v + out) * half
            sides.append(grid(points, uv, np.broadcast_to(out, points.shape)))
        return merge(sides)


@dataclass(frozen=True)
class RoundedBox:
    """A cuboid whose edges and corners are rounded; every side carries the texture once.

    Attributes
    ----------
    size : (3,) edge lengths over all, metres
    radius : of the edges, metres, at most half of the shortest edge
    segments : of the quarter circle at each edge
    """

    size: tuple[float, float, float] = (1.0, 1.0, 1.0)
    radius: float = 0.1
    segments: int = 4

    def check(self) -> None:
        """Raise SceneError for sizes that are not above zero or a radius that does not fit."""
        _three(self)
        positive(self, "radius")
        whole(self, 1, 64, "segments")
        if 2 * self.radius > min(self.size) * (1 + 1e-9):
            raise SceneError(
                f"RoundedBox.radius must be at most half of the shortest edge "
                f"{min(self.size):g}, not {self.radius!r}"
            )

    def mesh(self) -> Mesh:
        """Six curved sides of (2 ceil(segments / 2) + 1)^2 cells."""
        self.check()
        half = np.asarray(self.size, np.float64) / 2
        flat = np.maximum(half - self.radius, 0.0)
        steps = (self.segments + 1) // 2
        quarter = np.tan(np.linspace(0, np.pi / 4, steps + 1))
        quarter[-1] = 1.0  # neighbouring sides then meet bit for bit
        slope = np.concatenate([-quarter[::-1], quarter])  # (2 steps + 2,), zero twice
        sign = np.repeat([-1.0, 1.0], steps + 1)
        arc = np.arctan(slope) * self.radius
        return merge(
            self._side(axes, np.asarray(flat), slope, sign, arc)
            for axes in np.asarray(SIDES, np.float64)
        )

    def _side(self, axes: Floats, flat: Floats, slope: Floats, sign: Floats, arc: Floats) -> Mesh:
        u, v, out = axes
        direction = slope[None, :, None] * u + slope[:, None, None] * v + out
        square = np.sort(direction**2, axis=-1).sum(axis=-1)  # the same sum for any order of axes
        normals = direction / np.sqrt(square)[..., None]
        corner = (sign[None, :, None] * u + sign[:, None, None] * v + out) * flat
        across = [_share(arc + sign * (np.abs(axis) @ flat)) for axis in (u, v)]
        uv = np.stack(np.meshgrid(*across), axis=-1)
        return grid(corner + self.radius * normals, uv, normals)


@dataclass(frozen=True)
class Prism:
    """A regular polygon drawn out along z.

    Attributes
    ----------
    radius : from the axis to a corner, metres
    height : along z, metres
    sides : 3 to 64
    """

    radius: float = 0.5
    height: float = 1.0
    sides: int = 6

    def check(self) -> None:
        """Raise SceneError for lengths that are not above zero or too few sides."""
        positive(self, "radius", "height")
        whole(self, 3, 64, "sides")

    def mesh(self) -> Mesh:
        """Flat sides (u once around) and two ends."""
        self.check()
        angle = 2 * np.pi * np.arange(self.sides) / self.sides
        ring = self.radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        loop = np.vstack([ring, ring[:1]])
        half = self.height / 2
        walls = []
        for k in range(self.sides):
            pair = loop[k : k + 2]
            points = np.stack([np.column_stack([pair, [z, z]]) for z in (-half, half)])
            middle = np.append(pair.mean(axis=0), 0.0)
            u = np.array([k, k + 1]) / self.sides
            uv = np.stack(np.meshgrid(u, [0.0, 1.0]), axis=-1)
            walls.append(grid(points, uv, np.broadcast_to(middle, points.shape)))
        return merge([*walls, *(_fan(ring, end) for end in (half, -half))])


def _fan(ring: Floats, z: float) -> Mesh:
    """Return a flat end of a convex ring at height z, facing away from the origin."""
    count = len(ring)
    one = np.arange(1, count - 1)
    faces = np.stack([0 * one, one, one + 1], axis=1)
    up = 1.0 if z > 0 else -1.0
    uv = ring * [1.0, up] / np.ptp(ring, axis=0).max() + 0.5
    points = np.column_stack([ring, np.full(count, z)])
    turned = faces if z > 0 else faces[:, ::-1]
    return mesh_of(points, turned, np.tile([0.0, 0.0, up], (count, 1)), uv)


def _share(values: Floats) -> Floats:
    return np.asarray((values - values[0]) / (values[-1] - values[0]))


def _three(shape: Box | RoundedBox) -> None:
    positive(shape, "size")
    if not isinstance(shape.size, (tuple, list)) or len(shape.size) != 3:
        raise SceneError(f"{type(shape).__name__}.size must be 3 lengths, not {shape.size!r}")
