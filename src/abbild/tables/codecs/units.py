"""Counting people, not rows: who showed a value, as far as a threshold of k needs to know.

For each value the k smallest hashes of the units that showed it are kept (a k-minimum-values
sketch, Bar-Yossef et al. 2002). Up to k the number of distinct units is exact, the sketch is
bounded, and merging is associative; a statistics object that is stored holds no sketch.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from abbild.tables.counter import hash_bytes, mix

__all__ = ["NOBODY", "Seen", "count_units", "hash_units", "join_seen", "smallest"]

U64 = NDArray[np.uint64]
Seen = U64 | None  # (values, k) smallest unit hashes; None where every row is its own unit

NOBODY = np.uint64(2**64 - 1)


def hash_units(column: pa.ChunkedArray | pa.Array, first: int = 0) -> U64:
    """Return (n,) hashes of a unit column; a row without a unit is a unit of its own.

    `first` is the number of the first row, by which rows without a unit are told apart.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_integer(column.type):
        values = pc.fill_null(column, 0).to_numpy(zero_copy_only=False).astype(np.int64)
        hashes = mix(values.view(np.uint64), 3)
        return _with_missing(hashes, column, first)
    text = pc.fill_null(column.cast(pa.large_string()), "")
    offsets = np.frombuffer(text.buffers()[1], dtype=np.int64)[text.offset :][: len(text) + 1]
    data = text.buffers()[2]
    chars = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, np.uint8)
    hashes = hash_bytes(chars[offsets[0] : offsets[-1]], offsets)
    return _with_missing(hashes, column, first)


def _with_missing(hashes: U64, column: pa.Array, first: int) -> U64:
    missing = column.is_null().to_numpy(zero_copy_only=False)
    if missing.any():
        numbers = np.arange(first, first + len(hashes), dtype=np.uint64)
        hashes = np.where(missing, mix(numbers, 11), hashes)
    return np.minimum(hashes, NOBODY - np.uint64(1))


def smallest(groups: NDArray[np.int64], hashes: U64, size: int, k: int) -> U64:
    """Return the (size, k) smallest distinct `hashes` of each group, filled up with `NOBODY`."""
    out = np.full((size, k), NOBODY)
    order = np.lexsort((hashes, groups))
    g, h = groups[order], hashes[order]
    if not len(g):
        return out
    new = np.ones(len(g), bool)
    new[1:] = (g[1:] != g[:-1]) | (h[1:] != h[:-1])
    g, h = g[new & (h != NOBODY)], h[new & (h != NOBODY)]
    rank = np.arange(len(g)) - np.searchsorted(g, g)
    out[g[rank < k], rank[rank < k]] = h[rank < k]
    return out


def join_seen(seen: Seen, groups: NDArray[np.int64], size: int) -> Seen:
    """Union the sketches of rows of `seen` that share a group."""
    if seen is None:
        return None
    k = seen.shape[1]
    return smallest(np.repeat(groups, k), seen.ravel(), size, k)


def count_units(counts: NDArray[np.int64], seen: Seen) -> NDArray[np.int64]:
    """Return how many units showed each value: exact below k, at least k otherwise."""
    return counts if seen is None else np.asarray((seen != NOBODY).sum(axis=1))
