"""Corrugated cardboard with print and tape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.limits import between, colors, whole
from abbild.images.textures.blending import smoothstep, srgb, to_pixels
from abbild.images.textures.noise import fractal

__all__ = ["Cardboard"]

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Cardboard:
    """A side of a carton.

    Attributes
    ----------
    color, ink, tape : colours
    marks : printed blocks and bars
    seam : width of the tape over the seam in the middle as a share of the height; 0 has neither
    size_px : width and height
    """

    color: Any = "#b08a5c"
    ink: Any = "#3c3228"
    tape: Any = "#c9ab78"
    marks: int = 0
    seam: float = 0.0
    size_px: int = 256

    def check(self) -> None:
        """Raise SceneError for numbers out of range or unknown colours."""
        whole(self, 0, 32, "marks")
        between(self, 0, 0.9, "seam")
        whole(self, 16, 4096, "size_px")
        colors(self, "color", "ink", "tape")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px, size_px, 3) sRGB; it does not tile."""
        self.check()
        rng = seed.rng()
        size = self.size_px
        shape = (size, size)
        flute = 0.02 * np.cos(2 * np.pi * np.arange(size) * min(64, size // 4) / size)
        light = 1 + flute[None, :] + 0.14 * fractal(shape, 3, rng, 6, 0.6)
        border = np.minimum(np.arange(size), np.arange(size)[::-1]) / size
        edge = np.minimum(border[None, :], border[:, None])
        light += 0.12 * (1 - smoothstep(0, 0.02, edge))  # scuffed edges are pale
        color = srgb(self.color) * light[..., None]
        for _ in range(self.marks):
            self._print(color, rng)
        if self.seam > 0:
            away = np.abs((np.arange(size) + 0.5) / size - 0.5)[:, None]
            gloss = 0.85 + 0.1 * fractal(shape, (2, 6), rng, 3)[..., None]
            taped = smoothstep(-1 / size, 1 / size, self.seam / 2 - away)[..., None]
            color = color + 0.8 * taped * (srgb(self.tape) * gloss - color)
            color *= (0.55 + 0.45 * smoothstep(0.5 / size, 1.5 / size, away))[..., None]
        return to_pixels(color)

    def _print(self, color: NDArray[Any], rng: np.random.Generator) -> None:
        """Stamp a block of bars or a plain bar, worn like ink on paper."""
        size = len(color)
        wide, high = (rng.uniform([0.08, 0.02], [0.4, 0.14]) * size).astype(np.int64) + 1
        x, y = (rng.uniform(0.05, 0.6, 2) * size).astype(np.int64)
        patch: Floats = color[y : y + high, x : x + wide]
        ink = np.full(patch.shape[:2], 0.75)
        if rng.random() < 0.6:
            ink *= np.where(rng.random(patch.shape[1]) < 0.6, 1.0, 0.0)
        patch += ink[..., None] * (srgb(self.ink) - patch)
