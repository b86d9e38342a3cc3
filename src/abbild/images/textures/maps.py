"""Maps that are no colours: roughness, and normals of relief and engraved text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from abbild.core import Seed
from abbild.images.drawing import rasterise
from abbild.images.errors import SceneError
from abbild.images.glyphs import text
from abbild.images.limits import between, choice, whole
from abbild.images.textures.blending import normal_map, scalar, smoothstep
from abbild.images.textures.noise import cells, fractal

__all__ = ["Engraving", "Patches", "Relief"]

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]
SMALLEST, LARGEST = 16, 4096  # pixels


@dataclass(frozen=True)
class Patches:
    """A number that varies over a surface: roughness with fingerprints, worn metal. It tiles.

    Attributes
    ----------
    low, high : smallest and largest value, [0, 1]
    frequency : patches along each edge
    size_px : width and height
    """

    low: float = 0.3
    high: float = 0.7
    frequency: float = 4.0
    size_px: int = 128

    def check(self) -> None:
        """Raise SceneError for numbers out of range."""
        between(self, 0, 1, "low", "high")
        between(self, 1, 512, "frequency")
        whole(self, SMALLEST, LARGEST, "size_px")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px, size_px) uint8, 255 for one."""
        self.check()
        shape = (self.size_px, self.size_px)
        value = 0.5 + fractal(shape, self.frequency, seed.rng(), 5)
        return scalar(value, self.low, self.high)


@dataclass(frozen=True)
class Relief:
    """Normals of a bumpy surface. It tiles.

    Attributes
    ----------
    kind : "bumps", "hammered", "scales" or "grooves"
    frequency : bumps along each edge
    strength : slope of the steepest parts, about; 1 is 45 degrees
    size_px : width and height
    """

    kind: str = "bumps"
    frequency: int = 8
    strength: float = 0.5
    size_px: int = 256

    def check(self) -> None:
        """Raise SceneError for numbers out of range or an unknown kind."""
        choice(self, "kind", ("bumps", "hammered", "scales", "grooves"))
        whole(self, 1, 512, "frequency")
        between(self, 0, 10, "strength")
        whole(self, SMALLEST, LARGEST, "size_px")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px, size_px, 3) normals in tangent space, see `blending.normal_map`."""
        self.check()
        shape = (self.size_px, self.size_px)
        reach = self.strength * self.size_px / self.frequency
        return normal_map(reach * self._height(shape, seed.rng()))

    def _height(self, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
        if self.kind == "bumps":
            return fractal(shape, self.frequency, rng, 4)
        if self.kind == "grooves":
            step = (np.arange(self.size_px) + 0.5) / self.size_px
            wave = np.cos(2 * np.pi * self.frequency * step) / 4
            return np.asarray(wave[None, :] + 0.03 * fractal(shape, 16, rng, 3))
        nearest, second, _ = cells(shape, (self.frequency, self.frequency), rng)
        if self.kind == "hammered":
            return np.asarray(0.5 * nearest**2)
        return np.asarray(0.4 * smoothstep(0.0, 0.35, second - nearest))


@dataclass(frozen=True)
class Engraving:
    """Normals of a line of text cut into a flat surface, in its middle.

    Attributes
    ----------
    string : one line
    height : of the capitals as a share of the edge
    depth : slope of the walls; below zero the letters are raised
    aspect : width over height of the surface it is laid on
    size_px : width; the height follows from `aspect`
    """

    string: str = "A"
    height: float = 0.3
    depth: float = 1.0
    aspect: float = 1.0
    size_px: int = 256

    def check(self) -> None:
        """Raise SceneError for numbers out of range or an empty string."""
        between(self, 0.01, 1, "height")
        between(self, -10, 10, "depth")
        between(self, 0.05, 20, "aspect")
        whole(self, SMALLEST, LARGEST, "size_px")
        if not isinstance(self.string, str) or not self.string.strip():
            raise SceneError(f"Engraving.string must have a letter, not {self.string!r}")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px / aspect, size_px, 3) normals in tangent space."""
        self.check()
        rows = max(round(self.size_px / self.aspect), SMALLEST)
        longer = max(self.size_px, rows) / min(self.size_px, rows)
        high = 2 * self.height * (longer if rows > self.size_px else 1.0)
        drawn = rasterise(text(self.string, high), 2 * self.size_px, 2 * rows, supersample=1)
        letters = drawn[..., 3].reshape(rows, 2, self.size_px, 2).mean(axis=(1, 3)) / 255
        soft = gaussian_filter(letters, 1.0)
        return normal_map(-2 * self.depth * soft)
