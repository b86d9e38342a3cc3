"""Boxes in the image and in space, and rigid poses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from abbild.images.annotation import Box
from abbild.images.layers import Silhouette
from abbild.images.stage import Body, Floats, Singles, View

__all__ = [
    "Extents",
    "Placed",
    "box_corners",
    "box_of",
    "find_extents",
    "mask_box",
    "place_body",
    "silhouette_box",
]

CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.bool_)


def mask_box(mask: NDArray[np.bool_]) -> Box | None:
    """Return the tight box around the true pixels of `mask` (h, w), None if there are none.

    It covers whole pixels: a single pixel in the corner has (0, 0, 1, 1).
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def silhouette_box(silhouette: Silhouette) -> Box | None:
    """Return the box around a whole silhouette, also outside of the image."""
    box = mask_box(silhouette.mask)
    if box is None:
        return None
    left, top = silhouette.left, silhouette.top
    return box[0] + left, box[1] + top, box[2] + left, box[3] + top


@dataclass(frozen=True, eq=False)
class Extents:
    """What each body shows of itself; row k is of id k, row 0 unused.

    Attributes
    ----------
    area : (n + 1,) int64, pixels
    box : (n + 1, 4) int64, x0, y0, x1, y1 that cover whole pixels; meaningless without area
    z : (n + 1,) float64, metres to the nearest pixel, inf without area
    """

    area: NDArray[np.int64]
    box: NDArray[np.int64]
    z: Floats


def find_extents(body: NDArray[np.int32], z: Singles, bodies: int) -> Extents:
    """Measure all bodies in one pass over ids `body` and planar distance `z`, both (h, w)."""
    area = np.zeros(bodies + 1, np.int64)
    box = np.zeros((bodies + 1, 4), np.int64)
    box[:, :2] = np.iinfo(np.int64).max
    near = np.full(bodies + 1, np.inf)
    measure(body, z, area, box, near)
    return Extents(area, box, near)


def box_of(extents: Extents, identity: int) -> Box | None:
    """Return the tight box of one body, None if none of it is visible."""
    if not extents.area[identity]:
        return None
    x0, y0, x1, y1 = map(float, extents.box[identity])
    return x0, y0, x1, y1


@njit(cache=True)
def measure(
    body: NDArray[np.int32],
    z: Singles,
    area: NDArray[np.int64],
    box: NDArray[np.int64],
    near: Floats,
) -> None:
    """Grow area, box and nearest z of every id by its pixels."""
    for j in range(body.shape[0]):
        for i in range(body.shape[1]):
            k = body[j, i]
            if k == 0:
                continue
            area[k] += 1
            box[k, 0], box[k, 1] = min(box[k, 0], i), min(box[k, 1], j)
            box[k, 2], box[k, 3] = max(box[k, 2], i + 1), max(box[k, 3], j + 1)
            near[k] = min(near[k], z[j, i])


@dataclass(frozen=True, eq=False)
class Placed:
    """A body's own box in space.

    Attributes
    ----------
    pose : (4, 4) camera from body, rigid: a rotation (never a mirror) and a place
    stretch : (3, 3), what the body's matrix does before the pose; diagonal unless it shears
    size : (3,) metres, of the stretched box
    center : (3,) metres, in the frame that `pose` maps to the camera
    """

    pose: Floats
    stretch: Floats
    size: Floats
    center: Floats


def place_body(body: Body, view: View) -> Placed:
    """Split a body's matrix into a rigid pose and a stretch, the polar decomposition.

    Scale goes into size and centre, so that the pose is one that pose estimators can give. For a
    mirrored body, x is what is mirrored. A sheared box is enclosed by an upright one.

    References
    ----------
    Higham (1986), "Computing the polar decomposition", section 2.
    """
    matrix = view.camera_from_world @ body.matrix
    linear = matrix[:3, :3]
    mirror = np.diag([-1.0 if np.linalg.det(linear) < 0 else 1.0, 1.0, 1.0])
    left, _, right = np.linalg.svd(linear @ mirror)
    turn = left @ right
    if np.linalg.det(turn) < 0:  # a flat body: the sign of the lost axis is free
        turn = left @ np.diag([1.0, 1.0, -1.0]) @ right
    stretch = turn.T @ linear
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = turn, matrix[:3, 3]
    corners = _corners(*body.bounds) @ stretch.T
    low, high = corners.min(axis=0), corners.max(axis=0)
    return Placed(pose, stretch, high - low, (low + high) / 2)


def box_corners(pose: Floats, size: Floats, center: Floats) -> Floats:
    """Return the eight corners of a box in the camera's frame, (8, 3); x varies slowest."""
    corners = _corners(center - size / 2, center + size / 2)
    placed: Floats = corners @ pose[:3, :3].T + pose[:3, 3]
    return placed


def _corners(low: Floats, high: Floats) -> Floats:
    return np.where(CORNERS, high, low)
