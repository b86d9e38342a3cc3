"""Plain patterns of two colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.limits import between, colors, whole
from abbild.images.textures.blending import mix, ramp, smoothstep, srgb, to_pixels
from abbild.images.textures.noise import cells, fractal

__all__ = ["Checker", "Gradient", "Noise", "Speckle", "Stripes"]

Pixels = NDArray[np.uint8]
SMALLEST, LARGEST = 4, 4096  # pixels


@dataclass(frozen=True)
class Checker:
    """A chessboard.

    Attributes
    ----------
    count : squares along each edge; an even number repeats without a seam
    first, second : colours
    size_px : width and height
    """

    count: int = 8
    first: Any = "white"
    second: Any = "black"
    size_px: int = 256

    def check(self) -> None:
        """Raise SceneError for numbers out of range or unknown colours."""
        whole(self, 1, 1024, "count")
        whole(self, SMALLEST, LARGEST, "size_px")
        colors(self, "first", "second")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px, size_px, 3) sRGB; the first colour is at the lower left."""
        self.check()
        cell = (np.arange(self.size_px) * self.count) // self.size_px
        odd = (cell[::-1, None] + cell[None, :]) % 2 == 1
        return to_pixels(np.where(odd[..., None], srgb(self.second), srgb(self.first)))


@dataclass(frozen=True)
class Stripes:
    """Parallel stripes.

    Attributes
    ----------
    across, down : pairs of stripes over the width and over the height; both make them slanted
    share : of the first colour, [0, 1]
    first, second : colours
    soft : width of the transition as a share of a pair
    size_px : width and height
    """

    across: int = 8
    down: int = 0
    share: float = 0.5
    first: Any = "white"
    second: Any = "#28408c"
    soft: float = 0.05
    size_px: int = 256

    def check(self) -> None:
        """Raise SceneError for numbers out of range or unknown colours."""
        whole(self, -512, 512, "across", "down")
        between(self, 0, 1, "share", "soft")
        whole(self, SMALLEST, LARGEST, "size_px")
        colors(self, "first", "second")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px, size_px, 3) sRGB."""
        self.check()
        step = (np.arange(self.size_px) + 0.5) / self.size_px
        phase = self.across * step[None, :] + self.down * step[:, None]
        away = np.abs(phase - np.round(phase))  # from the middle of the first colour
        soft = max(self.soft, 1e-6) / 2
        edge = self.share / 2
        return to_pixels(
            mix(srgb(self.first), srgb(self.second), smoothstep(edge - soft, edge + soft, away))
        )


@dataclass(frozen=True)
class Gradient:
    """Colours that pass into each other from below to above.

    Attributes
    ----------
    bottom, top : colours
    turn : degrees counter-clockwise the direction is turned
    size_px : width and height
    """

    bottom: Any = "#707070"
    top: Any = "#e0e0e0"
    turn: float = 0.0
    size_px: int = 256

    def check(self) -> None:
        """Raise SceneError for numbers out of range or unknown colours."""
        between(self, -360, 360, "turn")
        whole(self, SMALLEST, LARGEST, "size_px")
        colors(self, "bottom", "top")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px, size_px, 3) sRGB."""
        self.check()
        angle = np.radians(self.turn)
        step = (np.arange(self.size_px) + 0.5) / self.size_px - 0.5
        way = np.array([-np.sin(angle), np.cos(angle)])
        value = (way[0] * step[None, :] - way[1] * step[:, None]) / np.abs(way).sum() + 0.5
        return to_pixels(ramp(value, (self.bottom, self.top)))


@dataclass(frozen=True)
class Noise:
    """Soft random patches between two colours; it tiles.

    Attributes
    ----------
    frequency : patches along each edge
    octaves : how many sizes of patches, each half as large as the one before
    gain : how strong each is against the one before
    contrast : 1 spans the two colours, less stays between them, more makes patches
    first, second : colours
    size_px : width and height
    """

    frequency: float = 4.0
    octaves: int = 5
    gain: float = 0.5
    contrast: float = 1.0
    first: Any = "#3c3c3c"
    second: Any = "#c8c8c8"
    size_px: int = 256

    def check(self) -> None:
        """Raise SceneError for numbers out of range or unknown colours."""
        between(self, 1, 1024, "frequency")
        between(self, 0, 1, "gain")
        between(self, 0, 100, "contrast")
        whole(self, 1, 12, "octaves")
        whole(self, SMALLEST, LARGEST, "size_px")
        colors(self, "first", "second")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px, size_px, 3) sRGB."""
        self.check()
        shape = (self.size_px, self.size_px)
        value = fractal(shape, self.frequency, seed.rng(), self.octaves, self.gain)
        share = np.clip(0.5 + self.contrast * value, 0, 1)
        return to_pixels(mix(srgb(self.first), srgb(self.second), share))


@dataclass(frozen=True)
class Speckle:
    """Round dots of random size at random places; it tiles.

    Attributes
    ----------
    count : dots along each edge
    radius : largest radius as a share of the mean distance of two dots
    share : of places that have a dot
    ground, dots, more_dots : colours; each dot lies between the last two
    size_px : width and height
    """

    count: int = 16
    radius: float = 0.35
    share: float = 0.8
    ground: Any = "#d8d2c4"
    dots: Any = "#4a3f36"
    more_dots: Any = "#8c7b66"
    size_px: int = 256

    def check(self) -> None:
        """Raise SceneError for numbers out of range or unknown colours."""
        whole(self, 1, 512, "count")
        between(self, 0, 1, "radius", "share")
        whole(self, SMALLEST, LARGEST, "size_px")
        colors(self, "ground", "dots", "more_dots")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px, size_px, 3) sRGB."""
        self.check()
        rng = seed.rng()
        shape = (self.size_px, self.size_px)
        nearest, _, which = cells(shape, (self.count, self.count), rng)
        dots = self.count * self.count
        radius = np.where(
            rng.random(dots) < self.share, self.radius * rng.uniform(0.3, 1, dots), -1.0
        )
        pixel = self.count / self.size_px
        cover = np.clip((radius[which] - nearest) / pixel + 0.5, 0, 1)
        cover[radius[which] < 0] = 0
        color = mix(srgb(self.dots), srgb(self.more_dots), rng.random(dots))[which]
        return to_pixels(mix(srgb(self.ground), color, cover))
