"""Trees of boxes over the triangles of a mesh, and rays through them.

One tree stands for one mesh in its own frame and is kept as long as the mesh lives, so that what
only moves costs nothing: rays are taken into the frame of the body instead.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from abbild.images.fast.compiled import compiled, inlined
from abbild.images.stage import Mesh

__all__ = ["STACK", "Tree", "blocked", "nearest", "tree_of"]

STACK = 96  # places for nodes that still wait; deeper than any tree built here
_BINS = 12
_LEAF = 4  # faces in a leaf; the links have room for 15
_DEEP = 48  # from this depth on halves are cut by number, which bounds the depth

Ints = NDArray[np.int32]
Singles = NDArray[np.float32]


class Tree(NamedTuple):
    """Boxes of boxes.

    Attributes
    ----------
    boxes : (k, 12) float32, lower and upper corner of the left child, then of the right one
    links : (k, 2) int32, node of each child; negative for a leaf, ``-1 - (16 first + count)``
    corners : (f, 9) float32, the three corners of each face, in the order of the leaves
    faces : (f,) int32, which face of the mesh that is
    """

    boxes: Singles
    links: Ints
    corners: Singles
    faces: Ints


_kept: WeakKeyDictionary[Mesh, Tree] = WeakKeyDictionary()


def tree_of(mesh: Mesh) -> Tree:
    """Return the tree of a mesh; built once, about 1 µs a face."""
    tree = _kept.get(mesh)
    if tree is None:
        corners = np.ascontiguousarray(mesh.vertices[mesh.faces], dtype=np.float32)
        boxes, links, order = _build(corners)
        tree = Tree(boxes, links, corners.reshape(-1, 9)[order], order)
        _kept[mesh] = tree
    return tree


class _Bins(NamedTuple):
    """Scratch of the search for a cut: boxes and numbers of the bins, costs on their right."""

    low: Singles
    high: Singles
    counts: NDArray[np.int64]
    right: NDArray[np.float64]
    box: Singles


def _build(corners: Singles) -> tuple[Singles, Ints, Ints]:
    count = len(corners)
    bounds = np.stack([corners.min(axis=1), corners.max(axis=1)], axis=1)
    order = np.arange(count, dtype=np.int32)
    boxes = np.empty((max(count, 1), 12), np.float32)
    links = np.empty((max(count, 1), 2), np.int32)
    waiting = np.empty((STACK, 4), np.int64)  # begin, end, node, depth
    bins = _Bins(
        np.empty((_BINS, 3), np.float32),
        np.empty((_BINS, 3), np.float32),
        np.empty(_BINS, np.int64),
        np.empty(_BINS, np.float64),
        np.empty((2, 3), np.float32),
    )
    nodes = _split(boxes, links, bounds, order, waiting, bins)
    return boxes[:nodes].copy(), links[:nodes].copy(), order


@compiled
def _clear(low, high):
    for axis in range(3):
        low[axis], high[axis] = np.inf, -np.inf


@compiled
def _grow(low, high, by_low, by_high):
    for axis in range(3):
        low[axis] = min(low[axis], by_low[axis])
        high[axis] = max(high[axis], by_high[axis])


@compiled
def _area(box):
    x, y, z = box[1, 0] - box[0, 0], box[1, 1] - box[0, 1], box[1, 2] - box[0, 2]
    if x < 0.0:
        return 0.0
    return float(x * y + y * z + z * x)


@compiled
def _bin_costs(bins):
    """Return the cheapest cut between bins by surface area (MacDonald and Booth 1990)."""
    box = bins.box
    _clear(box[0], box[1])
    count = 0
    for k in range(_BINS - 1, 0, -1):
        _grow(box[0], box[1], bins.low[k], bins.high[k])
        count += bins.counts[k]
        bins.right[k] = _area(box) * count
    _clear(box[0], box[1])
    count, best, cut = 0, np.inf, -1
    for k in range(_BINS - 1):
        _grow(box[0], box[1], bins.low[k], bins.high[k])
        count += bins.counts[k]
        cost = _area(box) * count + bins.right[k + 1]
        if count > 0 and cost < best:
            best, cut = cost, k
    return best, cut


@compiled
def _bin(bounds, face, axis, origin, scale):
    middle = float(bounds[face, 0, axis]) + bounds[face, 1, axis]
    return min(int((middle - origin) * scale), _BINS - 1)


@compiled
def _cut(bounds, order, begin, end, bins):
    """Return axis, origin, scale and bin of the cheapest cut; axis -1 if there is none."""
    best, choice = np.inf, (-1, 0.0, 0.0, 0)
    for axis in range(3):
        first, last = np.inf, -np.inf
        for k in range(begin, end):
            middle = float(bounds[order[k], 0, axis]) + bounds[order[k], 1, axis]
            first, last = min(first, middle), max(last, middle)
        if not last > first:
            continue
        scale = _BINS / (last - first)
        for k in range(_BINS):
            _clear(bins.low[k], bins.high[k])
            bins.counts[k] = 0
        for k in range(begin, end):
            face = order[k]
            b = _bin(bounds, face, axis, first, scale)
            bins.counts[b] += 1
            _grow(bins.low[b], bins.high[b], bounds[face, 0], bounds[face, 1])
        cost, cut = _bin_costs(bins)
        if cost < best:
            best, choice = cost, (axis, first, scale, cut)
    return choice


@compiled
def _divide(bounds, order, begin, end, depth, bins):
    """Reorder the faces of a node so that those of its left child come first; return the cut."""
    choice = (-1, 0.0, 0.0, 0)
    if depth < _DEEP:
        choice = _cut(bounds, order, begin, end, bins)
    axis, origin, scale, cut = choice
    if axis < 0:
        return (begin + end) // 2
    left, right = begin, end - 1
    while left <= right:
        face = order[left]
        if _bin(bounds, face, axis, origin, scale) <= cut:
            left += 1
        else:
            order[left], order[right] = order[right], face
            right -= 1
    return (begin + end) // 2 if left in (begin, end) else left


@compiled
def _split(
    boxes: Singles, links: Ints, bounds: Singles, order: Ints, waiting: Any, bins: _Bins
) -> int:
    """Fill boxes and links from the root on; return the number of nodes."""
    count = len(bounds)
    waiting[0, 0], waiting[0, 1], waiting[0, 2], waiting[0, 3] = 0, count, 0, 0
    pending, nodes = 1, 1
    while pending > 0:
        pending -= 1
        begin, end, node = waiting[pending, 0], waiting[pending, 1], waiting[pending, 2]
        depth = waiting[pending, 3]
        middle = end if count <= _LEAF else _divide(bounds, order, begin, end, depth, bins)
        for side in range(2):
            first, last = (begin, middle) if side == 0 else (middle, end)
            low, high = (
                boxes[node, 6 * side : 6 * side + 3],
                boxes[node, 6 * side + 3 : 6 * side + 6],
            )
            _clear(low, high)
            for k in range(first, last):
                _grow(low, high, bounds[order[k], 0], bounds[order[k], 1])
            if last - first <= _LEAF:
                links[node, side] = -1 - (16 * first + last - first)
                continue
            links[node, side] = nodes
            waiting[pending, 0], waiting[pending, 1] = first, last
            waiting[pending, 2], waiting[pending, 3] = nodes, depth + 1
            nodes += 1
            pending += 1
    return nodes


@inlined
def _enter(boxes, node, side, origin, inverse, limit):
    """Distance to a child's box along the ray, inf if it is missed."""
    k = 6 * side
    near, far = 0.0, limit
    for axis in range(3):
        t0 = (boxes[node, k + axis] - origin[axis]) * inverse[axis]
        t1 = (boxes[node, k + 3 + axis] - origin[axis]) * inverse[axis]
        small = t0 if t0 < t1 else t1
        large = t1 if t0 < t1 else t0
        near = small if small > near else near
        far = large if large < far else far
    return near if near <= far else np.inf


@inlined
def _meet(corners, face, origin, step):
    """Distance and the weights of the 2nd and 3rd corner (Möller and Trumbore 1997); inf for none.

    In double precision, from corners that neighbours share to the bit, so that no ray slips
    between two faces.
    """
    ax, ay, az = float(corners[face, 0]), float(corners[face, 1]), float(corners[face, 2])
    bx, by, bz = corners[face, 3] - ax, corners[face, 4] - ay, corners[face, 5] - az
    cx, cy, cz = corners[face, 6] - ax, corners[face, 7] - ay, corners[face, 8] - az
    px = step[1] * cz - step[2] * cy
    py = step[2] * cx - step[0] * cz
    pz = step[0] * cy - step[1] * cx
    volume = bx * px + by * py + bz * pz
    if volume == 0.0:
        return np.inf, 0.0, 0.0
    scale = 1.0 / volume
    tx, ty, tz = origin[0] - ax, origin[1] - ay, origin[2] - az
    u = (tx * px + ty * py + tz * pz) * scale
    if u < 0.0 or u > 1.0:
        return np.inf, 0.0, 0.0
    qx, qy, qz = ty * bz - tz * by, tz * bx - tx * bz, tx * by - ty * bx
    v = (step[0] * qx + step[1] * qy + step[2] * qz) * scale
    if v < 0.0 or u + v > 1.0:
        return np.inf, 0.0, 0.0
    t = (cx * qx + cy * qy + cz * qz) * scale
    return (t if t > 0.0 else np.inf), u, v


@inlined
def _inverse(step):
    x = step[0] if abs(step[0]) > 1e-300 else 1e-300
    y = step[1] if abs(step[1]) > 1e-300 else 1e-300
    z = step[2] if abs(step[2]) > 1e-300 else 1e-300
    return 1.0 / x, 1.0 / y, 1.0 / z


@compiled
def blocked(boxes, links, corners, root, origin, step, stack):
    """Return where between `origin` (0) and `origin` + `step` (1) a face lies, inf for none."""
    inverse = _inverse(step)
    waiting, node = 0, root
    while True:
        left = _enter(boxes, node, 0, origin, inverse, 1.0)
        right = _enter(boxes, node, 1, origin, inverse, 1.0)
        following = -1
        for turn in range(2):
            side = turn if left <= right else 1 - turn
            if (left if side == 0 else right) == np.inf:
                continue
            link = links[node, side]
            if link >= 0:
                if following < 0:
                    following = link
                else:
                    stack[waiting] = link
                    waiting += 1
                continue
            first = (-1 - link) >> 4
            for face in range(first, first + ((-1 - link) & 15)):
                t = _meet(corners, face, origin, step)[0]
                if t < 1.0:
                    return t
        if following < 0:
            if waiting == 0:
                return np.inf
            waiting -= 1
            following = stack[waiting]
        node = following


@compiled
def nearest(boxes, links, corners, root, origin, step, limit, stack):
    """First face along the ray before `limit`: distance, place in `corners`, two weights."""
    inverse = _inverse(step)
    best = (limit, -1, 0.0, 0.0)
    waiting, node = 0, root
    while True:
        left = _enter(boxes, node, 0, origin, inverse, best[0])
        right = _enter(boxes, node, 1, origin, inverse, best[0])
        following = -1
        for turn in range(2):
            side = turn if left <= right else 1 - turn
            if (left if side == 0 else right) == np.inf:
                continue
            link = links[node, side]
            if link >= 0:
                if following < 0:
                    following = link
                else:
                    stack[waiting] = link
                    waiting += 1
                continue
            first = (-1 - link) >> 4
            for face in range(first, first + ((-1 - link) & 15)):
                t, u, v = _meet(corners, face, origin, step)
                if t < best[0]:
                    best = (t, face, u, v)
        if following < 0:
            if waiting == 0:
                return best
            waiting -= 1
            following = stack[waiting]
        node = following
