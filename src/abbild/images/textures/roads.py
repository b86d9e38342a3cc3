"""Asphalt with painted lanes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.errors import SceneError
from abbild.images.limits import between, colors, positive, whole
from abbild.images.textures.blending import mix, smoothstep, srgb, to_pixels
from abbild.images.textures.materials import asphalt_shares
from abbild.images.textures.noise import fractal

__all__ = ["RoadSurface"]

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class RoadSurface:
    """One tile of a road for `shapes.Road`: u across, v along. It tiles along the road.

    Attributes
    ----------
    lanes : side by side; dashes lie between them
    width, tile : metres of road the texture covers across and along
    dash, line : length and width of a dash, metres; German country roads have 4 in 12
    verge : metres from the road's edge to the edge line
    solid : whether the middle line of two lanes is solid
    paint, bitumen, stone : colours
    wear : [0, 1], paint that is gone, stones that show
    height_px, width_px : along and across
    """

    lanes: int = 2
    width: float = 7.0
    tile: float = 12.0
    dash: float = 4.0
    line: float = 0.15
    verge: float = 0.25
    solid: bool = False
    paint: Any = "#e9e7e0"
    bitumen: Any = "#38383a"
    stone: Any = "#77746f"
    wear: float = 0.3
    height_px: int = 512
    width_px: int = 512

    def check(self) -> None:
        """Raise SceneError for numbers out of range, unknown colours, lines without room."""
        whole(self, 1, 16, "lanes")
        positive(self, "width", "tile", "line")
        between(self, 0, self.tile, "dash")
        between(self, 0, self.width, "verge")
        between(self, 0, 1, "wear")
        whole(self, 16, 4096, "height_px", "width_px")
        colors(self, "paint", "bitumen", "stone")
        if 2 * self.verge + (self.lanes + 1) * self.line >= self.width:
            raise SceneError(
                f"RoadSurface.width of {self.width!r} metres has no room for {self.lanes} lanes"
            )

    def pixels(self, seed: Seed) -> Pixels:
        """(height_px, width_px, 3) sRGB."""
        self.check()
        shape = (self.height_px, self.width_px)
        stones = min(max(int(self.width / 0.07), 8), self.width_px // 3)
        share = asphalt_shares(shape, stones, 0.4 + 0.6 * self.wear, seed / "asphalt")
        color = mix(srgb(self.bitumen), srgb(self.stone), share)
        x = (np.arange(self.width_px) + 0.5) / self.width_px * self.width
        color *= (1 - 0.12 * self._tracks(x))[None, :, None]
        rng = (seed / "paint").rng()
        gone = fractal(shape, (12, 12), rng, 6, 0.75) + 0.3 * (share - 0.4)
        kept = smoothstep(-0.02, 0.12, 0.62 - self.wear - gone) * (1 - 0.35 * self.wear)
        return to_pixels(mix(color, srgb(self.paint), self._markings(x) * kept))

    def _markings(self, x: Floats) -> Floats:
        """Where paint belongs, (h, w) in [0, 1], with edges softened over a pixel."""
        y = (np.arange(self.height_px) + 0.5) / self.height_px * self.tile
        across, along = self.width / self.width_px, self.tile / self.height_px
        inner = self.width - 2 * self.verge
        edges = np.zeros_like(x)
        for place in (self.verge + self.line / 2, self.width - self.verge - self.line / 2):
            edges = np.maximum(edges, _near(x, place, self.line / 2, across))
        middle = np.zeros_like(x)
        for lane in range(1, self.lanes):
            place = self.verge + inner * lane / self.lanes
            middle = np.maximum(middle, _near(x, place, self.line / 2, across))
        dashes = np.ones_like(y) if self.solid else _near(y, self.tile / 2, self.dash / 2, along)
        return np.asarray(np.maximum(edges[None, :], middle[None, :] * dashes[:, None]))

    def _tracks(self, x: Floats) -> Floats:
        """Where wheels polish the road, (w,) in [0, 1]."""
        inner = (self.width - 2 * self.verge) / self.lanes
        place = (x - self.verge) % inner
        away = np.minimum(np.abs(place - 0.25 * inner), np.abs(place - 0.75 * inner))
        return np.asarray(np.exp(-((away / 0.3) ** 2)))


def _near(values: Floats, place: float, half: float, pixel: float) -> Floats:
    return np.asarray(np.clip((half - np.abs(values - place)) / pixel + 0.5, 0, 1))
