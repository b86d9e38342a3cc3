"""Distributions: what may stand in a scene wherever a value may stand.

Each is a frozen dataclass. `draw` takes its numbers from the stream of the path it stands at, so
the value at a path of image i depends on the seed, the path, i and the attempt, and on nothing
else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from scipy.special import ndtr, ndtri

from abbild.images.colors import from_hsv
from abbild.images.errors import SceneError
from abbild.images.scene.stream import Stream

__all__ = [
    "AnyColor",
    "AnyDirection",
    "AnyRotation",
    "Balanced",
    "Choice",
    "Distribution",
    "Given",
    "LogUniform",
    "Normal",
    "Permutation",
    "Same",
    "Uniform",
    "Whole",
]


@runtime_checkable
class Distribution(Protocol):
    """Anything that draws a value; a plugin needs no more."""

    def draw(self, stream: Stream) -> Any:
        """Return one value; the same stream gives the same value."""
        ...


if TYPE_CHECKING:
    Leaf = Any  # what may stand wherever a value may stand is of every type to a type checker
else:
    Leaf = object


def _each(low: Any, high: Any, between: Any) -> Any:
    """Apply ``between(low, high, counter)`` to numbers, or to each pair of two sequences."""
    if not isinstance(low, (tuple, list)) and not isinstance(high, (tuple, list)):
        return between(float(low), float(high), 0)
    n = len(low) if isinstance(low, (tuple, list)) else len(high)
    lows = low if isinstance(low, (tuple, list)) else (low,) * n
    highs = high if isinstance(high, (tuple, list)) else (high,) * n
    if len(lows) != len(highs):
        raise SceneError(f"low has {len(lows)} numbers and high {len(highs)}")
    pairs = zip(lows, highs, strict=True)
    return tuple(between(float(a), float(b), counter) for counter, (a, b) in enumerate(pairs))


def _ordered(kind: str, low: float, high: float) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise SceneError(f"{kind} from {low} to {high}", hint="low must be at most high")


@dataclass(frozen=True)
class Uniform(Leaf):
    """A number between `low` and `high`, or a tuple of numbers between two tuples."""

    low: Any
    high: Any

    def draw(self, stream: Stream) -> Any:
        """Return ``low + u (high - low)``."""

        def between(low: float, high: float, counter: int) -> float:
            _ordered("uniform", low, high)
            return low + stream.uniform(counter) * (high - low)

        return _each(self.low, self.high, between)


@dataclass(frozen=True)
class LogUniform(Leaf):
    """A positive number whose logarithm is uniform, for what varies by orders of magnitude."""

    low: Any
    high: Any

    def draw(self, stream: Stream) -> Any:
        """Return ``low (high / low)**u``."""

        def between(low: float, high: float, counter: int) -> float:
            _ordered("log-uniform", low, high)
            if low <= 0:
                raise SceneError(f"log-uniform from {low}", hint="low must be above 0")
            return low * float((high / low) ** stream.uniform(counter))

        return _each(self.low, self.high, between)


@dataclass(frozen=True)
class Whole(Leaf):
    """A whole number from `low` to `high`, both included."""

    low: int
    high: int

    def draw(self, stream: Stream) -> int:
        """Return an int."""
        _ordered("whole", self.low, self.high)
        return int(self.low) + math.floor(stream.uniform() * (int(self.high) - int(self.low) + 1))


@dataclass(frozen=True)
class Normal(Leaf):
    """A number around `mean`, cut off at `low` and `high` where they are given.

    Cut off means drawn from the normal distribution under the condition that it lies between,
    by inversion, not clipped to the borders.
    """

    mean: float
    sd: float
    low: float | None = None
    high: float | None = None

    def draw(self, stream: Stream) -> float:
        """Return ``mean + sd z``, z standard normal between the two limits."""
        if not (math.isfinite(self.mean) and math.isfinite(self.sd) and self.sd >= 0):
            raise SceneError(f"normal with mean {self.mean} and sd {self.sd}")
        low = -math.inf if self.low is None else float(self.low)
        high = math.inf if self.high is None else float(self.high)
        if not low <= high:
            raise SceneError(f"normal from {low} to {high}", hint="low must be at most high")
        if self.sd == 0:
            return float(min(max(self.mean, low), high))
        a, b = (low - self.mean) / self.sd, (high - self.mean) / self.sd
        sign = -1.0 if a > 0 else 1.0  # the upper tail is drawn as the lower: no loss of digits
        first, last = (a, b) if sign > 0 else (-b, -a)
        floor, roof = float(ndtr(first)), float(ndtr(last))
        z = sign * float(ndtri(floor + stream.uniform() * (roof - floor)))
        if not math.isfinite(z):  # the limits lie beyond what a double can tell from 0 or 1
            z = a if a > 0 else b if b < 0 else 0.0
        return float(min(max(self.mean + self.sd * z, low), high))


@dataclass(frozen=True)
class Choice(Leaf):
    """One of several options; an option may be anything, whole objects with distributions too.

    Attributes
    ----------
    options : at least one
    weights : as many non-negative numbers, not all 0; None for equal ones
    """

    options: tuple[Any, ...]
    weights: tuple[float, ...] | None = None

    def draw(self, stream: Stream) -> Any:
        """Return an option; what is random within it is drawn afterwards."""
        return self.options[self.position(stream)]

    def position(self, stream: Stream) -> int:
        """Return the position of the drawn option."""
        weights = self.weights or (1.0,) * len(self.options)
        if not self.options or len(weights) != len(self.options):
            raise SceneError(f"a choice of {len(self.options)} options, {len(weights)} weights")
        sums = list(accumulate(map(float, weights)))
        if min(weights) < 0 or not 0 < sums[-1] < math.inf:
            raise SceneError(
                f"weights {tuple(weights)} of a choice", hint="they are >= 0 and not all 0"
            )
        point = stream.uniform() * sums[-1]
        return next(k for k, edge in enumerate(sums) if point < edge)


@dataclass(frozen=True)
class Balanced(Leaf):
    """One of several options, each equally often: image i takes card i of shuffled decks.

    Over every ``len(options)`` images in a row that start at a multiple of it, each option comes
    exactly once; any image can be drawn without the ones before.
    """

    options: tuple[Any, ...]

    def draw(self, stream: Stream) -> Any:
        """Return an option."""
        if not self.options:
            raise SceneError("a balanced choice of no options")
        n = len(self.options)
        deck = (stream.deck or stream.seed) / "deck" / (stream.index // n)
        return self.options[int(deck.rng().permutation(n)[stream.index % n])]


@dataclass(frozen=True)
class Permutation(Leaf):
    """The given items in random order."""

    items: tuple[Any, ...]

    def draw(self, stream: Stream) -> tuple[Any, ...]:
        """Return a tuple."""
        return tuple(self.items[k] for k in stream.rng().permutation(len(self.items)))


@dataclass(frozen=True)
class AnyDirection(Leaf):
    """A unit vector, uniform on the sphere between two elevations (degrees)."""

    low: float = -90.0
    high: float = 90.0

    def draw(self, stream: Stream) -> tuple[float, float, float]:
        """Return (x, y, z); uniform in area, by Archimedes' theorem."""
        _ordered("directions", self.low, self.high)
        a, b = math.sin(math.radians(self.low)), math.sin(math.radians(self.high))
        z = a + stream.uniform(0) * (b - a)
        r, phi = math.sqrt(max(0.0, 1 - z * z)), 2 * math.pi * stream.uniform(1)
        return (r * math.cos(phi), r * math.sin(phi), z)


@dataclass(frozen=True)
class AnyRotation(Leaf):
    """A rotation, uniform over all of them, as a unit quaternion (w, x, y, z)."""

    def draw(self, stream: Stream) -> tuple[float, float, float, float]:
        """Return a quaternion (Shoemake 1992)."""
        u, v, w = (stream.uniform(k) for k in range(3))
        a, b = math.sqrt(1 - u), math.sqrt(u)
        v, w = 2 * math.pi * v, 2 * math.pi * w
        return (b * math.cos(w), a * math.sin(v), a * math.cos(v), b * math.sin(w))


@dataclass(frozen=True)
class AnyColor(Leaf):
    """A colour as "#rrggbb", uniform in hue, saturation and value between limits in [0, 1]."""

    hue: tuple[float, float] = (0.0, 1.0)
    saturation: tuple[float, float] = (0.0, 1.0)
    value: tuple[float, float] = (0.1, 1.0)

    def draw(self, stream: Stream) -> str:
        """Return a colour; a hue beyond 1 goes round."""
        limits = (self.hue, self.saturation, self.value)
        h, s, v = (low + stream.uniform(k) * (high - low) for k, (low, high) in enumerate(limits))
        return "#" + "".join(f"{round(255 * float(c)):02x}" for c in from_hsv(h, s, v))


@dataclass(frozen=True)
class Same(Leaf):
    """The value drawn at another path, so that two things agree (a joint distribution).

    Draw a row of values once, ``variables={"look": Choice(({"hue": ...}, ...))}``, and take its
    parts where they belong: ``Same("/variables/look/hue")``. A path that begins with "./" starts
    at the object it stands in, so that members of a group refer to themselves.
    """

    path: str


@dataclass(frozen=True)
class Given(Leaf):
    """A value that depends on the value at another path (a conditional distribution).

    Attributes
    ----------
    path : as in `Same`
    cases : value there, as text, to what stands here
    otherwise : what stands here for every other value; none given makes that an error
    """

    path: str
    cases: Mapping[str, Any] = field(default_factory=dict)
    otherwise: Any = None
