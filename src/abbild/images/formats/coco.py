"""COCO: ``coco.json`` with boxes, run-length masks, keypoints and attributes.

Box, mask and keypoint coordinates are pixels with the image's corner at (0, 0), so the centre of
the first pixel is (0.5, 0.5). Bodies of which nothing is seen are left out.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from abbild.core import FileFormatError, atomically
from abbild.images.annotation import Annotation, Box, Example, Keypoint
from abbild.images.formats import entries
from abbild.images.formats.destination import Add, Destination, shown
from abbild.images.formats.masks import Mask, area, compress, decode, mask_box, run_lengths
from abbild.images.formats.polygons import fill
from abbild.images.formats.records import MaskBudget, plain

__all__ = ["Gallery", "category_entries", "category_names", "compact", "finds", "read", "writer"]

_SHARES = ("visible", "truncated", "occluded")


@contextmanager
def writer(destination: Destination) -> Iterator[Add]:
    """Write ``coco.json``; images stay where they are, or go to ``images/`` if they are nowhere.

    Annotations wait in an unnamed file until the images are written, so memory does not grow.
    """
    path = destination.folder / "coco.json"
    with (
        atomically(path) as part,
        tempfile.TemporaryFile("w+b", dir=path.parent) as later,
        part.open("wb") as file,
    ):
        file.write(b'{"info": ' + _info(destination) + b',\n"images": [')
        sink = _Sink(destination, file, later)
        yield sink.add
        file.write(b'\n],\n"annotations": [')
        later.seek(0)
        while chunk := later.read(1 << 20):
            file.write(chunk)
        file.write(b'\n],\n"categories": ' + compact(sink.categories()) + b"}\n")


def _info(destination: Destination) -> bytes:
    return compact({"synthetic": True, "generator": "abbild"} if destination.synthetic else {})


def compact(value: Any) -> bytes:
    """Return JSON on one line in UTF-8."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")


class _Sink:
    """What is known while examples arrive: numbers given out and the keypoints of categories."""

    def __init__(self, destination: Destination, images: IO[bytes], annotations: IO[bytes]) -> None:
        self._destination = destination
        self._images = images
        self._annotations = annotations
        self._separators = {id(images): b"\n", id(annotations): b"\n"}
        self._count = 0
        self._keypoints: dict[str, list[str]] = {}

    def add(self, example: Example) -> None:
        image: dict[str, Any] = {
            "id": example.index,
            "file_name": self._destination.image_name(example),
            "width": example.width,
            "height": example.height,
        }
        image |= {
            key: getattr(example, key) for key in ("label", "caption") if getattr(example, key)
        }
        self._put(self._images, image)
        for one in shown(example):
            self._count += 1
            category = self._destination.category(one.label) + 1
            self._learn(one, example)
            head = {"id": self._count, "image_id": example.index, "category_id": category}
            self._put(self._annotations, head | _annotation(one))

    def _put(self, file: IO[bytes], entry: Mapping[str, Any]) -> None:
        file.write(self._separators[id(file)] + compact(entry))
        self._separators[id(file)] = b",\n"

    def _learn(self, one: Annotation, example: Example) -> None:
        names = [point.name for point in one.keypoints]
        if names and self._keypoints.setdefault(one.label, names) != names:
            raise FileFormatError(
                f"COCO wants the same keypoints for every {one.label!r}: image {example.index} "
                f"has {', '.join(names)}, one before {', '.join(self._keypoints[one.label])}",
                hint="give the bodies categories of their own",
            )

    def categories(self) -> list[dict[str, Any]]:
        found = category_entries(self._destination)
        for entry in found:
            if entry["name"] in self._keypoints:
                entry |= {"keypoints": self._keypoints[entry["name"]], "skeleton": []}
        return found


def category_entries(destination: Destination) -> list[dict[str, Any]]:
    """Return the categories of COCO, with ids from 1."""
    return [
        {"id": number, "name": name, "supercategory": ""}
        for number, name in enumerate(destination.categories, 1)
    ]


def _annotation(one: Annotation) -> dict[str, Any]:
    attributes = plain(one.attributes)
    entry: dict[str, Any] = {
        "bbox": extent(one.box),
        "area": one.area_px,
        "iscrowd": int(bool(attributes.pop("iscrowd", False))),
        "instance": one.instance,
        "name": one.name,
    }
    entry |= {key: float(getattr(one, key)) for key in _SHARES}
    if one.mask is not None:
        runs = run_lengths(one.mask)
        entry |= {"segmentation": _rle(one.mask), "area": area(runs)}
    if one.amodal_box is not None:
        entry["amodal_bbox"] = extent(one.amodal_box)
    if one.amodal_mask is not None:
        entry["amodal_segmentation"] = _rle(one.amodal_mask)
    if one.keypoints:
        entry["keypoints"] = [value for point in one.keypoints for value in _keypoint(point)]
    entry["num_keypoints"] = sum(point.visibility > 0 for point in one.keypoints)
    entry["attributes"] = attributes
    return entry


def _rle(mask: Mask) -> dict[str, Any]:
    return {"size": list(mask.shape), "counts": compress(run_lengths(mask))}


def extent(box: Box | None) -> list[float]:
    """Return x, y, width and height of a box, as whole numbers where they are."""
    x0, y0, x1, y1 = box or (0.0, 0.0, 0.0, 0.0)
    return [tidy(v) for v in (x0, y0, x1 - x0, y1 - y0)]


def tidy(value: float) -> float:
    """Return a number as JSON should show it: 3, not 3.0."""
    return int(value) if float(value).is_integer() else float(value)


def _keypoint(point: Keypoint) -> list[float]:
    if point.visibility == 0 or not (math.isfinite(point.x) and math.isfinite(point.y)):
        return [0, 0, 0]
    return [tidy(point.x), tidy(point.y), point.visibility]


def finds(path: Path) -> bool:
    """Return whether `path` is, or holds, a JSON file of COCO with boxes or masks."""
    return bool(_json_files(path))


def _json_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix.lower() == ".json" else []
    if (own := path / "coco.json").is_file():
        return [own]
    return sorted(path.glob("annotations/*.json")) + sorted(path.glob("*.coco.json"))


def read(path: Path) -> Iterator[Example]:
    """Read COCO annotations of boxes, masks (run lengths or polygons) and keypoints.

    Parameters
    ----------
    path : the JSON file, or a folder with ``coco.json`` or one ``annotations/*.json``. Images are
        looked for in the folder of the file, in ``images/`` there, and, for a file in
        ``annotations/``, one folder up, also in the folder of the split ("val2017")

    Raises
    ------
    FileFormatError
        If an entry is not what COCO says; names the file and the entry.

    Notes
    -----
    The whole file is held in memory, the masks of one image at a time.
    """
    files = _json_files(path)
    if len(files) != 1:
        names = ", ".join(file.name for file in files)
        raise entries.broken(path, f"several COCO files: {names}" if files else "no COCO file")
    (file,) = files
    content = entries.mapping(entries.load_json(file), str(file))
    categories = category_names(content, str(file))
    grouped: dict[int, list[tuple[str, Mapping[str, Any]]]] = {}
    for place, one in enumerate(entries.sequence(content, "annotations", str(file)), 1):
        where = f"{file}, annotation {place}"
        entry = entries.mapping(one, where)
        grouped.setdefault(entries.whole(entry, "image_id", where), []).append((where, entry))
    gallery = Gallery(file, path)
    for place, one in enumerate(entries.sequence(content, "images", str(file)), 1):
        where = f"{file}, image {place}"
        example = gallery.example(entries.mapping(one, where), where)
        found = grouped.pop(example.index, [])
        yield replace(example, annotations=_annotations(found, example, categories))
    for unknown in grouped.values():
        raise entries.broken(unknown[0][0], f"no image has the id {unknown[0][1]['image_id']}")


class Gallery:
    """Finds the images that a JSON file of COCO names.

    Parameters
    ----------
    file : the JSON file
    path : what the user named: the file or a folder; image names become relative to it
    """

    def __init__(self, file: Path, path: Path) -> None:
        self._root = path if path.is_dir() else file.parent
        places = [file.parent, file.parent / "images"]
        if file.parent.name == "annotations":
            up = file.parent.parent
            places += [up, up / "images", up / file.stem.rpartition("_")[2]]
        self._places = places
        self._seen: set[int] = set()

    def example(self, entry: Mapping[str, Any], where: str) -> Example:
        """Return the example of an entry of ``images``, without annotations."""
        index = entries.whole(entry, "id", where)
        if index in self._seen:
            raise entries.broken(where, f"a second image has the id {index}")
        self._seen.add(index)
        width, height = entries.known_size(
            entries.whole(entry, "width", where), entries.whole(entry, "height", where), where
        )
        return Example(
            index,
            self._find(entries.text(entry, "file_name", where), where),
            width,
            height,
            label=entries.text(entry, "label", where, ""),
            caption=entries.text(entry, "caption", where, ""),
        )

    def _find(self, name: str, where: str) -> str:
        relative = entries.inside(name, where)
        for place in self._places:
            if (place / relative).is_file():
                entries.beside(place, relative, where)
                self._places = [place, *(one for one in self._places if one != place)]
                return relative_name(place / relative, self._root)
        raise entries.broken(
            where,
            f"the image {relative} is not there",
            hint=f"looked in {', '.join(map(str, self._places))}",
        )


def relative_name(file: Path, root: Path) -> str:
    """Return the way from `root` to `file` with "/", with ``..`` at its start if need be."""
    file, root = file.absolute(), root.absolute()
    for climbs, parent in enumerate((root, *root.parents)):
        if file.is_relative_to(parent):
            return "/".join([".."] * climbs + list(file.relative_to(parent).parts))
    return file.as_posix()


def category_names(content: Mapping[str, Any], where: str) -> dict[int, tuple[str, list[str]]]:
    """Return the name of each category and of its keypoints, by id."""
    found: dict[int, tuple[str, list[str]]] = {}
    for place, one in enumerate(entries.sequence(content, "categories", where), 1):
        here = f"{where}, category {place}"
        entry = entries.mapping(one, here)
        points = [str(name) for name in _list(entry.get("keypoints") or [], "keypoints", here)]
        number = entries.whole(entry, "id", here)
        if number in found:
            raise entries.broken(here, f"a second category has the id {number}")
        found[number] = entries.text(entry, "name", here), points
    return found


def _annotations(
    found: list[tuple[str, Mapping[str, Any]]],
    example: Example,
    categories: Mapping[int, tuple[str, list[str]]],
) -> tuple[Annotation, ...]:
    budget = MaskBudget(example.width, example.height)
    return tuple(
        _read_annotation(entry, where, number, budget, categories)
        for number, (where, entry) in enumerate(found, 1)
    )


def _read_annotation(
    entry: Mapping[str, Any],
    where: str,
    number: int,
    budget: MaskBudget,
    categories: Mapping[int, tuple[str, list[str]]],
) -> Annotation:
    category = entries.whole(entry, "category_id", where)
    if category not in categories:
        raise entries.broken(where, f"no category has the id {category}")
    label, names = categories[category]
    mask = _mask(entry.get("segmentation"), budget, where)
    box = _box(entry.get("bbox"), where)
    if box is None and mask is not None:
        box = mask_box(mask)
    pixels = 0 if box is None else round((box[2] - box[0]) * (box[3] - box[1]))
    attributes = dict(entries.mapping(entry.get("attributes") or {}, where))
    if entry.get("iscrowd"):
        attributes["iscrowd"] = True
    return Annotation(
        instance=entries.whole(entry, "instance", where, low=1, default=number),
        name=entries.text(entry, "name", where, ""),
        label=label,
        box=box,
        amodal_box=_box(entry.get("amodal_bbox"), where),
        mask=mask,
        amodal_mask=_mask(entry.get("amodal_segmentation"), budget, where),
        area_px=pixels if mask is None else int(mask.sum()),
        visible=share(entry, "visible", 1.0, where),
        truncated=share(entry, "truncated", 0.0, where),
        occluded=share(entry, "occluded", 0.0, where),
        keypoints=_keypoints(entry.get("keypoints"), names, where),
        attributes=attributes,
    )


def share(entry: Mapping[str, Any], key: str, default: float, where: str) -> float:
    """Return a share in [0, 1], or `default` if it is not there."""
    value = entries.number(entry.get(key, default), key, where)
    if not 0 <= value <= 1:
        raise entries.broken(where, f"{key} is a share in [0, 1], not {value:g}")
    return value


def _box(value: Any, where: str) -> Box | None:
    if value is None:
        return None
    x, y, width, height = entries.numbers(value, 4, "bbox", where).tolist()
    return entries.box((x, y, x + width, y + height), where)


def _mask(value: Any, budget: MaskBudget, where: str) -> Mask | None:
    """Return the mask of run lengths of either kind, or of a list of polygons."""
    if value is None or value == []:
        return None
    if isinstance(value, list):
        budget.spend(where)
        mask = np.zeros((budget.height, budget.width), np.bool_)
        for polygon in value:
            mask |= fill(_points(polygon, where), budget.height, budget.width)
        return mask
    entry = entries.mapping(value, where)
    size = entries.numbers(entry.get("size"), 2, "size", where).tolist()
    if size != [budget.height, budget.width]:
        raise entries.broken(
            where,
            f"the mask is of {size[1]:g} x {size[0]:g} pixels, "
            f"the image of {budget.width} x {budget.height}",
        )
    counts = entry.get("counts")
    if isinstance(counts, str):
        return budget.compressed(counts, where)
    runs = [
        entries.whole({"counts": one}, "counts", where) for one in _list(counts, "counts", where)
    ]
    budget.spend(where)
    try:
        return decode(runs, budget.height, budget.width)
    except FileFormatError as error:
        raise entries.broken(where, str(error)) from error


def _list(value: Any, key: str, where: str) -> list[Any]:
    return entries.sequence({key: value}, key, where)


def _points(polygon: Any, where: str) -> Any:
    if not isinstance(polygon, list) or len(polygon) % 2 or len(polygon) < 6:
        raise entries.broken(where, "a polygon is a list of at least three pairs x, y")
    return entries.numbers(polygon, len(polygon), "a polygon", where).reshape(-1, 2)


def _keypoints(value: Any, names: list[str], where: str) -> tuple[Keypoint, ...]:
    if value is None or value == []:
        return ()
    if not isinstance(value, list) or len(value) % 3:
        raise entries.broken(where, "keypoints are a list of x, y, visibility")
    if names and len(value) != 3 * len(names):
        raise entries.broken(where, f"{len(value) // 3} keypoints, the category has {len(names)}")
    triples = entries.numbers(value, len(value), "keypoints", where).reshape(-1, 3).tolist()
    names = names or [str(place) for place in range(len(triples))]
    if any(seen not in (0, 1, 2) for _, _, seen in triples):
        raise entries.broken(where, "the visibility of a keypoint is 0, 1 or 2")
    return tuple(
        Keypoint(name, x if seen else math.nan, y if seen else math.nan, int(seen))
        for name, (x, y, seen) in zip(names, triples, strict=True)
    )
