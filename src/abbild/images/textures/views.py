"""What stands behind things: leaves, sky, houses, anything at all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from abbild.core import Seed
from abbild.images.limits import between, colors, whole
from abbild.images.textures.blending import mix, ramp, smoothstep, srgb, to_pixels
from abbild.images.textures.noise import cells, fractal, looked_up

__all__ = ["Clouds", "Clutter", "Facade", "Foliage"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Pixels = NDArray[np.uint8]
SMALLEST, LARGEST = 16, 4096  # pixels


@dataclass(frozen=True)
class Foliage:
    """Bushes and trees, more or less out of focus, with sky between them above. It tiles across.

    Attributes
    ----------
    leaves : along each edge, the nearest ones
    dark, light : colours of shade and of leaves in the sun
    sky : colour of the gaps
    gaps : [0, 1], share of sky at the upper edge
    blur : standard deviation as a share of the width
    size_px : width and height
    """

    leaves: int = 28
    dark: Any = "#1c2812"
    light: Any = "#93ae5e"
    sky: Any = "#cdd8e4"
    gaps: float = 0.25
    blur: float = 0.004
    size_px: int = 256

    def check(self) -> None:
        """Raise SceneError for numbers out of range or unknown colours."""
        whole(self, 4, 256, "leaves")
        between(self, 0, 1, "gaps")
        between(self, 0, 0.2, "blur")
        whole(self, SMALLEST, LARGEST, "size_px")
        colors(self, "dark", "light", "sky")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px, size_px, 3) sRGB."""
        self.check()
        rng = seed.rng()
        shape = (self.size_px, self.size_px)
        crowns = fractal(shape, 3, rng, 4)
        light = np.clip(0.4 + 1.0 * crowns, 0, 1)
        for share, least in ((0.5, 0.35), (1.0, 0.25)):
            light = self._layer(light, crowns, int(self.leaves * share), least, rng)
        tint = 1 + 0.25 * fractal(shape, 5, rng, 2)[..., None] * np.array([1.0, 0.2, -0.6])
        color = ramp(light, (self.dark, self.light)) * tint
        height = np.linspace(1, 0, self.size_px)[:, None]
        open_sky = smoothstep(
            0.0, 0.12, fractal(shape, 6, rng, 4) - 0.9 + 1.1 * self.gaps * (0.4 + height)
        )
        color = mix(color, srgb(self.sky), open_sky)
        if self.blur > 0:
            sigma = self.blur * self.size_px
            color = gaussian_filter(color, (sigma, sigma, 0), mode=("nearest", "wrap", "nearest"))
        return to_pixels(color)

    def _layer(
        self, light: Floats, crowns: Floats, count: int, least: float, rng: np.random.Generator
    ) -> Floats:
        """Lay leaves of one size over what is behind."""
        shape = light.shape
        nearest, _, which = cells(shape, (max(count, 2), max(int(count * 1.4), 2)), rng)
        number = int(which.max()) + 1
        radius = rng.uniform(0.25, 0.7, number)[which]
        cover = smoothstep(0, 0.12, radius - nearest)
        tone = rng.uniform(least, 1.0, number)[which] * (1 - 0.5 * nearest)
        tone = tone * np.clip(0.75 + 1.3 * crowns, 0.15, 1.2)
        return np.asarray(light + cover * (np.clip(tone, 0, 1) - light))


@dataclass(frozen=True)
class Clouds:
    """A sky with clouds, brighter towards the lower edge. It tiles across.

    Attributes
    ----------
    share : of the sky that is covered, [0, 1]
    blue, haze, white, shade : colours above, at the lower edge, of clouds and of their undersides
    size_px : width and height
    """

    share: float = 0.5
    blue: Any = "#3f74b8"
    haze: Any = "#bcd2e6"
    white: Any = "#fbfbf8"
    shade: Any = "#9aa4b0"
    size_px: int = 256

    def check(self) -> None:
        """Raise SceneError for numbers out of range or unknown colours."""
        between(self, 0, 1, "share")
        whole(self, SMALLEST, LARGEST, "size_px")
        colors(self, "blue", "haze", "white", "shade")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px, size_px, 3) sRGB."""
        self.check()
        rng = seed.rng()
        size = self.size_px
        field = fractal((size, size), (5, 3), rng, 6, 0.55)
        down = (np.arange(size)[:, None] + 0.5) / size
        squeezed = (size * down**1.5) * 0.75  # flatter towards the horizon
        values = looked_up(field, np.arange(size)[None, :] + 0.0 * down, squeezed)
        back = ramp(np.broadcast_to(down, (size, size)), (self.blue, self.haze))
        edge = float(np.quantile(values, 1 - self.share)) if 0 < self.share < 1 else self.share - 2
        cover = smoothstep(edge - 0.05, edge + 0.25, values) if self.share > 0 else 0 * values
        deep = smoothstep(edge + 0.1, edge + 0.6, values)
        lower = np.roll(values, size // 24, axis=0) - values  # thinner above: lit from there
        light = np.clip(1 - 0.75 * deep + 1.2 * lower, 0, 1)
        return to_pixels(mix(back, mix(srgb(self.shade), srgb(self.white), light), cover))


@dataclass(frozen=True)
class Facade:
    """A house front with rows of windows. It tiles.

    Attributes
    ----------
    storeys, windows : rows and columns
    wall, frame, glass : colours
    lit : share of the windows with light behind them
    size_px : width and height
    """

    storeys: int = 4
    windows: int = 5
    wall: Any = "#b9a58a"
    frame: Any = "#e8e4dc"
    glass: Any = "#37424e"
    lit: float = 0.15
    size_px: int = 256

    def check(self) -> None:
        """Raise SceneError for numbers out of range or unknown colours."""
        whole(self, 1, 64, "storeys", "windows")
        between(self, 0, 1, "lit")
        whole(self, SMALLEST, LARGEST, "size_px")
        colors(self, "wall", "frame", "glass")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px, size_px, 3) sRGB."""
        self.check()
        rng = seed.rng()
        shape = (self.size_px, self.size_px)
        step = (np.arange(self.size_px) + 0.5) / self.size_px
        y, x = step[:, None] * self.storeys, step[None, :] * self.windows
        row, column = y.astype(np.int64), x.astype(np.int64)
        y, x = y - row, x - column
        half = np.array([rng.uniform(0.22, 0.36), rng.uniform(0.26, 0.36)])
        away = np.maximum(np.abs(x - 0.5) / half[0], np.abs(y - 0.48) / half[1])
        plaster = 1 + 0.16 * fractal(shape, 4, rng, 6, 0.6)[..., None]
        color = srgb(self.wall) * plaster
        color = color * (1 - 0.35 * smoothstep(0.47, 0.5, np.abs(y - 0.5)))[..., None]
        sill = (np.abs(x - 0.5) < half[0] * 1.15) & (np.abs(y - 0.48 - half[1] - 0.02) < 0.025)
        color = np.where(sill[..., None], 0.8 * srgb(self.frame), color)
        color = np.where((away < 1)[..., None], srgb(self.frame), color)
        return to_pixels(self._glazed(color, away, (x, y), (row, column), rng))

    def _glazed(
        self,
        color: Floats,
        away: Floats,
        place: tuple[Floats, Floats],
        which: tuple[NDArray[np.int64], NDArray[np.int64]],
        rng: np.random.Generator,
    ) -> Floats:
        """Panes that mirror the sky, are dark, lit or behind curtains."""
        x, y = place
        cross = (np.abs(x - 0.5) > 0.012) & (np.abs(y - 0.4) > 0.012)
        pane = (away < 0.88) & cross
        number = (self.storeys, self.windows)
        sky = np.array([0.62, 0.70, 0.78])
        share = rng.uniform(0.0, 0.8, number)[which] * (1 - y)
        glass = mix(srgb(self.glass), sky, share)
        curtain = rng.uniform(0, 1.2, number)[which]
        glass = np.where((y < 0.2 + 0.5 * curtain - 0.3)[..., None], 0.75 * srgb(self.frame), glass)
        warm = np.array([0.98, 0.84, 0.55])
        glass = np.where((rng.random(number) < self.lit)[which][..., None], warm, glass)
        return np.where(pane[..., None], glass, color)


@dataclass(frozen=True)
class Clutter:
    """Overlapping shapes of all sizes and colours, some in focus: any place seen in passing.

    Attributes
    ----------
    shapes : how many
    colorful : [0, 1], saturation of the colours
    blur : standard deviation of the blur at the back as a share of the width
    size_px : width and height
    """

    shapes: int = 60
    colorful: float = 0.6
    blur: float = 0.012
    size_px: int = 256

    def check(self) -> None:
        """Raise SceneError for numbers out of range."""
        whole(self, 0, 5000, "shapes")
        between(self, 0, 1, "colorful")
        between(self, 0, 0.2, "blur")
        whole(self, SMALLEST, LARGEST, "size_px")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px, size_px, 3) sRGB; it does not tile."""
        self.check()
        rng = seed.rng()
        size = self.size_px
        grain = fractal((size, size), 6, rng, 5, 0.65).astype(np.float32)
        low, high = (self._color(rng) for _ in range(2))
        share = np.clip(0.5 + 0.6 * fractal((size, size), 1, rng, 3), 0, 1)
        image = mix(low, high, share).astype(np.float32)  # halves the time of painting
        for k in range(self.shapes):
            self._paint(image, grain, 0.6 * 0.97 ** (90 * k / max(self.shapes, 1)), rng)
            if k == self.shapes // 2:
                image = _blurred(image, self.blur * size)
        image = _blurred(image, 0.25 * self.blur * size)
        return to_pixels(image)

    def _color(self, rng: np.random.Generator) -> Floats:
        grey = rng.beta(1.2, 1.2)
        color = grey + self.colorful * rng.uniform(-0.5, 0.5, 3) * rng.random() ** 0.5
        return np.asarray(np.clip(color, 0.02, 0.98))

    def _paint(
        self, image: Singles, grain: Singles, largest: float, rng: np.random.Generator
    ) -> None:
        """Lay one ellipse, rectangle or triangle of at most `largest` of the width over it."""
        size = len(image)
        radius = size * largest * rng.uniform(0.1, 0.7, 2)
        x, y = rng.uniform(-0.1, 1.1, 2) * size
        turn, kind, color = rng.uniform(0, np.pi), rng.integers(3), self._color(rng)
        shade = rng.uniform(-0.35, 0.35, 2).tolist()
        rough = rng.uniform(0, 0.3)
        x, y, wide, high, turn = (float(value) for value in (x, y, *radius, turn))
        reach = float(np.hypot(*radius))
        x0, x1 = max(int(x - reach), 0), min(int(x + reach) + 2, size)
        y0, y1 = max(int(y - reach), 0), min(int(y + reach) + 2, size)
        if x0 >= x1 or y0 >= y1:
            return
        dx = np.arange(x0, x1, dtype=np.float32)[None, :] - np.float32(x)
        dy = np.arange(y0, y1, dtype=np.float32)[:, None] - np.float32(y)
        u = (math.cos(turn) * dx + math.sin(turn) * dy) / wide
        v = (math.cos(turn) * dy - math.sin(turn) * dx) / high
        if kind == 0:
            inside = 1 - np.hypot(u, v)
        elif kind == 1:
            inside = 1 - np.maximum(np.abs(u), np.abs(v))
        else:
            inside = np.minimum(1 + v, 1 - v - 2 * np.abs(u)) / 2
        cover = np.clip(inside * min(wide, high) + 0.5, 0, 1)[..., None]
        light = 1 + shade[0] * u + shade[1] * v + rough * grain[y0:y1, x0:x1]
        patch = image[y0:y1, x0:x1]
        patch += cover * (np.clip(color.astype(np.float32) * light[..., None], 0, 1) - patch)


def _blurred(image: Singles, sigma: float) -> Singles:
    if sigma == 0:
        return image
    return np.asarray(gaussian_filter(image, (sigma, sigma, 0), mode="nearest", truncate=3))
