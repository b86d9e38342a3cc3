"""Motions that are a function of time alone: the place at t is the same under any steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.core.errors import unknown_name
from abbild.images.behaviours.curve import Curve
from abbild.images.errors import SceneError

__all__ = [
    "Behaviour",
    "Context",
    "Conveyor",
    "Follow",
    "Lap",
    "Orbit",
    "Path",
    "Spin",
    "Still",
    "Sway",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What a behaviour may know of the world.

    Attributes
    ----------
    name : of the body that is moved
    matrices : world from body by name, (4, 4), as far as known at this moment
    states : of all behaviours by the name of their body, before this step
    """

    name: str = ""
    matrices: Mapping[str, Floats] = field(default_factory=dict)
    states: Mapping[str, Any] = field(default_factory=dict)


class Lap(NamedTuple):
    """How often something has gone around; a change says that it jumped."""

    lap: int


class Behaviour(Protocol):
    """Something that moves a body without physics.

    Behaviours are values: they keep nothing, their state is handed in and out.
    """

    def start(self, seed: Seed) -> Any:
        """Return the first state; fields that make no sense are refused here.

        A state that has a `lap` says by a change of it that the body did not move but jumped.
        """
        ...

    def move(
        self, state: Any, matrix0: Floats, t: float, dt: float, context: Context
    ) -> tuple[Floats, Any]:
        """Return the matrix at time t, dt after the state was made, and the next state."""
        ...


@dataclass(frozen=True)
class Still:
    """Stays where it is."""

    def start(self, seed: Seed) -> None:
        """Need no state."""

    def move(
        self, state: None, matrix0: Floats, t: float, dt: float, context: Context
    ) -> tuple[Floats, None]:
        """Return the first matrix."""
        return matrix0, None


@dataclass(frozen=True)
class Path:
    """Goes along a curve with a constant speed.

    Attributes
    ----------
    points : metres, (x, y) or (x, y, z) each; without z the body keeps its height
    speed : metres a second along the curve; negative goes backwards
    loop : around and around; else it stops at the end
    smooth : Catmull-Rom spline instead of straight lines
    offset : metres already gone at t = 0
    face : turned about z with the curve; the body's first matrix is how it stands facing +x
    """

    points: tuple[tuple[float, ...], ...]
    speed: float = 1.0
    loop: bool = False
    smooth: bool = True
    offset: float = 0.0
    face: bool = True

    @cached_property
    def curve(self) -> Curve:
        """The curve, with its table of arc lengths."""
        return Curve(self.points, self.loop, self.smooth)

    def start(self, seed: Seed) -> None:
        """Need no state."""
        _finite("a path's speed and offset", self.speed, self.offset)
        _ = self.curve.length

    def move(
        self, state: None, matrix0: Floats, t: float, dt: float, context: Context
    ) -> tuple[Floats, None]:
        """Return the place after ``offset + speed t`` metres."""
        return along(self.curve, self.offset + self.speed * t, matrix0, self.face), None


@dataclass(frozen=True)
class Orbit:
    """Goes around a centre in a circle.

    Attributes
    ----------
    center : metres
    radius : metres
    period : seconds once around; negative turns the other way
    axis : of the circle; counter-clockwise seen from its tip
    phase : radians at t = 0; 0 is towards +x for an axis along z
    face : turned with the circle: the body's x looks along the motion, its z along the axis
    """

    center: tuple[float, float, float] = (0.0, 0.0, 0.0)
    radius: float = 1.0
    period: float = 10.0
    axis: tuple[float, float, float] = (0.0, 0.0, 1.0)
    phase: float = 0.0
    face: bool = True

    def start(self, seed: Seed) -> None:
        """Need no state."""
        _turning("an orbit", self.axis, self.period)
        _finite("an orbit's centre, radius and phase", *self.center, self.radius, self.phase)

    def move(
        self, state: None, matrix0: Floats, t: float, dt: float, context: Context
    ) -> tuple[Floats, None]:
        """Return the place at the angle ``phase + 2 pi t / period``."""
        out, side, up = _basis(tuple(self.axis))
        angle = self.phase + 2 * np.pi * (t / self.period)
        radial = np.cos(angle) * out + np.sin(angle) * side
        matrix = matrix0.copy()
        matrix[:3, 3] = np.asarray(self.center) + self.radius * radial
        if self.face:
            way = float(np.copysign(1.0, self.period))
            ahead = way * (np.cos(angle) * side - np.sin(angle) * out)
            matrix[:3, :3] = np.stack([ahead, -way * radial, up], axis=1) @ matrix0[:3, :3]
        return matrix, None


@dataclass(frozen=True)
class Spin:
    """Turns about an axis of the world through its own origin, once in `period` seconds."""

    axis: tuple[float, float, float] = (0.0, 0.0, 1.0)
    period: float = 4.0
    phase: float = 0.0

    def start(self, seed: Seed) -> None:
        """Need no state."""
        _turning("a spin", self.axis, self.period)

    def move(
        self, state: None, matrix0: Floats, t: float, dt: float, context: Context
    ) -> tuple[Floats, None]:
        """Return the body turned by ``phase + 2 pi t / period``."""
        return _turned(matrix0, self.axis, self.phase + 2 * np.pi * (t / self.period)), None


@dataclass(frozen=True)
class Sway:
    """Swings to and fro like a pendulum, a branch or a boat.

    Attributes
    ----------
    axis : of the world, through the body's origin
    angle : radians, to each side
    shift : metres, to each side
    period : seconds
    phase : radians; 0 starts in the middle
    """

    axis: tuple[float, float, float] = (0.0, 1.0, 0.0)
    angle: float = 0.1
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    period: float = 2.0
    phase: float = 0.0

    def start(self, seed: Seed) -> None:
        """Need no state."""
        _turning("a sway", self.axis, self.period)
        _finite("a sway's angle and shift", self.angle, *self.shift)

    def move(
        self, state: None, matrix0: Floats, t: float, dt: float, context: Context
    ) -> tuple[Floats, None]:
        """Return the body away from its middle by the sine of the time."""
        swing = np.sin(self.phase + 2 * np.pi * (t / self.period))
        matrix = _turned(matrix0, self.axis, self.angle * swing)
        matrix[:3, 3] += swing * np.asarray(self.shift)
        return matrix, None


@dataclass(frozen=True)
class Conveyor:
    """Rides a belt and enters it again at its beginning.

    Attributes
    ----------
    direction : of the belt, any length but 0
    speed : metres a second
    length : metres of belt
    entered : metres of belt behind the body at t = 0, in [0, length)
    """

    direction: tuple[float, float, float] = (1.0, 0.0, 0.0)
    speed: float = 0.5
    length: float = 2.0
    entered: float = 0.0

    def start(self, seed: Seed) -> Lap:
        """Start on the first lap."""
        _turning("a conveyor", self.direction, self.length)
        _finite("a conveyor's speed and entry", self.speed, self.entered)
        if self.length <= 0:
            raise SceneError(f"a conveyor is {self.length} metres long")
        return Lap(int(self.entered // self.length))

    def move(
        self, state: Lap, matrix0: Floats, t: float, dt: float, context: Context
    ) -> tuple[Floats, Lap]:
        """Return the place ``(entered + speed t) mod length`` along the belt."""
        lap, on = divmod(self.entered + self.speed * t, self.length)
        way = np.asarray(self.direction) / np.linalg.norm(self.direction)
        matrix = matrix0.copy()
        matrix[:3, 3] += (on - self.entered) * way
        return matrix, Lap(int(lap))


@dataclass(frozen=True)
class Follow:
    """Stays where another body is, at an offset.

    Attributes
    ----------
    target : name of the other body
    offset : metres, in the target's rotated frame; in the world's if `turn` is off
    turn : take the target's rotation too
    lag : seconds to come 63 % nearer; 0 is glued on. Exact under any steps if the target rests
    """

    target: str
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    turn: bool = True
    lag: float = 0.0

    def start(self, seed: Seed) -> None:
        """Need no state before the first step."""
        _finite("a follower's offset and lag", *self.offset, self.lag)

    def move(
        self, state: Any, matrix0: Floats, t: float, dt: float, context: Context
    ) -> tuple[Floats, Any]:
        """Return the target's place with the offset, delayed by the lag."""
        target = context.matrices.get(self.target)
        if target is None:
            raise unknown_name("body to follow", self.target, context.matrices)
        linear = target[:3, :3] / np.linalg.norm(target[:3, :3], axis=0)
        matrix = matrix0.copy()
        offset = np.asarray(self.offset)
        if self.turn:
            matrix[:3, :3] = linear @ matrix0[:3, :3]
            offset = linear @ offset
        goal = target[:3, 3] + offset
        if self.lag > 0:
            before = matrix0[:3, 3] if state is None else np.asarray(state)
            goal = goal + (before - goal) * np.exp(-dt / self.lag)
        matrix[:3, 3] = goal
        return matrix, tuple(goal.tolist())


def along(curve: Curve, distance: float, matrix0: Floats, face: bool) -> Floats:
    """Put a body on a curve, (4, 4); its first matrix is how it stands facing +x."""
    place, tangent = curve.at(distance)
    matrix = matrix0.copy()
    matrix[: len(place), 3] = place
    if face:
        norm = float(np.hypot(tangent[0], tangent[1]))
        c, s = (tangent[0] / norm, tangent[1] / norm) if norm > 1e-9 else (1.0, 0.0)
        matrix[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]) @ matrix0[:3, :3]
    return matrix


@lru_cache(maxsize=256)
def _basis(axis: tuple[float, float, float]) -> tuple[Floats, Floats, Floats]:
    """Two directions across an axis, counter-clockwise about it, and the axis."""
    up = np.asarray(axis, np.float64) / np.linalg.norm(axis)
    away = np.array([1.0, 0, 0]) if abs(up[0]) < 0.9 else np.array([0, 1.0, 0])
    out = away - up * (away @ up)
    out /= np.linalg.norm(out)
    return out, np.cross(up, out), up


def _turned(matrix: Floats, axis: tuple[float, float, float], angle: float) -> Floats:
    out, side, up = _basis(tuple(axis))
    frame = np.stack([out, side, up], axis=1)
    c, s = np.cos(angle), np.sin(angle)
    turned = matrix.copy()
    turned[:3, :3] = (
        frame @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]) @ frame.T @ matrix[:3, :3]
    )
    return turned


def _turning(what: str, axis: tuple[float, float, float], period: float) -> None:
    _finite(what, *axis, period)
    if not np.linalg.norm(axis) > 0 or period == 0:
        raise SceneError(
            f"{what} has the axis {axis} and the period or length {period}",
            hint="neither may be zero",
        )


def _finite(what: str, *values: float) -> None:
    if not np.isfinite(values).all():
        raise SceneError(f"{what} must be finite numbers, not {values}")
