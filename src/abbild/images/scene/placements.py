"""Where the members of a group go, all together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed

__all__ = ["Grid", "OnSurface", "PoissonDisk", "Scatter"]


@dataclass(frozen=True)
class PoissonDisk:
    """Points in a rectangle, none nearer to another than `distance`.

    Attributes
    ----------
    size : (2,) metres along x and y
    distance : metres
    center : (3,) metres
    """

    size: Any = (1.0, 1.0)
    distance: Any = 0.1
    center: Any = (0.0, 0.0, 0.0)

    def positions(self, n: int, seed: Seed) -> NDArray[np.float64]:
        """Return at most `n` points, (m, 3); fewer if no more fit (dart throwing, 30 n darts)."""
        rng, (w, h) = seed.rng(), self.size
        cell = max(float(self.distance), 1e-12) / math.sqrt(2)
        taken: dict[tuple[int, int], tuple[float, float]] = {}
        found: list[tuple[float, float]] = []
        for x, y in rng.random((30 * n, 2)) * (w, h):
            if len(found) == n:
                break
            key = (int(x / cell), int(y / cell))
            if _free(taken, key, x, y, float(self.distance)):
                taken[key] = (x, y)
                found.append((x - w / 2, y - h / 2))
        flat = np.array(found, float).reshape(-1, 2)
        return _raised(flat, self.center)


def _raised(flat: NDArray[np.float64], center: Any) -> NDArray[np.float64]:
    """Return flat points (n, 2) around `center`, (n, 3)."""
    points: NDArray[np.float64] = np.zeros((len(flat), 3)) + np.array(center, float)
    points[:, :2] += flat
    return points


def _free(taken: dict[Any, Any], key: tuple[int, int], x: float, y: float, gap: float) -> bool:
    near = (taken.get((key[0] + i, key[1] + j)) for i in range(-2, 3) for j in range(-2, 3))
    return all(p is None or (p[0] - x) ** 2 + (p[1] - y) ** 2 >= gap * gap for p in near)


@dataclass(frozen=True)
class Grid:
    """Rows and columns, as many as needed for a square pattern.

    Attributes
    ----------
    spacing : (2,) metres
    center : (3,) metres
    jitter : largest displacement, as a share of the spacing
    """

    spacing: Any = (1.0, 1.0)
    center: Any = (0.0, 0.0, 0.0)
    jitter: Any = 0.0

    def positions(self, n: int, seed: Seed) -> NDArray[np.float64]:
        """Return `n` points, (n, 3)."""
        side = max(1, math.ceil(math.sqrt(n)))
        k = np.arange(n)
        grid = np.column_stack([k % side, k // side]) - (side - 1) / 2
        grid = (grid + self.jitter * (seed.rng().random((n, 2)) * 2 - 1)) * self.spacing
        return _raised(grid, self.center)


@dataclass(frozen=True)
class Scatter:
    """Anywhere in a box without touching another, by the objects' own shapes.

    Attributes
    ----------
    low, high : (3,) metres, corners of the region
    """

    low: Any = (-0.5, -0.5, 0.0)
    high: Any = (0.5, 0.5, 1.0)


@dataclass(frozen=True)
class OnSurface:
    """On the surface of an object, uniform in area, each turned so that its z is the normal.

    Attributes
    ----------
    object : path
    upward : smallest z of the normal of a triangle that is used; -1 takes all
    """

    object: Any
    upward: Any = -1.0
