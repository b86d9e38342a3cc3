"""Random numbers and permutations as pure functions of a key and a row number.

A row needs no stream to have been consumed before it, so any shard of a table makes the same
cells, and a key of row 2^63 costs as much as one of row 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["hash_bytes", "mix", "permute", "row_numbers", "uniform"]

U64 = NDArray[np.uint64]

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1
_ROUNDS = 6  # of the Feistel network: four make a pseudo-random permutation (Luby & Rackoff 1988)


def row_numbers(rows: range) -> U64:
    """Return the absolute numbers of `rows` as (n,) uint64."""
    return np.arange(len(rows), dtype=np.uint64) + np.uint64(rows.start)


def mix(values: U64, key: int = 0) -> U64:
    """Scramble (n,) uint64 `values` under `key`; a bijection of 64 bits.

    References
    ----------
    Steele, Lea & Flood (2014), "Fast splittable pseudorandom number generators", SplitMix64.
    """
    x = (values + np.uint64(_GOLDEN * (key | 1) & _MASK)) ^ np.uint64(key & _MASK)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(x ^ (x >> np.uint64(31)))


def uniform(values: U64, key: int) -> NDArray[np.float64]:
    """Return (n,) numbers in [0, 1), one for each of `values`."""
    return np.asarray((mix(mix(values, key)) >> np.uint64(11)) * 2.0**-53)


def permute(values: U64, size: int, key: int) -> U64:
    """Map (n,) `values` in [0, size) to [0, size), each to another; `size` is at most 2^64.

    A Feistel network over the smallest even number of bits that holds `size`, walked until it
    lands inside (Black & Rogaway 2002, cycle walking): fewer than four steps on average.
    """
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    out = _feistel(values, half, key)
    if size < 1 << 2 * half:
        outside = np.flatnonzero(out >= np.uint64(size))
        while len(outside):
            out[outside] = _feistel(out[outside], half, key)
            outside = outside[out[outside] >= np.uint64(size)]
    return out


def _feistel(values: U64, half: int, key: int) -> U64:
    width, mask = np.uint64(half), np.uint64((1 << half) - 1)
    left, right = values >> width, values & mask
    for number in range(_ROUNDS):
        left, right = right, left ^ (mix(right, key + number) & mask)
    return np.asarray(left << width | right)


def hash_bytes(chars: NDArray[np.uint8], offsets: NDArray[np.int64]) -> U64:
    """Return (n,) 64-bit hashes of the byte strings ``chars[offsets[i]:offsets[i + 1]]``."""
    lengths = np.diff(offsets)
    place = np.arange(len(chars), dtype=np.int64) - np.repeat(offsets[:-1] - offsets[0], lengths)
    parts = mix(chars.astype(np.uint64) + (place.astype(np.uint64) << np.uint64(8)), 1)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(parts, dtype=np.uint64)])
    start = offsets - offsets[0]
    return mix(sums[start[1:]] - sums[start[:-1]] + lengths.astype(np.uint64), 2)
