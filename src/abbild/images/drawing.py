"""Flat vector artwork: filled rings, the shapes they are made of, and their pixels.

Drawing units, x right, y up, mostly within -1..1. The rings of one fill never cross: under the
even-odd rule the first bounds the area and the others are holes in it, so every fill can be
extruded as it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from abbild.images.errors import AssetError
from abbild.images.rings import (
    Cap,
    Ring,
    arc,
    circle,
    curve,
    limb,
    paths,
    polygon,
    rectangle,
    regular_polygon,
    rounded,
    smooth,
    stroke,
)

__all__ = [
    "Cap",
    "Drawing",
    "Fill",
    "Ring",
    "arc",
    "circle",
    "curve",
    "filled",
    "limb",
    "over",
    "paths",
    "polygon",
    "rasterise",
    "rectangle",
    "regular_polygon",
    "rounded",
    "smooth",
    "stroke",
]


@dataclass(frozen=True, eq=False)
class Fill:
    """An area of one colour.

    Attributes
    ----------
    rings : (n, 2) arrays, even-odd rule: the first bounds the area, the others are holes
    colour : "#rrggbb", sRGB
    """

    rings: tuple[Ring, ...]
    colour: str


@dataclass(frozen=True, eq=False)
class Drawing:
    """Areas painted in order, and the silhouette of the plate they are painted on.

    Attributes
    ----------
    outline : rings of the silhouette, even-odd rule; several solids may overlap in text
    fills : the first is painted first
    """

    outline: tuple[Ring, ...]
    fills: tuple[Fill, ...]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Return x0, y0, x1, y1 of everything; zeros if there is nothing."""
        rings = [*self.outline, *(ring for fill in self.fills for ring in fill.rings)]
        if not rings:
            return 0.0, 0.0, 0.0, 0.0
        points = np.concatenate(rings)
        (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
        return float(x0), float(y0), float(x1), float(y1)

    @property
    def colours(self) -> tuple[str, ...]:
        """Return every colour once, in the order of painting."""
        return tuple(dict.fromkeys(fill.colour for fill in self.fills))

    def mapped(self, move: Callable[[Ring], Ring]) -> Drawing:
        """Return the drawing with `move`, (n, 2) to (n, 2), applied to every ring."""
        return Drawing(
            tuple(move(ring) for ring in self.outline),
            tuple(replace(fill, rings=tuple(map(move, fill.rings))) for fill in self.fills),
        )

    def moved(self, x: float, y: float) -> Drawing:
        """Return the drawing shifted by x, y."""
        return self.mapped(lambda ring: ring + np.array([x, y]))

    def scaled(self, x: float, y: float | None = None) -> Drawing:
        """Return the drawing scaled about the origin, by `x` both ways if `y` is not given."""
        return self.mapped(lambda ring: ring * (x, x if y is None else y))

    def rotated(self, degrees: float) -> Drawing:
        """Return the drawing turned counter-clockwise about the origin."""
        c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        turn = np.array([[c, s], [-s, c]])
        return self.mapped(lambda ring: ring @ turn)

    def mirrored(self) -> Drawing:
        """Return the drawing with left and right exchanged."""
        return self.scaled(-1.0, 1.0)

    def painted(self, colours: Mapping[str, str] | str) -> Drawing:
        """Return the drawing in other colours: all in one, or those of the mapping replaced."""

        def new(old: str) -> str:
            return colours if isinstance(colours, str) else colours.get(old, old)

        return replace(self, fills=tuple(replace(f, colour=new(f.colour)) for f in self.fills))


def over(ground: Drawing, *layers: Drawing) -> Drawing:
    """Return the layers painted over the ground in order; the silhouette is the ground's."""
    return Drawing(ground.outline, ground.fills + tuple(f for d in layers for f in d.fills))


def filled(colour: str, *rings: Ring) -> Drawing:
    """Return one area: the first ring without the others."""
    return Drawing(rings, (Fill(rings, colour),))


# ---------------------------------------------------------------- pixels


def rasterise(
    drawing: Drawing,
    width_px: int,
    height_px: int,
    supersample: int = 4,
    colours: Mapping[str, str] | None = None,
) -> NDArray[np.uint8]:
    """Return sRGB pixels (height_px, width_px, 4) of a drawing, with coverage as alpha.

    The square -1..1 fills the shorter side and is centred on the other. Each pixel averages
    supersample x supersample samples in linear light; transparent pixels are black.

    Parameters
    ----------
    colours : replacements for the drawing's colours, "#rrggbb" to "#rrggbb".
    """
    size = (height_px * supersample, width_px * supersample)
    index = np.zeros(size, np.intp)  # the topmost fill of each sample, 0 for none
    scale = min(size) / 2
    for number, fill in enumerate(drawing.fills, 1):
        rings = [ring * (scale, -scale) + (size[1] / 2, size[0] / 2) for ring in fill.rings]
        _paint(index, rings, number)
    names = [fill.colour for fill in drawing.fills]
    if colours:
        names = [colours.get(name, name) for name in names]
    table = np.zeros((len(names) + 1, 4))
    table[1:, :3] = np.array([_linear(name) for name in names]).reshape(-1, 3)
    table[1:, 3] = 1
    samples = table[index].reshape(height_px, supersample, width_px, supersample, 4)
    mean = samples.mean(axis=(1, 3))
    alpha = mean[..., 3:]
    mean[..., :3] = _encoded(mean[..., :3] / np.maximum(alpha, 1e-12))
    return np.asarray(np.rint(mean * 255), np.uint8)


def _paint(index: NDArray[np.intp], rings: Sequence[Ring], number: int) -> None:
    """Set the samples inside of the rings: an edge flips the parity of all samples on its right.

    Sample (column i, row j) lies at (i + 0.5, j + 0.5).
    """
    height, width = index.shape
    flips = np.zeros((height, width + 1), np.int32)
    for ring in rings:
        a, b = ring, np.roll(ring, -1, axis=0)
        low, high = np.minimum(a[:, 1], b[:, 1]), np.maximum(a[:, 1], b[:, 1])
        first = np.clip(np.ceil(low - 0.5), 0, height).astype(np.intp)
        count = np.clip(np.ceil(high - 0.5), 0, height).astype(np.intp) - first
        edge = np.repeat(np.arange(len(a)), count)
        row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
        share = (row + 0.5 - a[edge, 1]) / (b[edge, 1] - a[edge, 1])
        x = a[edge, 0] + share * (b[edge, 0] - a[edge, 0])
        column = np.clip(np.ceil(x - 0.5), 0, width).astype(np.intp)
        np.add.at(flips, (row, column), 1)
    index[(np.cumsum(flips, axis=1)[:, :width] & 1).astype(bool)] = number


def _linear(colour: str) -> NDArray[np.float64]:
    """Return "#rrggbb" as three linear values 0..1 (IEC 61966-2-1)."""
    if not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        raise AssetError(f"{colour!r} is no colour", hint='write it as "#rrggbb"')
    value = np.frombuffer(bytes.fromhex(colour[1:]), np.uint8) / 255
    return np.asarray(np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4))


def _encoded(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return linear values 0..1 as sRGB values 0..1."""
    bright = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return np.asarray(np.where(linear <= 0.0031308, 12.92 * linear, bright))
