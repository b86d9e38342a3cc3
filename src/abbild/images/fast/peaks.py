"""The sun in a photographed sky: what is so bright and small that it throws shadows."""

from __future__ import annotations

from math import acos, cos, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.images.stage import Sun

__all__ = ["directions_of", "find_peak", "take_sun"]

Singles = NDArray[np.float32]
Floats = NDArray[np.float64]

_GREY = (0.2126, 0.7152, 0.0722)
_PEAK = 20.0  # times the mean radiance, from which on a place may be a sun
_SHARE = 0.2  # of the light of the sky that it must hold
_REACH = cos(0.12)  # what is within 7 degrees of the peak may belong to it
_SMALLEST = 0.0093  # angular diameter of the real sun


def directions_of(rows: int, columns: int) -> Floats:
    """Return the unit directions of the texels of an environment, (rows, columns, 3)."""
    down = ((np.arange(rows) + 0.5) / rows * pi)[:, None]
    turn = (pi - (np.arange(columns) + 0.5) / columns * 2 * pi)[None]
    z = np.broadcast_to(np.cos(down), (rows, columns))
    return np.stack([np.sin(down) * np.cos(turn), np.sin(down) * np.sin(turn), z], axis=-1)


def _along(vectors: NDArray[Any], axis: Any) -> Floats:
    """Return the scalar products with one vector; the same on any machine, unlike those of BLAS."""
    x, y, z = (vectors[..., k].astype(np.float64) * float(axis[k]) for k in range(3))
    total: Floats = x + y + z
    return total


def _solid(rows: int, columns: int) -> Floats:
    """Return the solid angles of the texels, (rows, columns)."""
    edges = np.cos(np.arange(rows + 1) / rows * pi)
    each = (edges[:-1] - edges[1:]) * 2 * pi / columns
    return np.broadcast_to(each[:, None], (rows, columns))


def find_peak(radiance: Singles) -> tuple[Floats, float] | None:
    """Return where the sun is in a small map, and the luminance of its sky; None without a sun.

    A sun is 20 times as bright as the mean, and what is near it holds a fifth of all light.
    """
    light, solid = _along(radiance, _GREY), _solid(*radiance.shape[:2])
    total = float(np.sum(light * solid))
    peak = np.unravel_index(np.argmax(light), light.shape)
    if light[peak] <= _PEAK * total / (4 * pi):
        return None
    directions = directions_of(*light.shape)
    near = _along(directions, directions[peak]) > _REACH
    if float(np.sum((light * solid)[near])) < _SHARE * total:
        return None
    found: Floats = directions[peak]
    return found, float(np.median(light))


def take_sun(radiance: Singles, peak: Floats, limit: float) -> tuple[Sun, Singles]:
    """Make a lamp of what is bright around the peak, which harmonics could not give a shadow.

    Parameters
    ----------
    limit : luminance that is left there, that of the sky around

    Returns
    -------
    sun : with the irradiance that is taken out, from its centre, as wide as what has half of its
        brightness
    rest : (h, 2 h, 3) float32, the map without it
    """
    rows, columns = radiance.shape[:2]
    down = (np.arange(rows) + 0.5) / rows * pi
    band = np.flatnonzero(np.abs(down - acos(peak[2])) < acos(_REACH))
    first, last = (int(band[0]), int(band[-1]) + 1) if len(band) else (0, rows)
    directions = directions_of(rows, columns)[first:last]
    solid, given = _solid(rows, columns)[first:last], radiance[first:last]
    light = _along(given, _GREY)
    near = (_along(directions, peak) > _REACH) & (light > limit)
    share = np.where(near, limit / np.maximum(light, 1e-30), 1.0)[..., None]
    rest = radiance.copy()
    rest[first:last] = given * share
    gone = ((given - rest[first:last]) * solid[..., None])[near].astype(np.float64)
    middle = (directions[near] * _along(gone, _GREY)[:, None]).sum(axis=0)
    bright = near & (light > 0.5 * light[near].max())
    wide = 2 * sqrt(float(solid[bright].sum()) / pi)
    towards = middle / np.sqrt(_along(middle, middle))
    return Sun(towards, gone.sum(axis=0), max(wide, _SMALLEST)), rest
