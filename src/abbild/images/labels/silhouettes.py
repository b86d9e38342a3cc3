"""Whole outlines of bodies, each drawn as if it were alone (amodal)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from abbild.images.errors import SceneError
from abbild.images.labels.camera import cast_pixels, check_view, project
from abbild.images.labels.draws import Draws, list_draws
from abbild.images.labels.raster import (
    can_raster,
    find_span,
    lens_of,
    nearness,
    pixel_range,
    place_corners,
    set_up,
    triangle_box,
)
from abbild.images.labels.trace import cast
from abbild.images.layers import Silhouette
from abbild.images.stage import Floats, Singles, Stage, View

__all__ = ["find_silhouettes"]

Window = tuple[int, int, int, int]  # left, top, width, height in pixels


def find_silhouettes(
    stage: Stage, view: View, ids: Iterable[int] | None = None
) -> list[Silhouette]:
    """Find the outline of each body alone, with its nearest and farthest surface.

    Outlines reach outside of the image, up to one image's width and height on each side (three
    times the image); what lies farther out is cut off. A body without any pixel in there has an
    empty mask, (0, 0).

    Parameters
    ----------
    ids : bodies; None for all that have a label

    Notes
    -----
    Cost: triangles of the body and pixels of its box. Rays serve lenses that bend lines; there
    the window is the box of the body's corners as the lens maps them.
    """
    if ids is None:
        ids = [n for n, body in enumerate(stage.bodies, start=1) if body.label]
    check_view(view)
    ids = list(ids)
    for identity in ids:
        if not 1 <= identity <= len(stage.bodies):
            raise SceneError(f"there is no body {identity} in a stage of {len(stage.bodies)}")
    if not can_raster(view):
        return [_trace_outline(stage, view, identity) for identity in ids]
    draws = list_draws(stage, list(dict.fromkeys(ids)))
    matrices = np.ascontiguousarray((view.camera_from_world @ draws.matrices)[:, :3])
    lens, limit = lens_of(view), (view.width, view.height)
    ends = np.append(np.flatnonzero(np.diff(draws.body)) + 1, len(draws)).tolist()
    found, start = {}, 0
    for end in ends if len(draws) else []:
        found[int(draws.body[start])] = _raster_outline(
            draws, range(start, end), matrices, lens, limit
        )
        start = end
    return [found.get(identity) or _empty(identity) for identity in ids]


def _empty(identity: int) -> Silhouette:
    none = np.zeros((0, 0), np.float32)
    return Silhouette(identity, 0, 0, np.zeros((0, 0), np.bool_), none, none.copy())


def _raster_outline(
    draws: Draws, parts: range, matrices: Floats, lens: Floats, limit: tuple[int, int]
) -> Silhouette:
    placed = []
    box = np.array([np.inf, -np.inf, np.inf, -np.inf])
    for k in parts:
        geometry = draws.geometry[k]
        corners = np.empty((len(geometry.vertices), 6))
        place_corners(geometry.vertices, matrices[k], lens, corners)
        grow_box(geometry.faces, corners, lens, box)
        placed.append((geometry.faces, corners))
    identity = int(draws.body[parts[0]])
    window = _window(box, limit)
    if window is None:
        return _empty(identity)
    left, top, width, height = window
    keys = np.full((2, height, width), -np.inf)
    for faces, corners in placed:
        outline(faces, corners, lens, (left, top), keys)
    front, back = np.empty((height, width), np.float32), np.empty((height, width), np.float32)
    mask = np.empty((height, width), np.bool_)
    finish(keys, lens, mask, front, back)
    return Silhouette(identity, left, top, mask, front, back)


def _window(box: Sequence[float] | Floats, limit: tuple[int, int]) -> Window | None:
    """Return whole pixels around x0, x1, y0, y1, within three times the image."""
    width, height = limit
    if not (box[0] <= box[1] and box[2] <= box[3]):
        return None
    left = math.floor(min(max(box[0], -width), 2 * width))
    right = math.ceil(min(max(box[1], -width), 2 * width))
    top = math.floor(min(max(box[2], -height), 2 * height))
    bottom = math.ceil(min(max(box[3], -height), 2 * height))
    if left >= right or top >= bottom:
        return None
    return left, top, right - left, bottom - top


def _trace_outline(stage: Stage, view: View, identity: int) -> Silhouette:
    draws = list_draws(stage, [identity])
    points = [
        geometry.vertices @ matrix[:3, :3].T + matrix[:3, 3]
        for geometry, matrix in zip(draws.geometry, draws.matrices, strict=True)
    ]
    pixels, _, mapped = project(view, np.concatenate(points))
    if not mapped.any():
        return _empty(identity)
    whole = (-view.width, 2 * view.width, -view.height, 2 * view.height)
    inside = pixels[mapped]
    # bent edges may bulge past the mapped corners: leave room for it
    room = 2 + 0.1 * np.ptp(inside, axis=0).max()
    low, high = inside.min(axis=0) - room, inside.max(axis=0) + room
    box = (low[0], high[0], low[1], high[1]) if mapped.all() else whole
    window = _window(box, (view.width, view.height))
    if window is None:
        return _empty(identity)
    return _cut(_trace_window(stage, view, identity, window))


def _trace_window(stage: Stage, view: View, identity: int, window: Window) -> Silhouette:
    left, top, width, height = window
    row, column = np.mgrid[top : top + height, left : left + width] + 0.5
    origins, directions = cast_pixels(view, np.stack([column.ravel(), row.ravel()], axis=1))
    along = directions @ view.matrix[:3, 2]
    near = np.full(len(along), view.near) if view.projection == "fisheye" else view.near / along
    first = cast(stage, origins + near[:, None] * directions, directions, ids=[identity])
    hit = np.flatnonzero(first.body)
    front, back = np.full(len(along), np.inf), np.full(len(along), -np.inf)
    front[hit] = (first.distance[hit] + near[hit]) * along[hit]
    # the farthest surface is the first one met from behind
    far = 2 * _farthest(stage, view, identity)
    behind = origins[hit] + far * directions[hit]
    last = cast(stage, behind, -directions[hit], ids=[identity])
    back[hit] = (far - np.minimum(last.distance, far)) * along[hit]
    back[hit] = np.maximum(back[hit], front[hit])
    shape = (height, width)
    return Silhouette(
        identity,
        left,
        top,
        (first.body > 0).reshape(shape),
        front.astype(np.float32).reshape(shape),
        back.astype(np.float32).reshape(shape),
    )


def _farthest(stage: Stage, view: View, identity: int) -> float:
    """Return a distance from the camera beyond all of the body's box."""
    body = stage.bodies[identity - 1]
    low, high = body.bounds
    corners = np.array(
        [[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
    )
    world = corners @ body.matrix[:3, :3].T + body.matrix[:3, 3]
    return float(np.linalg.norm(world - view.matrix[:3, 3], axis=1).max()) + view.near


def _cut(whole: Silhouette) -> Silhouette:
    """Cut a silhouette to the box of its mask."""
    rows, columns = np.flatnonzero(whole.mask.any(axis=1)), np.flatnonzero(whole.mask.any(axis=0))
    if not len(rows):
        return _empty(whole.body)
    top, left = int(rows[0]), int(columns[0])
    box = (slice(top, int(rows[-1]) + 1), slice(left, int(columns[-1]) + 1))
    return Silhouette(
        whole.body,
        whole.left + left,
        whole.top + top,
        whole.mask[box].copy(),
        whole.front[box].copy(),
        whole.back[box].copy(),
    )


@njit(cache=True)
def grow_box(faces: NDArray[np.int32], corners: Floats, lens: Floats, box: Floats) -> None:
    """Grow `box` (x0, x1, y0, y1) by what of a mesh lies beyond the near plane."""
    for f in range(faces.shape[0]):
        p, q, r = corners[faces[f, 0]], corners[faces[f, 1]], corners[faces[f, 2]]
        x0, x1, y0, y1 = triangle_box(p, q, r, lens)
        box[0], box[1] = min(box[0], x0), max(box[1], x1)
        box[2], box[3] = min(box[2], y0), max(box[3], y1)


@njit(cache=True)
def outline(
    faces: NDArray[np.int32],
    corners: Floats,
    lens: Floats,
    shift: tuple[int, int],
    keys: Floats,
) -> None:
    """Draw one mesh into `keys` (2, h, w): the most nearness, and the most of its negative.

    `shift` is the left and top pixel of the window that `keys` covers.
    """
    left, top = shift
    for f in range(faces.shape[0]):
        p, q, r = corners[faces[f, 0]], corners[faces[f, 1]], corners[faces[f, 2]]
        x0, x1, y0, y1 = triangle_box(p, q, r, lens)
        i0, i1 = pixel_range(x0 - left, x1 - left, keys.shape[2])
        j0, j1 = pixel_range(y0 - top, y1 - top, keys.shape[1])
        if i0 >= i1 or j0 >= j1:
            continue
        t = set_up(p, q, r, lens)
        if t[12] > t[13]:
            continue
        crosses = min(p[5], q[5], r[5]) < lens[4]
        for j in range(j0, j1):
            y = j + top + 0.5
            first, last = find_span(t, y, i0 + left, i1 + left)
            for i in range(first, last):
                k = nearness(t, i + 0.5, y, crosses)
                if k > -math.inf:
                    keys[0, j, i - left] = max(keys[0, j, i - left], k)
                    keys[1, j, i - left] = max(keys[1, j, i - left], -k)


@njit(cache=True)
def finish(
    keys: Floats, lens: Floats, mask: NDArray[np.bool_], front: Singles, back: Singles
) -> None:
    """Turn nearness and farness into a mask and z of the first and last surface."""
    flat = lens[5] > 0
    for j in range(mask.shape[0]):
        for i in range(mask.shape[1]):
            seen = keys[0, j, i] > -np.inf
            mask[j, i] = seen
            if not seen:
                front[j, i], back[j, i] = np.inf, -np.inf
            elif flat:
                front[j, i], back[j, i] = -keys[0, j, i], keys[1, j, i]
            else:
                front[j, i], back[j, i] = 1.0 / keys[0, j, i], -1.0 / keys[1, j, i]
