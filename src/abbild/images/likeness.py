"""How bright, how sharp and how alike the pictures of a data set are."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Likeness", "difference_hash"]

Pixels = NDArray[np.uint8]
Floats = NDArray[np.floating[Any]]

BITS = 3  # bits of 64 that the hashes of near duplicates differ in at most
LEVELS = 2.0  # mean difference of their thumbnails at most, of 255
SIDE = 16  # of a thumbnail
PAIRS = 12  # shown
LUMA = (np.float32(0.299), np.float32(0.587), np.float32(0.114))  # ITU-R BT.601
DARK, BRIGHT, FLAT = 0.03, 0.97, 0.01


def difference_hash(pixels: Pixels) -> int:
    """Return 64 bits that hardly change when a picture is scaled, brightened or compressed.

    Parameters
    ----------
    pixels : (h, w, 3) or (h, w) uint8

    Notes
    -----
    The picture is averaged down to 8 x 9 cells of grey; a bit says whether a cell is brighter
    than the one to its right (Krawetz 2013, "Kind of like that").
    """
    return _hash(_grey(np.asarray(pixels)))


def _hash(grey: Floats) -> int:
    cells = _averaged(grey, 8, 9)
    bits = (cells[:, :-1] > cells[:, 1:]).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _grey(pixels: Pixels) -> Floats:
    """Return (h, w) in [0, 255]."""
    if pixels.ndim == 2:
        return pixels.astype(np.float32)
    red, green, blue = (pixels[..., k].astype(np.float32) for k in range(3))
    grey: Floats = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    return grey


def _averaged(values: Floats, rows: int, columns: int) -> Floats:
    """Return the mean of each of rows x columns cells of equal size; cells may split pixels."""
    return _pooled(_pooled(values, rows).T, columns).T


def _pooled(values: Floats, cells: int) -> Floats:
    """Return the means of `cells` equal parts of the rows, (cells, w)."""
    # sums up to any height, by linear interpolation; no matrix product, whose threads would
    # fight for the cores with workers that render
    sums = np.zeros((len(values) + 1, values.shape[1]))
    np.cumsum(values, axis=0, out=sums[1:])
    edges = np.linspace(0, len(values), cells + 1)
    below = np.minimum(edges.astype(int), len(values) - 1)
    part = (edges - below)[:, None]
    at_edges = sums[below] * (1 - part) + sums[below + 1] * part
    means: Floats = np.diff(at_edges, axis=0) * (cells / len(values))
    return means


@dataclass(frozen=True, slots=True)
class _Seen:
    file: str
    exact: bytes
    bits: int
    thumbnail: Floats
    tone: tuple[float, float, float]


class Likeness:
    """Takes pictures one after the other and keeps a bounded number of small traces of them.

    Parameters
    ----------
    limit : pictures that are compared at most; from a larger data set every second, fourth ...
        one is taken
    """

    def __init__(self, limit: int = 2000) -> None:
        self.limit = max(2, limit)
        self._step = 1
        self._count = 0
        self._kept: list[tuple[int, _Seen]] = []

    def wants(self) -> bool:
        """Whether the next picture is one of those that are looked at; counts it."""
        self._count += 1
        return (self._count - 1) % self._step == 0

    def add(self, pixels: Pixels, file: str) -> None:
        """Look at the picture `wants` was just asked about, (h, w, 3) or (h, w) uint8."""
        pixels = np.ascontiguousarray(pixels)
        grey = _grey(pixels)
        exact = hashlib.blake2b(repr(pixels.shape).encode() + pixels.tobytes(), digest_size=16)
        seen = _Seen(
            file,
            exact.digest(),
            _hash(grey),
            _averaged(grey, SIDE, SIDE),
            (float(grey.mean()) / 255, float(grey.std()) / 255, _sharpness(grey)),
        )
        self._kept.append((self._count - 1, seen))
        if len(self._kept) > self.limit:
            self._step *= 2
            self._kept = [(place, s) for place, s in self._kept if place % self._step == 0]

    def tones(self) -> dict[str, Any]:
        """Return {looked_at, brightness, contrast, sharpness, dark, bright, flat}.

        The three are histograms {edges, counts} of the mean grey, its standard deviation and the
        root mean square of its Laplacian, all with white as 1; the others count pictures that
        are nearly black, white or of one grey.
        """
        tones = np.array([seen.tone for _, seen in self._kept]).reshape(-1, 3)
        brightness, contrast, sharpness = tones.T
        top = max(0.1, float(sharpness.max(initial=0.0)))
        ranges = ((brightness, 1.0), (contrast, 0.5), (sharpness, top))
        names = ("brightness", "contrast", "sharpness")
        return {
            "looked_at": len(tones),
            **{n: _histogram(v, end) for n, (v, end) in zip(names, ranges, strict=True)},
            "dark": int((brightness < DARK).sum()),
            "bright": int((brightness > BRIGHT).sum()),
            "flat": int((contrast < FLAT).sum()),
        }

    def duplicates(self) -> dict[str, Any]:
        """Return {compared, of, exact, near, pairs}.

        exact: pictures whose every pixel equals that of an earlier one; near: further pictures
        that look like an earlier one (hashes within 3 bits, thumbnails within 2 of 255 levels);
        pairs: some of both, as [earlier, later, "exact" or "near"].
        """
        first: dict[bytes, str] = {}
        unlike: list[_Seen] = []
        pairs: list[list[str]] = []
        exact = 0
        for _, seen in self._kept:
            if seen.exact in first:
                exact += 1
                pairs.append([first[seen.exact], seen.file, "exact"])
            else:
                first[seen.exact] = seen.file
                unlike.append(seen)
        near = _near(unlike)
        pairs = pairs[: PAIRS // 2 if near else PAIRS]
        pairs += [[unlike[i].file, unlike[j].file, "near"] for i, j in near]
        return {
            "compared": len(self._kept),
            "of": self._count,
            "exact": exact,
            "near": len(near),
            "pairs": pairs[:PAIRS],
        }


def _near(seen: list[_Seen]) -> list[tuple[int, int]]:
    """Return for each picture that looks like an earlier one the two places."""
    if not seen:
        return []
    bits = np.array([one.bits for one in seen], np.uint64)
    thumbnails = np.stack([one.thumbnail for one in seen]).reshape(len(seen), -1)
    found = []
    for j in range(1, len(seen)):
        close = np.flatnonzero(np.bitwise_count(bits[:j] ^ bits[j]) <= BITS)
        if len(close):
            differences = np.abs(thumbnails[close] - thumbnails[j]).mean(axis=1)
            if differences.min() <= LEVELS:
                found.append((int(close[differences.argmin()]), j))
    return found


def _sharpness(grey: Floats) -> float:
    if min(grey.shape) < 3:
        return 0.0
    curved = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    curved -= 4 * grey[1:-1, 1:-1]
    return math.sqrt(float(np.square(curved).mean())) / 255


def _histogram(values: Floats, top: float) -> dict[str, list[float]]:
    counts, edges = np.histogram(np.clip(values, 0, top), bins=20, range=(0, top))
    return {"edges": edges.tolist(), "counts": counts.tolist()}
