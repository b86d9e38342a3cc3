"""Profiles drawn along paths: cables, written strokes, knots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abbild.images.errors import SceneError
from abbild.images.grids import grid
from abbild.images.limits import between, choice, points, positive, whole
from abbild.images.meshes import merge, mesh_of
from abbild.images.stage import Mesh

__all__ = ["TorusKnot", "Tube", "frames", "spline", "sweep"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tube:
    """A round tube through given points.

    Attributes
    ----------
    points : (n, 3) metres, n >= 2, no two neighbours equal
    radius : metres
    bends : pieces of curve between two points (Catmull-Rom); 1 is a polyline
    segments : around
    ends : "round", "flat" or "closed" (the last point is joined to the first)
    """

    points: tuple[tuple[float, float, float], ...] = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0))
    radius: float = 0.01
    bends: int = 8
    segments: int = 12
    ends: str = "round"

    def check(self) -> None:
        """Raise SceneError for too few or repeated points, or lengths not above zero."""
        points(self, "points", 3, 2)
        between(self, -1e6, 1e6, *())
        positive(self, "radius")
        whole(self, 1, 64, "bends")
        whole(self, 3, 128, "segments")
        choice(self, "ends", ("round", "flat", "closed"))
        steps = np.linalg.norm(np.diff(np.asarray(self.points, np.float64), axis=0), axis=1)
        if (steps == 0).any():
            again = self.points[int(steps.argmin())]
            raise SceneError(f"Tube.points must not repeat, but {again} follows itself")
        if len(self.points) * self.bends * self.segments > 1_000_000:
            raise SceneError(f"Tube of {len(self.points)} points has over two million triangles")

    def mesh(self) -> Mesh:
        """U runs along the tube, v around it; bends tighter than the radius fold over."""
        self.check()
        closed = self.ends == "closed"
        path = spline(self.points, self.bends, closed=closed)
        angle = 2 * np.pi * np.arange(self.segments) / self.segments
        circle = self.radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        if self.ends != "round":
            return sweep(path, circle, closed=closed)
        return _rounded(path, self.radius, self.segments)


@dataclass(frozen=True)
class TorusKnot:
    """A tube that winds `p` times around the axis and `q` times around the ring.

    Attributes
    ----------
    radius : of the ring, metres
    tube : radius of the tube, metres
    p, q : windings, 1 to 16, without a common divisor
    segments : along the tube
    rings : around it
    """

    radius: float = 0.3
    tube: float = 0.08
    p: int = 2
    q: int = 3
    segments: int = 160
    rings: int = 16

    def check(self) -> None:
        """Raise SceneError for lengths not above zero or windings with a common divisor."""
        positive(self, "radius", "tube")
        whole(self, 1, 16, "p", "q")
        whole(self, 3, 8192, "segments")
        whole(self, 3, 256, "rings")
        if np.gcd(int(self.p), int(self.q)) != 1:
            raise SceneError(f"TorusKnot.p and q must share no divisor, not {self.p} and {self.q}")
        if self.segments * self.rings > 1_000_000:
            raise SceneError(
                f"TorusKnot of {self.segments} x {self.rings} has over two million triangles"
            )

    def mesh(self) -> Mesh:
        """2 segments rings triangles; u runs along the tube, v around it."""
        self.check()
        t = 2 * np.pi * np.arange(self.segments) / self.segments
        out = self.radius * (1 + 0.4 * np.cos(self.q * t))
        path = np.stack(
            [
                out * np.cos(self.p * t),
                out * np.sin(self.p * t),
                0.4 * self.radius * np.sin(self.q * t),
            ],
            axis=1,
        )
        angle = 2 * np.pi * np.arange(self.rings) / self.rings
        circle = self.tube * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return sweep(path, circle, closed=True)


def spline(points: ArrayLike, pieces: int, *, closed: bool = False) -> Floats:
    """Draw a centripetal-free Catmull-Rom curve through the points, `pieces` between two.

    Parameters
    ----------
    points : (n, 3)

    Returns
    -------
    path : ((n - 1) pieces + 1, 3), or (n pieces, 3) if closed
    """
    given = np.asarray(points, np.float64)
    if pieces == 1:
        return given
    if closed:
        before, after = np.roll(given, 1, axis=0), np.roll(given, -1, axis=0)
        start, end = given, after
        far = np.roll(given, -2, axis=0)
    else:
        padded = np.vstack([2 * given[:1] - given[1:2], given, 2 * given[-1:] - given[-2:-1]])
        before, start, end, far = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = (np.arange(pieces) / pieces)[:, None, None]
    leave, arrive = (end - before) / 2, (far - start) / 2
    curve = (
        (2 * t**3 - 3 * t**2 + 1) * start
        + (t**3 - 2 * t**2 + t) * leave
        + (3 * t**2 - 2 * t**3) * end
        + (t**3 - t**2) * arrive
    )  # (pieces, n, 3)
    line = curve.transpose(1, 0, 2).reshape(-1, 3)
    return line if closed else np.vstack([line, given[-1:]])


def frames(path: ArrayLike, *, closed: bool = False) -> tuple[Floats, Floats, Floats]:
    """Give every point of a path a frame that turns as little as possible.

    Parameters
    ----------
    path : (n, 3) without repeated neighbours

    Returns
    -------
    along, side, up : (n, 3) each, unit, right-handed (side x up = along); for a closed path what
        remains after one round is spread evenly

    References
    ----------
    Wang, Jüttler, Zheng and Liu (2008), "Computation of rotation minimizing frames": the double
    reflection method.
    """
    line = np.asarray(path, np.float64)
    along = _tangents(line, closed)
    side = np.empty_like(along)
    side[0] = _across(along[0])
    for k in range(len(line) - 1):
        side[k + 1] = _reflected_twice(side[k], along[k], along[k + 1], line[k + 1] - line[k])
    if closed:
        last = _reflected_twice(side[-1], along[-1], along[0], line[0] - line[-1])
        up = np.cross(along[0], side[0])
        left_over = np.arctan2(last @ up, last @ side[0])
        turn = -left_over * np.arange(len(line))[:, None] / len(line)
        side = side * np.cos(turn) + np.cross(along, side) * np.sin(turn)
    return along, side, np.cross(along, side)


def sweep(path: ArrayLike, profile: ArrayLike, *, closed: bool = False) -> Mesh:
    """Draw a convex profile along a path; an open path gets flat ends.

    Parameters
    ----------
    path : (n, 3) metres, without repeated neighbours
    profile : (m, 2) metres, counter-clockwise, closed without repeating the first corner
    closed : whether the path's last point is joined to its first

    Returns
    -------
    mesh : u along the path, v around the profile, both in [0, 1]
    """
    line = np.asarray(path, np.float64)
    _, side, up = frames(line, closed=closed)
    ring = np.asarray(profile, np.float64)
    loop = np.vstack([ring, ring[:1]])
    rows = loop[:, :1, None] * side + loop[:, 1:, None] * up + line  # (m + 1, n, 3)
    run = _lengths(line, closed)
    if closed:
        rows = np.concatenate([rows, rows[:, :1]], axis=1)
    share = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(loop, axis=0), axis=1)))
    uv = np.stack(np.meshgrid(run, share / share[-1]), axis=-1)
    # Columns must run to the right seen from outside while rows run around counter-clockwise.
    body = grid(rows[:, ::-1], uv[:, ::-1], crease=np.radians(50))
    if closed:
        return body
    return merge([body, _lid(rows[:-1, 0][::-1], ring[::-1]), _lid(rows[:-1, -1], ring)])


def _rounded(path: Floats, radius: float, segments: int) -> Mesh:
    """Return a tube whose ends are half balls, as one smooth grid."""
    _, side, up = frames(path)
    quarter = np.pi / 2 * np.arange(1, max(segments // 4, 2) + 1) / max(segments // 4, 2)
    first, last = path[0] - path[1], path[-1] - path[-2]
    reach, width = radius * np.sin(quarter), radius * np.cos(quarter)
    width[-1] = 0.0
    head = path[0] + reach[::-1, None] * first / np.linalg.norm(first)
    tail = path[-1] + reach[:, None] * last / np.linalg.norm(last)
    centre = np.vstack([head, path, tail])
    wide = np.concatenate([width[::-1], np.full(len(path), radius), width])
    ends = len(quarter)
    side, up = (np.vstack([v[:1].repeat(ends, 0), v, v[-1:].repeat(ends, 0)]) for v in (side, up))
    angle = 2 * np.pi * (np.arange(segments + 1) % segments) / segments
    around = np.cos(angle)[:, None, None] * side + np.sin(angle)[:, None, None] * up
    rows = centre + wide[:, None] * around
    uv = np.stack(np.meshgrid(_lengths(centre, False), np.arange(segments + 1) / segments), axis=-1)
    return grid(rows[:, ::-1], uv[:, ::-1])


def _lid(ring: Floats, flat: Floats) -> Mesh:
    """Return a fan over a convex ring in space, its normal by the right hand."""
    middle = ring.mean(axis=0)
    count = len(ring)
    one = np.arange(count)
    faces = np.stack([np.full(count, count), one, (one + 1) % count], axis=1)
    normal = np.cross(ring - middle, np.roll(ring, -1, axis=0) - middle).sum(axis=0)
    extent = max(float(np.ptp(flat, axis=0).max()), 1e-12)
    uv = np.vstack([flat, flat.mean(axis=0)]) / extent + 0.5
    vertices = np.vstack([ring, middle])
    return mesh_of(vertices, faces, np.tile(normal, (count + 1, 1)), uv)


def _tangents(line: Floats, closed: bool) -> Floats:
    step = np.diff(line, axis=0, append=line[:1])
    step = step / np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-300)
    if not closed:
        step[-1] = step[-2]
    before = np.roll(step, 1, axis=0)
    if not closed:
        before[0] = step[0]
    mean = step + before
    length = np.linalg.norm(mean, axis=1, keepdims=True)
    return np.asarray(np.where(length > 1e-9, mean / np.maximum(length, 1e-9), step))


def _across(direction: Floats) -> Floats:
    least = np.zeros(3)
    least[np.abs(direction).argmin()] = 1.0
    side = np.cross(direction, least)
    return np.asarray(side / np.linalg.norm(side))


def _reflected_twice(side: Floats, along: Floats, ahead: Floats, step: Floats) -> Floats:
    step = step / np.linalg.norm(step)
    side = side - 2 * (step @ side) * step
    along = along - 2 * (step @ along) * step
    other = ahead - along
    square = other @ other
    if square > 1e-18:
        side = side - 2 * (other @ side) / square * other
    side = side - (ahead @ side) * ahead
    return np.asarray(side / np.linalg.norm(side))


def _lengths(line: Floats, closed: bool) -> Floats:
    """Share of the length at each point, from 0 to 1; one more for a closed path."""
    whole_line = np.vstack([line, line[:1]]) if closed else line
    run = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(whole_line, axis=0), axis=1)))
    return np.asarray(run / run[-1])
