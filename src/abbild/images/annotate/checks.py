"""Labels of one image held against each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from abbild.images.annotate.boxes import mask_box, place_body
from abbild.images.annotation import Annotation
from abbild.images.labels import project
from abbild.images.layers import Layers
from abbild.images.stage import Floats, Stage, View

__all__ = ["LIMITS", "self_checks"]

LIMITS = {  # largest error and its unit; the room above 0 is that of 32-bit numbers
    "mask_box": (0.0, "px"),
    "mask_area": (0.0, "px"),
    "amodal": (0.0, "px"),
    "visibility_sum": (1e-6, ""),
    "reprojection_px": (0.05, "px"),
    "pose_px": (0.05, "px"),
    "z_distance": (1e-4, ""),
}
NEAR = 0.01  # share of the farthest hit below which lengths are not told apart by shares
SAMPLE = 4096  # pixels that are projected again; every pixel is too many for every image


def self_checks(
    stage: Stage, view: View, layers: Layers, annotations: Sequence[Annotation]
) -> dict[str, float]:
    """Return the worst error of each law that the labels of one image must obey.

    Returns
    -------
    mask_box : pixels by which a box is not the tight box of its mask
    mask_area : pixels by which an area is not that of its mask and of the instance ids
    amodal : visible pixels outside of the whole silhouette
    visibility_sum : |visible + truncated + occluded (1 - truncated) - 1|
    reprojection_px : pixels between a hit point, projected again, and the centre of its pixel
    pose_px : the same for points found from object coordinates by pose, size and centre
    z_distance : share by which z differs from the distance times the cosine of the ray; of a
        hundredth of the farthest hit where a pixel is nearer than that

    Notes
    -----
    The first three and the last but two are 0 if all is well, the others at the level of 32-bit
    rounding: about 1e-3 pixels, 1e-6. Projection is checked on about 4,096 pixels spread evenly.
    """
    rows, columns = _pick(layers.body)
    points = layers.position[rows, columns].astype(np.float64)
    return {
        "mask_box": max(map(_box_error, annotations), default=0.0),
        "mask_area": max((_area_error(a, layers) for a in annotations), default=0.0),
        "amodal": max(map(_amodal_error, annotations), default=0.0),
        "visibility_sum": max(map(_sum_error, annotations), default=0.0),
        "reprojection_px": _pixel_error(view, points, rows, columns),
        "pose_px": _pose_error(stage, view, layers, annotations, (rows, columns)),
        "z_distance": _distance_error(view, layers, points, rows, columns),
    }


Places = NDArray[np.intp]


def _pick(body: NDArray[np.int32]) -> tuple[Places, Places]:
    """Return rows and columns of at most about `SAMPLE` pixels that see a body."""
    found = np.flatnonzero(body)
    found = found[:: max(1, len(found) // SAMPLE)]
    return np.unravel_index(found, body.shape)  # type: ignore[return-value]


def _box_error(annotation: Annotation) -> float:
    if annotation.mask is None:
        return 0.0
    box = mask_box(annotation.mask)
    if box is None or annotation.box is None:
        return float("inf") if box != annotation.box else 0.0
    return float(np.abs(np.subtract(box, annotation.box)).max())


def _area_error(annotation: Annotation, layers: Layers) -> float:
    if annotation.mask is None:
        return 0.0
    count = int(np.count_nonzero(annotation.mask))
    foreign = int(np.count_nonzero(layers.body[annotation.mask] != annotation.instance))
    return float(abs(count - annotation.area_px) + foreign)


def _amodal_error(annotation: Annotation) -> float:
    if annotation.mask is None or annotation.amodal_mask is None:
        return 0.0
    return float(np.count_nonzero(annotation.mask & ~annotation.amodal_mask))


def _sum_error(annotation: Annotation) -> float:
    if annotation.amodal_box is None:
        return 0.0
    inside = 1 - annotation.truncated
    return abs(annotation.visible + annotation.truncated + annotation.occluded * inside - 1)


def _pixel_error(view: View, points: Floats, rows: Places, columns: Places) -> float:
    """Return the largest distance of `points` of the world from the centres of their pixels."""
    if not len(points):
        return 0.0
    pixels, _, mapped = project(view, points)
    off = np.hypot(pixels[:, 0] - columns - 0.5, pixels[:, 1] - rows - 0.5)
    return float(np.where(mapped, off, np.inf).max())


def _pose_error(
    stage: Stage,
    view: View,
    layers: Layers,
    annotations: Sequence[Annotation],
    places: tuple[Places, Places],
) -> float:
    rows, columns = places
    body = layers.body[rows, columns]
    worst = 0.0
    for a in annotations:
        mine = np.flatnonzero(body == a.instance)
        if not len(mine) or a.pose is None or a.size is None or a.center is None:
            continue
        stretch = place_body(stage.bodies[a.instance - 1], view).stretch
        scale = np.diag(stretch)
        if np.abs(stretch - np.diag(scale)).max() > 1e-9 * np.abs(scale).max():
            continue  # sheared: its box in space is no longer its own box
        share = layers.object_coordinates[rows[mine], columns[mine]].astype(np.float64)
        local = a.center + (share - 0.5) * a.size * np.where(scale < 0, -1.0, 1.0)
        placed = view.matrix @ a.pose
        points = local @ placed[:3, :3].T + placed[:3, 3]
        worst = max(worst, _pixel_error(view, points, rows[mine], columns[mine]))
    return worst


def _distance_error(
    view: View, layers: Layers, points: Floats, rows: Places, columns: Places
) -> float:
    if not len(points):
        return 0.0
    away = points - view.matrix[:3, 3]
    along = away @ view.matrix[:3, 2]
    length = along if view.projection == "orthographic" else np.linalg.norm(away, axis=1)
    z, distance = layers.z[rows, columns], layers.distance[rows, columns]
    off = np.maximum(np.abs(along - z), np.abs(length - distance))
    # Close to the camera the rounding of 32-bit coordinates is no longer small beside the length.
    least = max(1e-12, NEAR * float(np.abs(away).max()))
    return float((off / np.maximum(np.abs(length), least)).max())
