"""Cardboard boxes, closed or open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.errors import SceneError
from abbild.images.grids import grid
from abbild.images.limits import between, colors, positive, whole
from abbild.images.meshes import merge
from abbild.images.shapes.boxes import SIDES
from abbild.images.stage import Mesh, Part, Surface
from abbild.images.textures.cardboard import Cardboard

__all__ = ["CardboardBox"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CardboardBox:
    """A carton that stands on z = 0, taped shut or with open flaps, in its own materials.

    Attributes
    ----------
    size : (3,) along x, y, z, metres
    open : degrees the flaps are turned up from shut; 0 is shut and taped
    color, tape : colours
    marks : printed blocks on every side
    variant : which print and wear
    """

    size: tuple[float, float, float] = (0.4, 0.3, 0.25)
    open: float = 0.0
    color: str = "#b08a5c"
    tape: str = "#c9ab78"
    marks: int = 3
    variant: int = 0

    def check(self) -> None:
        """Raise SceneError for sizes not above zero, numbers out of range, unknown colours."""
        positive(self, "size")
        between(self, 0, 270, "open")
        whole(self, 0, 32, "marks")
        whole(self, 0, 2**62, "variant")
        colors(self, "color", "tape")
        if len(self.size) != 3:
            raise SceneError(f"CardboardBox.size must be 3 lengths, not {self.size!r}")

    def parts(self) -> tuple[Part, ...]:
        """Sides and floor, and the top or the flaps; thin sheets, 12 to 18 triangles."""
        self.check()
        seed = Seed(self.variant) / "cardboard-box"
        sides = Cardboard(self.color, tape=self.tape, marks=self.marks)
        walls = Part(
            merge(self._side(np.asarray(SIDES[k], np.float64)) for k in (0, 1, 2, 3, 5)),
            Surface(sides.pixels(seed / "sides"), roughness=0.85),
        )
        if self.open == 0:
            top = Cardboard(self.color, tape=self.tape, seam=0.2)
            lid = self._side(np.asarray(SIDES[4], np.float64))
            return walls, Part(lid, Surface(top.pixels(seed / "top"), roughness=0.7))
        plain = Cardboard(self.color).pixels(seed / "flaps")
        flaps = merge(self._flap(np.asarray(SIDES[k], np.float64)) for k in range(4))
        return walls, Part(flaps, Surface(plain, roughness=0.85))

    def _side(self, axes: Floats) -> Mesh:
        u, v, out = axes
        ends = np.array([-1.0, 1.0])
        corners = ends[None, :, None] * u + ends[:, None, None] * v + out
        points = np.asarray(self.size) / 2 * (corners + np.array([0.0, 0.0, 1.0]))
        uv = np.stack(np.meshgrid([0.0, 1.0], [0.0, 1.0]), axis=-1)
        return grid(points, uv, np.broadcast_to(out, points.shape))

    def _flap(self, axes: Floats) -> Mesh:
        """Return a sheet hinged on the upper edge of one side, half as long as the box is deep."""
        u, _, out = axes
        size = np.asarray(self.size, np.float64)
        turn = np.radians(self.open)
        reach = float(np.abs(out) @ size) / 2
        away = -np.cos(turn) * out + np.sin(turn) * np.array([0.0, 0.0, 1.0])
        edge = (np.array([[-1.0], [1.0]]) * u + out + [0.0, 0.0, 2.0]) * size / 2
        points = np.stack([edge, edge + reach * away])
        uv = np.stack(np.meshgrid([0.0, 1.0], [0.0, 1.0]), axis=-1)
        return grid(points, uv)
