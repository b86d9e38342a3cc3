"""Colours as people write them, as linear numbers, and as the words that name them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.images.errors import SceneError

__all__ = ["NAMED", "color_word", "decode_srgb", "encode_srgb", "from_hsv", "linear_color"]

NAMED = {
    "black": "#101010",
    "white": "#f2f2f2",
    "grey": "#808080",
    "red": "#c8201c",
    "orange": "#e8761a",
    "yellow": "#e8c81c",
    "green": "#2a8a34",
    "cyan": "#28b4b4",
    "blue": "#1c4aa8",
    "purple": "#7a2ea0",
    "pink": "#e87ab0",
    "brown": "#6b4423",
}


def decode_srgb(encoded: Any) -> NDArray[np.float32]:
    """Return linear values in [0, 1] for sRGB ones; uint8, or floats in [0, 1] (IEC 61966-2-1)."""
    values = np.asarray(encoded)
    if values.dtype == np.uint8:
        decoded: NDArray[np.float32] = _TABLE[values]
        return decoded
    values = values.astype(np.float32)
    curved = ((values + 0.055) / 1.055) ** 2.4
    return np.where(values <= 0.04045, values / 12.92, curved).astype(np.float32)


def encode_srgb(linear: Any) -> NDArray[np.float32]:
    """Return sRGB values in [0, 1] for linear ones; what lies outside is cut off."""
    values = np.clip(np.asarray(linear, np.float32), 0, 1)
    curved = 1.055 * values ** np.float32(1 / 2.4) - 0.055
    return np.where(values <= 0.0031308, values * 12.92, curved).astype(np.float32)


_levels = np.arange(256) / 255
_TABLE = np.where(_levels <= 0.04045, _levels / 12.92, ((_levels + 0.055) / 1.055) ** 2.4).astype(
    np.float32
)


def linear_color(color: Any, where: str = "color") -> NDArray[np.float32]:
    """Return (3,) linear numbers for a name, "#rrggbb", an `Hsv` node or three linear numbers.

    Raises
    ------
    SceneError
        For anything else; `where` says which value it was.
    """
    if isinstance(color, str):
        return decode_srgb(np.array(_bytes(color, where), np.uint8))
    if hasattr(color, "saturation"):
        return decode_srgb(from_hsv(color.hue, color.saturation, color.value))
    if isinstance(color, (tuple, list)) and len(color) == 3:
        values = np.array(color, np.float32)
        if np.isfinite(values).all() and (values >= 0).all():
            return values
    raise SceneError(
        f"{where} is {color!r}", hint='a name such as "red", "#rrggbb", or three linear numbers'
    )


def _bytes(color: str, where: str) -> list[int]:
    text = NAMED.get(color.lower(), color)
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise SceneError(
            f"{where} is {color!r}", hint=f"write #rrggbb, or one of: {', '.join(NAMED)}"
        )
    return [int(text[k : k + 2], 16) for k in (1, 3, 5)]


def from_hsv(hue: float, saturation: float, value: float) -> NDArray[np.float32]:
    """Return sRGB (3,) in [0, 1] for a hue (beyond 1 it goes round), saturation and value."""
    k = (np.array([5.0, 3.0, 1.0]) + 6 * float(hue)) % 6
    rgb = value - value * saturation * np.clip(np.minimum(k, 4 - k), 0, 1)
    return np.clip(rgb, 0, 1).astype(np.float32)


def color_word(color: Any) -> str:
    """Return the word of `NAMED` that is nearest to a colour (in sRGB), for captions."""
    seen = encode_srgb(linear_color(color))
    known = {name: encode_srgb(linear_color(name)) for name in NAMED}
    return min(known, key=lambda name: float(((known[name] - seen) ** 2).sum()))
