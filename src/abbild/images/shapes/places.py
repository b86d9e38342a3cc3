"""Where things happen: rooms, terrain, roads, poles. They stand on or around z = 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.errors import SceneError
from abbild.images.grids import grid, revolved
from abbild.images.limits import between, choice, positive, whole
from abbild.images.meshes import merge
from abbild.images.shapes.boxes import SIDES
from abbild.images.stage import Mesh
from abbild.images.textures.noise import fractal

__all__ = ["Pole", "Road", "Room", "Terrain"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Room:
    """A rectangular room seen from inside; the middle of its floor is the origin.

    Attributes
    ----------
    size : (3,) width along x, depth along y, height, metres
    sides : "all", "floor", "walls" or "ceiling": three objects give three materials
    tile : edge of one copy of the texture, metres; 0 stretches it once over each side
    """

    size: tuple[float, float, float] = (5.0, 4.0, 2.6)
    sides: str = "all"
    tile: float = 1.0

    def check(self) -> None:
        """Raise SceneError unless the size is three lengths above zero."""
        positive(self, "size")
        between(self, 0, 1e6, "tile")
        choice(self, "sides", ("all", "floor", "walls", "ceiling"))
        if len(self.size) != 3:
            raise SceneError(f"Room.size must be 3 lengths, not {self.size!r}")

    def mesh(self) -> Mesh:
        """Up to twelve triangles that face inwards; texts on the texture are read from inside."""
        self.check()
        chosen = {"all": range(6), "walls": range(4), "ceiling": [4], "floor": [5]}[self.sides]
        return merge(self._side(np.asarray(SIDES[k], np.float64)) for k in chosen)

    def _side(self, axes: Floats) -> Mesh:
        """One side of the box as seen from within: u runs against that of the outside."""
        u, v, out = axes
        ends = np.array([-1.0, 1.0])
        size = np.asarray(self.size, np.float64)
        corners = -ends[None, :, None] * u + ends[:, None, None] * v + out
        points = size * (corners + np.array([0.0, 0.0, 1.0])) / 2
        share = np.stack(np.meshgrid([0.0, 1.0], [0.0, 1.0]), axis=-1)
        span = [np.abs(axis) @ size for axis in (u, v)]
        uv = share * span / self.tile if self.tile > 0 else share
        return grid(points, uv, np.broadcast_to(-out, points.shape))


@dataclass(frozen=True)
class Terrain:
    """Hilly ground around the origin, which is at z = 0.

    Attributes
    ----------
    size : (2,) along x and y, metres
    height : from the lowest to the highest point, about, metres
    hills : over the longer side
    roughness : [0, 1], how much finer hills are left of coarser ones
    flat : radius around the origin that stays level at z = 0, metres
    segments : cells along the longer side
    tile : edge of one copy of the texture, metres
    variant : which terrain
    """

    size: tuple[float, float] = (100.0, 100.0)
    height: float = 6.0
    hills: float = 4.0
    roughness: float = 0.5
    flat: float = 0.0
    segments: int = 96
    tile: float = 4.0
    variant: int = 0

    def check(self) -> None:
        """Raise SceneError for sizes not above zero and numbers out of range."""
        positive(self, "size", "tile", "hills")
        between(self, 0, 1e5, "height", "flat")
        between(self, 0, 1, "roughness")
        whole(self, 2, 2048, "segments")
        whole(self, 0, 2**62, "variant")
        if len(self.size) != 2:
            raise SceneError(f"Terrain.size must be 2 lengths, not {self.size!r}")

    def mesh(self) -> Mesh:
        """At most 2 segments^2 triangles with smooth normals."""
        self.check()
        longest = max(self.size)
        nx, ny = (max(round(self.segments * edge / longest), 1) + 1 for edge in self.size)
        x, y = np.meshgrid(
            np.linspace(-0.5, 0.5, nx) * self.size[0], np.linspace(-0.5, 0.5, ny) * self.size[1]
        )
        hills = (
            max(self.hills * self.size[1] / longest, 1),
            max(self.hills * self.size[0] / longest, 1),
        )
        rng = (Seed(self.variant) / "terrain").rng()
        z = fractal((ny, nx), hills, rng, 8, self.roughness)
        z *= self.height / max(float(np.ptp(z)), 1e-12)
        z -= z[ny // 2, nx // 2]
        if self.flat > 0:
            share = np.clip((np.hypot(x, y) - self.flat) / self.flat, 0, 1)
            z *= share * share * (3 - 2 * share)
        uv = np.stack([x, y], axis=-1) / self.tile
        down, across = np.gradient(z, y[:, 0], x[0])
        normals = np.stack([-across, -down, np.ones_like(z)], axis=-1)
        return grid(np.stack([x, y, z], axis=-1), uv, normals)


@dataclass(frozen=True)
class Road:
    """A strip along +x that may bend; a `RoadSurface` texture paints its lanes.

    Attributes
    ----------
    width, length : metres
    curvature : one over the radius of the bend, 1/metre; above zero turns left (towards +y)
    behind : metres of `length` that lie at x < 0
    tile : metres of road for one copy of the texture
    camber : slope from the middle to the edges
    segments : along the road
    """

    width: float = 7.0
    length: float = 120.0
    curvature: float = 0.0
    behind: float = 20.0
    tile: float = 12.0
    camber: float = 0.0
    segments: int = 64

    def check(self) -> None:
        """Raise SceneError for lengths not above zero or a bend tighter than the road."""
        positive(self, "width", "length", "tile")
        between(self, 0, self.length, "behind")
        between(self, 0, 0.2, "camber")
        whole(self, 1, 4096, "segments")
        between(self, -1e6, 1e6, "curvature")
        if abs(self.curvature) * self.width >= 2:
            raise SceneError(
                f"Road.curvature of {self.curvature!r} is a bend of {1 / abs(self.curvature):g} "
                f"metres, tighter than half of the width {self.width:g}"
            )
        if abs(self.curvature) * self.length > 2 * np.pi:
            raise SceneError(
                f"Road.length {self.length!r} at curvature {self.curvature!r} runs into itself"
            )

    def mesh(self) -> Mesh:
        """U runs across the road from its left to its right edge, v along it in tiles."""
        self.check()
        along = np.linspace(-self.behind, self.length - self.behind, self.segments + 1)
        turn = self.curvature * along
        # sin(t)/k and (1 - cos(t))/k without a division by a small k
        x = along * np.sinc(turn / np.pi)
        y = along * np.sin(turn / 2) * np.sinc(turn / (2 * np.pi))
        left = np.stack([-np.sin(turn), np.cos(turn)], axis=1)
        across = np.array([-0.5, 0.0, 0.5])
        middle = np.stack([x, y], axis=1)
        flat = middle[:, None] + across[None, :, None] * self.width * left[:, None]
        z = np.broadcast_to(-np.abs(across) * self.width * self.camber, flat.shape[:2])
        uv = np.stack(
            np.broadcast_arrays(0.5 - across[None, :], along[:, None] / self.tile), axis=-1
        )
        points = np.concatenate([flat, z[..., None]], axis=-1)
        # Seen from above and along the road, columns must run to the right.
        return grid(points[:, ::-1], uv[:, ::-1])


@dataclass(frozen=True)
class Pole:
    """A round post that stands on z = 0, perhaps narrower at its top.

    Attributes
    ----------
    radius, height : metres
    top : radius at the top, metres; 0 is the same as below
    segments : around
    """

    radius: float = 0.038
    height: float = 2.5
    top: float = 0.0
    segments: int = 16

    def check(self) -> None:
        """Raise SceneError for lengths that are not above zero or too few segments."""
        positive(self, "radius", "height", *(("top",) if self.top != 0 else ()))
        whole(self, 3, 256, "segments")

    def mesh(self) -> Mesh:
        """U runs once around, v with the length of the outline; a closed body."""
        self.check()
        top = self.top or self.radius
        outline = [(0.0, 0.0), (self.radius, 0.0), (top, self.height), (0.0, self.height)]
        return revolved(outline, self.segments)
