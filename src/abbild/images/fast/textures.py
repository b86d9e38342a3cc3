"""Textures with their halved copies, in one flat array that compiled code can read."""

# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import floor, log2
from typing import Any, NamedTuple
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from abbild.images.fast.compiled import compiled, inlined

__all__ = ["LINEAR_FROM_SRGB", "Textures", "pack", "sampled"]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int32]

_LEVELS = 14  # a texture of 8192 pixels ends in one texel


def _linear_from_srgb() -> NDArray[np.float32]:
    """IEC 61966-2-1 for the 256 values of a byte."""
    code = np.arange(256) / 255.0
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(
        np.float32
    )


def _srgb_from_linear() -> Bytes:
    """Likewise the other way, for light in 4,095ths under a square root."""
    light = (np.arange(4096) / 4095.0) ** 2
    code = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.floor(code * 255.0 + 0.5).astype(np.uint8)


LINEAR_FROM_SRGB = _linear_from_srgb()
_SRGB_FROM_ROOT = _srgb_from_linear()
_DECODE = np.stack([LINEAR_FROM_SRGB, (np.arange(256) / 255.0).astype(np.float32)])


class Textures(NamedTuple):
    """All textures of a stage.

    Attributes
    ----------
    texels : (n,) uint8, level after level, row after row, channels together
    start : (t, 14) int64, where each level begins
    size : (t, 14, 2) int32, rows and columns of each level
    channels : (t,) int32, 1 or 3
    levels : (t,) int32
    decode : (2, 256) float32, light of a byte: sRGB for colours, proportional for the rest
    """

    texels: Bytes
    start: NDArray[np.int64]
    size: Ints
    channels: Ints
    levels: Ints
    decode: NDArray[np.float32]


@compiled
def _halve(small: Bytes, image: Bytes, is_color: bool, decode: Any, encode: Bytes) -> None:
    """Average 2 x 2 texels; colours by their light, not by their codes."""
    down, right = min(1, image.shape[0] - 1), min(1, image.shape[1] - 1)
    for i in range(small.shape[0]):
        for j in range(small.shape[1]):
            for c in range(image.shape[2]):
                a, b = image[2 * i, 2 * j, c], image[2 * i, 2 * j + right, c]
                d, e = image[2 * i + down, 2 * j, c], image[2 * i + down, 2 * j + right, c]
                if is_color:
                    light = 0.25 * (decode[a] + decode[b] + decode[d] + decode[e])
                    small[i, j, c] = encode[int(np.sqrt(light) * 4095.0 + 0.5)]
                else:
                    small[i, j, c] = (int(a) + int(b) + int(d) + int(e) + 2) >> 2


class _Chain(NamedTuple):
    texels: Bytes
    sizes: list[tuple[int, int]]
    channels: int


_kept: dict[tuple[int, bool], tuple[Any, _Chain]] = {}


def _forget(key: tuple[int, bool], _: Any, kept: dict[tuple[int, bool], Any] = _kept) -> None:
    kept.pop(key, None)  # bound early: at exit the module may be gone before the array


def _chain(image: Bytes, is_color: bool) -> _Chain:
    """Return an image and its halves, kept as long as the image lives."""
    key = (id(image), is_color)
    if key in _kept:
        return _kept[key][1]
    whole = np.ascontiguousarray(image, dtype=np.uint8).reshape(*image.shape[:2], -1)
    levels = [whole]
    while max(levels[-1].shape[:2]) > 1 and len(levels) < _LEVELS:
        rows, columns = (max(size // 2, 1) for size in levels[-1].shape[:2])
        small = np.empty((rows, columns, whole.shape[2]), np.uint8)
        _halve(small, levels[-1], is_color, LINEAR_FROM_SRGB, _SRGB_FROM_ROOT)
        levels.append(small)
    flat = np.concatenate([level.ravel() for level in levels])
    chain = _Chain(flat, [level.shape[:2] for level in levels], whole.shape[2])
    _kept[key] = (ref(image, partial(_forget, key)), chain)
    return chain


def pack(images: Sequence[tuple[Bytes, bool]]) -> Textures:
    """Lay images, each with whether it is a colour, one after the other."""
    chains = [_chain(image, is_color) for image, is_color in images]
    count = max(len(chains), 1)
    start = np.zeros((count, _LEVELS), np.int64)
    size = np.ones((count, _LEVELS, 2), np.int32)
    at = 0
    for k, chain in enumerate(chains):
        for level, (rows, columns) in enumerate(chain.sizes):
            start[k, level], size[k, level] = at, (rows, columns)
            at += rows * columns * chain.channels
    texels = np.concatenate([c.texels for c in chains]) if chains else np.zeros(1, np.uint8)
    channels = np.array([c.channels for c in chains] or [1], np.int32)
    levels = np.array([len(c.sizes) for c in chains] or [1], np.int32)
    return Textures(texels, start, size, channels, levels, _DECODE)


@inlined
def _texel(textures, decode, channels, at):
    red = decode[textures.texels[at]]
    if channels == 1:
        return red, red, red
    return red, decode[textures.texels[at + 1]], decode[textures.texels[at + 2]]


@compiled
def _at_level(textures, k, level, decode, u, v, is_smooth):
    """Bilinear, or nearest, and repeated; v grows upwards."""
    rows, columns = textures.size[k, level, 0], textures.size[k, level, 1]
    channels, start = textures.channels[k], textures.start[k, level]
    x, y = (u - floor(u)) * columns, (1.0 - (v - floor(v))) * rows
    if not is_smooth:
        i, j = min(int(y), rows - 1), min(int(x), columns - 1)
        return _texel(textures, decode, channels, start + (i * columns + j) * channels)
    x, y = x - 0.5, y - 0.5
    left, top = floor(x), floor(y)
    p, q = x - left, y - top
    i0, j0 = (top + rows) % rows, (left + columns) % columns
    i1, j1 = (top + 1) % rows, (left + 1) % columns
    a = _texel(textures, decode, channels, start + (i0 * columns + j0) * channels)
    b = _texel(textures, decode, channels, start + (i0 * columns + j1) * channels)
    c = _texel(textures, decode, channels, start + (i1 * columns + j0) * channels)
    d = _texel(textures, decode, channels, start + (i1 * columns + j1) * channels)
    wa, wb, wc, wd = (1.0 - p) * (1.0 - q), p * (1.0 - q), (1.0 - p) * q, p * q
    return (
        wa * a[0] + wb * b[0] + wc * c[0] + wd * d[0],
        wa * a[1] + wb * b[1] + wc * c[1] + wd * d[1],
        wa * a[2] + wb * b[2] + wc * c[2] + wd * d[2],
    )


@compiled
def sampled(textures, k, is_color, u, v, spread, is_smooth):
    """Texture `k` at (u, v), averaged over a square of side `spread` in u and v (Williams 1983)."""
    decode = textures.decode[0] if is_color else textures.decode[1]
    larger = max(textures.size[k, 0, 0], textures.size[k, 0, 1])
    texels = spread * larger
    if texels <= 1.0:
        return _at_level(textures, k, 0, decode, u, v, is_smooth)
    level = log2(texels)
    last = textures.levels[k] - 1
    if level >= last:
        return _at_level(textures, k, last, decode, u, v, True)
    low = int(level)
    share = level - low
    a = _at_level(textures, k, low, decode, u, v, True)
    b = _at_level(textures, k, low + 1, decode, u, v, True)
    rest = 1.0 - share
    return rest * a[0] + share * b[0], rest * a[1] + share * b[1], rest * a[2] + share * b[2]
