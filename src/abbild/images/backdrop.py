"""Photographs behind a scene."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from abbild.images.colors import decode_srgb
from abbild.images.errors import AssetError

__all__ = ["fit_backdrop"]

KEPT = 16  # fitted photographs
_fitted: OrderedDict[tuple[int, int, int], tuple[Any, NDArray[np.float32]]] = OrderedDict()


def fit_backdrop(photograph: NDArray[np.uint8], width: int, height: int) -> NDArray[np.float32]:
    """Scale a photograph so that it covers a picture, and cut what stands over, evenly.

    Parameters
    ----------
    photograph : (h, w, 3) uint8 sRGB
    width, height : pixels of the picture

    Returns
    -------
    (height, width, 3) float32 linear, not to be written to; each pixel is the average of what it
    covers, or interpolated where the photograph is smaller than the picture

    Raises
    ------
    AssetError
        if it is no such array
    """
    if photograph.ndim != 3 or photograph.shape[2] != 3 or 0 in photograph.shape:
        raise AssetError(
            f"a backdrop has the shape {photograph.shape}", hint="give (height, width, 3) uint8"
        )
    key = (id(photograph), width, height)
    if key in _fitted and _fitted[key][0]() is photograph:
        _fitted.move_to_end(key)
        return _fitted[key][1]
    fitted = _fit(photograph, width, height)
    fitted.flags.writeable = False
    _fitted[key] = (ref(photograph), fitted)
    while len(_fitted) > KEPT:
        _fitted.popitem(last=False)
    return fitted


def _fit(photograph: NDArray[np.uint8], width: int, height: int) -> NDArray[np.float32]:
    rows, columns = photograph.shape[:2]
    scale = min(rows / height, columns / width)  # pixels of the photograph for one of ours
    return _gather(
        _gather(photograph, *_weights(height, rows, scale)),
        *_weights(width, columns, scale),
        axis=1,
    )


def _weights(size: int, given: int, scale: float) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return which lines each of ours takes, and how much of each, (size, k) both."""
    reach = max(scale, 1.0)  # half width of a triangle, as for bilinear interpolation
    centre = (np.arange(size) + 0.5 - 0.5 * size) * scale + 0.5 * given
    count = int(np.ceil(2 * reach)) + 1
    first = np.floor(centre - reach).astype(np.int64)
    lines = first[:, None] + np.arange(count)
    weights = np.maximum(1 - np.abs(lines + 0.5 - centre[:, None]) / reach, 0)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.clip(lines, 0, given - 1), weights.astype(np.float32)


def _gather(
    image: NDArray[Any], lines: NDArray[np.int64], weights: NDArray[np.float32], axis: int = 0
) -> NDArray[np.float32]:
    """Average lines of an image along one axis; bytes are decoded line by line, to save memory."""
    shape = [1, 1, 1]
    shape[axis] = -1
    total: NDArray[np.float32] = np.zeros(1, np.float32)
    for k in range(lines.shape[1]):
        taken = np.take(image, lines[:, k], axis)
        light = decode_srgb(taken) if taken.dtype == np.uint8 else taken
        total = total + light * weights[:, k].reshape(shape)
    return total
