"""From numbers in [0, 1] to pixels: colour ramps and normal maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.images.colors import encode_srgb, linear_color
from abbild.images.textures.noise import gradients

__all__ = ["mix", "normal_map", "ramp", "scalar", "smoothstep", "srgb", "to_pixels"]

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]


def srgb(color: Any) -> Floats:
    """Return a colour as three sRGB numbers in [0, 1]."""
    return encode_srgb(linear_color(color)).astype(np.float64)


def mix(low: Floats, high: Floats, share: Floats) -> Floats:
    """Blend two colours, (3,) or (h, w, 3), by a share (h, w) in [0, 1]."""
    return np.asarray(low + share[..., None] * (high - low))


def ramp(values: Floats, colors: tuple[Any, ...]) -> Floats:
    """Colour values in [0, 1] by equally spaced colours, (h, w) to (h, w, 3)."""
    table = np.stack([srgb(color) for color in colors])
    knots = np.linspace(0, 1, len(table))
    return np.stack([np.interp(values, knots, table[:, k]) for k in range(3)], axis=-1)


def smoothstep(low: float, high: float, values: Floats | float) -> Floats:
    """Go from 0 at `low` to 1 at `high` without a corner."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def to_pixels(values: NDArray[Any]) -> Pixels:
    """Round values in [0, 1] to uint8; what lies outside is cut off."""
    return np.asarray(np.rint(np.clip(values, 0, 1) * 255), np.uint8)


def scalar(values: Floats, low: float, high: float) -> Pixels:
    """Map values in [0, 1] to a uint8 map between `low` and `high`, for roughness and the like."""
    return to_pixels(low + np.clip(values, 0, 1) * (high - low))


def normal_map(height: Floats) -> Pixels:
    """Turn a tiling height map, in pixels, into tangent-space normals.

    Red grows with u (to the right), green with v (upwards), as in glTF; (h, w, 3) uint8.
    """
    across, down = gradients(height)
    length = np.sqrt(across**2 + down**2 + 1)
    return to_pixels(np.stack([-across / length, down / length, 1 / length], axis=-1) / 2 + 0.5)
