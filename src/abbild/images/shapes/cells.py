"""Bodies of living things and stones, centred on the origin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.errors import SceneError
from abbild.images.grids import revolved
from abbild.images.limits import between, positive, whole
from abbild.images.meshes import merge, moved_vertices, smooth, transformed
from abbild.images.shapes.rounds import Sphere
from abbild.images.stage import Mesh

__all__ = ["Blob", "FlatCell", "Lobes", "RedCell"]

Floats = NDArray[np.float64]

# Evans and Fung (1972), "Improved measurements of the erythrocyte geometry", at 300 mosmol: the
# thickness at r of the cell's radius R, with q = (r / R)^2, is sqrt(1 - q) (C0 + C1 q + C2 q^2).
EVANS_FUNG = np.array([0.81, 7.83, -4.39]) / 7.82  # in diameters


@dataclass(frozen=True)
class RedCell:
    """A red blood cell: a disc with a dimple on each side.

    Attributes
    ----------
    diameter : metres; 7.82e-6 in healthy blood
    dimple : 1 is the dimple as measured, 0 none (a flattened ball), 1.2 the deepest
    thickness : factor on the thickness as measured
    wobble : share by which the outline differs from a circle
    variant : which outline
    segments : around
    """

    diameter: float = 7.82e-6
    dimple: float = 1.0
    thickness: float = 1.0
    wobble: float = 0.0
    variant: int = 0
    segments: int = 48

    def check(self) -> None:
        """Raise SceneError for a diameter not above zero or numbers out of range."""
        positive(self, "diameter", "thickness")
        between(self, 0, 1.2, "dimple")
        between(self, 0, 0.5, "wobble")
        whole(self, 0, 2**62, "variant")
        whole(self, 6, 512, "segments")

    def mesh(self) -> Mesh:
        """Return a closed surface of about segments^2 triangles."""
        self.check()
        share = np.sin(np.linspace(0, np.pi / 2, max(self.segments // 4, 3) + 1))
        share[-1] = 1.0
        q = share**2
        ball = np.array([EVANS_FUNG @ [1.0, 0.5, 0.25], 0.0, 0.0])
        c0, c1, c2 = self.dimple * EVANS_FUNG + (1 - self.dimple) * ball
        half = np.sqrt(1 - q) * (c0 + c1 * q + c2 * q * q) * self.thickness / 2
        upper = self.diameter * np.stack([share / 2, half], axis=1)
        lower = upper * [1.0, -1.0]
        mesh = revolved(np.vstack([lower, upper[::-1][1:]]), self.segments, np.pi)
        if self.wobble == 0:
            return mesh
        points = mesh.vertices.astype(np.float64)
        angle = np.arctan2(points[:, 1], points[:, 0])
        factor = 1 + self.wobble * _ripple(angle, (Seed(self.variant) / "red-cell").rng())
        return moved_vertices(
            mesh, points * np.column_stack([factor, factor, np.ones_like(factor)])
        )


@dataclass(frozen=True)
class Blob:
    """A ball with bumps: a white cell, a platelet, a stone, a potato.

    Attributes
    ----------
    size : (3,) diameters before the bumps, metres
    bumps : standard deviation of the bumps as a share of the radius, [0, 0.5]
    detail : bumps around, >= 1
    roughness : [0, 1], how much finer bumps are left of coarser ones
    variant : which bumps
    segments : around
    """

    size: tuple[float, float, float] = (1.0, 1.0, 1.0)
    bumps: float = 0.08
    detail: float = 3.0
    roughness: float = 0.5
    variant: int = 0
    segments: int = 48

    def check(self) -> None:
        """Raise SceneError for sizes not above zero or numbers out of range."""
        positive(self, "size")
        between(self, 0, 0.5, "bumps")
        between(self, 0, 1, "roughness")
        between(self, 1, 64, "detail")
        whole(self, 0, 2**62, "variant")
        whole(self, 6, 512, "segments")
        if len(self.size) != 3:
            raise SceneError(f"Blob.size must be 3 lengths, not {self.size!r}")

    def mesh(self) -> Mesh:
        """Return a closed surface of about segments^2 triangles."""
        self.check()
        ball = Sphere(0.5, self.segments).mesh()
        points = ball.vertices.astype(np.float64)
        rng = (Seed(self.variant) / "blob").rng()
        noise = _waves(2 * points, self.detail, self.roughness, rng)
        radius = np.maximum(1 + self.bumps * noise, 0.2)
        return moved_vertices(ball, points * radius[:, None] * np.asarray(self.size))


@dataclass(frozen=True)
class FlatCell:
    """A body spread flat on a slide, of one or several lobes: a nucleus, plasma, its granules.

    Attributes
    ----------
    diameter : of the circle around all lobes before the bumps, metres
    thickness : in the middle, metres
    lobes : along a bent line
    lobe : diameter of a lobe over that of the cell
    bend : degrees of the arc the lobes lie on
    bridge : (0, 1], how thick the threads between lobes are; 1 is a band
    bumps : by which share the outline differs from that of round lobes
    grain : standard deviation of the thickness as a share of it; above 1 there are holes
    grains : of the grain from side to side
    variant : which form and grain
    segments : cells of the grid along a side
    """

    diameter: float = 12e-6
    thickness: float = 2e-6
    lobes: int = 1
    lobe: float = 0.9
    bend: float = 240.0
    bridge: float = 0.6
    bumps: float = 0.08
    grain: float = 0.2
    grains: float = 12.0
    variant: int = 0
    segments: int = 64

    def check(self) -> None:
        """Raise SceneError for lengths not above zero or numbers out of range."""
        positive(self, "diameter", "thickness", "bridge")
        between(self, 0.05, 1, "lobe")
        between(self, 0, 360, "bend")
        between(self, 0, 1, "bridge")
        between(self, 0, 0.5, "bumps")
        between(self, 0, 4, "grain")
        between(self, 1, 64, "grains")
        whole(self, 1, 12, "lobes")
        whole(self, 0, 2**62, "variant")
        whole(self, 8, 256, "segments")

    def mesh(self) -> Mesh:
        """Return a closed surface of at most 4 segments^2 triangles, flat on both sides alike."""
        self.check()
        rng = (Seed(self.variant) / "flat-cell").rng()
        side = np.linspace(-1.15, 1.15, self.segments + 1)
        x, y = np.meshgrid(side, side)
        place = np.column_stack([x.ravel(), y.ravel(), np.zeros(x.size)])
        steep = 1 + self.bumps * _waves(place, 3.0, 0.5, rng)
        inside = np.clip(self._field(place, rng) * np.clip(steep, 0.5, 1.5), 0, None)
        grain = np.clip(1 + self.grain * _waves(place, self.grains, 0.7, rng), 0, 3)
        height = np.sqrt(np.clip(inside, 0, 1)) * grain
        height[(np.abs(place) > 1.14).any(axis=1)] = 0.0
        return _cushion(
            place[:, :2] * self.diameter / 2, height * self.thickness / 2, self.segments + 1
        )

    def _field(self, place: Floats, rng: np.random.Generator) -> Floats:
        """Return how far within the outline each place is: 0 on it, 1 in the middle, (n,)."""
        steps = np.linspace(-0.5, 0.5, self.lobes) if self.lobes > 1 else np.zeros(1)
        angle = np.radians(self.bend) * (steps + rng.normal(0, 0.05, self.lobes))
        reach = (1 - self.lobe) * (1 + 0.1 * rng.normal(size=self.lobes))
        middle = np.column_stack([reach * np.cos(angle), reach * np.sin(angle)])
        if self.lobes > 1:
            middle -= (middle.max(axis=0) + middle.min(axis=0)) / 2
        radius = self.lobe * np.clip(1 + 0.15 * rng.normal(size=self.lobes), 0.6, 1.4)
        away = place[:, None, :2] - middle
        field = (1 - (away**2).sum(axis=2) / radius**2).max(axis=1)
        for k in range(self.lobes - 1):
            a, b = middle[k], middle[k + 1]
            along = (place[:, :2] - a) @ (b - a) / max(((b - a) ** 2).sum(), 1e-12)
            near = a + np.clip(along, 0, 1)[:, None] * (b - a)
            thread = self.bridge * min(radius[k], radius[k + 1])
            gap = ((place[:, :2] - near) ** 2).sum(axis=1)
            field = np.maximum(field, self.bridge * (1 - gap / thread**2))
        return np.asarray(2.5 * field)  # steep: a spread cell is a disc rather than a dome


@dataclass(frozen=True)
class Lobes:
    """Several balls along a bent line that touch: the nucleus of a white cell, a berry, a cloud.

    Attributes
    ----------
    count : of balls
    radius : mean radius of a ball, metres
    spread : radius of the arc their middles lie on, metres
    bend : degrees of that arc they cover
    bumps : of every ball, see `Blob`
    variant : sizes and places
    segments : around every ball
    """

    count: int = 3
    radius: float = 2e-6
    spread: float = 3e-6
    bend: float = 240.0
    bumps: float = 0.06
    variant: int = 0
    segments: int = 24

    def check(self) -> None:
        """Raise SceneError for lengths not above zero or numbers out of range."""
        positive(self, "radius", "spread")
        between(self, 0, 360, "bend")
        between(self, 0, 0.5, "bumps")
        whole(self, 1, 64, "count")
        whole(self, 0, 2**62, "variant")
        whole(self, 6, 256, "segments")

    def mesh(self) -> Mesh:
        """Return closed balls that overlap; their middles lie near z = 0, about the origin."""
        self.check()
        rng = (Seed(self.variant) / "lobes").rng()
        steps = np.linspace(-0.5, 0.5, self.count) if self.count > 1 else np.zeros(1)
        angle = np.radians(self.bend) * (steps + rng.normal(0, 0.06, self.count))
        place = self.spread * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
        place += rng.normal(0, 0.12, (self.count, 3)) * self.spread * [1, 1, 0.3]
        size = 2 * self.radius * (1 + 0.15 * np.clip(rng.normal(size=(self.count, 3)), -2, 2))
        place -= (place.max(axis=0) + place.min(axis=0)) / 2
        balls = []
        for k in range(self.count):
            one = (float(size[k, 0]), float(size[k, 1]), float(size[k, 2]))
            variant = (Seed(self.variant) / "lobes" / k).key() >> 2
            shape = Blob(one, self.bumps, 2.5, 0.5, variant, self.segments)
            move = np.eye(4)
            move[:3, 3] = place[k]
            balls.append(transformed(shape.mesh(), move))
        return merge(balls)


def _cushion(place: Floats, height: Floats, columns: int) -> Mesh:
    """Return the body between -height and +height over a square grid, joined where it is zero."""
    inner = height > 0
    corner = np.arange(len(place)).reshape(columns, columns)
    quads = np.stack(
        [corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]], axis=-1
    ).reshape(-1, 4)
    quads = quads[inner[quads].any(axis=1)]
    upper = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    below = np.arange(len(place))
    below[inner] = len(place) + np.arange(inner.sum())
    points = np.column_stack([place, height])
    under = np.column_stack([place[inner], -height[inner]])
    faces = np.concatenate([upper, below[upper][:, ::-1]])
    # a triangle of the rim with its three corners at zero stands for nothing, twice
    faces = faces[np.concatenate([inner[upper].any(axis=1)] * 2)]
    used, faces = np.unique(faces, return_inverse=True)
    vertices = np.vstack([points, under])[used]
    low, high = vertices[:, :2].min(axis=0), vertices[:, :2].max(axis=0)
    uv = (vertices[:, :2] - low) / (high - low)
    faces = faces.reshape(-1, 3)
    return smooth(vertices, faces, np.pi, uv[faces])


def _ripple(angle: Floats, rng: np.random.Generator) -> Floats:
    """Return a closed line around a circle with a standard deviation of one on average, (n,)."""
    order = np.arange(2, 6)
    weight = 1.0 / order**1.5
    weight /= np.sqrt((weight**2).sum() / 2)
    phase = rng.random(len(order)) * 2 * np.pi
    return np.asarray((weight * np.cos(order * angle[:, None] + phase)).sum(axis=1))


def _waves(points: Floats, detail: float, gain: float, rng: np.random.Generator) -> Floats:
    """Smooth noise in space as plane waves of random direction, standard deviation one, (n,)."""
    total, power = np.zeros(len(points)), 0.0
    weight = 1.0
    for octave in range(3):
        direction = rng.normal(size=(3, 12))
        direction /= np.linalg.norm(direction, axis=0)
        wave = points @ (direction * detail * 2**octave * rng.uniform(0.6, 1.2, 12))
        total += weight * np.cos(wave + rng.random(12) * 2 * np.pi).sum(axis=1)
        power += 6 * weight**2
        weight *= gain
    return np.asarray(total / np.sqrt(power))
