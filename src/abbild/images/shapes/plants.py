"""Leaves and branches: thin things that stand before others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.colors import linear_color
from abbild.images.grids import grid
from abbild.images.limits import between, positive, whole
from abbild.images.meshes import merge, transformed
from abbild.images.shapes.sweeps import Tube
from abbild.images.stage import Mesh, Part, Surface

__all__ = ["Branch", "Leaf"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Leaf:
    """A leaf that begins at the origin, points along +x and faces up.

    Attributes
    ----------
    length, width : metres
    fold : degrees each half is raised
    droop : degrees the tip hangs down
    tip : where the leaf is widest, share of the length
    segments : along the leaf
    """

    length: float = 0.08
    width: float = 0.04
    fold: float = 15.0
    droop: float = 20.0
    tip: float = 0.4
    segments: int = 10

    def check(self) -> None:
        """Raise SceneError for lengths not above zero or numbers out of range."""
        positive(self, "length", "width")
        between(self, -80, 80, "fold")
        between(self, -170, 170, "droop")
        between(self, 0.15, 0.85, "tip")
        whole(self, 3, 128, "segments")

    def mesh(self) -> Mesh:
        """Return a sheet of one layer; u runs along the leaf, v across it."""
        self.check()
        t = np.linspace(0, 1, self.segments + 1)
        power = np.log(0.5) / np.log(self.tip)
        half = self.width / 2 * np.sin(np.pi * t**power) ** 0.9
        half[[0, -1]] = 0.0
        turn = np.radians(self.droop) * t
        along = np.stack([np.cos(turn), 0 * t, -np.sin(turn)], axis=1)
        middle = np.vstack(
            [np.zeros(3), np.cumsum(along[:-1] * self.length / self.segments, axis=0)]
        )
        lift = np.stack([np.sin(turn), 0 * t, np.cos(turn)], axis=1)
        fold = np.radians(self.fold)
        share = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
        side = np.cos(fold) * share[:, None, None] * np.array([0.0, 1.0, 0.0])
        raised = np.sin(fold) * np.abs(share)[:, None, None] * lift
        rows = middle + half[:, None] * (side + raised)
        uv = np.stack(np.meshgrid(t, (share + 1) / 2), axis=-1)
        return grid(rows, uv)


@dataclass(frozen=True)
class Branch:
    """A bent twig along +x with leaves, in two materials.

    Attributes
    ----------
    length : of the twig, metres
    radius : of the twig, metres
    leaves : how many
    leaf_size : mean length of a leaf, metres
    leaf_color, wood_color : colours
    variant : how it is bent and where the leaves are
    """

    length: float = 0.6
    radius: float = 0.006
    leaves: int = 24
    leaf_size: float = 0.09
    leaf_color: str = "#3f6b24"
    wood_color: str = "#5b4630"
    variant: int = 0

    def check(self) -> None:
        """Raise SceneError for lengths not above zero, numbers out of range, unknown colours."""
        positive(self, "length", "radius", "leaf_size")
        whole(self, 0, 2000, "leaves")
        whole(self, 0, 2**62, "variant")
        linear_color(self.leaf_color, "Branch.leaf_color")
        linear_color(self.wood_color, "Branch.wood_color")

    def parts(self) -> tuple[Part, ...]:
        """Twig and leaves, the leaves in three shades; about 80 triangles a leaf."""
        self.check()
        rng = (Seed(self.variant) / "branch").rng()
        bend = np.cumsum(rng.normal(0, 0.06, (6, 3)), axis=0) * self.length
        bend -= bend[0]
        points = bend + np.linspace(0, self.length, 6)[:, None] * [1.0, 0.0, 0.0]
        twig = Tube(tuple(map(tuple, points.tolist())), self.radius, 6, 8).mesh()
        wood = Surface(linear_color(self.wood_color), roughness=0.9)
        green = linear_color(self.leaf_color)
        parts = [Part(twig, wood)]
        for shade, share in enumerate((0.75, 1.0, 1.35)):
            chosen = [self._leaf(points, k, rng) for k in range(shade, self.leaves, 3)]
            if chosen:
                color = np.clip(green * np.float32(share), 0, 1).astype(np.float32)
                parts.append(Part(merge(chosen), Surface(color, roughness=0.6)))
        return tuple(parts)

    def _leaf(self, points: Floats, k: int, rng: np.random.Generator) -> Mesh:
        share = 0.15 + 0.85 * (k + rng.random()) / self.leaves
        at = np.array([np.interp(share, np.linspace(0, 1, len(points)), c) for c in points.T])
        size = self.leaf_size * rng.uniform(0.6, 1.3)
        leaf = Leaf(size, size * rng.uniform(0.4, 0.6), rng.uniform(5, 25), rng.uniform(10, 60))
        around, out, roll = rng.random() * 2 * np.pi, rng.uniform(0.5, 1.3), rng.normal(0, 0.5)
        matrix = np.eye(4)
        matrix[:3, :3] = _turn(0, around) @ _turn(2, out) @ _turn(0, roll)
        matrix[:3, 3] = at
        return transformed(leaf.mesh(), matrix)


def _turn(axis: int, angle: float) -> Floats:
    """Rotation about a coordinate axis, (3, 3)."""
    one, two = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[one, one] = matrix[two, two] = np.cos(angle)
    matrix[two, one], matrix[one, two] = np.sin(angle), -np.sin(angle)
    return matrix
