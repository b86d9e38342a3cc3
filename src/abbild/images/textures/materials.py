"""Surfaces of the world: wood, stone, brick, road, grass, cloth. All of them tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.limits import between, colors, whole
from abbild.images.textures.blending import mix, ramp, smoothstep, srgb, to_pixels
from abbild.images.textures.noise import cells, fractal, shifted, white

__all__ = ["Asphalt", "Bricks", "Concrete", "Fabric", "Grass", "Marble", "Tiles", "Wood"]

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]
SMALLEST, LARGEST = 16, 4096  # pixels


@dataclass(frozen=True)
class Wood:
    """Boards with grain that runs upwards.

    Attributes
    ----------
    boards : side by side; 1 has no joints
    rings : lines of growth over the width of a board
    light, dark : colours of early and late wood
    wavy : [0, 1], how much the grain bends
    size_px : width and height
    """

    boards: int = 3
    rings: int = 6
    light: Any = "#c49a6c"
    dark: Any = "#8a5a34"
    wavy: float = 0.4
    size_px: int = 256

    def check(self) -> None:
        """Raise SceneError for numbers out of range or unknown colours."""
        whole(self, 1, 64, "boards")
        whole(self, 1, 256, "rings")
        between(self, 0, 1, "wavy")
        whole(self, SMALLEST, LARGEST, "size_px")
        colors(self, "light", "dark")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px, size_px, 3) sRGB."""
        self.check()
        rng = seed.rng()
        shape = (self.size_px, self.size_px)
        place = (np.arange(self.size_px) + 0.5) / self.size_px * self.boards
        board = place.astype(np.int64)
        offset = rng.integers(0, self.size_px, self.boards)
        rows = (np.arange(self.size_px)[:, None] + offset[board][None, :]) % self.size_px
        columns = np.arange(self.size_px)[None, :]
        bend = fractal(shape, (1, 2 * self.boards), rng, 3)[rows, columns]
        phase = self.rings * (place + 1.2 * self.wavy * bend) + rng.random(self.boards)[board]
        ring = phase - np.floor(phase)
        late = smoothstep(0.35, 0.95, ring) * (1 - smoothstep(0.95, 1.0, ring))
        fibre = fractal(shape, (3, self.size_px / 5), rng, 2)[rows, columns]
        tone = rng.uniform(-0.1, 0.1, self.boards)[board]
        value = np.clip(0.15 + 0.65 * late + 0.35 * fibre + tone + 0.2 * bend, 0, 1)
        color = mix(srgb(self.light), srgb(self.dark), value)
        if self.boards > 1:
            joint = np.minimum(place - board, 1 - (place - board)) * self.size_px / self.boards
            color *= (0.35 + 0.65 * smoothstep(0.0, 2.0, joint))[None, :, None]
        return to_pixels(color)


@dataclass(frozen=True)
class Marble:
    """Stone with thin veins.

    Attributes
    ----------
    frequency : veins along each edge, about
    ground, vein : colours
    width : of the veins, [0, 1]
    size_px : width and height
    """

    frequency: float = 3.0
    ground: Any = "#e6e2da"
    vein: Any = "#6e6a66"
    width: float = 0.25
    size_px: int = 256

    def check(self) -> None:
        """Raise SceneError for numbers out of range or unknown colours."""
        between(self, 1, 64, "frequency")
        between(self, 0.01, 1, "width")
        whole(self, SMALLEST, LARGEST, "size_px")
        colors(self, "ground", "vein")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px, size_px, 3) sRGB."""
        self.check()
        rng = seed.rng()
        shape = (self.size_px, self.size_px)
        base = fractal(shape, self.frequency, rng, 3)
        reach = 0.35 * self.size_px / self.frequency
        bent = shifted(base, reach * fractal(shape, 4, rng, 5), reach * fractal(shape, 4, rng, 5))
        strength = np.clip(0.6 + 1.5 * fractal(shape, self.frequency, rng, 2), 0, 1)
        vein = np.exp(-np.abs(bent) / (0.16 * self.width)) * strength
        cloud = 0.12 + 0.35 * fractal(shape, self.frequency, rng, 4)
        share = np.clip(vein + np.clip(cloud, 0, 0.35), 0, 1)
        return to_pixels(mix(srgb(self.ground), srgb(self.vein), share))


@dataclass(frozen=True)
class Bricks:
    """A wall in running bond.

    Attributes
    ----------
    rows, columns : bricks along the edges; rows are even, so that it tiles
    brick, other_brick, mortar : colours; each brick lies between the first two
    joint : width of the joints as a share of a brick's height
    size_px : width and height
    """

    rows: int = 8
    columns: int = 4
    brick: Any = "#a14a34"
    other_brick: Any = "#7a3226"
    mortar: Any = "#b8b0a4"
    joint: float = 0.12
    size_px: int = 256

    def check(self) -> None:
        """Raise SceneError for numbers out of range or unknown colours."""
        whole(self, 2, 256, "rows")
        whole(self, 1, 256, "columns")
        between(self, 0, 0.8, "joint")
        whole(self, SMALLEST, LARGEST, "size_px")
        colors(self, "brick", "other_brick", "mortar")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px, size_px, 3) sRGB."""
        self.check()
        return _laid(self, seed, self.brick, self.other_brick, shift=0.5)


@dataclass(frozen=True)
class Tiles:
    """Square or rectangular tiles in straight rows.

    Attributes
    ----------
    rows, columns : tiles along the edges
    tile, other_tile, mortar : colours; each tile lies between the first two
    joint : width of the joints as a share of a tile's height
    size_px : width and height
    """

    rows: int = 6
    columns: int = 6
    tile: Any = "#d8dcdc"
    other_tile: Any = "#b4c0c4"
    mortar: Any = "#8c8c88"
    joint: float = 0.05
    size_px: int = 256

    def check(self) -> None:
        """Raise SceneError for numbers out of range or unknown colours."""
        whole(self, 1, 256, "rows", "columns")
        between(self, 0, 0.8, "joint")
        whole(self, SMALLEST, LARGEST, "size_px")
        colors(self, "tile", "other_tile", "mortar")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px, size_px, 3) sRGB."""
        self.check()
        return _laid(self, seed, self.tile, self.other_tile, shift=0.0)


@dataclass(frozen=True)
class Asphalt:
    """Bitumen with stones.

    Attributes
    ----------
    stones : along each edge
    bitumen, stone : colours
    wear : [0, 1], how far the stones show
    size_px : width and height
    """

    stones: int = 72
    bitumen: Any = "#3a3a3c"
    stone: Any = "#7c7a76"
    wear: float = 0.5
    size_px: int = 256

    def check(self) -> None:
        """Raise SceneError for numbers out of range or unknown colours."""
        whole(self, 4, 512, "stones")
        between(self, 0, 1, "wear")
        whole(self, SMALLEST, LARGEST, "size_px")
        colors(self, "bitumen", "stone")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px, size_px, 3) sRGB."""
        self.check()
        share = asphalt_shares((self.size_px, self.size_px), self.stones, self.wear, seed)
        return to_pixels(mix(srgb(self.bitumen), srgb(self.stone), share))


@dataclass(frozen=True)
class Grass:
    """A lawn from above.

    Attributes
    ----------
    blades : along each edge
    dark, light, dry : colours
    dryness : [0, 1], how much of it is dry
    size_px : width and height
    """

    blades: int = 64
    dark: Any = "#26401a"
    light: Any = "#6b8f3a"
    dry: Any = "#a8995a"
    dryness: float = 0.15
    size_px: int = 256

    def check(self) -> None:
        """Raise SceneError for numbers out of range or unknown colours."""
        whole(self, 4, 1024, "blades")
        between(self, 0, 1, "dryness")
        whole(self, SMALLEST, LARGEST, "size_px")
        colors(self, "dark", "light", "dry")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px, size_px, 3) sRGB."""
        self.check()
        rng = seed.rng()
        shape = (self.size_px, self.size_px)
        strands = fractal(shape, (self.blades / 4, self.blades), rng, 2, 0.8)
        reach = 1.6 * self.size_px / self.blades
        sway = reach * fractal(shape, self.blades / 8, rng, 2)
        strands = shifted(strands, sway, 0.3 * sway)
        patches = fractal(shape, 4, rng, 4)
        light = np.clip(0.45 + 1.1 * strands + 0.4 * patches, 0, 1)
        color = mix(srgb(self.dark), srgb(self.light), light)
        dry = smoothstep(0.7 - self.dryness, 1.1 - self.dryness, 0.5 + patches + 0.5 * strands)
        return to_pixels(mix(color, srgb(self.dry) * (0.6 + 0.5 * light[..., None]), dry))


@dataclass(frozen=True)
class Concrete:
    """Cast concrete: clouds, pores, now and then a stain.

    Attributes
    ----------
    color : mean colour
    pores : along each edge
    uneven : [0, 1], contrast of the clouds
    size_px : width and height
    """

    color: Any = "#9c9a94"
    pores: int = 20
    uneven: float = 0.4
    size_px: int = 256

    def check(self) -> None:
        """Raise SceneError for numbers out of range or unknown colours."""
        whole(self, 1, 256, "pores")
        between(self, 0, 1, "uneven")
        whole(self, SMALLEST, LARGEST, "size_px")
        colors(self, "color")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px, size_px, 3) sRGB."""
        self.check()
        rng = seed.rng()
        shape = (self.size_px, self.size_px)
        cloud = fractal(shape, 3, rng, 6, 0.6)
        nearest, _, which = cells(shape, (self.pores, self.pores), rng)
        radius = np.maximum(rng.uniform(-0.15, 0.12, self.pores**2), 0)[which]
        pore = np.clip((radius - nearest) * self.size_px / self.pores + 0.5, 0, 1)
        light = 1 + 0.35 * self.uneven * cloud + 0.03 * white(shape, rng)
        light *= 1 - 0.45 * np.where(radius > 0, pore, 0)
        return to_pixels(srgb(self.color) * light[..., None])


@dataclass(frozen=True)
class Fabric:
    """Woven cloth.

    Attributes
    ----------
    threads : along each edge, even
    warp, weft : colours of the upright and the lying threads
    fuzz : [0, 1], unevenness of the threads
    size_px : width and height
    """

    threads: int = 32
    warp: Any = "#3c5878"
    weft: Any = "#5878a0"
    fuzz: float = 0.3
    size_px: int = 256

    def check(self) -> None:
        """Raise SceneError for numbers out of range or unknown colours."""
        whole(self, 2, 1024, "threads")
        between(self, 0, 1, "fuzz")
        whole(self, SMALLEST, LARGEST, "size_px")
        colors(self, "warp", "weft")

    def pixels(self, seed: Seed) -> Pixels:
        """(size_px, size_px, 3) sRGB."""
        self.check()
        rng = seed.rng()
        shape = (self.size_px, self.size_px)
        place = (np.arange(self.size_px) + 0.5) / self.size_px * self.threads
        number = place.astype(np.int64)
        round_off = np.sqrt(np.clip(1 - (2 * (place - number) - 1) ** 2, 0, 1))
        upper = (number[:, None] + number[None, :]) % 2 == 0
        thickness = np.where(upper, round_off[None, :], round_off[:, None])
        arch = np.where(upper, round_off[:, None], round_off[None, :])
        tone = rng.normal(0, 0.12 * self.fuzz, (2, self.threads))
        thread = np.where(upper, tone[0][number][None, :], tone[1][number][:, None])
        light = (0.45 + 0.4 * thickness + 0.2 * arch) * (1 + thread)
        light += self.fuzz * 0.35 * fractal(shape, self.threads, rng, 2)
        color = np.where(upper[..., None], srgb(self.warp), srgb(self.weft))
        return to_pixels(color * light[..., None])


def asphalt_shares(shape: tuple[int, int], stones: int, wear: float, seed: Seed) -> Floats:
    """How much of the stones shows at each pixel, (h, w) in [0, 1]; `stones` along the width."""
    rng = seed.rng()
    rows = max(round(stones * shape[0] / shape[1]), 1)
    nearest, second, which = cells(shape, (rows, stones), rng)
    bright = rng.uniform(0, 1, rows * stones)[which]
    inside = smoothstep(0.02, 0.25, second - nearest)
    patches = 0.35 * fractal(shape, 3, rng, 4)
    share = inside * (0.25 + 0.6 * wear * bright) + patches + 0.1 * white(shape, rng)
    return np.asarray(np.clip(share, 0, 1))


def _laid(work: Bricks | Tiles, seed: Seed, one: Any, two: Any, shift: float) -> Pixels:
    """Rows of rectangles with joints, each of its own tone."""
    rng = seed.rng()
    size = work.size_px
    shape = (size, size)
    wobble = 0.03 if shift else 0.0
    y = (np.arange(size)[:, None] + 0.5) / size * work.rows + wobble * fractal(shape, 24, rng, 2)
    row = np.floor(y).astype(np.int64)
    x = (np.arange(size)[None, :] + 0.5) / size * work.columns + shift * (row % 2)
    x = x + wobble * fractal(shape, 24, rng, 2)
    column = np.floor(x).astype(np.int64)
    tone = rng.random((work.rows, work.columns))[row % work.rows, column % work.columns]
    aspect = work.rows / work.columns  # joints are as wide both ways
    edge_y = np.minimum(y - row, row + 1 - y)
    edge_x = np.minimum(x - column, column + 1 - x) * aspect
    pixel = work.rows / size
    inside = smoothstep(work.joint / 2 - pixel, work.joint / 2 + pixel, np.minimum(edge_x, edge_y))
    grain = 1 + 0.25 * fractal(shape, 16, rng, 4, 0.7) * (1 if shift else 0.3)
    color = ramp(tone, (one, two)) * grain[..., None]
    mortar = srgb(work.mortar) * (0.9 + 0.25 * fractal(shape, 32, rng, 3))[..., None]
    return to_pixels(mix(mortar, color, inside))
