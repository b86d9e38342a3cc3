"""Lamps as rows of numbers, and points on them."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, floor, pi, sin, sqrt, tan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.fast.compiled import compiled
from abbild.images.stage import Bulb, Lamp, Panel, Sun

__all__ = ["BULB", "PANEL", "SUN", "Lamps", "lamps_of", "spots_on"]

Floats = NDArray[np.float64]

SUN, PANEL, BULB = 0, 1, 2
_GOLDEN = 1.32471795724474602596  # the plastic number of Roberts' two-dimensional sequence


class Lamps(NamedTuple):
    """All lamps.

    Attributes
    ----------
    kind : (l,) int32
    place : (l, 3) float64, centre; for a sun, the direction towards it
    across, up : (l, 3) float64; a panel's sides, or two units at right angles to a sun
    axis : (l, 3) float64 unit, where a panel or bulb shines to
    radius : (l,) float64, around the centre; for a sun, of its disc at distance 1
    cone : (l, 2) float64, cosines where a bulb's cone begins to fade and where it ends
    light : (l, 3) float64, irradiance, radiance or intensity
    """

    kind: NDArray[np.int32]
    place: Floats
    across: Floats
    up: Floats
    axis: Floats
    radius: Floats
    cone: Floats
    light: Floats


def lamps_of(lamps: Sequence[Lamp]) -> Lamps:
    """Lay lamps out; a lamp without light is left out."""
    shining = [lamp for lamp in lamps if max(_light(lamp)) > 0]
    count = len(shining)
    place, across, up, axis, light = np.zeros((5, count, 3))
    kind, cone = np.zeros(count, np.int32), np.full((count, 2), -2.0)
    table = Lamps(kind, place, across, up, axis, np.zeros(count), cone, light)
    for k, lamp in enumerate(shining):
        table.light[k] = _light(lamp)
        if isinstance(lamp, Sun):
            _set_sun(table, k, lamp)
        elif isinstance(lamp, Panel):
            _set_panel(table, k, lamp)
        else:
            _set_bulb(table, k, lamp)
    return table


def _light(lamp: Lamp) -> Floats:
    if isinstance(lamp, Sun):
        return lamp.irradiance
    return lamp.radiance if isinstance(lamp, Panel) else lamp.intensity


def _unit(vector: Sequence[float]) -> tuple[float, float, float]:
    x, y, z = float(vector[0]), float(vector[1]), float(vector[2])
    size = sqrt(x * x + y * y + z * z)
    return (x / size, y / size, z / size) if size > 0 else (0.0, 0.0, 1.0)


def _cross(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float]:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _set_sun(table: Lamps, k: int, sun: Sun) -> None:
    towards = _unit(list(sun.direction))
    aside = (0.0, 1.0, 0.0) if abs(towards[0]) > 0.6 else (1.0, 0.0, 0.0)
    across = _unit(_cross(towards, aside))
    table.kind[k], table.place[k] = SUN, towards
    table.across[k], table.up[k] = across, _cross(towards, across)
    table.radius[k] = tan(min(0.5 * sun.angle, 1.5))


def _set_panel(table: Lamps, k: int, panel: Panel) -> None:
    matrix = np.asarray(panel.matrix, np.float64)
    table.kind[k], table.place[k] = PANEL, matrix[:3, 3]
    table.across[k], table.up[k] = matrix[:3, 0], matrix[:3, 1]
    axis = np.array(_cross(list(matrix[:3, 0]), list(matrix[:3, 1])))
    table.axis[k] = _unit(list(axis if axis @ matrix[:3, 2] >= 0 else -axis))
    corners = matrix[:3, 0] + matrix[:3, 1], matrix[:3, 0] - matrix[:3, 1]
    table.radius[k] = 0.5 * max(sqrt(corner @ corner) for corner in corners)


def _set_bulb(table: Lamps, k: int, bulb: Bulb) -> None:
    table.kind[k], table.place[k] = BULB, bulb.position
    table.axis[k], table.radius[k] = _unit(list(bulb.direction)), bulb.radius
    if bulb.cone < pi:
        table.cone[k] = cos(0.95 * bulb.cone), cos(bulb.cone)


def spots_on(lamps: Lamps, samples: int, seed: Seed) -> Floats:
    """Places on each lamp that 4 x 4 neighbouring pixels share out among themselves.

    A pixel takes every sixteenth of them. They fill the lamp evenly, all of them as well as each
    pixel's own (the additive recurrence of Roberts 2018, shifted by the seed), so that an average
    over 4 x 4 pixels has the error of 16 times the samples.

    Returns
    -------
    spots : (l, 16 samples, 2) float64; in a panel's sides, in [-0.5, 0.5], else in the unit disc
    """
    spots = np.empty((len(lamps.kind), 16 * samples, 2))
    _place(spots, lamps.kind, (seed / "spots").key() / 2.0**64)
    return spots


@compiled
def _place(spots: Floats, kind: NDArray[np.int32], shift: float) -> None:
    for lamp in range(spots.shape[0]):
        # each lamp begins elsewhere in one long sequence
        first = shift + 0.5 * lamp
        for k in range(spots.shape[1]):
            u, v = first + k / _GOLDEN, first * 4096.0 + k / (_GOLDEN * _GOLDEN)
            u, v = u - floor(u), v - floor(v)
            if kind[lamp] == PANEL:
                spots[lamp, k, 0], spots[lamp, k, 1] = u - 0.5, v - 0.5
            else:
                radius, turn = sqrt(u), 2.0 * pi * v
                spots[lamp, k, 0], spots[lamp, k, 1] = radius * cos(turn), radius * sin(turn)
