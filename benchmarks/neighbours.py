"""Distances between rows of mixed kinds, and an exact nearest-neighbour search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

MISMATCH = 2.0  # what two different levels add; the L1 distance of their one-hot codes


@dataclass(frozen=True)
class Points:
    """(n, a) float32 coordinates and (n, b) int32 levels."""

    numbers: NDArray[np.float32]
    levels: NDArray[np.int32]


@dataclass(frozen=True)
class Space:
    """A scale for each quantity, fitted on one frame; a missing value is a level of its own.

    Attributes
    ----------
    scales : name of the quantity to (centre, width, sorted values); the values are empty where
        plain z-scores are meant
    flagged : quantities with a missing value in any frame
    """

    scales: dict[str, tuple[float, float, NDArray[np.float64]]]
    flagged: tuple[str, ...]

    @classmethod
    def standardised(cls, frame: pd.DataFrame, also: Sequence[pd.DataFrame]) -> Space:
        """Measure in standard deviations of `frame`."""
        return cls(
            {c: (frame[c].mean(), frame[c].std(ddof=0), np.array([])) for c in _numbers(frame)},
            _flagged((frame, *also)),
        )

    @classmethod
    def ranked(cls, frame: pd.DataFrame, also: Sequence[pd.DataFrame]) -> Space:
        """Measure in ranks of `frame`, scaled to unit variance."""
        root = 12**-0.5  # standard deviation of a uniform variable
        return cls(
            {c: (0.5, root, np.sort(frame[c].dropna().to_numpy())) for c in _numbers(frame)},
            _flagged((frame, *also)),
        )

    def __call__(self, frame: pd.DataFrame) -> Points:
        numbers = [self._number(frame[c].to_numpy(), c) for c in self.scales]
        levels = [frame[c].cat.codes.to_numpy() for c in frame.columns if c not in self.scales]
        levels += [frame[c].isna().to_numpy() for c in self.flagged]
        return Points(_stacked(numbers, len(frame), "f4"), _stacked(levels, len(frame), "i4"))

    def _number(self, values: NDArray, name: str) -> NDArray:
        centre, width, known = self.scales[name]
        if len(known):
            ends = [np.searchsorted(known, values, side) for side in ("left", "right")]
            ranks = (ends[0] + ends[1]) / (2 * len(known))
            values = np.where(np.isnan(values), np.nan, ranks)
        scaled = (values - centre) / (width if width > 0 else 1.0)
        return np.nan_to_num(scaled, nan=0.0)


def _numbers(frame: pd.DataFrame) -> list[str]:
    return [c for c in frame.columns if not isinstance(frame[c].dtype, pd.CategoricalDtype)]


def _flagged(frames: Sequence[pd.DataFrame]) -> tuple[str, ...]:
    return tuple(c for c in _numbers(frames[0]) if any(f[c].isna().any() for f in frames))


def _stacked(columns: list[NDArray], rows: int, kind: str) -> NDArray:
    if not columns:
        return np.zeros((rows, 0), kind)
    return np.ascontiguousarray(np.column_stack(columns), dtype=kind)


def nearest(queries: Points, base: Points, k: int) -> NDArray[np.float32]:
    """Return (n, k) distances to the nearest rows of `base`, sorted; exact, brute force."""
    k = min(k, len(base.numbers))
    return _search(queries.numbers, queries.levels, base.numbers, base.levels, k)


@njit(cache=True, nogil=True, fastmath={"reassoc", "nsz"})  # inf must stay comparable
def _search(qx, qc, bx, bc, k):  # type: ignore[no-untyped-def]
    n = qx.shape[0]
    out = np.full((n, k), np.inf, np.float32)
    for i in range(n):
        best = out[i]
        for j in range(bx.shape[0]):
            d = np.float32(0.0)
            for a in range(bc.shape[1]):
                if qc[i, a] != bc[j, a]:
                    d += np.float32(MISMATCH)
            if d >= best[k - 1]:
                continue
            for a in range(bx.shape[1]):
                d += abs(qx[i, a] - bx[j, a])
            if d < best[k - 1]:
                at = k - 1
                while at > 0 and best[at - 1] > d:
                    best[at] = best[at - 1]
                    at -= 1
                best[at] = d
    return out
