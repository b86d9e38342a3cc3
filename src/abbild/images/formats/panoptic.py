"""COCO panoptic: ``coco_panoptic.json`` and a PNG for each image whose colours are segments.

The segment of a pixel is ``red + 256 * green + 256^2 * blue``; 0 is nothing.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from abbild.core import FileFormatError, atomically
from abbild.images.annotation import Annotation, Example
from abbild.images.formats import entries
from abbild.images.formats.coco import (
    Gallery,
    category_entries,
    category_names,
    compact,
    extent,
    share,
)
from abbild.images.formats.destination import Add, Destination, shown, write_file
from abbild.images.formats.masks import mask_box
from abbild.images.formats.records import MaskBudget, plain

__all__ = ["finds", "read", "writer"]

_JSON = "coco_panoptic.json"
_LARGEST_SEGMENT = (1 << 24) - 1
_SHARES = ("visible", "truncated", "occluded")


@contextmanager
def writer(destination: Destination) -> Iterator[Add]:
    """Write ``coco_panoptic.json`` and ``panoptic/``; segments are the instances.

    Where masks overlap, as they never do for visible pixels, the later one wins.
    """
    images: list[bytes] = []
    path = destination.folder / _JSON
    with atomically(path) as part, part.open("wb") as file:
        head = {"synthetic": True, "generator": "abbild"} if destination.synthetic else {}
        file.write(b'{"info": ' + compact(head) + b',\n"annotations": [')

        def add(example: Example) -> None:
            entry, colours = _segments(example, destination)
            write_file(destination.folder / "panoptic" / entry["file_name"], colours)
            file.write((b",\n" if images else b"\n") + compact(entry))
            images.append(
                compact(
                    {
                        "id": example.index,
                        "file_name": destination.image_name(example),
                        "width": example.width,
                        "height": example.height,
                    }
                )
            )

        yield add
        categories = [one | {"isthing": 1} for one in category_entries(destination)]
        file.write(b'\n],\n"images": [\n' + b",\n".join(images))
        file.write(b'\n],\n"categories": ' + compact(categories) + b"}\n")


def _segments(example: Example, destination: Destination) -> tuple[dict[str, Any], bytes]:
    """Return the annotation of one image and its PNG."""
    segment = np.zeros((example.height, example.width), np.int64)
    drawn = []
    for one in shown(example):
        if one.mask is None:
            raise FileFormatError(
                f"panoptic segments need masks: {one.label!r} of image {example.index} has none",
                hint="choose the format coco, which can do without",
            )
        if not 1 <= one.instance <= _LARGEST_SEGMENT:
            raise FileFormatError(f"instance {one.instance} is beyond the 24 bits of a colour")
        segment[one.mask] = one.instance
        drawn.append(one)
    found = []
    for one in drawn:
        mask = segment == one.instance
        entry: dict[str, Any] = {
            "id": one.instance,
            "category_id": destination.category(one.label) + 1,
            "area": int(mask.sum()),
            "bbox": extent(mask_box(mask)),
            "iscrowd": 0,
            "name": one.name,
            "attributes": plain(one.attributes),
        }
        entry |= {key: float(getattr(one, key)) for key in _SHARES}
        if entry["area"]:
            found.append(entry)
    name = f"{example.index:06d}.png"
    return {"image_id": example.index, "file_name": name, "segments_info": found}, _png(segment)


def _png(segment: NDArray[np.int64]) -> bytes:
    colours = np.stack([segment >> shift & 255 for shift in (0, 8, 16)], axis=-1)
    buffer = io.BytesIO()
    Image.fromarray(colours.astype(np.uint8)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def finds(path: Path) -> bool:
    """Return whether `path` is, or holds, a JSON file of COCO panoptic named like ours."""
    return _file(path) is not None


def _file(path: Path) -> Path | None:
    if path.is_file():
        return path if "panoptic" in path.name and path.suffix.lower() == ".json" else None
    if (own := path / _JSON).is_file():
        return own
    found = sorted(path.glob("annotations/panoptic_*.json"))
    return found[0] if len(found) == 1 else None


def read(path: Path) -> Iterator[Example]:
    """Read COCO panoptic segments as instances with masks.

    Parameters
    ----------
    path : the JSON file or its folder; colours lie in ``panoptic/`` or, as in COCO, in a folder
        named like the file

    Raises
    ------
    FileFormatError
        If an entry, or the picture of segments, is not what COCO says.
    """
    file = _file(path)
    if file is None:
        raise entries.broken(path, f"no {_JSON}")
    content = entries.mapping(entries.load_json(file), str(file))
    categories = category_names(content, str(file))
    gallery = Gallery(file, path)
    images = {}
    for place, one in enumerate(entries.sequence(content, "images", str(file)), 1):
        where = f"{file}, image {place}"
        example = gallery.example(entries.mapping(one, where), where)
        images[example.index] = example
    folder = file.with_suffix("")
    folder = folder if folder.is_dir() else file.parent / "panoptic"
    for place, one in enumerate(entries.sequence(content, "annotations", str(file)), 1):
        where = f"{file}, annotation {place}"
        entry = entries.mapping(one, where)
        index = entries.whole(entry, "image_id", where)
        if index not in images:
            raise entries.broken(where, f"no image has the id {index}")
        example = images.pop(index)
        colours = folder / entries.beside(folder, entries.text(entry, "file_name", where), where)
        found = _annotations(entry, _segment_of(colours, example), categories, where)
        yield Example(index, example.file, example.width, example.height, annotations=found)
    yield from images.values()


def _segment_of(file: Path, example: Example) -> NDArray[np.int64]:
    if entries.image_size(file, file) != (example.width, example.height):
        raise entries.broken(file, f"not of {example.width} x {example.height} pixels")
    try:
        with Image.open(file) as image:
            colours = np.asarray(image.convert("RGB"), np.int64)
    except (OSError, ValueError, SyntaxError) as error:
        raise entries.broken(file, "no readable image", hint="is the file whole?") from error
    combined: NDArray[np.int64] = colours @ np.array([1, 1 << 8, 1 << 16])
    return combined


def _annotations(
    entry: Mapping[str, Any],
    segment: NDArray[np.int64],
    categories: Mapping[int, tuple[str, list[str]]],
    where: str,
) -> tuple[Annotation, ...]:
    height, width = segment.shape
    budget = MaskBudget(width, height)
    found = []
    for place, one in enumerate(entries.sequence(entry, "segments_info", where), 1):
        here = f"{where}, segment {place}"
        info = entries.mapping(one, here)
        number = entries.whole(info, "id", here, low=1)
        category = entries.whole(info, "category_id", here)
        if category not in categories:
            raise entries.broken(here, f"no category has the id {category}")
        budget.spend(here)
        mask = segment == number
        if not mask.any():
            raise entries.broken(here, f"no pixel has the colour of segment {number}")
        found.append(
            Annotation(
                number,
                entries.text(info, "name", here, ""),
                categories[category][0],
                mask_box(mask),
                mask=mask,
                area_px=int(mask.sum()),
                attributes=dict(entries.mapping(info.get("attributes") or {}, here)),
                visible=share(info, "visible", 1.0, here),
                truncated=share(info, "truncated", 0.0, here),
                occluded=share(info, "occluded", 0.0, here),
            )
        )
    return tuple(found)
