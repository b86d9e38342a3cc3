"""Masks as run lengths, in both notations of COCO: lists of counts and short ASCII strings.

Runs go down the columns and begin with a run of zeros (which may be empty); a mask of
``(height, width)`` pixels has runs that add up to ``height * width``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from abbild.core import FileFormatError, ShapeError
from abbild.images.annotation import Box

__all__ = [
    "area",
    "compress",
    "decode",
    "decompress",
    "encode",
    "mask_box",
    "run_lengths",
]

Mask = NDArray[np.bool_]
Counts = NDArray[np.int64]

_BITS = 5  # of a number in one character
_SIGN = 16
_MORE = 32
_FIRST = 48  # "0"
_LONGEST = 7  # characters of a number: 35 bits, far more than an image has pixels


def run_lengths(mask: Mask) -> Counts:
    """Return the lengths of the runs of a mask, (r,) int64, zeros first, column by column.

    Parameters
    ----------
    mask : (h, w) bool

    Notes
    -----
    Only the columns between the first and the last set pixel are looked at twice.
    """
    if mask.ndim != 2:
        raise ShapeError(f"a mask is (height, width), not of shape {mask.shape}")
    height, width = mask.shape
    columns = np.flatnonzero(mask.any(axis=0))
    if not columns.size:
        return np.array([height * width], np.int64)
    first, last = int(columns[0]), int(columns[-1]) + 1
    flat = np.zeros((last - first) * height + 2, np.bool_)
    flat[1:-1] = mask[:, first:last].T.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + first * height
    ends = np.append(changes, height * width) if changes[-1] < height * width else changes
    return np.diff(ends, prepend=0).astype(np.int64)


def decode(counts: Counts | Sequence[int], height: int, width: int) -> Mask:
    """Return the mask of runs, (height, width) bool.

    Raises
    ------
    FileFormatError
        If the runs are negative or do not add up to the image.
    """
    runs = np.asarray(counts, np.int64)
    if runs.ndim != 1 or (runs < 0).any():
        raise FileFormatError("the runs of a mask are whole numbers from 0")
    if (total := sum(runs.tolist())) != height * width:
        raise FileFormatError(
            f"the runs of a mask cover {total} pixels, the image has {height * width}"
        )
    values = np.arange(runs.size) % 2 == 1
    return np.ascontiguousarray(np.repeat(values, runs).reshape(width, height).T)


def area(counts: Counts | Sequence[int]) -> int:
    """Return the number of set pixels of runs."""
    return int(sum(np.asarray(counts, np.int64)[1::2].tolist()))


def compress(counts: Counts | Sequence[int]) -> str:
    """Return runs as COCO's string: from the fourth on as differences to the run two before.

    Each number takes as many characters of five bits as its sign and value need, the low bits
    first; the sixth bit says that more follow.
    """
    runs = np.asarray(counts, np.int64)
    numbers = runs.copy()
    numbers[3:] -= runs[1:-2]
    bits = np.frexp(np.where(numbers < 0, ~numbers, numbers).astype(np.float64))[1]
    sizes = bits // _BITS + 1
    places = np.arange(int(sizes.max(initial=1)))
    digits = (numbers[:, None] >> (_BITS * places)) & (2**_BITS - 1)
    digits |= np.where(places < sizes[:, None] - 1, _MORE, 0)
    kept = digits[places < sizes[:, None]]
    return str((kept + _FIRST).astype(np.uint8).tobytes(), "ascii")


def decompress(text: str) -> Counts:
    """Return the runs of COCO's string, (r,) int64.

    Raises
    ------
    FileFormatError
        If a character is none of the 64, a number is cut off or no pixel count.
    """
    codes = np.frombuffer(text.encode("utf-8", "replace"), np.uint8).astype(np.int64) - _FIRST
    if not codes.size or (codes < 0).any() or (codes >= 2 * _MORE).any():
        raise FileFormatError("no mask in COCO's compressed notation")
    final = codes < _MORE
    if not final[-1]:
        raise FileFormatError("a mask in COCO's compressed notation is cut off")
    ends = np.flatnonzero(final)
    starts = np.append(0, ends[:-1] + 1)
    sizes = ends - starts + 1
    if sizes.max() > _LONGEST:
        raise FileFormatError("a mask in COCO's compressed notation has a run beyond any image")
    places = np.arange(codes.size) - np.repeat(starts, sizes)
    numbers = np.add.reduceat((codes & (2**_BITS - 1)) << (_BITS * places), starts)
    numbers -= np.where(codes[ends] & _SIGN, np.int64(1) << (_BITS * sizes), 0)
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers


def encode(mask: Mask) -> str:
    """Return a mask, (h, w) bool, as COCO's compressed string."""
    return compress(run_lengths(mask))


def mask_box(mask: Mask) -> Box | None:
    """Return the tight box of the set pixels of a mask, (h, w) bool; None if there are none."""
    columns = np.flatnonzero(mask.any(axis=0))
    rows = np.flatnonzero(mask.any(axis=1))
    if not columns.size:
        return None
    return (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
