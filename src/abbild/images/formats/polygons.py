"""Polygons along the edges of pixels, and masks from polygons; one undoes the other exactly.

Vertices are (x, y) in pixels, the corner of the image is (0, 0); a pixel belongs to a polygon if
its centre lies inside by the even-odd rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from abbild.images.formats.masks import Mask, mask_box

__all__ = ["fill", "one_outline", "outlines"]

Points = NDArray[np.float64]

_RIGHT, _DOWN, _LEFT, _UP = range(4)
_CROSSINGS = 1 << 22  # of edges and rows held at a time


def outlines(mask: Mask) -> list[Points]:
    """Return the borders of a mask as closed loops of corners, each (n, 2) float64.

    Parameters
    ----------
    mask : (h, w) bool

    Returns
    -------
    loops that keep the set pixels on their right: around parts clockwise as seen, around holes
    the other way; pixels that touch at a corner are of one part. In the order of their topmost
    edge. Cost: one step of Python for each pixel edge of the border.
    """
    box = mask_box(mask)
    if box is None:
        return []
    left, top, right, bottom = (int(v) for v in box)
    offset = np.array([left, top], np.float64)
    return [np.array(loop, np.float64) + offset for loop in _loops(mask[top:bottom, left:right])]


def _loops(mask: Mask) -> Iterator[list[tuple[int, int]]]:
    """Follow the borders; `edges[d]` says where an edge in direction d leaves a corner."""
    inside = np.pad(mask, 1)
    above, below = inside[:-1], inside[1:]
    before, behind = inside[:, :-1], inside[:, 1:]
    height, width = mask.shape[0] + 1, mask.shape[1] + 1
    edges = np.zeros((4, height, width), np.bool_)
    edges[_RIGHT, :, :-1] = (below & ~above)[:, 1:-1]
    edges[_LEFT, :, 1:] = (above & ~below)[:, 1:-1]
    edges[_DOWN, :-1] = (before & ~behind)[1:-1]
    edges[_UP, 1:] = (behind & ~before)[1:-1]
    starts = np.flatnonzero(edges[_RIGHT]).tolist()
    left = [bytearray(one.tobytes()) for one in edges]
    for start in starts:
        if left[_RIGHT][start]:
            yield [divmod(corner, width)[::-1] for corner in _follow(left, start, width)]


def _follow(left: list[bytearray], start: int, width: int) -> list[int]:
    """Return the corners of the loop that leaves `start` to the right, taking its edges away."""
    steps = (1, width, -1, -width)
    at, direction = start, _RIGHT
    corners = []
    while left[direction][at]:
        left[direction][at] = 0
        at += steps[direction]
        # left before right: pixels that touch at a corner stay in one loop
        for turn in (3, 0, 1):
            if left[(direction + turn) % 4][at]:
                break
        else:
            corners.append(at)  # back at the start, which lies on a corner
            break
        if turn:
            corners.append(at)
            direction = (direction + turn) % 4
    return corners


def one_outline(loops: Sequence[Points]) -> Points:
    """Join loops to one polygon, (n, 2) float64, by bridges of no width from the first corner.

    For formats that have one polygon for an object, however many parts and holes it has: each
    bridge is walked both ways, so by the even-odd rule nothing is added or lost.
    """
    if len(loops) < 2:
        return loops[0] if loops else np.zeros((0, 2))
    anchor = loops[0][:1]
    pieces = [loops[0], anchor]
    for loop in loops[1:]:
        pieces += [loop, loop[:1], anchor]
    return np.concatenate(pieces)


def fill(polygon: Points, height: int, width: int) -> Mask:
    """Return which pixel centres lie inside a polygon by the even-odd rule, (height, width) bool.

    Parameters
    ----------
    polygon : (n, 2), closed by itself; parts outside of the image are cut off
    """
    toggles = np.zeros((height, width + 1), np.bool_)
    start, end = polygon, np.roll(polygon, -1, axis=0)
    # the same edge walked the other way must cross at the same place to the last bit
    swap = (start[:, 1] > end[:, 1])[:, None]
    low, high = np.where(swap, end, start), np.where(swap, start, end)
    chunk = max(_CROSSINGS // max(height, 1), 1)
    for first in range(0, len(polygon), chunk):
        _toggle(toggles, low[first : first + chunk], high[first : first + chunk])
    inside: Mask = np.logical_xor.accumulate(toggles, axis=1)[:, :width]
    return np.ascontiguousarray(inside)


def _toggle(toggles: Mask, low: Points, high: Points) -> None:
    """Flip, for each edge and row it passes, the first pixel whose centre is not left of it."""
    height, width = toggles.shape
    first = np.clip(np.ceil(low[:, 1] - 0.5), 0, height).astype(np.int64)
    last = np.clip(np.ceil(high[:, 1] - 0.5), 0, height).astype(np.int64)
    rows_each = last - first
    edge = np.repeat(np.arange(len(low)), rows_each)
    begins = np.cumsum(rows_each) - rows_each
    row = np.arange(edge.size) - begins[edge] + first[edge]
    (x0, y0), (x1, y1) = low[edge].T, high[edge].T
    x = x0 + (row + 0.5 - y0) * (x1 - x0) / np.where(y1 > y0, y1 - y0, 1.0)
    column = np.clip(np.ceil(x - 0.5), 0, width - 1).astype(np.int64)
    flips = np.bincount(row * width + column, minlength=height * width) % 2 == 1
    toggles ^= flips.reshape(height, width)
