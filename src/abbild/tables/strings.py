"""Putting many strings together at once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["blank", "digits", "join", "rows_of_bytes", "with_suffix"]


def blank(texts: pa.Array, absent: NDArray[np.bool_]) -> pa.Array:
    """Return `texts` with nulls where `absent`."""
    if not absent.any():
        return texts
    return texts.take(pa.array(np.arange(len(texts)), mask=absent))


def rows_of_bytes(chars: NDArray[np.uint8]) -> pa.Array:
    """Return the rows of (n, width) ASCII codes as strings."""
    n, width = chars.shape
    offsets = np.arange(n + 1, dtype=np.int64) * width
    data = pa.py_buffer(np.ascontiguousarray(chars).tobytes())
    return pa.Array.from_buffers(
        pa.large_string(), n, [None, pa.py_buffer(offsets.tobytes()), data]
    )


def with_suffix(texts: pa.Array, epoch: NDArray[np.uint64], dash: str = "-") -> pa.Array:
    """Return `texts`, followed by a dash and the number of the epoch where that is not zero."""
    again = epoch > 0
    if not again.any():
        return texts
    tails = [f"{dash}{e}" if e else "" for e in epoch.tolist()]
    return pa.array(
        [t + s for t, s in zip(texts.to_pylist(), tails, strict=True)], pa.large_string()
    )


def digits(numbers: NDArray[np.uint64], width: int) -> NDArray[np.uint8]:
    """Return (n, width) ASCII digits of `numbers`, zero padded; higher digits are cut off."""
    out = np.empty((len(numbers), width), np.uint8)
    rest = numbers
    for place in reversed(range(width)):
        out[:, place] = (rest % np.uint64(10)).astype(np.uint8) + ord("0")
        rest = rest // np.uint64(10)
    return out


def join(left: pa.Array, right: pa.Array, between: str) -> pa.Array:
    """Return ``left[i] + between + right[i]``."""
    return pc.binary_join_element_wise(left, right, pa.scalar(between, pa.large_string()))
