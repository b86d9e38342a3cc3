"""All surfaces of a stage as tables of numbers, so that one kernel reads any of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.images.errors import AssetError
from abbild.images.fast.textures import Textures, pack
from abbild.images.stage import Singles, Surface

__all__ = ["LEVELS", "SLOTS", "SMOOTHEST", "Palette", "check_surface", "make_palette"]

LEVELS = 14  # of halved copies for one texture
SLOTS = ("color", "roughness", "metallic", "normal_map")
SMOOTHEST = 0.03  # roughness; highlights of smoother surfaces are smaller than any pixel


@dataclass(frozen=True, eq=False)
class Palette:
    """Surfaces and their textures.

    Attributes
    ----------
    values : (s, 8) float32: colour, roughness, metallic, specular, 1 if smooth else 0, 0
    textures : (s, 4) uint32, texture of each of `SLOTS`; texture 0 is one white texel
    sizes : (t, LEVELS, 4) uint32: first texel, rows, columns, number of levels
    texels : (n,) uint32, bytes from the lowest: red, green, blue
    has_maps : whether any surface has a texture for the slots after the first
    """

    values: Singles
    textures: NDArray[np.uint32]
    sizes: NDArray[np.uint32]
    texels: NDArray[np.uint32]
    has_maps: tuple[bool, bool, bool]


def make_palette(surfaces: Sequence[Surface]) -> Palette:
    """Lay out surfaces and, each once, their textures.

    Raises
    ------
    AssetError
        see `check_surface`
    """
    values = np.ones((len(surfaces), 8), np.float32)
    textures = np.zeros((len(surfaces), 4), np.uint32)
    images: dict[int, tuple[int, Any, bool]] = {}
    for k, surface in enumerate(surfaces):
        check_surface(surface)
        values[k, 5], values[k, 6] = surface.specular, surface.smooth_texture
        for slot, name in enumerate(SLOTS):
            value = getattr(surface, name)
            if value is not None and np.ndim(value) >= 2:
                found = images.setdefault(id(value), (len(images) + 1, value, slot == 0))
                textures[k, slot] = found[0]
            elif slot == 0:
                values[k, :3] = value
            elif value is not None:
                values[k, 2 + slot] = value
    np.clip(values, 0, 1, out=values)
    white = (0, np.full((1, 1, 3), 255, np.uint8), True)
    packed = pack([(image, is_color) for _, image, is_color in (white, *images.values())])
    sizes, texels = _interleave(packed)
    used = [bool(textures[:, slot].any()) for slot in (1, 2, 3)]
    return Palette(values, textures, sizes, texels, (used[0], used[1], used[2]))


def check_surface(surface: Surface) -> None:
    """Refuse values that are no numbers and textures that are no pictures.

    Raises
    ------
    AssetError
        for the first of them
    """
    for name in (*SLOTS, "specular"):
        value = getattr(surface, name)
        if np.ndim(value) >= 2:
            if value.dtype != np.uint8 or 0 in value.shape:
                raise AssetError(
                    f"a texture of {name} has the type {value.dtype} and the shape {value.shape}",
                    hint="give bytes, (height, width, 3) or (height, width)",
                )
        elif value is not None and not np.isfinite(value).all():
            raise AssetError(f"the {name} of a surface is not finite: {value}")


def _interleave(packed: Textures) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Bring one and three channels to four bytes a texel."""
    count = len(packed.channels)
    sizes = np.ones((count, LEVELS, 4), np.uint32)
    pieces, begin = [], 0
    ends = [*packed.start[1:, 0].tolist(), len(packed.texels)]
    for k in range(count):
        channels, first = int(packed.channels[k]), int(packed.start[k, 0])
        flat = packed.texels[first : ends[k]].reshape(-1, channels)
        four = np.zeros((len(flat), 4), np.uint8)
        four[:, :3] = flat
        pieces.append(four.view("<u4").ravel())
        sizes[k, :, 0] = begin + (packed.start[k] - first) // channels
        sizes[k, :, 1:3] = packed.size[k]
        sizes[k, :, 3] = packed.levels[k]
        begin += len(flat)
    return sizes, np.concatenate(pieces).astype(np.uint32)
