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

CHUNK = 65_536  # rows searched at a time, so that their columns stay in the cache
BLOCK = 256  # rows whose distances are held at once


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
    Cost is O(n m (p + c)), about a nanosecond for each row and column; a block of rows is taken
    at a time, column by column, which is what vector units are good at. Squares are added in
    single precision.
    """
    n = len(of)
    squares = np.full((n, k), np.inf)
    rows = np.full((n, k), -1, np.int64)
    for start in range(0, len(among), CHUNK):
        part = among[start : start + CHUNK]
        known = np.ascontiguousarray((~np.isnan(part.numbers)).T.astype(np.float32))
        numbers = np.ascontiguousarray(np.nan_to_num(part.numbers, nan=0.0).T)
        _search(
            of.numbers, _packed(of.codes), numbers, known, _packed(part.codes).T.copy(),
            start, squares, rows,
        )  # fmt: skip
    return np.asarray(np.sqrt(squares)), rows


def _packed(codes: NDArray[np.int32]) -> NDArray[np.uint16]:
    """Shorten codes to two bytes: they are told apart modulo 2**16."""
    return (codes & 0xFFFF).astype(np.uint16)


@numba.njit(cache=True)  # type: ignore[misc, unused-ignore]
def _search(qn, qc, dn, known, dc, start, squares, rows):  # type: ignore[no-untyped-def]
    """Look among the (p, m) numbers and (c, m) codes `dn`, `dc`, whose first row is `start`."""
    k, m = squares.shape[1], dc.shape[1]
    found = np.empty(BLOCK, np.float32)
    for i in range(qn.shape[0]):
        best = squares[i]
        for at in range(0, m, BLOCK):
            size = min(BLOCK, m - at)
            _distances(qn[i], qc[i], dn, known, dc, at, size, found)
            for j in range(size):
                if found[j] < best[k - 1]:
                    _insert(found[j], start + at + j, best, rows[i])


@numba.njit(cache=True)  # type: ignore[misc, unused-ignore]
def _distances(numbers, codes, dn, known, dc, at, size, found):  # type: ignore[no-untyped-def]
    """Put squared distances to `size` rows from `at` on into `found`."""
    one = np.float32(1.0)
    found[:size] = 0.0
    for p in range(len(numbers)):
        x, there, has = numbers[p], dn[p, at : at + size], known[p, at : at + size]
        if x == x:
            for j in range(size):
                step = x - there[j]
                # where one of the two is missing they differ by one
                found[j] += has[j] * step * step + (one - has[j])
        else:
            for j in range(size):
                found[j] += has[j]
    for c in range(len(codes)):
        level, levels = codes[c], dc[c, at : at + size]
        for j in range(size):
            found[j] += np.float32(levels[j] != level)


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
