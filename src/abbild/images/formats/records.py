"""An example as plain values that JSON and Arrow can hold, and back without loss.

Masks are COCO's compressed strings, matrices their rows one after the other, NaN is None.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.core import FileFormatError
from abbild.images.annotation import Annotation, Box, Example, Keypoint
from abbild.images.formats import entries
from abbild.images.formats.masks import Mask, decode, decompress, encode

__all__ = ["MaskBudget", "from_record", "json_text", "plain", "to_record"]

_LARGEST_MASKS = 1 << 31  # pixels of all masks of one image


class MaskBudget:
    """Decodes masks of one image, up to a limit of memory.

    Parameters
    ----------
    width, height : of the image
    """

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._left = _LARGEST_MASKS

    def spend(self, where: str) -> None:
        """Count one more mask of the image's size.

        Raises
        ------
        FileFormatError
            If all masks of the image together would have more than 2^31 pixels.
        """
        self._left -= self.width * self.height
        if self._left < 0:
            raise entries.broken(where, "the masks of one image have more than 2^31 pixels")

    def compressed(self, counts: str, where: str) -> Mask:
        """Return the mask of a compressed string."""
        self.spend(where)
        try:
            return decode(decompress(counts), self.height, self.width)
        except FileFormatError as error:
            raise entries.broken(where, str(error)) from error


def to_record(example: Example) -> dict[str, Any]:
    """Return an example as a mapping of plain values."""
    return {
        "index": example.index,
        "image": example.file,
        "width": example.width,
        "height": example.height,
        "label": example.label,
        "caption": example.caption,
        "intrinsics": _listed(example.intrinsics),
        "camera": _listed(example.camera),
        "objects": [_object(one) for one in example.annotations],
        "parameters": plain(example.parameters),
    }


def _object(one: Annotation) -> dict[str, Any]:
    return {
        "instance": one.instance,
        "name": one.name,
        "label": one.label,
        "box": None if one.box is None else [float(v) for v in one.box],
        "amodal_box": None if one.amodal_box is None else [float(v) for v in one.amodal_box],
        "mask": None if one.mask is None else encode(one.mask),
        "amodal_mask": None if one.amodal_mask is None else encode(one.amodal_mask),
        "area_px": one.area_px,
        "visible": float(one.visible),
        "truncated": float(one.truncated),
        "occluded": float(one.occluded),
        "pose": _listed(one.pose),
        "size": _listed(one.size),
        "center": _listed(one.center),
        "z": float(one.z) if math.isfinite(one.z) else None,
        "keypoints": [_keypoint(point) for point in one.keypoints],
        "attributes": plain(one.attributes),
    }


def _keypoint(point: Keypoint) -> dict[str, Any]:
    x, y = (float(v) if math.isfinite(v) else None for v in (point.x, point.y))
    return {"name": point.name, "x": x, "y": y, "visibility": point.visibility}


def _listed(values: NDArray[np.float64] | None) -> list[float] | None:
    return None if values is None else [float(v) for v in np.asarray(values).ravel()]


def from_record(record: Mapping[str, Any], where: str) -> Example:
    """Return the example of a mapping made by `to_record`, whoever wrote it.

    Raises
    ------
    FileFormatError
        If a value is missing or not what it should be; names `where` and the object.
    """
    width, height = entries.known_size(
        entries.whole(record, "width", where), entries.whole(record, "height", where), where
    )
    budget = MaskBudget(width, height)
    objects = entries.sequence(record, "objects", where)
    return Example(
        index=entries.whole(record, "index", where),
        file=entries.inside(entries.text(record, "image", where), where),
        width=width,
        height=height,
        label=entries.text(record, "label", where),
        annotations=tuple(
            _annotation(entries.mapping(one, where), budget, f"{where}, object {place}")
            for place, one in enumerate(objects, 1)
        ),
        caption=entries.text(record, "caption", where),
        intrinsics=entries.matrix(record.get("intrinsics"), 3, "intrinsics", where),
        camera=entries.matrix(record.get("camera"), 4, "camera", where),
        parameters=dict(entries.mapping(record.get("parameters", {}), where)),
    )


def _annotation(entry: Mapping[str, Any], budget: MaskBudget, where: str) -> Annotation:
    masks = {}
    for key in ("mask", "amodal_mask"):
        counts = entry.get(key)
        if counts is not None:
            masks[key] = budget.compressed(entries.text(entry, key, where), where)
    z = entry.get("z")
    return Annotation(
        instance=entries.whole(entry, "instance", where, low=1),
        name=entries.text(entry, "name", where),
        label=entries.text(entry, "label", where),
        box=_box(entry, "box", where),
        amodal_box=_box(entry, "amodal_box", where),
        area_px=entries.whole(entry, "area_px", where),
        visible=_share(entry, "visible", where),
        truncated=_share(entry, "truncated", where),
        occluded=_share(entry, "occluded", where),
        pose=entries.matrix(entry.get("pose"), 4, "pose", where),
        size=_vector(entry, "size", where),
        center=_vector(entry, "center", where),
        z=math.nan if z is None else entries.number(z, "z", where),
        keypoints=tuple(
            _point(entries.mapping(one, where), where)
            for one in entries.sequence(entry, "keypoints", where)
        ),
        attributes=dict(entries.mapping(entry.get("attributes", {}), where)),
        **masks,
    )


def _box(entry: Mapping[str, Any], key: str, where: str) -> Box | None:
    if entry.get(key) is None:
        return None
    x0, y0, x1, y1 = entries.numbers(entry[key], 4, key, where).tolist()
    return entries.box((x0, y0, x1, y1), where)


def _vector(entry: Mapping[str, Any], key: str, where: str) -> NDArray[np.float64] | None:
    return None if entry.get(key) is None else entries.numbers(entry[key], 3, key, where)


def _share(entry: Mapping[str, Any], key: str, where: str) -> float:
    share = entries.number(entry.get(key), key, where)
    if not 0 <= share <= 1:
        raise entries.broken(where, f"{key} is a share in [0, 1], not {share:g}")
    return share


def _point(entry: Mapping[str, Any], where: str) -> Keypoint:
    x, y = (
        math.nan if entry.get(key) is None else entries.number(entry[key], key, where)
        for key in ("x", "y")
    )
    visibility = entries.whole(entry, "visibility", where)
    if visibility > 2:
        raise entries.broken(where, f"the visibility of a keypoint is 0, 1 or 2, not {visibility}")
    return Keypoint(entries.text(entry, "name", where), x, y, visibility)


def plain(value: Any) -> Any:
    """Return what JSON can say of `value`: arrays as lists, no NaN, other things as text."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def json_text(value: Any) -> str:
    """Return `value` as one line of JSON with sorted keys: equal values, equal text."""
    return json.dumps(plain(value), ensure_ascii=False, sort_keys=True, allow_nan=False)
