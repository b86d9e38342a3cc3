"""Masks of a whole image: instances, semantics, and both together (panoptic)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abbild.core import unknown_name
from abbild.images.annotate.boxes import box_of, find_extents
from abbild.images.annotation import Annotation, Box

__all__ = ["Segment", "instance_mask", "labels_of", "panoptic", "semantic_mask"]


@dataclass(frozen=True, slots=True)
class Segment:
    """One region of a panoptic mask.

    Attributes
    ----------
    id : its value in the mask, >= 1
    label : category
    thing : whether it is one instance; else it is all there is of its label ("stuff")
    area_px : pixels
    box : tight around them
    """

    id: int
    label: str
    thing: bool
    area_px: int
    box: Box


def labels_of(annotations: Sequence[Annotation]) -> dict[int, str]:
    """Return the label of each instance id."""
    return {annotation.instance: annotation.label for annotation in annotations}


def instance_mask(body: NDArray[np.int32], keep: Collection[int]) -> NDArray[np.int32]:
    """Return the ids of `body` (h, w) that are in `keep`, 0 elsewhere."""
    return _look_up(body, {identity: identity for identity in keep})


def semantic_mask(
    body: NDArray[np.int32], names: Mapping[int, str], labels: Sequence[str]
) -> NDArray[np.int32]:
    """Return the category of every pixel, (h, w): 1 + place in `labels`, 0 for none.

    Parameters
    ----------
    body : (h, w) instance ids
    names : label of each id (`labels_of`); ids without one are background
    labels : all categories, in the order of the data set

    Raises
    ------
    UnknownNameError
        an id has a label that is not in `labels`
    """
    place = {label: k for k, label in enumerate(labels, start=1)}
    for name in names.values():
        if name not in place:
            raise unknown_name("label", name, labels)
    return _look_up(body, {identity: place[name] for identity, name in names.items()})


def panoptic(
    body: NDArray[np.int32], names: Mapping[int, str], stuff: Collection[str] = ()
) -> tuple[NDArray[np.int32], tuple[Segment, ...]]:
    """Return a mask of segments, (h, w), and what each segment is, in the order of ids.

    Instances are segments of their own id. Labels in `stuff` have one segment for the whole
    image, under the lowest id of theirs that is seen. Segments without pixels are left out.
    """
    seen = [int(identity) for identity in np.unique(body) if identity in names]
    first: dict[str, int] = {}
    owner = {}
    for identity in seen:
        label = names[identity]
        owner[identity] = first.setdefault(label, identity) if label in stuff else identity
    segments = _look_up(body, owner)
    last = max(seen, default=0)
    extents = find_extents(segments, np.zeros(body.shape, np.float32), last)
    found = []
    for identity in sorted(set(owner.values())):
        box, label = box_of(extents, identity), names[identity]
        if box is not None:
            area = int(extents.area[identity])
            found.append(Segment(identity, label, label not in stuff, area, box))
    return segments, tuple(found)


def _look_up(body: NDArray[np.int32], values: Mapping[int, int]) -> NDArray[np.int32]:
    """Replace ids by `values`, those without one by 0."""
    table = np.zeros(max([int(body.max(initial=0)), *values]) + 1, np.int32)
    for identity, value in values.items():
        table[identity] = value
    found: NDArray[np.int32] = table[body]
    return found
