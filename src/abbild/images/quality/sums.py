"""What a renderer hands to the denoiser."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from abbild.images.stage import Singles

__all__ = ["Paths", "Sums", "limit_of"]


@dataclass(frozen=True)
class Paths:
    """How light is followed.

    Attributes
    ----------
    samples : paths for each pixel
    depth : segments of a path
    clamp : whether to cut the few samples that are far brighter than all others
    """

    samples: int
    depth: int
    clamp: bool


@dataclass(frozen=True, eq=False)
class Sums:
    """Averages over the samples of each pixel; what is not hit counts as zero.

    Attributes
    ----------
    seen : (h, w, 3) radiance of bodies
    beyond : (h, w, 3) radiance of the environment where no body is
    albedo, normal : (h, w, 3) of what is seen, free of noise
    hit : (h, w) share of samples that met a body
    missed : (h, w) share that met none; the rest has no ray, as the lens sees nothing there
    """

    seen: Singles
    beyond: Singles
    albedo: Singles
    normal: Singles
    hit: Singles
    missed: Singles

    @staticmethod
    def empty(width: int, height: int) -> Sums:
        """Return zeros."""
        images = (np.zeros((height, width, 3), np.float32) for _ in range(4))
        return Sums(*images, *(np.zeros((height, width), np.float32) for _ in range(2)))

    def plus(self, other: Sums) -> Sums:
        """Add, element by element."""
        return Sums(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def over(self, count: int) -> Sums:
        """Divide by a number of passes."""
        return Sums(*(getattr(self, f.name) / np.float32(count) for f in fields(self)))


def limit_of(brightness: Singles) -> float:
    """Return a radiance that only a lucky path is above: ten times the 99.5th percentile.

    Cutting there takes a little light away, which a picture with few samples gains from and a
    reference must not do.
    """
    some = brightness[:: max(1, len(brightness) // 16384)]
    at = int(0.995 * (len(some) - 1))
    high = float(np.partition(some, at)[at])
    return 10 * high if high > 0 else np.inf
