"""Wear as values, for materials: each has ``worn(pixels, seed)``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.limits import between
from abbild.images.textures import wear

__all__ = ["Dirt", "Fading", "Rust", "Scratches", "SnowCover", "Stains", "Stickers"]

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Dirt:
    """Dust and splashes, `amount` in [0, 1]."""

    amount: float = 0.3

    def check(self) -> None:
        """Raise SceneError for an amount out of range."""
        between(self, 0, 1, "amount")

    def worn(self, pixels: Pixels, seed: Seed) -> Pixels:
        """(h, w, 3) uint8 sRGB to the same."""
        self.check()
        return wear.dirt(pixels, self.amount, seed)


@dataclass(frozen=True)
class Fading:
    """Colours bleached by the sun, `amount` in [0, 1]."""

    amount: float = 0.3

    def check(self) -> None:
        """Raise SceneError for an amount out of range."""
        between(self, 0, 1, "amount")

    def worn(self, pixels: Pixels, seed: Seed) -> Pixels:
        """(h, w, 3) uint8 sRGB to the same."""
        self.check()
        return wear.fade(pixels, self.amount)


@dataclass(frozen=True)
class Scratches:
    """Fine lines, `amount` in [0, 1]."""

    amount: float = 0.3

    def check(self) -> None:
        """Raise SceneError for an amount out of range."""
        between(self, 0, 1, "amount")

    def worn(self, pixels: Pixels, seed: Seed) -> Pixels:
        """(h, w, 3) uint8 sRGB to the same."""
        self.check()
        return wear.scratches(pixels, self.amount, seed)


@dataclass(frozen=True)
class Stains:
    """Dried water, `amount` in [0, 1]."""

    amount: float = 0.3

    def check(self) -> None:
        """Raise SceneError for an amount out of range."""
        between(self, 0, 1, "amount")

    def worn(self, pixels: Pixels, seed: Seed) -> Pixels:
        """(h, w, 3) uint8 sRGB to the same."""
        self.check()
        return wear.stains(pixels, self.amount, seed)


@dataclass(frozen=True)
class Stickers:
    """Small labels, about three at an `amount` of 1."""

    amount: float = 0.3

    def check(self) -> None:
        """Raise SceneError for an amount out of range."""
        between(self, 0, 1, "amount")

    def worn(self, pixels: Pixels, seed: Seed) -> Pixels:
        """(h, w, 3) uint8 sRGB to the same."""
        self.check()
        return wear.stickers(pixels, self.amount, seed)


@dataclass(frozen=True)
class Rust:
    """Rust from the edges, `amount` in [0, 1]."""

    amount: float = 0.3

    def check(self) -> None:
        """Raise SceneError for an amount out of range."""
        between(self, 0, 1, "amount")

    def worn(self, pixels: Pixels, seed: Seed) -> Pixels:
        """(h, w, 3) uint8 sRGB to the same."""
        self.check()
        return wear.rust(pixels, self.amount, seed)


@dataclass(frozen=True)
class SnowCover:
    """Snow that sticks to the upper edge, `amount` in [0, 1]."""

    amount: float = 0.3

    def check(self) -> None:
        """Raise SceneError for an amount out of range."""
        between(self, 0, 1, "amount")

    def worn(self, pixels: Pixels, seed: Seed) -> Pixels:
        """(h, w, 3) uint8 sRGB to the same."""
        self.check()
        return wear.snow_cover(pixels, self.amount, seed)
