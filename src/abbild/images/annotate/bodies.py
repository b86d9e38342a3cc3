"""Layers and silhouettes to annotations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from abbild.images.annotate.boxes import (
    Extents,
    box_of,
    find_extents,
    place_body,
    silhouette_box,
)
from abbild.images.annotate.keypoints import find_keypoints
from abbild.images.annotation import Annotation, Keypoint
from abbild.images.labels import find_silhouettes, project
from abbild.images.layers import Layers, Silhouette
from abbild.images.stage import Body, Stage, View

__all__ = ["annotate"]


def annotate(
    stage: Stage,
    view: View,
    layers: Layers,
    silhouettes: Sequence[Silhouette] | None = None,
    *,
    min_visible: float = 0.0,
    min_area_px: int = 0,
) -> tuple[Annotation, ...]:
    """Annotate every body of `stage` that has a label, in the order of ids.

    Parameters
    ----------
    layers : of `stage` seen by `view`
    silhouettes : of these bodies; None finds them. A body without one counts as wholly visible
        if it shows a pixel, and its amodal box and mask stay unknown
    min_visible, min_area_px : bodies that show less are left out; at 0 also those are listed
        that are hidden or out of view

    Notes
    -----
    ``visible + truncated + occluded * (1 - truncated) == 1`` for every body with a silhouette. A
    body too small for any pixel centre has none: visible 0, truncated 0 or 1 by its middle.
    Cost: one pass over the pixels, and the pixels of each box.
    """
    ids = [k for k, body in enumerate(stage.bodies, start=1) if body.label]
    if silhouettes is None:
        silhouettes = find_silhouettes(stage, view, ids)
    outlines = {outline.body: outline for outline in silhouettes}
    extents = find_extents(layers.body, layers.z, len(stage.bodies))
    shares = {k: _find_shares(stage, view, k, extents, outlines.get(k)) for k in ids}
    kept = [k for k in ids if shares[k][0] >= min_visible and int(extents.area[k]) >= min_area_px]
    # one block of zeros: pages that no body touches are never made
    masks = np.zeros((len(kept), 2, *layers.body.shape), np.bool_)
    for k, pair in zip(kept, masks, strict=True):
        _draw_masks(layers.body, extents, outlines.get(k), k, pair)
    points = find_keypoints(stage, view, kept)
    return tuple(
        _annotate_body(
            stage.bodies[k - 1], k, view, extents, outlines.get(k), shares[k], pair, named
        )
        for k, pair, named in zip(kept, masks, points, strict=True)
    )


Shares = tuple[float, float, float]


def _find_shares(
    stage: Stage, view: View, identity: int, extents: Extents, outline: Silhouette | None
) -> Shares:
    """Return visible, truncated and occluded of one body."""
    area = int(extents.area[identity])
    if outline is None:
        return float(area > 0), 0.0, 0.0
    whole = int(np.count_nonzero(outline.mask))
    if whole == 0:
        return 0.0, float(not _middle_inside(stage.bodies[identity - 1], view)), 0.0
    inside = int(np.count_nonzero(_cut_to_image(outline, (view.height, view.width))[1]))
    hidden = 1 - min(area / inside, 1.0) if inside else 0.0
    return min(area / whole, 1.0), 1 - inside / whole, hidden


def _middle_inside(body: Body, view: View) -> bool:
    middle = body.matrix[:3, :3] @ body.bounds.mean(axis=0) + body.matrix[:3, 3]
    pixels, _, mapped = project(view, middle[None])
    x, y = pixels[0]
    return bool(mapped[0] and 0 <= x < view.width and 0 <= y < view.height)


def _cut_to_image(
    outline: Silhouette, image: tuple[int, ...]
) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
    """Return where in the image, (h, w), a silhouette lies, and what of its mask lies there."""
    height, width = outline.mask.shape
    x0, x1 = max(outline.left, 0), min(outline.left + width, image[1])
    y0, y1 = max(outline.top, 0), min(outline.top + height, image[0])
    x1, y1 = max(x0, x1), max(y0, y1)
    rows = slice(y0 - outline.top, y1 - outline.top)
    columns = slice(x0 - outline.left, x1 - outline.left)
    return (slice(y0, y1), slice(x0, x1)), outline.mask[rows, columns]


def _draw_masks(
    body: NDArray[np.int32],
    extents: Extents,
    outline: Silhouette | None,
    identity: int,
    masks: NDArray[np.bool_],
) -> None:
    """Draw the visible pixels and the silhouette of one body into `masks`, (2, h, w)."""
    if extents.area[identity]:
        x0, y0, x1, y1 = extents.box[identity]
        np.equal(body[y0:y1, x0:x1], identity, out=masks[0, y0:y1, x0:x1])
    if outline is not None:
        at, part = _cut_to_image(outline, body.shape)
        masks[1][at] = part


def _annotate_body(
    body: Body,
    identity: int,
    view: View,
    extents: Extents,
    outline: Silhouette | None,
    shares: Shares,
    masks: NDArray[np.bool_],
    keypoints: tuple[Keypoint, ...],
) -> Annotation:
    placed = place_body(body, view)
    return Annotation(
        instance=identity,
        name=body.name,
        label=body.label,
        box=box_of(extents, identity),
        amodal_box=None if outline is None else silhouette_box(outline),
        mask=masks[0],
        amodal_mask=None if outline is None else masks[1],
        area_px=int(extents.area[identity]),
        visible=shares[0],
        truncated=shares[1],
        occluded=shares[2],
        pose=placed.pose,
        size=placed.size,
        center=placed.center,
        z=float(extents.z[identity]) if extents.area[identity] else float("nan"),
        keypoints=keypoints,
        attributes=dict(body.attributes),
    )
