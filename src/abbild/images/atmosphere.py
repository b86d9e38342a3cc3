"""Air and water between the scene and the sensor: fog, haze, rain, snow, drops, glare.

Weather is a tuple of frozen values whose fields are numbers (colours also as names), applied in
their order to radiance. Sizes are shares of the picture's height, so that a picture and its
enlargement have the same weather.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi
from typing import Any, Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.colors import linear_color
from abbild.images.develop import blurred
from abbild.images.errors import SceneError
from abbild.images.limits import between, colors, whole
from abbild.images.stage import Fog

__all__ = [
    "Bloom",
    "Drops",
    "Glare",
    "Haze",
    "Rain",
    "Snow",
    "Weather",
    "apply_fog",
    "apply_weather",
]

Singles = NDArray[np.float32]
Random = np.random.Generator
_CLOUDS = 300.0  # metres
_GREY = np.array([0.2126, 0.7152, 0.0722], np.float32)


class Weather(Protocol):
    """One thing in the air."""

    def apply(self, radiance: Singles, distance: Singles, random: Random) -> Singles:
        """Return new radiance."""
        ...


def apply_fog(radiance: Singles, distance: Singles, fog: Fog) -> Singles:
    """Return ``radiance * t + color * (1 - t)``, t = exp(-density distance) (Koschmieder 1924).

    Parameters
    ----------
    radiance : (h, w, 3) float32
    distance : (h, w) float32, metres along the ray, inf for the sky
    """
    if fog.density <= 0:
        return radiance
    clear = np.exp(-np.float32(fog.density) * distance)[..., None]
    seen: Singles = radiance * clear + np.asarray(fog.color, np.float32) * (1 - clear)
    return seen


def apply_weather(
    radiance: Singles, distance: Singles, weather: Sequence[Any], *, seed: Seed
) -> Singles:
    """Apply all of `weather` in order; each draws from a stream of its own.

    Parameters
    ----------
    radiance : (h, w, 3) float32
    distance : (h, w) float32, metres, inf for none
    weather : values of this module, or anything with their `apply`
    """
    for number, each in enumerate(weather):
        if not hasattr(each, "apply"):
            raise SceneError(
                f"weather has a {type(each).__name__}", hint="use Haze, Rain, Snow, Drops, Glare"
            )
        radiance = each.apply(radiance, distance, (seed / number).rng())
    return radiance


def _around(radiance: Singles) -> Singles:
    """Mean light of the picture, limited to four times its median, (3,)."""
    flat = radiance.reshape(-1, 3)
    limit = 4 * np.median(flat, axis=0) + 1e-6
    mean: Singles = np.minimum(flat, limit).mean(axis=0).astype(np.float32)
    return mean


def _air(radiance: Singles, distance: Singles) -> Singles:
    """Colour of the air far off: the mean of the sky, or of all where hardly any is seen, (3,)."""
    is_sky = ~np.isfinite(distance)
    return _around(radiance[is_sky] if np.mean(is_sky) > 0.02 else radiance)


def _veiled(radiance: Singles, distance: Singles, color: Singles, density: float) -> Singles:
    """Add drops and flakes too far to be seen singly; the clouds they fall from end the view."""
    return apply_fog(radiance, np.minimum(distance, np.float32(_CLOUDS)), Fog(color, density))


@dataclass(frozen=True)
class Haze:
    """Bright air that hides what is far.

    Attributes
    ----------
    visibility : metres at which contrast falls to 5 % (the meteorologists' measure)
    color : of the air; None takes the mean of the sky
    """

    visibility: Any = 2000.0
    color: Any = None

    def check(self) -> None:
        """Raise SceneError for numbers out of range."""
        between(self, 1e-3, 1e9, "visibility")
        if self.color is not None:
            colors(self, "color")

    def apply(self, radiance: Singles, distance: Singles, random: Random) -> Singles:
        """Return the picture through the air, (h, w, 3)."""
        color = _air(radiance, distance) if self.color is None else linear_color(self.color)
        return apply_fog(radiance, distance, Fog(color, 3.0 / max(float(self.visibility), 1e-9)))


@dataclass(frozen=True)
class Rain:
    """Streaks of falling drops, and the grey veil of those too far to be seen singly.

    Attributes
    ----------
    amount : 0 none, 1 a downpour
    length : of a near streak, in picture heights
    slant : degrees from the vertical
    brightness : of a streak, in means of the picture
    """

    amount: Any = 0.5
    length: Any = 0.15
    slant: Any = 8.0
    brightness: Any = 1.6

    def check(self) -> None:
        """Raise SceneError for numbers out of range."""
        between(self, 0, 100, "amount", "length", "brightness")
        between(self, -1e6, 1e6, "slant")

    def apply(self, radiance: Singles, distance: Singles, random: Random) -> Singles:
        """Return the picture in rain, (h, w, 3)."""
        h, w = radiance.shape[:2]
        light = _around(radiance) * np.float32(self.brightness)
        veil = _veiled(radiance, distance, _around(radiance), 0.01 * float(self.amount))
        count = round(float(self.amount) * 500 * max(w / h, 0.2))
        near = random.beta(1.0, 3.0, count)  # most are far
        thick = (0.0012 + 0.004 * near) * h
        span = float(self.length) * (0.25 + 0.75 * near) * h
        turn = np.radians(float(self.slant) + random.normal(0, 1.5, count))
        place = random.random((count, 2)) * [w + h * 0.4, h * 1.4] - 0.2 * h
        opacity = random.uniform(0.15, 0.5, count) * np.minimum(thick, 1.0)
        ends = np.stack([np.sin(turn) * span, np.cos(turn) * span], axis=1)
        reach = 2.0 / (near + 0.05)  # metres; a body nearer than that hides the streak
        cover = np.zeros((h, w), np.float32)
        streaks = np.column_stack([place, place + ends, np.maximum(thick, 1.0), opacity, reach])
        _draw_streaks(cover, streaks, distance)
        return _over(veil, cover, light)


@dataclass(frozen=True)
class Snow:
    """Falling flakes.

    Attributes
    ----------
    amount : 0 none, 1 a snowstorm
    size : radius of a near flake, in picture heights
    slant : degrees from the vertical that the wind drives them
    speed : how far a near flake falls during the exposure, in picture heights
    brightness : of a flake, in means of the picture
    """

    amount: Any = 0.5
    size: Any = 0.012
    slant: Any = 15.0
    speed: Any = 0.015
    brightness: Any = 2.0

    def check(self) -> None:
        """Raise SceneError for numbers out of range."""
        between(self, 0, 100, "amount", "size", "speed", "brightness")
        between(self, -1e6, 1e6, "slant")

    def apply(self, radiance: Singles, distance: Singles, random: Random) -> Singles:
        """Return the picture in falling snow, (h, w, 3)."""
        h, w = radiance.shape[:2]
        around = _around(radiance)
        white = np.full(3, around @ _GREY, np.float32) * np.float32(self.brightness)
        middle = ((around + white) / 2).astype(np.float32)
        veil = _veiled(radiance, distance, middle, 0.02 * float(self.amount))
        count = round(float(self.amount) * 900 * max(w / h, 0.2))
        near = random.beta(1.0, 4.0, count)
        radius = float(self.size) * (0.15 + 0.85 * near) * h * random.uniform(0.7, 1.3, count)
        turn = np.radians(float(self.slant) + random.normal(0, 12, count))
        span = float(self.speed) * (0.2 + 0.8 * near) * h
        place = random.random((count, 2)) * [w + 0.2 * h, h * 1.2] - 0.1 * h
        thick = np.maximum(2 * radius, 1.0)
        opacity = random.uniform(0.5, 0.95, count) * np.minimum(2 * radius, 1.0) * (1 - 0.5 * near)
        ends = np.stack([np.sin(turn) * span, np.cos(turn) * span], axis=1)
        reach = 1.5 / (near + 0.03)
        cover = np.zeros((h, w), np.float32)
        _draw_streaks(
            cover, np.column_stack([place, place + ends, thick, opacity, reach]), distance
        )
        return _over(veil, cover, white)


def _over(radiance: Singles, cover: Singles, light: Singles) -> Singles:
    mixed: Singles = radiance * (1 - cover[..., None]) + light * cover[..., None]
    return mixed


@njit(cache=True)
def _draw_streaks(cover: Singles, streaks: Any, distance: Singles) -> None:
    """Lay soft lines over each other; x0, y0, x1, y1, thickness, opacity, distance of each."""
    h, w = cover.shape
    for n in range(len(streaks)):
        x0, y0, x1, y1 = streaks[n, 0], streaks[n, 1], streaks[n, 2], streaks[n, 3]
        half, opacity, reach = 0.5 * streaks[n, 4], streaks[n, 5], streaks[n, 6]
        dx, dy = x1 - x0, y1 - y0
        squared = dx * dx + dy * dy + 1e-12
        top, bottom = max(int(min(y0, y1) - half - 1), 0), min(int(max(y0, y1) + half + 2), h)
        left, right = max(int(min(x0, x1) - half - 1), 0), min(int(max(x0, x1) + half + 2), w)
        for i in range(top, bottom):
            for j in range(left, right):
                if distance[i, j] < reach:
                    continue
                px, py = j + 0.5 - x0, i + 0.5 - y0
                s = min(max((px * dx + py * dy) / squared, 0.0), 1.0)
                ex, ey = px - s * dx, py - s * dy
                off = np.sqrt(ex * ex + ey * ey)
                inside = min(max((half + 0.5 - off) / (0.5 * half + 0.5), 0.0), 1.0)
                if inside > 0.0:
                    c = opacity * inside * inside * (3.0 - 2.0 * inside)
                    cover[i, j] += (1.0 - cover[i, j]) * c


@dataclass(frozen=True)
class Drops:
    """Drops on the lens: small wide-angle views of the scene, upside down and out of focus.

    Attributes
    ----------
    count : how many
    size : radius of the largest, in picture heights
    """

    count: Any = 12
    size: Any = 0.08

    def check(self) -> None:
        """Raise SceneError for numbers out of range."""
        whole(self, 0, 100_000, "count")
        between(self, 0, 10, "size")

    def apply(self, radiance: Singles, distance: Singles, random: Random) -> Singles:
        """Return the picture through a wet lens, (h, w, 3)."""
        h, w = radiance.shape[:2]
        count = max(int(self.count), 0)
        radius = float(self.size) * h * random.uniform(0.25, 1.0, count)
        place = random.random((count, 2)) * [w, h]
        drops = np.column_stack([place, np.maximum(radius, 1.0), random.uniform(0.8, 1.25, count)])
        out = np.ascontiguousarray(radiance).copy()
        _refract(out, blurred(radiance, max(0.012 * h, 0.3)), drops)
        return out


@njit(cache=True)
def _refract(out: Singles, soft: Singles, drops: Any) -> None:
    h, w = out.shape[0], out.shape[1]
    for n in range(len(drops)):
        x, y, radius, aspect = drops[n, 0], drops[n, 1], drops[n, 2], drops[n, 3]
        top, bottom = max(int(y - 1.4 * radius), 0), min(int(y + 1.4 * radius) + 2, h)
        left, right = max(int(x - 1.4 * radius), 0), min(int(x + 1.4 * radius) + 2, w)
        for i in range(top, bottom):
            for j in range(left, right):
                u, v = (j + 0.5 - x) / radius, (i + 0.5 - y) / (radius * aspect)
                far = np.sqrt(u * u + v * v)
                share = min(max((1.0 - far) * max(radius * 0.25, 1.0), 0.0), 1.0)
                if share <= 0.0:
                    continue
                bend = 1.0 + 1.5 * far * far
                p = int(min(max(y - v * bend * 0.28 * h, 0.0), h - 1.0))
                q = int(min(max(x - u * bend * 0.28 * h, 0.0), w - 1.0))
                dark = 1.0 - 0.45 * far**6 - 0.1 * v
                for c in range(3):
                    out[i, j, c] += share * (dark * soft[p, q, c] - out[i, j, c])


@dataclass(frozen=True)
class Glare:
    """A low sun that shines into the lens: veil, rays and the ghosts of its glass.

    Attributes
    ----------
    x, y : where the sun is, in widths and heights of the picture from its upper left corner; it
        may be outside
    strength : of the veil, in means of the picture
    size : how far the veil reaches, in picture heights
    ghosts : strength of the ghosts, 0 for none
    color : of the light
    """

    x: Any = 0.8
    y: Any = -0.1
    strength: Any = 2.0
    size: Any = 0.5
    ghosts: Any = 0.3
    color: Any = (1.0, 0.93, 0.8)

    def check(self) -> None:
        """Raise SceneError for numbers out of range."""
        between(self, -100, 100, "x", "y")
        between(self, 0, 1e6, "strength", "ghosts")
        between(self, 1e-3, 1e3, "size")
        colors(self, "color")

    def apply(self, radiance: Singles, distance: Singles, random: Random) -> Singles:
        """Return the picture against the light, (h, w, 3)."""
        h, w = radiance.shape[:2]
        light = linear_color(self.color) * _around(radiance) * np.float32(self.strength)
        y, x = np.mgrid[:h, :w].astype(np.float32)
        x, y = (x + 0.5) / h, (y + 0.5) / h
        sun = np.array([float(self.x) * w / h, float(self.y)])
        far = np.hypot(x - sun[0], y - sun[1])
        veil = 1 / (1 + (far / (0.35 * float(self.size))) ** 2) ** 1.25
        turn = np.arctan2(y - sun[1], x - sun[0])
        arms = np.abs(np.cos(3 * turn + random.uniform(0, pi))) ** 40
        veil += 0.5 * arms * np.exp(-far / (0.6 * float(self.size)))
        out = radiance + veil[..., None].astype(np.float32) * light
        if self.ghosts > 0:
            out = out + self._ghosts(x, y, sun, w / h, random) * light * np.float32(self.ghosts)
        return np.asarray(out, np.float32)

    def _ghosts(self, x: Singles, y: Singles, sun: Any, aspect: float, random: Random) -> Singles:
        """Mirror images of the aperture on the line through the middle of the picture."""
        middle = np.array([0.5 * aspect, 0.5])
        ghosts = np.zeros((*x.shape, 3), np.float32)
        for along in random.uniform(-0.4, 2.2, 6):
            at = sun + along * (middle - sun)
            radius = random.uniform(0.02, 0.09)
            far = np.hypot(x - at[0], y - at[1]) / radius
            disc = np.clip((1 - far) * 8, 0, 1) * (0.35 + 0.65 * np.minimum(far, 1) ** 3)
            ghosts += disc[..., None] * random.uniform(0.2, 1.0, 3).astype(np.float32)
        return ghosts


@dataclass(frozen=True)
class Bloom:
    """Light of very bright places that the lens scatters around them.

    Attributes
    ----------
    threshold : radiance above which a place scatters, in means of the picture
    share : of its light that is scattered
    size : deviation of the widest halo, in picture heights
    """

    threshold: Any = 4.0
    share: Any = 0.15
    size: Any = 0.06

    def check(self) -> None:
        """Raise SceneError for numbers out of range."""
        between(self, 0, 1e9, "threshold")
        between(self, 0, 1, "share")
        between(self, 0, 10, "size")

    def apply(self, radiance: Singles, distance: Singles, random: Random) -> Singles:
        """Return the picture with halos, (h, w, 3)."""
        limit = np.float32(self.threshold) * (_around(radiance) @ _GREY)
        bright = np.maximum(radiance - limit, 0)
        if not bright.any():
            return radiance
        h = radiance.shape[0]
        share, out = np.float32(self.share), radiance - np.float32(self.share) * bright
        for part, size in ((0.6, 0.25), (0.4, 1.0)):
            deviation = max(float(self.size) * size * h, 0.3)
            out = out + share * np.float32(part) * blurred(bright, deviation)
        return np.asarray(out, np.float32)
