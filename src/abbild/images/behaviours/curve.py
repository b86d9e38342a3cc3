"""Curves through points, measured by arc length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abbild.images.errors import SceneError

__all__ = ["Curve"]

Floats = NDArray[np.float64]

PIECES = 32  # of a segment of a spline
NODES = np.array([-(0.6**0.5), 0.0, 0.6**0.5])  # of Gauss and Legendre, with three points
WEIGHTS = np.array([5.0, 8.0, 5.0]) / 9


class Curve:
    """A polygon or a Catmull-Rom spline through points.

    E. Catmull, R. Rom, "A class of local interpolating splines", 1974 (uniform, tension 1/2).

    Parameters
    ----------
    points : (n, 2 or 3) metres, n >= 2, no two neighbours equal
    loop : whether the last point leads back to the first
    smooth : spline instead of polygon
    """

    def __init__(self, points: tuple[tuple[float, ...], ...], loop: bool, smooth: bool) -> None:
        knots = np.array(points, np.float64)
        if knots.ndim != 2 or len(knots) < 2 or knots.shape[1] not in (2, 3):
            raise SceneError(f"a path needs two points of 2 or 3 numbers or more, not {points!r}")
        if not np.isfinite(knots).all():
            raise SceneError(f"a path has points that are not finite: {points!r}")
        closed = np.concatenate([knots, knots[:1]]) if loop else knots
        if (np.linalg.norm(np.diff(closed, axis=0), axis=1) == 0).any():
            raise SceneError(
                f"two neighbouring points of a path are equal: {points!r}",
                hint="a loop closes by itself; do not repeat the first point",
            )
        self._loop, self._smooth = loop, smooth
        self._parts = _spline(_beyond(knots, loop)) if smooth else _polygon(closed)
        self._lengths, self._inverse = self._table(PIECES if smooth else 1)

    def _table(self, pieces: int) -> tuple[Floats, Floats]:
        """Arc lengths at even parameters (Gauss, three points a piece), and du / ds there."""
        count = len(self._parts) * pieces
        at = (np.arange(count)[:, None] + 0.5 + NODES / 2) / pieces  # (pieces, 3)
        speeds = np.linalg.norm(self._derivative(at.ravel()), axis=1).reshape(-1, 3)
        lengths = np.concatenate([[0.0], np.cumsum(speeds @ WEIGHTS / (2 * pieces))])
        ends = np.linalg.norm(self._derivative(np.arange(count + 1) / pieces), axis=1)
        return lengths, 1 / np.maximum(ends, 1e-9)

    def _derivative(self, parameters: Floats) -> Floats:
        segment = np.minimum(parameters.astype(int), len(self._parts) - 1)
        u = (parameters - segment)[:, None]
        _, b, c, d = self._parts[segment].transpose(1, 0, 2)
        speed: Floats = b + u * (2 * c + 3 * u * d)
        return speed

    @property
    def length(self) -> float:
        """Metres from end to end, or around."""
        return float(self._lengths[-1])

    def at(self, distance: float) -> tuple[Floats, Floats]:
        """Place and unit tangent after `distance` metres.

        Loops go on around; what has ends stays at them.

        Returns
        -------
        place, tangent : (2 or 3,)
        """
        along = distance % self.length if self._loop else min(max(distance, 0.0), self.length)
        parameter = self._parameter(along)
        segment = min(int(parameter), len(self._parts) - 1)
        u = parameter - segment
        a, b, c, d = self._parts[segment]
        place: Floats = a + u * (b + u * (c + u * d))
        tangent: Floats = b + u * (2 * c + 3 * u * d)
        return place, tangent / max(float(np.linalg.norm(tangent)), 1e-300)

    def _parameter(self, along: float) -> float:
        """Invert the arc length: cubic Hermite between the table's lengths."""
        k = int(np.searchsorted(self._lengths, along, side="right")) - 1
        k = min(max(k, 0), len(self._lengths) - 2)
        step = float(self._lengths[k + 1] - self._lengths[k])
        width = len(self._parts) / (len(self._lengths) - 1)
        if step <= 0:
            return k * width
        t = (along - float(self._lengths[k])) / step
        one, two = step * self._inverse[k], step * self._inverse[k + 1]
        # at corners slopes jump, and at cusps Hermite's cubic would turn back
        if not self._smooth or max(one, two) > 3 * width:
            return (k + t) * width
        rise = (3 * width - 2 * one - two) + t * (one + two - 2 * width)
        return float(k * width + t * (one + t * rise))


def _polygon(knots: Floats) -> Floats:
    """Coefficients of straight segments, (segments, 4, d)."""
    zero = np.zeros_like(knots[1:])
    return np.stack([knots[:-1], np.diff(knots, axis=0), zero, zero], axis=1)


def _spline(knots: Floats) -> Floats:
    """Coefficients of a Catmull-Rom spline through all but the first and last, (segments, 4, d)."""
    before, one, two, after = (knots[k : len(knots) - 3 + k] for k in range(4))
    linear = (two - before) / 2
    square = before - 2.5 * one + 2 * two - after / 2
    cube = (after - before) / 2 + 1.5 * (one - two)
    return np.stack([one, linear, square, cube], axis=1)


def _beyond(knots: Floats, loop: bool) -> Floats:
    """Knots with those before the first and after the last segment; ends go on straight."""
    if loop:
        return np.concatenate([knots[-1:], knots, knots[:2]])
    return np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
