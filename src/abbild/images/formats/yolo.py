"""YOLO in its three kinds: boxes, one polygon for an object, keypoints.

Coordinates are shares of the image's width and height, from its corner. Bodies of which nothing
is seen are left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from abbild.core import FileFormatError
from abbild.images.annotation import Annotation, Example, Keypoint
from abbild.images.formats import entries
from abbild.images.formats.destination import Add, Destination, numbered, shown, write_file
from abbild.images.formats.folders import is_image, with_index
from abbild.images.formats.masks import mask_box
from abbild.images.formats.polygons import fill, one_outline, outlines
from abbild.images.formats.records import MaskBudget

__all__ = ["detection", "finds", "pose", "read", "segmentation"]

Words = Callable[[Annotation, Example], list[float] | None]
_MANIFEST = "data.yaml"
_SIDE = {
    **{"left": "right", "Left": "Right", "LEFT": "RIGHT", "links": "rechts", "Links": "Rechts"},
    **{"right": "left", "Right": "Left", "RIGHT": "LEFT", "rechts": "links", "Rechts": "Links"},
    **{"l": "r", "L": "R", "r": "l", "R": "L"},
}
_WORDS = "|".join(word for word in _SIDE if len(word) > 1)
_SIDES = re.compile(rf"{_WORDS}|(?<![A-Za-z])[lLrR](?![A-Za-z])")


@contextmanager
def _writer(destination: Destination, folder: str, words: Words, points: _Points) -> Iterator[Add]:
    root = destination.folder / folder

    def add(example: Example) -> None:
        lines = []
        for one in shown(example):
            category = destination.category(one.label)
            points.learn(one)
            shares = words(one, example)
            if shares is not None:
                lines.append(" ".join([str(category), *map(_word, shares)]) + "\n")
        name = Path(numbered(example))
        write_file(root / "images" / name, destination.image(example))
        write_file(root / "labels" / name.with_suffix(".txt"), "".join(lines))

    yield add
    (root / "images").mkdir(parents=True, exist_ok=True)  # also if there was no example
    manifest: dict[str, Any] = {"path": ".", "train": "images", "val": "images"}
    manifest |= {"names": dict(enumerate(destination.categories))} | points.manifest(destination)
    if destination.synthetic:
        manifest["synthetic"] = True
    write_file(root / _MANIFEST, yaml.safe_dump(manifest, allow_unicode=True, sort_keys=False))


def detection(destination: Destination) -> Any:
    """Write ``yolo/``: images, labels with the visible box of each object, data.yaml."""
    return _writer(destination, "yolo", _box, _Points({}, wanted=False))


def segmentation(destination: Destination) -> Any:
    """Write ``yolo-seg/``: as detection, with one polygon for each object that has a mask.

    All parts and holes of an object are in its one polygon, joined by bridges without width.
    """
    return _writer(destination, "yolo-seg", _polygon, _Points({}, wanted=False))


def pose(destination: Destination) -> Any:
    """Write ``yolo-pose/``: as detection, with keypoints; objects without any are left out.

    Raises
    ------
    FileFormatError
        If two objects have different numbers of keypoints, or two of one category other names.
    """
    return _writer(destination, "yolo-pose", _pose, _Points({}, wanted=True))


@dataclass(frozen=True)
class _Points:
    """Names of the keypoints of each category, learnt while objects arrive."""

    names: dict[str, list[str]]
    wanted: bool

    def learn(self, one: Annotation) -> None:
        if not (self.wanted and one.keypoints):
            return
        names = [point.name for point in one.keypoints]
        counts = {len(known) for known in self.names.values()} | {len(names)}
        if self.names.setdefault(one.label, names) != names or len(counts) > 1:
            raise FileFormatError(
                f"YOLO wants the same keypoints for every object: {one.label!r} has "
                f"{', '.join(names)} beside {', '.join(max(self.names.values()))}",
                hint="write the categories into data sets of their own",
            )

    def manifest(self, destination: Destination) -> dict[str, Any]:
        if not self.wanted:
            return {}
        count = max(map(len, self.names.values()), default=0)
        blank = [str(place) for place in range(count)]
        named = {
            number: self.names.get(name, blank)
            for number, name in enumerate(destination.categories)
        }
        return {"kpt_shape": [count, 3], **self._flips(), "kpt_names": named}

    def _flips(self) -> dict[str, Any]:
        """Return which keypoint takes each one's place in the mirrored image, if names say so."""
        orders = [_mirrored(names) for names in self.names.values()]
        if not orders or orders[0] is None or any(order != orders[0] for order in orders):
            return {}  # trainers then leave out mirroring, instead of learning it wrong
        return {"flip_idx": orders[0]}


def _mirrored(names: list[str]) -> list[int] | None:
    """Return the place of each name's mirror image, "left" for "right"; None if names do not say.

    What names no side is its own mirror image, if any other name has a side.
    """
    swapped = [_SIDES.sub(lambda side: _SIDE[side[0]], name) for name in names]
    if swapped == names or set(swapped) != set(names) or len(set(names)) < len(names):
        return None
    return [names.index(name) for name in swapped]


def _word(value: float) -> str:
    """Return a share with ten decimals, exact to a millionth of a pixel of any image."""
    return f"{value:.10f}".rstrip("0").rstrip(".") or "0"


def _box(one: Annotation, example: Example) -> list[float]:
    x0, y0, x1, y1 = one.box or (0.0, 0.0, 0.0, 0.0)
    width, height = example.width, example.height
    x0, x1 = (min(max(v, 0.0), width) for v in (x0, x1))
    y0, y1 = (min(max(v, 0.0), height) for v in (y0, y1))
    return [
        (x0 + x1) / 2 / width,
        (y0 + y1) / 2 / height,
        (x1 - x0) / width,
        (y1 - y0) / height,
    ]


def _polygon(one: Annotation, example: Example) -> list[float]:
    if one.mask is None:
        x0, y0, x1, y1 = one.box or (0.0, 0.0, 0.0, 0.0)
        points = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    else:
        points = one_outline(outlines(one.mask))
    return [float(v) for v in (points / [example.width, example.height]).ravel()]


def _pose(one: Annotation, example: Example) -> list[float] | None:
    if not one.keypoints:
        return None
    values = _box(one, example)
    for point in one.keypoints:
        x, y = point.x / example.width, point.y / example.height
        labelled = point.visibility > 0 and 0 <= x <= 1 and 0 <= y <= 1
        values += [x, y, point.visibility] if labelled else [0, 0, 0]
    return values


def finds(path: Path, kind: str = "yolo") -> bool:
    """Return whether `path` is, or holds, a data.yaml and labels of one kind of YOLO."""
    manifest = _manifest_of(path)
    if manifest is None:
        return False
    if "kpt_shape" in entries.read_text(manifest):
        return kind == "yolo-pose"
    for file in sorted(manifest.parent.rglob("labels/**/*.txt")):
        words = entries.read_text(file).split("\n")[0].split()
        if words:
            return kind == ("yolo" if len(words) == 5 else "yolo-seg")
    return kind == "yolo"


def _manifest_of(path: Path) -> Path | None:
    if path.is_file():
        return path if path.suffix.lower() in (".yaml", ".yml") else None
    for folder in (path, path / "yolo", path / "yolo-seg", path / "yolo-pose"):
        if (folder / _MANIFEST).is_file():
            return folder / _MANIFEST
    return None


def read(path: Path, *, subset: str = "train") -> Iterator[Example]:
    """Read a data set of YOLO, whichever of the three kinds.

    Parameters
    ----------
    path : data.yaml, or its folder
    subset : which list of images of data.yaml: "train", "val" or "test"

    Raises
    ------
    FileFormatError
        If data.yaml or a line of labels is not what it should be; names file and line.

    Notes
    -----
    An image without a file of labels has no objects, as YOLO has it.
    """
    file = _manifest_of(path)
    if file is None:
        raise entries.broken(path, "no data.yaml", hint="name the folder that holds it")
    manifest = _manifest(file)
    lines = _Lines(_names(manifest, file), *_keypoints(manifest, file))
    root = path if path.is_dir() else file.parent
    for index, image in with_index(_images(manifest, file, subset)):
        name = entries.beside(root, image.relative_to(root).as_posix(), image)
        width, height = entries.image_size(image, image)
        labels = _labels_of(image, file.parent)
        found: tuple[Annotation, ...] = ()
        if labels.is_file():
            found = tuple(lines.read(labels, MaskBudget(width, height)))
        yield Example(index, name, width, height, annotations=found)


def _manifest(file: Path) -> Mapping[str, Any]:
    content = entries.read_text(file)
    try:
        return entries.mapping(yaml.safe_load(content), str(file))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise entries.broken(file, f"no valid YAML ({entries.said(error)})") from error


def _names(manifest: Mapping[str, Any], file: Path) -> dict[int, str]:
    """Return the categories, which YOLO writes as a list or with their numbers."""
    names = manifest.get("names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, Mapping) or not all(isinstance(key, int) for key in names):
        raise entries.broken(file, "names is a list of categories or numbers with names")
    return {key: _name(name, file) for key, name in names.items()}


def _name(value: Any, file: Path) -> str:
    if not isinstance(value, str | int | float):
        raise entries.broken(file, "a name of data.yaml is neither text nor a number")
    return str(value)


def _keypoints(manifest: Mapping[str, Any], file: Path) -> tuple[dict[int, list[str]], int]:
    """Return the names of each category's keypoints and how many values each point has."""
    shape = manifest.get("kpt_shape")
    if shape is None:
        return {}, 3
    count, values = (int(v) for v in entries.numbers(shape, 2, "kpt_shape", str(file)))
    if not 0 <= count <= 10_000 or values not in (2, 3):
        raise entries.broken(file, f"kpt_shape is a number of keypoints and 2 or 3, not {shape}")
    names = manifest.get("kpt_names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    named = names if isinstance(names, Mapping) else {}
    found = {}
    for number in _names(manifest, file):
        listed = named.get(number)
        if not isinstance(listed, list) or len(listed) != count:
            listed = list(range(count))
        found[number] = [_name(one, file) for one in listed]
    return found, values


def _images(manifest: Mapping[str, Any], file: Path, subset: str) -> list[Path]:
    entry = entries.text(manifest, subset, str(file))
    base = entries.text(manifest, "path", str(file), ".")
    try:
        start = file.parent / entries.inside(base, file)
    except FileFormatError:
        start = file.parent
    if not start.is_dir():  # "path" often names a folder of the machine the set was made on
        start = file.parent
    while entry.startswith("../"):  # so some exporters name the folder of data.yaml itself
        entry = entry[3:]
    folder = start / entries.inside(entry, file)
    if not folder.is_dir():
        raise entries.broken(file, f"the folder {folder} of {subset} is not there")
    return [one for one in sorted(folder.rglob("*")) if is_image(one)]


def _labels_of(image: Path, root: Path) -> Path:
    """Return the file of labels: the last folder "images" of the path becomes "labels"."""
    parts = list(image.relative_to(root).parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == "images":
            parts[place] = "labels"
            break
    return root.joinpath(*parts).with_suffix(".txt")


@dataclass(frozen=True)
class _Lines:
    """Reads files of labels."""

    names: Mapping[int, str]
    keypoints: Mapping[int, list[str]]
    values: int  # of a keypoint: x, y and, if it is 3, the visibility

    def read(self, file: Path, budget: MaskBudget) -> Iterator[Annotation]:
        instance = 0
        for place, line in enumerate(entries.read_text(file).splitlines(), 1):
            words = line.split()
            if words:
                instance += 1
                yield self._annotation(words, instance, budget, f"{file}, line {place}")

    def _annotation(
        self, words: list[str], instance: int, budget: MaskBudget, where: str
    ) -> Annotation:
        category, *shares = (entries.decimal(word, "a value", where) for word in words)
        if category not in self.names:
            raise entries.broken(where, f"no category has the number {words[0]}")
        if not all(-1 <= share <= 2 for share in shares):
            raise entries.broken(where, "coordinates are shares of the image, in [0, 1]")
        make = partial(Annotation, instance, "", self.names[int(category)])
        points = self.keypoints.get(int(category), [])
        if points or len(shares) == 4:
            return self._with_box(make, shares, points, budget, where)
        if len(shares) < 6 or len(shares) % 2:
            raise entries.broken(where, f"{len(words)} values are neither a box nor a polygon")
        budget.spend(where)
        corners = np.array(shares).reshape(-1, 2) * [budget.width, budget.height]
        mask = fill(corners, budget.height, budget.width)
        return make(mask_box(mask), mask=mask, area_px=int(mask.sum()))

    def _with_box(
        self,
        make: Callable[..., Annotation],
        shares: list[float],
        names: list[str],
        budget: MaskBudget,
        where: str,
    ) -> Annotation:
        wanted = 4 + self.values * len(names)
        if len(shares) != wanted:
            raise entries.broken(
                where, f"{len(shares) + 1} values where there should be {wanted + 1}"
            )
        width, height = budget.width, budget.height
        x, y, w, h = shares[:4]
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise entries.broken(where, "the middle of a box is in the image, its shares in [0, 1]")
        left, top, right, bottom = x - w / 2, y - h / 2, x + w / 2, y + h / 2
        box = entries.box((left * width, top * height, right * width, bottom * height), where)
        points = []
        for name, at in zip(names, range(4, wanted, self.values), strict=True):
            px, py = shares[at : at + 2]
            seen = shares[at + 2] if self.values == 3 else 2 * bool(px or py)
            if seen not in (0, 1, 2):
                raise entries.broken(where, "the visibility of a keypoint is 0, 1 or 2")
            place = (px * width, py * height) if seen else (math.nan, math.nan)
            points.append(Keypoint(name, *place, int(seen)))
        area = round((box[2] - box[0]) * (box[3] - box[1]))
        return make(box, area_px=area, keypoints=tuple(points))
