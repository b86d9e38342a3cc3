"""Distances between rows of mixed columns, and the nearest rows by plain search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from abbild.core import Column, Discretizer, Schema
from abbild.evaluate.scope import all_levels, rounded

__all__ = ["Points", "Space", "nearest"]

Floats = NDArray[np.float64]
Shape = Literal["scaled", "ranked"]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Rows as points.

    Attributes
    ----------
    numbers : (n, p) float32, about unit variance, NaN where missing
    codes : (n, c) int32, one for each level
    """

    numbers: NDArray[np.float32]
    codes: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: NDArray[np.int64] | slice) -> Points:
        return Points(self.numbers[rows], self.codes[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """A squared distance: differences of quantities, and one for every level that differs.

    ``scaled`` quantities have the variance of the reference; ``ranked`` ones are its ranks, so
    that a heavy tail does not rule. A missing value differs by one from any other.
    """

    shape: Shape
    quantities: tuple[Column, ...]
    knots: tuple[Floats, ...]
    levels: Discretizer

    @classmethod
    def of(cls, reference: pa.Table, *others: pa.Table, schema: Schema, shape: Shape) -> Space:
        """Learn scales, or ranks, from `reference`, and levels from all tables.

        A level that only one table has must stay itself there: were all unknown levels one, a
        table would be nearer for its vocabulary alone.
        """
        columns = schema.table.columns
        quantities = tuple(c for c in columns if c.kind.is_quantity)
        knots = tuple(_knots(rounded(reference, c), shape) for c in quantities)
        levels = all_levels([reference, *others], [c for c in columns if c.kind.is_level])
        return cls(shape, quantities, knots, levels)

    def points(self, table: pa.Table) -> Points:
        """Place the rows of `table`."""
        numbers = np.empty((table.num_rows, len(self.quantities)), np.float32)
        for j, (column, knots) in enumerate(zip(self.quantities, self.knots, strict=True)):
            numbers[:, j] = _placed(rounded(table, column), knots, self.shape)
        return Points(numbers, self.levels.codes(table).astype(np.int32))


def nearest(of: Points, among: Points, k: int = 1) -> tuple[Floats, NDArray[np.int64]]:
    """Find the `k` nearest rows by looking at every one.

    Returns
    -------
    (n, k) distances, ascending, and (n, k) row numbers in `among`; where `among` has fewer than
    `k` rows the rest is infinity and -1.

    Notes
    -----
    Cost is O(n m) in the worst case; most rows are given up after a few columns.
    """
    n = len(of)
    squares = np.full((n, k), np.inf)
    rows = np.full((n, k), -1, np.int64)
    _search(of.numbers, _packed(of.codes), among.numbers, _packed(among.codes), squares, rows)
    return np.asarray(np.sqrt(squares)), rows


def _packed(codes: NDArray[np.int32]) -> NDArray[np.uint64]:
    """Pack four codes into a word: (n, ceil(c / 4)); codes are told apart modulo 2**16."""
    n, c = codes.shape
    lanes = np.zeros((n, -(-c // 4) * 4), np.uint16)
    lanes[:, :c] = codes & 0xFFFF
    return np.ascontiguousarray(lanes).view(np.uint64)


LOW = np.uint64(0x7FFF7FFF7FFF7FFF)
TOP = np.uint64(0x8000800080008000)
ONES = np.uint64(0x0001000100010001)
FIFTEEN, FORTY_EIGHT = np.uint64(15), np.uint64(48)


@numba.njit(cache=True)  # type: ignore[misc, unused-ignore]
def _mismatches(a, b):  # type: ignore[no-untyped-def]
    """Count the lanes of 16 bits in which two words differ."""
    x = a ^ b
    # the top bit of a lane of x, or the carry of its other bits, says that it is not zero
    set_lanes = (((x & LOW) + LOW) | x) & TOP
    return ((set_lanes >> FIFTEEN) * ONES) >> FORTY_EIGHT


@numba.njit(cache=True)  # type: ignore[misc, unused-ignore]
def _search(qn, qc, dn, dc, squares, rows):  # type: ignore[no-untyped-def]
    k = squares.shape[1]
    for i in range(qn.shape[0]):
        best = squares[i]
        for j in range(dn.shape[0]):
            worst = best[k - 1]
            square = 0.0
            for w in range(qc.shape[1]):
                square += np.float64(_mismatches(qc[i, w], dc[j, w]))
            if square < worst:
                square = _added(square, worst, qn[i], dn[j])
            if square < worst:
                _insert(square, j, best, rows[i])


@numba.njit(cache=True)  # type: ignore[misc, unused-ignore]
def _added(square, worst, a, b):  # type: ignore[no-untyped-def]
    """Add the squares of differences until `worst` is reached; NaN differs from numbers by one."""
    for p in range(len(a)):
        step = a[p] - b[p]
        if step == step:
            square += step * step
        elif (a[p] == a[p]) != (b[p] == b[p]):
            square += 1.0
        if square >= worst:
            break
    return square


@numba.njit(cache=True)  # type: ignore[misc, unused-ignore]
def _insert(square, row, best, rows):  # type: ignore[no-untyped-def]
    """Put a row where it belongs among the best so far, the last of which drops out."""
    place = len(best) - 1
    while place > 0 and best[place - 1] > square:
        best[place] = best[place - 1]
        rows[place] = rows[place - 1]
        place -= 1
    best[place] = square
    rows[place] = row


def _knots(x: Floats, shape: Shape) -> Floats:
    x = x[~np.isnan(x)]
    if shape == "ranked":
        return np.sort(x)
    if not len(x):
        return np.array([0.0, 1.0])
    # the largest doubles must not overflow when squared
    limit = np.clip(x, -1e150, 1e150)
    scale = float(limit.std())
    return np.array([float(limit.mean()), scale if scale > 0 else 1.0])


def _placed(x: Floats, knots: Floats, shape: Shape) -> Floats:
    if shape == "scaled":
        return np.asarray(np.clip((np.clip(x, -1e150, 1e150) - knots[0]) / knots[1], -1e6, 1e6))
    if not len(knots):
        return np.where(np.isnan(x), np.nan, 0.0)
    left, right = (np.searchsorted(knots, x, side=side) for side in ("left", "right"))
    rank = (left + right) / (2 * len(knots))
    # variance 1/12 becomes 1, so that a quantity weighs about as much as a level
    return np.asarray(np.where(np.isnan(x), np.nan, rank * np.sqrt(12)))
