"""Behaviours with a will: they look at others or draw."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.behaviours.curve import Curve
from abbild.images.behaviours.motion import Context, along
from abbild.images.errors import SceneError

__all__ = ["Driving", "LaneFollower", "RandomWalk", "Walking"]

Floats = NDArray[np.float64]

TICK = 0.1  # seconds between two turns of a walk
BLINK = 0.05  # seconds between two looks of a driver, at most


class Driving(NamedTuple):
    """State of a `LaneFollower`: its lane, metres along it, metres a second, laps done."""

    lane: str
    at: float
    speed: float
    length: float
    lap: int


@dataclass(frozen=True)
class LaneFollower:
    """Drives along a lane, keeps its speed and its gap to the one ahead.

    The intelligent driver model: M. Treiber, A. Hennecke, D. Helbing, "Congested traffic states
    in empirical observations and microscopic simulations", Phys. Rev. E 62, 1805 (2000), eqs. 2
    and 3. Others on the lane are known by the lane's name.

    Attributes
    ----------
    points, loop, smooth : the lane, as in `Path`. At the end of a lane that is no loop the body
        enters it again at its beginning
    lane : name; those with the same name see each other
    at : metres along the lane at t = 0, of the body's middle
    speed : metres a second at t = 0
    wanted : metres a second on a free road
    gap : metres at least, bumper to bumper
    headway : seconds to the one ahead
    acceleration, braking : metres per square second, comfortable ones
    length : metres of the vehicle
    """

    points: tuple[tuple[float, ...], ...]
    loop: bool = True
    smooth: bool = True
    lane: str = "lane"
    at: float = 0.0
    speed: float = 0.0
    wanted: float = 13.9
    gap: float = 2.0
    headway: float = 1.5
    acceleration: float = 1.0
    braking: float = 2.0
    length: float = 4.5

    @cached_property
    def curve(self) -> Curve:
        """The lane, with its table of arc lengths."""
        return Curve(self.points, self.loop, self.smooth)

    def start(self, seed: Seed) -> Driving:
        """Start at `at` with `speed`."""
        positive = (self.wanted, self.gap, self.headway, self.acceleration, self.braking)
        if not (np.isfinite(positive).all() and min(positive) > 0 and self.length >= 0):
            raise SceneError(
                f"a driver on {self.lane!r} needs positive wanted speed, gap, headway, "
                f"acceleration and braking, not {positive}"
            )
        if not (np.isfinite(self.at) and 0 <= self.speed < np.inf):
            raise SceneError(f"a driver starts at {self.at} m with {self.speed} m/s")
        return Driving(self.lane, self.at % self.curve.length, self.speed, self.length, 0)

    def move(
        self, state: Driving, matrix0: Floats, t: float, dt: float, context: Context
    ) -> tuple[Floats, Driving]:
        """Drive on for dt; the one ahead is taken to keep its speed for that long."""
        free, lead = self._ahead(state, context)
        at, speed, looks = 0.0, state.speed, max(1, int(np.ceil(dt / BLINK - 1e-9)))
        step = dt / looks
        for k in range(looks):
            change = self._accelerate(speed, free + k * step * lead - at, lead)
            stop = speed / -change if change * step < -speed else step
            at += max(0.0, speed * stop + change * stop**2 / 2)
            speed = max(0.0, speed + change * step)
        # the one ahead may brake harder than it was seen to; nobody drives into where it was
        if at > max(free, 0.0):
            at, speed = max(free, 0.0), min(speed, lead)
        whole, on = divmod(state.at + at, self.curve.length)
        lap = state.lap + (0 if self.loop else int(whole))
        driven = Driving(self.lane, on, speed, self.length, lap)
        return along(self.curve, on, matrix0, face=True), driven

    def _ahead(self, state: Driving, context: Context) -> tuple[float, float]:
        """Free metres to the one ahead, and its speed."""
        best, speed = np.inf, self.wanted
        for name, other in context.states.items():
            if not isinstance(other, Driving) or name == context.name or other.lane != self.lane:
                continue
            between = (other.at - state.at) % self.curve.length
            if between == 0 and name < context.name:
                between = self.curve.length
            free = between - (other.length + self.length) / 2
            if free < best:
                best, speed = free, other.speed
        return best, speed

    def _accelerate(self, speed: float, free: float, lead: float) -> float:
        comfort = 2 * (self.acceleration * self.braking) ** 0.5
        wish = self.gap + max(0.0, speed * self.headway + speed * (speed - lead) / comfort)
        near = (wish / max(free, 0.01)) ** 2 if np.isfinite(free) else 0.0
        return float(self.acceleration * (1 - (speed / self.wanted) ** 4 - near))


class Walking(NamedTuple):
    """State of a `RandomWalk` at its last turn: metres, radians, its stream, turns made."""

    x: float
    y: float
    heading: float
    key: int
    turns: int


@dataclass(frozen=True)
class RandomWalk:
    """Wanders in the plane with a constant speed, and stays within bounds.

    The heading is a Brownian motion, looked at every 0.1 s; at a bound it is mirrored. The walk
    is a function of the seed and the time: steps of any length show the same one.

    Attributes
    ----------
    speed : metres a second
    turn : radians per root second, how fast the heading diffuses
    bounds : (x0, y0), (x1, y1) metres
    face : turned about z with the heading; the body's first matrix is how it stands facing +x
    """

    speed: float = 1.0
    turn: float = 0.8
    bounds: tuple[tuple[float, float], tuple[float, float]] = ((-5.0, -5.0), (5.0, 5.0))
    face: bool = True

    def start(self, seed: Seed) -> Walking:
        """Choose a heading; the place comes with the first matrix."""
        values = (self.speed, self.turn, *self.bounds[0], *self.bounds[1])
        if not np.isfinite(values).all() or self.speed < 0 or self.turn < 0:
            raise SceneError(f"a walk's speed, turn and bounds make no sense: {values}")
        if not (np.subtract(self.bounds[1], self.bounds[0]) > 0).all():
            raise SceneError(f"a walk's bounds {self.bounds} enclose nothing")
        heading = float((seed / "heading").rng().uniform(-np.pi, np.pi))
        return Walking(np.nan, np.nan, heading, (seed / "turns").key(), 0)

    def move(
        self, state: Walking, matrix0: Floats, t: float, dt: float, context: Context
    ) -> tuple[Floats, Walking]:
        """Walk on to time t."""
        if np.isnan(state.x):
            low, high = self.bounds
            x, y = np.clip(matrix0[:2, 3], low, high).tolist()
            state = state._replace(x=x, y=y)
        turns = int(t / TICK + 1e-9)
        if turns > state.turns:
            state = self._walk(state, turns)
        x, y, heading = self._step(state, max(0.0, t - state.turns * TICK))
        matrix = matrix0.copy()
        matrix[:2, 3] = x, y
        if self.face:
            c, s = np.cos(heading), np.sin(heading)
            matrix[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]) @ matrix0[:3, :3]
        return matrix, state

    def _walk(self, state: Walking, turns: int) -> Walking:
        for k in range(state.turns, turns):
            x, y, heading = self._step(state, TICK)
            bits = np.random.Philox(key=state.key, counter=[k, 0, 0, 0])
            heading += self.turn * TICK**0.5 * float(np.random.Generator(bits).normal())
            state = Walking(x, y, heading, state.key, k + 1)
        return state

    def _step(self, state: Walking, seconds: float) -> tuple[float, float, float]:
        way = self.speed * seconds
        ahead, aside = float(np.cos(state.heading)), float(np.sin(state.heading))
        low, high = self.bounds
        x, ahead = _mirror(state.x + way * ahead, low[0], high[0], ahead)
        y, aside = _mirror(state.y + way * aside, low[1], high[1], aside)
        return x, y, float(np.arctan2(aside, ahead))


def _mirror(value: float, low: float, high: float, way: float) -> tuple[float, float]:
    """Fold a value into an interval as mirrors at both ends would."""
    width = high - low
    phase = (value - low) % (2 * width)
    if phase > width:
        return high - (phase - width), -way
    return low + phase, way
