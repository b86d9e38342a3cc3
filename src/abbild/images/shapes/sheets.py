"""Flat sheets. Every triangle is seen from both sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abbild.images.errors import SceneError
from abbild.images.grids import grid
from abbild.images.limits import between, positive
from abbild.images.stage import Mesh

__all__ = ["Plane"]


@dataclass(frozen=True)
class Plane:
    """A rectangle at z = 0 that faces up.

    Attributes
    ----------
    size : (2,) along x and y, metres
    tile : edge of one copy of the texture, metres; 0 stretches it once over the plane
    """

    size: tuple[float, float] = (10.0, 10.0)
    tile: float = 0.0

    def check(self) -> None:
        """Raise SceneError unless the size is two lengths above zero."""
        positive(self, "size")
        between(self, 0, 1e6, "tile")
        if not isinstance(self.size, (tuple, list)) or len(self.size) != 2:
            raise SceneError(f"Plane.size must be 2 lengths, not {self.size!r}")

    def mesh(self) -> Mesh:
        """Two triangles; texture coordinates beyond 1 repeat the texture."""
        self.check()
        width, depth = self.size
        x, y = np.meshgrid([-width / 2, width / 2], [-depth / 2, depth / 2])
        share = np.stack(np.meshgrid([0.0, 1.0], [0.0, 1.0]), axis=-1)
        uv = share * [width, depth] / self.tile if self.tile > 0 else share
        up = np.broadcast_to([0.0, 0.0, 1.0], (2, 2, 3))
        return grid(np.stack([x, y, 0 * x], axis=-1), uv, up)
