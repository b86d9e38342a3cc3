"""Rings and lines that flat artwork is made of: circles, polygons, curves, strokes, limbs.

A ring is an (n, 2) float array of corners, x right, y up, closed without repeating the first;
a line is the same, open.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abbild.images.errors import AssetError

__all__ = [
    "Cap",
    "Ring",
    "arc",
    "circle",
    "curve",
    "limb",
    "paths",
    "polygon",
    "rectangle",
    "regular_polygon",
    "rounded",
    "smooth",
    "stroke",
]

Ring = NDArray[np.float64]
Cap = Literal["butt", "round", "square", "level"]
MITRE_LIMIT = 4.0  # half-widths; the tip of a sharper bend is cut, as in SVG
STEP_DEGREES = 6.0  # of turn between two points of a flattened curve: 0.14 % of the radius off
GEOMETRY_EPSILON = 1e-9


def polygon(points: ArrayLike) -> Ring:
    """Return corners as a ring.

    Raises
    ------
    AssetError
        If the points are fewer than three, or are not finite pairs.
    """
    ring = np.asarray(points, np.float64)
    if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3 or not np.isfinite(ring).all():
        raise AssetError(
            f"a ring of shape {ring.shape} bounds no area",
            hint="give at least three finite corners (x, y)",
        )
    return ring


def rectangle(width: float, height: float, centre: tuple[float, float] = (0.0, 0.0)) -> Ring:
    """Return a ring of four corners, counter-clockwise."""
    half = np.array([width, height]) / 2
    return half * [(-1, -1), (1, -1), (1, 1), (-1, 1)] + centre


def arc(
    radius: float | tuple[float, float],
    start: float,
    end: float,
    centre: tuple[float, float] = (0.0, 0.0),
) -> Ring:
    """Return an open line (n, 2) along a circle or an ellipse with radii x and y.

    Angles in degrees from the x axis, counter-clockwise if end > start.
    """
    n = max(2, math.ceil(abs(end - start) / STEP_DEGREES - GEOMETRY_EPSILON) + 1)
    angle = np.radians(np.linspace(start, end, n))
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius + centre


def circle(
    radius: float | tuple[float, float], centre: tuple[float, float] = (0.0, 0.0), n: int = 72
) -> Ring:
    """Return a circle, or an ellipse with radii x and y, as a ring of n corners."""
    angle = np.arange(n) * (2 * math.pi / n)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius + centre


def regular_polygon(sides: int, radius: float, turn: float = 90.0) -> Ring:
    """Return a ring of equal sides; `turn` is the direction of the first corner in degrees."""
    angle = math.radians(turn) + np.arange(sides) * (2 * math.pi / sides)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius


def rounded(ring: ArrayLike, radius: float) -> Ring:
    """Return the ring with every corner replaced by an arc that touches both of its sides.

    The radius shrinks where a side is too short for it.
    """
    ring = polygon(ring)
    parts = []
    for before, corner, after in zip(np.roll(ring, 1, 0), ring, np.roll(ring, -1, 0), strict=True):
        a, b = before - corner, after - corner
        la, lb = math.hypot(*a), math.hypot(*b)
        a, b = a / la, b / lb
        half = math.acos(float(np.clip(a @ b, -1, 1))) / 2
        reach = min(radius / math.tan(half), 0.499 * la, 0.499 * lb)
        if math.pi / 2 - half < 0.01 or reach < GEOMETRY_EPSILON:  # straight on: nothing to round
            parts.append(corner[None])
            continue
        r = reach * math.tan(half)
        middle = corner + (a + b) / np.linalg.norm(a + b) * (r / math.sin(half))
        first, last = corner + a * reach - middle, corner + b * reach - middle
        start = math.degrees(math.atan2(first[1], first[0]))
        sweep = math.degrees(math.atan2(last[1], last[0])) - start
        sweep = (sweep + 180) % 360 - 180
        parts.append(arc(r, start, start + sweep, (float(middle[0]), float(middle[1]))))
    return np.concatenate(parts)


def curve(p0: ArrayLike, p1: ArrayLike, p2: ArrayLike, p3: ArrayLike, n: int = 14) -> Ring:
    """Return a cubic Bezier curve flattened to an open line of n points."""
    t = np.linspace(0, 1, n)[:, None]
    s = 1 - t
    points = [np.asarray(p, np.float64) for p in (p0, p1, p2, p3)]
    return (
        s**3 * points[0] + 3 * s * s * t * points[1] + 3 * s * t * t * points[2] + t**3 * points[3]
    )


def smooth(points: ArrayLike, closed: bool = True, n: int = 5) -> Ring:
    """Return a uniform Catmull-Rom curve through the points, n pieces between two.

    A point given twice in a row is a sharp corner.
    """
    p = np.asarray(points, np.float64)
    before, after = np.roll(p, 1, axis=0), np.roll(p, -1, axis=0)
    if not closed:
        before[0], after[-1] = p[0], p[-1]
    slope = (after - before) / 2
    same = (np.abs(after - p).max(axis=1) < GEOMETRY_EPSILON) | (
        np.abs(before - p).max(axis=1) < GEOMETRY_EPSILON
    )
    slope[same] = 0
    pieces = []
    for i in range(len(p) if closed else len(p) - 1):
        j = (i + 1) % len(p)
        if np.abs(p[j] - p[i]).max() > GEOMETRY_EPSILON:
            pieces.append(curve(p[i], p[i] + slope[i] / 3, p[j] - slope[j] / 3, p[j], n + 1)[:-1])
    if not closed:
        pieces.append(p[-1:])
    return np.concatenate(pieces)


def limb(a: ArrayLike, b: ArrayLike, width_a: float, width_b: float) -> Ring:
    """Return the convex hull of two discs: an arm, a leg, a body. Widths are diameters."""
    p, q = np.asarray(a, np.float64), np.asarray(b, np.float64)
    ra, rb = width_a / 2, width_b / 2
    length = float(np.linalg.norm(q - p))
    if length <= abs(ra - rb):
        return circle(max(ra, rb), tuple((p if ra > rb else q).tolist()))
    along = math.degrees(math.atan2(q[1] - p[1], q[0] - p[0]))
    spread = math.degrees(math.acos((ra - rb) / length))
    back = arc(ra, along + spread, along + 360 - spread, tuple(p.tolist()))
    front = arc(rb, along - spread, along + spread, tuple(q.tolist()))
    return np.concatenate([back, front])


# ---------------------------------------------------------------- strokes


def stroke(
    line: ArrayLike, width: float, cap: Cap | tuple[Cap, Cap] = "butt", closed: bool = False
) -> tuple[Ring, ...]:
    """Return the area within half a width of an open or closed line: one ring, or two.

    Bends are mitred. Each bend's radius must exceed half the width, or the inner side folds over.
    The cap "level" cuts a slanting end horizontally, as letters stand on their line; two caps are
    those of start and end.
    """
    points = _distinct(np.asarray(line, np.float64))
    if closed and np.linalg.norm(points[0] - points[-1]) < GEOMETRY_EPSILON:
        points = points[:-1]
    if len(points) < 2:
        raise AssetError("a stroke of one point has no direction", hint="use circle for a dot")
    offset = _offsets(points, closed) * (width / 2)
    left, right = points + offset, points - offset
    if closed:
        outer, inner = (left, right) if _area(left) > _area(right) else (right, left)
        return outer, inner
    caps = (cap, cap) if isinstance(cap, str) else cap
    ends = []
    for kind, at, inside in ((caps[0], 0, 1), (caps[1], -1, -2)):
        out = points[at] - points[inside]
        if kind == "level":
            _level(left, right, points[at], out, at)
        ends.append(points[at] + _cap(out, width / 2, kind))
    return (np.concatenate([right, ends[1], left[::-1], ends[0]]),)


def _offsets(points: Ring, closed: bool) -> Ring:
    """Return the vector (n, 2) from each point to the left edge of a stroke of half-width 1."""
    ahead = np.diff(points, axis=0, append=points[:1])
    if not closed:
        ahead[-1] = ahead[-2]
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    left = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    before = np.roll(left, 1, axis=0)
    if not closed:
        before[0] = left[0]
    total: Ring = left + before
    # |mitre| = 1 / cos(half the turn); total has length 2 cos(half the turn)
    squared = np.maximum((total**2).sum(axis=1, keepdims=True), (2 / MITRE_LIMIT) ** 2)
    return np.asarray(2 * total / squared)


def _level(left: Ring, right: Ring, end: Ring, along: Ring, at: int) -> None:
    """Move both corners of an end along the stroke to the height of its middle."""
    if abs(along[1]) < 0.4 * math.hypot(*along):
        return
    for side in (left, right):
        side[at] += along * ((end[1] - side[at, 1]) / along[1])


def _cap(out: Ring, half: float, cap: Cap) -> Ring:
    """Return the points (n, 2) to add round an end at the origin, where the stroke leads `out`."""
    if cap in ("butt", "level"):
        return np.empty((0, 2))
    angle = math.degrees(math.atan2(out[1], out[0]))
    if cap == "round":
        return arc(half, angle - 90, angle + 90)[1:-1]
    return arc(half * math.sqrt(2), angle - 45, angle + 45)[[0, -1]]


def _area(ring: Ring) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


# ---------------------------------------------------------------- lines as text

_TOKEN = re.compile(r"[MLCAZ|]|[-+]?[0-9]*\.?[0-9]+")
_COUNT = {"M": 2, "L": 2, "C": 6, "A": 6, "Z": 0, "|": 0}


def paths(text: str) -> tuple[tuple[Ring, bool], ...]:
    """Return the lines that a short text describes, each with whether it is closed.

    Commands, absolute coordinates: `M x y` starts a line, `L x y` goes straight, `C` six numbers
    is a cubic Bezier, `A cx cy rx ry from to` is an elliptic arc (degrees, counter-clockwise if
    to > from) joined by a straight piece, `Z` closes, `|` lets an arc start a new line. Numbers
    after a command may repeat.

    Examples
    --------
    >>> [(line.tolist(), closed) for line, closed in paths("M 0 0 L 1 0 1 1 Z")]
    [([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]], True)]
    """
    lines: list[tuple[list[Ring], bool]] = []
    tokens = _TOKEN.findall(text)
    at, command = 0, ""
    while at < len(tokens):
        if tokens[at] in _COUNT:
            command = tokens[at]
            at += 1
        count = _COUNT.get(command, -1)
        numbers = tokens[at : at + count]
        if count < 0 or len(numbers) < count or any(n in _COUNT for n in numbers):
            raise AssetError(f"path {text!r} breaks off at {command or tokens[at]!r}")
        at += count
        if command == "|":
            command = ""
            lines.append(([], False))
            continue
        if not lines and command in ("L", "C", "Z"):
            raise AssetError(f"path {text!r} starts nowhere", hint="begin with M x y")
        _extend(lines, command, [float(n) for n in numbers])
    return tuple((_joined(pieces), closed) for pieces, closed in lines if pieces)


def _extend(lines: list[tuple[list[Ring], bool]], command: str, n: Sequence[float]) -> None:
    if command == "M":
        lines.append(([np.array([n])], False))
        return
    if command == "A" and (not lines or lines[-1][1]):
        lines.append(([], False))
    pieces = lines[-1][0]
    if command == "Z":
        lines[-1] = (pieces, True)
    elif command == "L":
        pieces.append(np.array([n]))
    elif command == "C":
        pieces.append(curve(pieces[-1][-1], n[0:2], n[2:4], n[4:6])[1:])
    else:
        pieces.append(arc((n[2], n[3]), n[4], n[5], (n[0], n[1])))


def _joined(pieces: Sequence[Ring]) -> Ring:
    points: Ring = np.concatenate(pieces)
    return _distinct(points)


def _distinct(points: Ring) -> Ring:
    """Return the points without those that repeat the one before."""
    step = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return np.asarray(points[np.concatenate([[True], step > GEOMETRY_EPSILON])])
