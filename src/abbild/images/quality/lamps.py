"""Suns and bulbs as rows of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi, tan

import numpy as np

from abbild.images.stage import Bulb, Floats, Lamp, Panel, Singles, Sun

__all__ = ["COLUMNS", "lamp_rows", "panels_of"]

COLUMNS = 16
SUN, BULB = 0.0, 1.0
FADE = 0.95  # share of a cone from where its light fades to the edge


def lamp_rows(lamps: Sequence[Lamp]) -> Singles:
    """Return the suns and bulbs that shine, (l, COLUMNS).

    Columns: kind, place or direction (3), axis (3), radius (of a sun, of its disc at distance 1),
    cosines where a cone begins to fade and where it ends, light (3).
    """
    rows = [_sun(x) for x in lamps if isinstance(x, Sun) and np.any(x.irradiance > 0)]
    rows += [_bulb(x) for x in lamps if isinstance(x, Bulb) and np.any(x.intensity > 0)]
    table = np.zeros((len(rows), COLUMNS), np.float32)
    for k, row in enumerate(rows):
        table[k, : len(row)] = np.nan_to_num(row)
    return table


def panels_of(lamps: Sequence[Lamp]) -> list[Panel]:
    """Return the panels that shine and have an area."""
    return [
        lamp
        for lamp in lamps
        if isinstance(lamp, Panel)
        and np.any(lamp.radiance > 0)
        and np.isfinite(lamp.matrix).all()
        and np.any(np.cross(lamp.matrix[:3, 0], lamp.matrix[:3, 1]))
    ]


def _unit(vector: Floats) -> list[float]:
    vector = np.asarray(vector, np.float64)
    length = float(np.linalg.norm(vector))
    return (vector / length).tolist() if length > 0 else [0.0, 0.0, 1.0]


def _sun(sun: Sun) -> list[float]:
    radius = tan(min(max(sun.angle, 0.0) / 2, 1.5))
    return [SUN, *_unit(sun.direction), 0, 0, 0, radius, -2, -3, *sun.irradiance]


def _bulb(bulb: Bulb) -> list[float]:
    fades, ends = (cos(FADE * bulb.cone), cos(bulb.cone)) if bulb.cone < pi else (-2.0, -3.0)
    place, axis = np.asarray(bulb.position, float).tolist(), _unit(bulb.direction)
    return [BULB, *place, *axis, max(bulb.radius, 0.0), fades, ends, *bulb.intensity]
