"""What time and weather do to a surface, as functions from pixels to pixels.

All take (h, w, 3) uint8 sRGB of any size and give back the same; an amount of 0 changes nothing,
1 is as bad as it gets. Sizes are shares of the picture's shorter edge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from abbild.core import Seed
from abbild.images.errors import SceneError
from abbild.images.textures.blending import smoothstep, to_pixels
from abbild.images.textures.noise import cells, fractal

__all__ = ["dirt", "fade", "rust", "scratches", "snow_cover", "stains", "stickers"]

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]

DIRT = np.array([0.33, 0.29, 0.23])
RUST = (np.array([0.29, 0.13, 0.07]), np.array([0.62, 0.33, 0.14]))
SNOW = np.array([0.95, 0.96, 0.98])


def dirt(pixels: Pixels, amount: float, seed: Seed) -> Pixels:
    """Lay dust and splashes over a surface, thickest at its lower edge."""
    color = _floats(pixels, amount)
    if amount == 0:
        return pixels.copy()
    rng = seed.rng()
    shape = color.shape[:2]
    down = np.linspace(0, 1, shape[0])[:, None]
    film = np.clip(0.35 + 0.8 * fractal(shape, 3, rng, 6, 0.65) + 0.45 * (down - 0.5), 0, 1)
    nearest, _, which = cells(shape, (24, 24), rng)
    radius = np.maximum(rng.uniform(-0.6, 0.45, 24 * 24), 0)[which]
    splash = smoothstep(0, 0.15, radius - nearest) * (0.3 + 0.7 * down)
    cover = np.clip(amount * (0.9 * film + 0.5 * splash), 0, 0.95)
    return _laid(color, DIRT * (1 + 0.2 * fractal(shape, 12, rng, 3)[..., None]), cover)


def fade(pixels: Pixels, amount: float) -> Pixels:
    """Bleach colours by years of sun: reds go first, all turn paler and lighter."""
    color = _floats(pixels, amount)
    grey = color.mean(axis=2, keepdims=True)
    loss = np.array([0.8, 0.55, 0.4]) * amount
    pale = color + loss * (0.35 * grey + 0.5 - color) * (1 - 0.35 * (color < 0.15))
    return to_pixels(pale)


def scratches(pixels: Pixels, amount: float, seed: Seed) -> Pixels:
    """Draw fine lines, most of them lighter than the surface, some down to dark metal."""
    color = _floats(pixels, amount)
    rng = seed.rng()
    size = min(color.shape[:2])
    for _ in range(int(rng.poisson(40 * amount)) if amount > 0 else 0):
        start = rng.random(2) * color.shape[1::-1]
        turn = rng.uniform(0, 2 * np.pi)
        length = size * rng.uniform(0.05, 0.5)
        bend = rng.normal(0, 0.8)
        width = size * rng.uniform(0.001, 0.006)
        tone = rng.uniform(0.6, 0.9) if rng.random() < 0.7 else rng.uniform(0.15, 0.35)
        strength = rng.uniform(0.3, 0.9)
        _line(color, start, (turn, bend), length, width, (tone, strength))
    return to_pixels(color)


def stains(pixels: Pixels, amount: float, seed: Seed) -> Pixels:
    """Let water run down and dry, and leave rings."""
    color = _floats(pixels, amount)
    if amount == 0:
        return pixels.copy()
    rng = seed.rng()
    shape = color.shape[:2]
    streak = fractal(shape, (1, 24), rng, 4, 0.7)
    fading = np.linspace(1.0, 0.3, shape[0])[:, None]
    runs = smoothstep(0.1, 0.55, streak) * fading
    blot = fractal(shape, 4, rng, 5)
    edge = np.exp(-(((blot - 0.22) / 0.03) ** 2)) + 0.4 * smoothstep(0.2, 0.26, blot)
    cover = np.clip(amount * (0.55 * runs + 0.45 * edge), 0, 0.9)
    return _laid(color, np.array([0.27, 0.24, 0.19]), cover)


def stickers(pixels: Pixels, amount: float, seed: Seed) -> Pixels:
    """Put a few small labels on a surface: rectangles and discs with a bar of another colour."""
    color = _floats(pixels, amount)
    rng = seed.rng()
    size = min(color.shape[:2])
    for _ in range(int(rng.poisson(3 * amount)) if amount > 0 else 0):
        half = size * rng.uniform(0.03, 0.11, 2)
        x, y = rng.uniform(0.1, 0.9, 2) * color.shape[1::-1]
        turn = rng.normal(0, 0.4)
        paper, print_ = rng.uniform(0.1, 1, 3), rng.uniform(0, 1, 3)
        dx, dy = np.arange(color.shape[1])[None, :] - x, np.arange(color.shape[0])[:, None] - y
        u = (np.cos(turn) * dx + np.sin(turn) * dy) / half[0]
        v = (np.cos(turn) * dy - np.sin(turn) * dx) / half[1]
        round_one = rng.random() < 0.3
        inside = 1 - (np.hypot(u, v) if round_one else np.maximum(np.abs(u), np.abs(v)))
        cover = np.clip(inside * float(half.min()) + 0.5, 0, 1)
        bar = (np.abs(v - rng.uniform(-0.5, 0.5)) < 0.25) & (np.abs(u) < 0.75)
        torn = smoothstep(-0.05, 0.05, fractal(color.shape[:2], 8, rng, 4) + rng.uniform(0.2, 0.7))
        color += (cover * torn)[..., None] * (np.where(bar[..., None], print_, paper) - color)
    return to_pixels(color)


def rust(pixels: Pixels, amount: float, seed: Seed) -> Pixels:
    """Let metal rust in spots that grow from the edges, with streaks below them."""
    color = _floats(pixels, amount)
    if amount == 0:
        return pixels.copy()
    rng = seed.rng()
    shape = color.shape[:2]
    x = np.abs(np.linspace(-1, 1, shape[1]))[None, :]
    y = np.abs(np.linspace(-1, 1, shape[0]))[:, None]
    edge = smoothstep(0.6, 1.0, np.maximum(x, y))
    field = fractal(shape, 5, rng, 6, 0.65) + 0.25 * edge
    limit = 0.75 - 0.95 * amount
    spots = smoothstep(limit, limit + 0.08, field)
    reach = max(shape[0] // 12, 1)
    streak = np.zeros(shape)
    for k in range(1, 6):
        step = k * reach // 5
        run = np.zeros(shape)
        run[step:] = spots[: shape[0] - step]
        streak = np.maximum(streak, run * (1 - k / 6))
    streak *= np.clip(0.5 + fractal(shape, (1, 40), rng, 2), 0, 1)
    tone = np.clip(0.5 + fractal(shape, 20, rng, 4, 0.7), 0, 1)[..., None]
    brown = RUST[0] + tone * (RUST[1] - RUST[0])
    return _laid(_floats(_laid(color, RUST[1], 0.5 * streak), 0), brown, spots)


def snow_cover(pixels: Pixels, amount: float, seed: Seed) -> Pixels:
    """Let snow stick: a rim along the upper edge that grows downwards, and flakes all over."""
    color = _floats(pixels, amount)
    if amount == 0:
        return pixels.copy()
    rng = seed.rng()
    shape = color.shape[:2]
    down = (np.arange(shape[0])[:, None] + 0.5) / shape[0]
    rim = 0.75 * amount * (0.7 + 0.9 * fractal(shape, (1, 4), rng, 4, 0.6)[:1])
    rough = 0.06 * fractal(shape, 16, rng, 3)
    cover = smoothstep(-0.02, 0.03, rim + rough - down)
    nearest, _, which = cells(shape, (28, 28), rng)
    radius = np.where(rng.random(28 * 28) < 0.6 * amount, rng.uniform(0.1, 0.4, 28 * 28), -1)[which]
    cover = np.maximum(cover, 0.9 * smoothstep(0, 0.15, radius - nearest))
    shade = 1 - 0.1 * np.clip(0.5 + fractal(shape, 8, rng, 3), 0, 1)
    return _laid(color, SNOW * shade[..., None], cover)


def _floats(pixels: Pixels, amount: float) -> Floats:
    if not 0 <= amount <= 1:
        raise SceneError(f"an amount of wear must lie in [0, 1], not {amount!r}")
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise SceneError(
            f"wear needs (h, w, 3) uint8 pixels, not {pixels.shape} {pixels.dtype}",
            hint="wear changes colours, not roughness or normals",
        )
    return pixels / 255.0


def _laid(color: Floats, over: Floats, cover: Floats) -> Pixels:
    return to_pixels(color + cover[..., None] * (over - color))


def _line(
    color: Floats,
    start: Floats,
    way: tuple[float, float],
    length: float,
    width: float,
    look: tuple[float, float],
) -> None:
    """Blend a bent line of a grey tone into `color`, softened over a pixel."""
    steps = max(int(length), 2)
    angle = way[0] + way[1] * np.linspace(0, 1, steps)
    path = start + np.cumsum(np.stack([np.cos(angle), np.sin(angle)], axis=1), axis=0)
    reach = width / 2 + 1
    low = np.maximum(np.floor(path.min(axis=0) - reach), 0).astype(np.int64)
    high = np.minimum(np.ceil(path.max(axis=0) + reach), color.shape[1::-1]).astype(np.int64)
    if (low >= high).any():
        return
    mask = np.zeros((high[1] - low[1], high[0] - low[0]))
    place = np.rint(path - low - 0.5).astype(np.int64)
    inside = ((place >= 0) & (place < mask.shape[::-1])).all(axis=1)
    taper = np.sin(np.pi * np.linspace(0.03, 0.97, steps)) ** 0.5
    mask[place[inside, 1], place[inside, 0]] = taper[inside]
    if width > 1.0:
        mask = np.clip(gaussian_filter(mask, width / 2.5) * width, 0, 1)
    tone, strength = look
    patch = color[low[1] : high[1], low[0] : high[0]]
    patch += (strength * min(width, 1.0) * mask)[..., None] * (tone - patch)
