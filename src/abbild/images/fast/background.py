"""What is seen where no body is."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.images.fast.compiled import compiled
from abbild.images.fast.sky import Sky, seen
from abbild.images.labels import rays
from abbild.images.stage import View

__all__ = ["paint_photograph", "paint_sky"]

Singles = NDArray[np.float32]
Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


def paint_sky(radiance: Singles, body: Ints, sky: Sky, view: View) -> None:
    """Write the radiance of the environment where `body` is 0; black where the lens sees nothing.

    Parameters
    ----------
    radiance : (h, w, 3) float32
    body : (h, w) int32
    """
    if view.projection == "pinhole" and not any(view.distortion):
        lens = np.array([1.0 / view.fx, 1.0 / view.fy, view.cx, view.cy])
        _paint_pinhole(radiance, body, sky.radiance, lens, np.asarray(view.matrix, np.float64))
    else:
        _paint(radiance, body, sky.radiance, rays(view)[1])


def paint_photograph(radiance: Singles, body: Ints, photograph: Singles) -> None:
    """Write a photograph of the same size where `body` is 0."""
    np.copyto(radiance, photograph, where=(body == 0)[..., None])


@compiled
def _paint_pinhole(
    radiance: Singles, body: Ints, environment: Singles, lens: Floats, matrix: Floats
) -> None:
    for i in range(body.shape[0]):
        for j in range(body.shape[1]):
            if body[i, j] > 0:
                continue
            x, y = (j + 0.5 - lens[2]) * lens[0], (i + 0.5 - lens[3]) * lens[1]
            s = 1.0 / sqrt(x * x + y * y + 1.0)
            dx = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) * s
            dy = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) * s
            dz = (matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]) * s
            light = seen(environment, (dx, dy, dz))
            radiance[i, j, 0], radiance[i, j, 1], radiance[i, j, 2] = light


@compiled
def _paint(radiance: Singles, body: Ints, environment: Singles, directions: Any) -> None:
    for i in range(body.shape[0]):
        for j in range(body.shape[1]):
            if body[i, j] > 0:
                continue
            d = directions[i, j, 0], directions[i, j, 1], directions[i, j, 2]
            light = seen(environment, d) if d[0] == d[0] else (0.0, 0.0, 0.0)
            radiance[i, j, 0], radiance[i, j, 1], radiance[i, j, 2] = light
