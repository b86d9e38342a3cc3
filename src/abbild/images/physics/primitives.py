"""Convex solids with a name, and how to see them in a heap of points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

__all__ = ["Solid", "around", "extent", "recognise", "span"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Solid:
    """One convex solid.

    Attributes
    ----------
    kind : "hull", "sphere", "box", "cylinder", "capsule", "plane" or "ground"
    size : (3,) metres: radius; half edges; radius and half length; half edges and height of a
        ground; unused for hulls and planes
    place : (4, 4) rigid, body's rigid frame from solid; axes of cylinders, capsules and the
        normal of planes are z; the origin of a ground is the middle of its lowest level
    points : (k, 3) corners of a hull, in the body's rigid frame
    heights : (rows, columns) of a ground, metres above its lowest level, y grows with the rows
    """

    kind: str
    size: Floats = field(default_factory=lambda: np.zeros(3))
    place: Floats = field(default_factory=lambda: np.eye(4))
    points: Floats = field(default_factory=lambda: np.zeros((0, 3)))
    heights: Floats = field(default_factory=lambda: np.zeros((0, 0)))


def extent(points: Floats) -> float:
    """Diagonal of the box around points, metres; 0 for no points."""
    return float(np.linalg.norm(np.ptp(points, axis=0))) if len(points) else 0.0


def span(parts: Sequence[Solid], rotation: Floats) -> tuple[Floats, Floats]:
    """Box around turned solids, lowest and highest corner, (3,) each; endless ones do not count."""
    lows, highs = [], []
    for solid in parts:
        if solid.kind in ("plane", "ground"):
            continue
        if solid.kind == "hull":
            points = solid.points @ rotation.T
            lows.append(points.min(axis=0))
            highs.append(points.max(axis=0))
            continue
        middle = rotation @ solid.place[:3, 3]
        reach = _reach(solid, rotation @ solid.place[:3, :3])
        lows.append(middle - reach)
        highs.append(middle + reach)
    if not lows:
        return np.zeros(3), np.zeros(3)
    return np.min(lows, axis=0), np.max(highs, axis=0)


def _reach(solid: Solid, axes: Floats) -> Floats:
    """Half edges of the box around a turned primitive, (3,)."""
    if solid.kind == "box":
        edges: Floats = np.abs(axes) @ solid.size
        return edges
    radius, length = solid.size[0], solid.size[1]
    along = np.abs(axes[:, 2])
    if solid.kind == "cylinder":
        disc: Floats = along * length + radius * np.sqrt(np.maximum(1 - along**2, 0))
        return disc
    ends: Floats = along * length + radius  # a sphere has no length
    return ends


def recognise(points: Floats) -> Solid | None:
    """Name the primitive that hull corners (k, 3) belong to; None if they belong to none."""
    low, high = points.min(axis=0), points.max(axis=0)
    half = (high - low) / 2
    if half.min() <= 0:
        return None
    try:
        hull = ConvexHull(points)
    except (QhullError, ValueError):
        return None
    centred = points - (low + high) / 2
    place = np.eye(4)
    place[:3, 3] = (low + high) / 2
    if hull.volume >= 0.9999 * 8 * half.prod():
        return Solid("box", half, place)
    return _ball(centred, half, hull.volume, place) or _round(centred, half, hull.volume, place)


def _ball(points: Floats, half: Floats, volume: float, place: Floats) -> Solid | None:
    distance = np.linalg.norm(points, axis=1)
    radius = distance.max()
    if np.ptp(distance) > 1e-3 * radius or volume < 0.85 * 4 / 3 * np.pi * radius**3:
        return None
    return Solid("sphere", np.array([radius, 0, 0]), place)


def _round(points: Floats, half: Floats, volume: float, place: Floats) -> Solid | None:
    """Recognise cylinders and capsules along one of the three axes."""
    for axis in range(3):
        others = [i for i in range(3) if i != axis]
        radial = np.linalg.norm(points[:, others], axis=1)
        radius, length = float(radial.max()), float(half[axis])
        turned = place @ _turn(axis)
        ends = np.abs(np.abs(points[:, axis]) - length) < 1e-3 * length
        even = (np.abs(radial - radius) < 1e-3 * radius).all() and ends.all()
        if even and volume >= 0.93 * 2 * np.pi * radius**2 * length:
            return Solid("cylinder", np.array([radius, length, 0]), turned)
        straight = length - radius
        if straight > 0:
            beyond = np.maximum(np.abs(points[:, axis]) - straight, 0)
            exact = np.abs(np.hypot(radial, beyond) - radius) < 1e-3 * radius
            full = np.pi * radius**2 * (2 * straight + 4 / 3 * radius)
            if exact.all() and volume >= 0.85 * full:
                return Solid("capsule", np.array([radius, straight, 0]), turned)
    return None


def _turn(axis: int) -> Floats:
    """Rotate z to a coordinate axis, (4, 4)."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.roll(np.eye(3), axis - 2, axis=0)
    return matrix


def around(points: Floats, shape: str) -> Solid:
    """Circumscribe points, (k, 3), with a "sphere", "box", "cylinder", "capsule" or "plane"."""
    low, high = points.min(axis=0), points.max(axis=0)
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, 1e-4 * extent(points))
    place = np.eye(4)
    place[:3, 3] = middle
    if shape == "plane":
        place[2, 3] = high[2]
        return Solid("plane", np.zeros(3), place)
    if shape == "box":
        return Solid("box", half, place)
    if shape == "sphere":
        radius = np.linalg.norm(points - middle, axis=1).max()
        return Solid("sphere", np.array([radius, 0, 0]), place)
    axis = _axis(half, shape)
    others = [i for i in range(3) if i != axis]
    radius = np.linalg.norm((points - middle)[:, others], axis=1).max()
    length = half[axis] if shape == "cylinder" else max(half[axis] - radius, 1e-6 * radius)
    return Solid(shape, np.array([radius, length, 0]), place @ _turn(axis))


def _axis(half: Floats, shape: str) -> int:
    """Say which axis is that of a cylinder: the one whose two others are most alike."""
    if shape == "capsule":
        return int(half.argmax())
    unlike = [abs(np.log(half[i - 2] / half[i - 1])) for i in range(3)]
    return 2 if unlike[2] <= min(unlike) + 1e-6 else int(np.argmin(unlike))
