"""Round bodies, centred on the origin with z as their axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abbild.images.errors import SceneError
from abbild.images.grids import grid, revolved
from abbild.images.limits import positive, whole
from abbild.images.meshes import merge, mesh_of, transformed
from abbild.images.stage import Mesh

__all__ = ["Capsule", "Cone", "Cylinder", "Disc", "Ellipsoid", "Sphere", "Torus"]

Floats = NDArray[np.float64]
MOST = 512


@dataclass(frozen=True)
class Sphere:
    """A ball cut along meridians and parallels.

    Attributes
    ----------
    radius : metres
    segments : around the equator, half as many from pole to pole
    """

    radius: float = 0.5
    segments: int = 32

    def check(self) -> None:
        """Raise SceneError for a radius that is not above zero or too few segments."""
        positive(self, "radius")
        whole(self, 3, MOST, "segments")

    def mesh(self) -> Mesh:
        """About segments^2 triangles; u is the longitude, v the latitude."""
        self.check()
        return revolved(_arc(self.radius, self.segments), self.segments, np.pi)


@dataclass(frozen=True)
class Ellipsoid:
    """A ball with three diameters.

    Attributes
    ----------
    size : (3,) diameters along x, y, z, metres
    segments : around the equator, half as many from pole to pole
    """

    size: tuple[float, float, float] = (1.0, 0.7, 0.5)
    segments: int = 32

    def check(self) -> None:
        """Raise SceneError unless the size is three lengths above zero."""
        positive(self, "size")
        whole(self, 3, MOST, "segments")
        if not isinstance(self.size, (tuple, list)) or len(self.size) != 3:
            raise SceneError(f"Ellipsoid.size must be 3 lengths, not {self.size!r}")

    def mesh(self) -> Mesh:
        """About segments^2 triangles; u is the longitude, v the latitude of the ball."""
        self.check()
        ball = revolved(_arc(0.5, self.segments), self.segments, np.pi)
        return transformed(ball, np.diag([*self.size, 1.0]))


@dataclass(frozen=True)
class Cylinder:
    """A round rod.

    Attributes
    ----------
    radius, height : metres
    segments : around
    """

    radius: float = 0.5
    height: float = 1.0
    segments: int = 32

    def check(self) -> None:
        """Raise SceneError for lengths that are not above zero or too few segments."""
        positive(self, "radius", "height")
        whole(self, 3, MOST, "segments")

    def mesh(self) -> Mesh:
        """Return the side has u once around and v upwards, each end the texture once."""
        self.check()
        half = self.height / 2
        side = revolved([(self.radius, -half), (self.radius, half)], self.segments)
        ends = [disc(self.radius, self.segments, z, up=z > 0) for z in (-half, half)]
        return merge([side, *ends])


@dataclass(frozen=True)
class Cone:
    """A cone or, with `top`, a blunt one (a cup, a traffic cone).

    Attributes
    ----------
    radius : at the lower end, metres
    height : metres
    top : radius at the upper end, metres, 0 for a point
    segments : around
    """

    radius: float = 0.5
    height: float = 1.0
    top: float = 0.0
    segments: int = 32

    def check(self) -> None:
        """Raise SceneError for lengths that are not above zero or too few segments."""
        positive(self, "radius", "height", *(("top",) if self.top != 0 else ()))
        whole(self, 3, MOST, "segments")

    def mesh(self) -> Mesh:
        """Return the side has u once around and v upwards, each end the texture once."""
        self.check()
        half = self.height / 2
        pieces = [
            revolved([(self.radius, -half), (self.top, half)], self.segments),
            disc(self.radius, self.segments, -half, up=False),
        ]
        if self.top > 0:
            pieces.append(disc(self.top, self.segments, half, up=True))
        return merge(pieces)


@dataclass(frozen=True)
class Capsule:
    """A rod with round ends.

    Attributes
    ----------
    radius : metres
    height : over all, metres, at least twice the radius
    segments : around
    """

    radius: float = 0.25
    height: float = 1.0
    segments: int = 32

    def check(self) -> None:
        """Raise SceneError for lengths that are not above zero or ends that do not fit."""
        positive(self, "radius", "height")
        whole(self, 3, MOST, "segments")
        if self.height < 2 * self.radius * (1 - 1e-9):
            raise SceneError(
                f"Capsule.height must be at least twice the radius {self.radius:g}, "
                f"not {self.height!r}"
            )

    def mesh(self) -> Mesh:
        """U runs once around, v with the length of the outline."""
        self.check()
        lift = max(self.height / 2 - self.radius, 0.0)
        half = np.pi / 2 * np.linspace(0, 1, max(self.segments // 4, 2) + 1)
        upper = self.radius * np.stack([np.cos(half), np.sin(half)], axis=1) + [0.0, lift]
        upper[-1, 0] = 0.0
        lower = (upper * [1, -1])[::-1]
        outline = np.vstack([lower, upper if lift > 0 else upper[1:]])
        return revolved(outline, self.segments, np.pi)


@dataclass(frozen=True)
class Torus:
    """A ring.

    Attributes
    ----------
    radius : from the axis to the middle of the tube, metres
    tube : radius of the tube, metres, less than `radius`
    segments : around the axis
    rings : around the tube
    """

    radius: float = 0.4
    tube: float = 0.1
    segments: int = 48
    rings: int = 24

    def check(self) -> None:
        """Raise SceneError for lengths that are not above zero or a tube that is too thick."""
        positive(self, "radius", "tube")
        whole(self, 3, MOST, "segments", "rings")
        if self.tube >= self.radius:
            raise SceneError(
                f"Torus.tube must be less than the radius {self.radius:g}, not {self.tube!r}"
            )

    def mesh(self) -> Mesh:
        """U runs around the axis, v around the tube from its inner side."""
        self.check()
        around, over = (
            2 * np.pi * (np.arange(count + 1) % count) / count
            for count in (self.segments, self.rings)
        )
        out = -np.cos(over)[:, None]
        normals = np.stack(
            [
                out * np.cos(around),
                out * np.sin(around),
                np.broadcast_to(-np.sin(over)[:, None], (self.rings + 1, self.segments + 1)),
            ],
            axis=-1,
        )
        middle = self.radius * np.stack([np.cos(around), np.sin(around), 0 * around], axis=-1)
        steps = (np.linspace(0, 1, self.segments + 1), np.linspace(0, 1, self.rings + 1))
        uv = np.stack(np.meshgrid(*steps), axis=-1)
        return grid(middle + self.tube * normals, uv, normals)


@dataclass(frozen=True)
class Disc:
    """A flat round sheet that faces up; from below it looks the same.

    Attributes
    ----------
    radius : metres
    segments : around
    """

    radius: float = 0.5
    segments: int = 48

    def check(self) -> None:
        """Raise SceneError for a radius that is not above zero or too few segments."""
        positive(self, "radius")
        whole(self, 3, MOST, "segments")

    def mesh(self) -> Mesh:
        """Return the texture fits once into the square around the disc."""
        self.check()
        return disc(self.radius, self.segments, 0.0, up=True)


def disc(radius: float, segments: int, z: float, *, up: bool) -> Mesh:
    """Make a fan of `segments` triangles at height z.

    The texture fits once into the square around it, seen from its own side.
    """
    angle = 2 * np.pi * np.arange(segments) / segments
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    flat = np.vstack([[0.0, 0.0], ring])
    one = np.arange(segments)
    faces = np.stack([np.zeros(segments, np.int64), 1 + one, 1 + (one + 1) % segments], axis=1)
    sign = 1.0 if up else -1.0
    points = np.column_stack([radius * flat, np.full(len(flat), z)])
    normals = np.tile([0.0, 0.0, sign], (len(flat), 1))
    uv = 0.5 + 0.5 * flat * [1.0, sign]
    return mesh_of(points, faces if up else faces[:, ::-1], normals, uv)


def _arc(radius: float, segments: int) -> Floats:
    """Half a circle from the lower to the upper pole, (max(segments // 2, 2) + 1, 2)."""
    angle = np.pi * np.linspace(-0.5, 0.5, max(segments // 2, 2) + 1)
    arc: Floats = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    arc[[0, -1], 0] = 0.0
    return arc
