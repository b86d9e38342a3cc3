"""How annotated bodies stand to each other, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abbild.images.annotate.boxes import box_corners
from abbild.images.annotation import Annotation, Box
from abbild.images.stage import Floats

__all__ = ["PREDICATES", "Relation", "count", "find_relations"]

PREDICATES = (
    "left of",
    "above",
    "in front of",
    "behind",
    "on",
    "inside",
    "overlaps",
    "occludes",
)

Pairs = NDArray[np.bool_]  # (n, n), subject by object


@dataclass(frozen=True, slots=True, order=True)
class Relation:
    """`subject` stands in `predicate` to `object`, both instance ids."""

    subject: int
    predicate: str
    object: int


def count(annotations: Sequence[Annotation]) -> dict[str, int]:
    """Return how many instances of each label show at least one pixel, labels sorted."""
    labels = sorted(a.label for a in annotations if a.area_px > 0)
    return {label: labels.count(label) for label in dict.fromkeys(labels)}


def find_relations(
    annotations: Sequence[Annotation], camera: Floats | None = None
) -> tuple[Relation, ...]:
    """Find all relations between visible bodies, sorted.

    Strict readings, so that a relation that is listed is true:

    * left of, above: the visible boxes do not overlap in this direction of the image;
    * in front of, behind: the boxes in space do not overlap along the optical axis;
    * on: the lowest point of the box in space is within 2 % of its height, and 2 mm, of the
      highest of the other, and its middle lies over the other's box (needs `camera`);
    * inside: the box in space lies within the other's;
    * overlaps: the visible boxes share pixels;
    * occludes: hides a part of the other's silhouette.

    Parameters
    ----------
    camera : (4, 4) world from camera, to know what is up

    Notes
    -----
    Cost: quadratic in bodies.
    """
    seen = [a for a in annotations if a.box is not None]
    if len(seen) < 2:
        return ()
    pairs = {**_flat(seen), **_deep(seen, camera), "occludes": _occludes(seen)}
    found = []
    for predicate, true in pairs.items():
        for i, j in np.argwhere(true & ~np.eye(len(seen), dtype=bool)).tolist():
            found.append(Relation(seen[i].instance, predicate, seen[j].instance))
    return tuple(sorted(found))


def _flat(seen: list[Annotation]) -> dict[str, Pairs]:
    """Relations of the boxes in the image."""
    boxes = np.array([a.box for a in seen])
    x0, y0, x1, y1 = (column[:, None] for column in boxes.T)
    meets = (x0 < x1.T) & (y0 < y1.T)  # each starts before the other ends
    return {"left of": x1 <= x0.T, "above": y1 <= y0.T, "overlaps": meets & meets.T}


def _deep(seen: list[Annotation], camera: Floats | None) -> dict[str, Pairs]:
    """Relations of the boxes in space; none where a pose is unknown."""
    corners = np.full((len(seen), 8, 3), np.nan)
    for k, a in enumerate(seen):
        if a.pose is not None and a.size is not None and a.center is not None:
            corners[k] = box_corners(a.pose, a.size, a.center)
    near, far = corners[..., 2].min(axis=1)[:, None], corners[..., 2].max(axis=1)[:, None]
    before = far <= near.T
    found = {"in front of": before, "behind": before.T, "inside": _inside(seen, corners)}
    if camera is not None:
        found["on"] = _on(corners @ camera[:3, :3].T + camera[:3, 3])
    return found


def _inside(seen: list[Annotation], corners: Floats) -> Pairs:
    inside = np.zeros((len(seen), len(seen)), np.bool_)
    for j, a in enumerate(seen):
        if a.pose is not None and a.size is not None and a.center is not None:
            local = (corners - a.pose[:3, 3]) @ a.pose[:3, :3] - a.center
            inside[:, j] = (np.abs(local) <= a.size / 2).all(axis=(1, 2))
    return inside


def _on(corners: Floats) -> Pairs:
    low, high = corners.min(axis=1), corners.max(axis=1)  # (n, 3) each
    gap = np.abs(low[:, None, 2] - high[None, :, 2])
    touches = gap <= 0.02 * (high - low)[:, None, 2] + 2e-3
    middle = (low + high)[:, None, :2] / 2
    over = (low[None, :, :2] <= middle) & (middle <= high[None, :, :2])
    touching: Pairs = touches & over.all(axis=2)
    return touching


def _occludes(seen: list[Annotation]) -> Pairs:
    found = np.zeros((len(seen), len(seen)), np.bool_)
    for i, a in enumerate(seen):
        for j, b in enumerate(seen):
            if i != j and a.mask is not None and b.amodal_mask is not None:
                found[i, j] = _share(a.mask, a.box, b.amodal_mask, b.amodal_box)
    return found


def _share(
    mask: NDArray[np.bool_], box: Box | None, other: NDArray[np.bool_], whole: Box | None
) -> bool:
    """Whether two masks share a pixel, looked for only where their boxes meet."""
    if box is None or whole is None:
        return False
    x0, y0 = max(box[0], whole[0], 0), max(box[1], whole[1], 0)
    x1, y1 = min(box[2], whole[2]), min(box[3], whole[3])
    if x0 >= x1 or y0 >= y1:
        return False
    at = (slice(int(y0), int(y1)), slice(int(x0), int(x1)))
    return bool((mask[at] & other[at]).any())
