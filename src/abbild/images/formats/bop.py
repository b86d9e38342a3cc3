"""BOP: scenes of up to 1,000 images with poses, masks, depth and camera, in millimetres.

``bop/train_pbr/000000/`` holds rgb, depth (where it is known), mask (whole silhouette), mask_visib,
scene_gt.json, scene_gt_info.json and scene_camera.json. A pixel of depth times depth_scale is the
distance along the optical axis, 0 for none. The camera maps to pixel centres at whole numbers. As
BOP's own toolkit counts, a box reaches from its first to its last pixel: width is last - first.
Object ids are the places of the categories from 1; ``bop/categories.json`` is ours and names them.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from abbild.core import FileFormatError
from abbild.images.annotation import Annotation, Box, Example
from abbild.images.formats import entries
from abbild.images.formats.destination import Add, Destination, image_suffix, write_file
from abbild.images.formats.folders import is_image
from abbild.images.formats.masks import Mask, mask_box
from abbild.images.formats.records import MaskBudget

__all__ = ["finds", "read", "writer"]

Floats = NDArray[np.float64]

_IMAGES = 1000  # of a scene
_MILLIMETRES = 1000.0
_STEPS = (0.1, 1.0, 10.0, 100.0, 1000.0)  # millimetres; up to 6.5 m, 65 m ...
_DEEPEST = 65535
_FILES = ("scene_camera", "scene_gt", "scene_gt_info")
_NOTHING = [-1, -1, -1, -1]


@contextmanager
def writer(destination: Destination) -> Iterator[Add]:
    """Write ``bop/``: image i is image i mod 1000 of scene i // 1000.

    Raises
    ------
    FileFormatError
        If an example has no intrinsics or an object no pose.
    """
    root = destination.folder / "bop"
    scenes = _Scenes(root / "train_pbr")

    def depth(example: Example, number: int) -> dict[str, float]:
        z = destination.depth(example)
        if z is None:
            return {"depth_scale": 1.0}
        values, scale = _whole_numbers(z)
        write_file(scenes.folder / "depth" / f"{number:06d}.png", _png(values))
        return {"depth_scale": scale}

    def add(example: Example) -> None:
        scenes.open(example.index // _IMAGES)
        number = example.index % _IMAGES
        image = f"{number:06d}{image_suffix(example)}"
        write_file(scenes.folder / "rgb" / image, destination.image(example))
        scenes.add(
            number,
            _camera(example) | depth(example, number),
            [_pose(one, example, destination) for one in example.annotations],
            [_information(one) for one in example.annotations],
        )
        for place, one in enumerate(example.annotations):
            for folder, mask in (("mask", one.amodal_mask), ("mask_visib", one.mask)):
                if mask is not None:
                    name = f"{number:06d}_{place:06d}.png"
                    write_file(scenes.folder / folder / name, _png(mask))

    yield add
    scenes.close()
    names = {str(number): name for number, name in enumerate(destination.categories, 1)}
    write_file(root / "categories.json", json.dumps(names, ensure_ascii=False, indent=1) + "\n")


class _Scenes:
    """The JSON files of one scene at a time, each written when the next one begins."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._number = -1
        self._written: set[int] = set()
        self._content: list[dict[str, Any]] = []

    @property
    def folder(self) -> Path:
        """Folder of the open scene."""
        return self._root / f"{self._number:06d}"

    def open(self, number: int) -> None:
        """Go on with a scene; one that was closed before is taken up again."""
        if number == self._number:
            return
        self.close()
        self._number = number
        again = number in self._written
        self._content = [
            dict(entries.load_json(self.folder / f"{name}.json")) if again else {}
            for name in _FILES
        ]

    def add(self, image: int, *values: Any) -> None:
        """Add the entries of an image to the three files."""
        for content, value in zip(self._content, values, strict=True):
            content[str(image)] = value

    def close(self) -> None:
        """Write the files of the open scene."""
        if self._number < 0:
            return
        for name, content in zip(_FILES, self._content, strict=True):
            lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in content.items()]
            write_file(self.folder / f"{name}.json", "{\n" + ",\n".join(lines) + "\n}\n")
        self._written.add(self._number)


def _camera(example: Example) -> dict[str, Any]:
    if example.intrinsics is None:
        raise FileFormatError(f"BOP needs the camera's intrinsics: image {example.index} has none")
    camera = example.intrinsics.copy()
    camera[:2] -= 0.5 * camera[2]  # pixel centres at whole numbers
    entry: dict[str, Any] = {"cam_K": _listed(camera)}
    if example.camera is not None:
        seen: Floats = np.asarray(np.linalg.inv(example.camera), np.float64)
        entry |= {
            "cam_R_w2c": _listed(seen[:3, :3]),
            "cam_t_w2c": _listed(seen[:3, 3] * _MILLIMETRES),
        }
    return entry


def _pose(one: Annotation, example: Example, destination: Destination) -> dict[str, Any]:
    if one.pose is None:
        raise FileFormatError(
            f"BOP needs poses: {one.label!r} of image {example.index} has none",
            hint="choose a format of boxes or masks, such as coco",
        )
    return {
        "cam_R_m2c": _listed(one.pose[:3, :3]),
        "cam_t_m2c": _listed(one.pose[:3, 3] * _MILLIMETRES),
        "obj_id": destination.category(one.label) + 1,
    }


def _listed(values: Floats) -> list[float]:
    return [float(v) for v in values.ravel()]


def _information(one: Annotation) -> dict[str, Any]:
    inside = round(one.area_px / (1 - one.occluded)) if one.occluded < 1 else one.area_px
    if one.amodal_mask is not None:
        inside = int(one.amodal_mask.sum())
    whole = round(inside / (1 - one.truncated)) if one.truncated < 1 else _pixels(one.amodal_box)
    return {
        "bbox_obj": _extent(one.amodal_box),
        "bbox_visib": _extent(one.box),
        "px_count_all": whole,
        "px_count_valid": inside,
        "px_count_visib": one.area_px,
        "visib_fract": float(one.visible),
    }


def _pixels(box: Box | None) -> int:
    """Return the pixels of a box: all that is known of a silhouette outside of the image."""
    return 0 if box is None else round((box[2] - box[0]) * (box[3] - box[1]))


def _extent(box: Box | None) -> list[int]:
    if box is None:
        return _NOTHING
    x0, y0, x1, y1 = (round(v) for v in box)
    return [x0, y0, x1 - x0 - 1, y1 - y0 - 1]


def _whole_numbers(z: NDArray[np.float32]) -> tuple[NDArray[np.uint16], float]:
    """Return depth as 16 bit and the millimetres of one step: the finest in which all has room."""
    seen = np.isfinite(z) & (z > 0)
    millimetres = np.where(seen, z, 0).astype(np.float64) * _MILLIMETRES
    most = float(millimetres.max(initial=0.0))
    scale = next((s for s in _STEPS if np.rint(most / s) <= _DEEPEST), _STEPS[-1])
    steps = np.rint(millimetres / scale)
    return np.where(steps <= _DEEPEST, steps, 0).astype(np.uint16), scale


def _png(values: Mask | NDArray[np.uint16]) -> bytes:
    """Return a PNG file of 16 bit, or of a mask as 0 and 255."""
    pixels = values.astype(np.uint8) * 255 if values.dtype == np.bool_ else values
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def finds(path: Path) -> bool:
    """Return whether there are scenes of BOP in `path`."""
    return bool(_scenes(path))


def _scenes(path: Path) -> list[Path]:
    base = path / "bop" if (path / "bop").is_dir() else path
    for pattern in ("scene_gt.json", "*/scene_gt.json", "*/*/scene_gt.json"):
        if found := sorted(base.glob(pattern)):
            return [file.parent for file in found]
    return []


def read(path: Path) -> Iterator[Example]:
    """Read poses, masks and cameras of BOP.

    Parameters
    ----------
    path : a scene, a split with scenes, or a data set with one split

    Raises
    ------
    FileFormatError
        If a file is missing or an entry is not what BOP says; names file and entry.
    """
    scenes = _scenes(path)
    if not scenes:
        raise entries.broken(path, "no scene_gt.json")
    if len(splits := {scene.parent for scene in scenes}) > 1:
        names = ", ".join(sorted(split.name for split in splits))
        raise entries.broken(path, f"several splits: {names}", hint="name one of them")
    categories = _names(scenes[0])
    count = 0
    for scene in scenes:
        cameras, poses, information = (_load(scene, name) for name in _FILES)
        for image in sorted(poses, key=_order):
            where = f"{scene / 'scene_gt.json'}, image {image}"
            if image not in cameras:
                raise entries.broken(scene / "scene_camera.json", f"image {image} is missing")
            camera = entries.mapping(cameras[image], where)
            picture = _Picture(scene, image, categories, where)
            index = _index(scene, image, count)
            yield picture.example(index, path, camera, poses[image], information.get(image))
            count += 1


def _load(scene: Path, name: str) -> Mapping[str, Any]:
    file = scene / f"{name}.json"
    if name == "scene_gt_info" and not file.is_file():
        return {}
    return entries.mapping(entries.load_json(file), str(file))


def _order(image: str) -> tuple[int, str]:
    known = image.isascii() and image.isdigit() and len(image) < 16
    return (int(image) if known else -1), image


def _index(scene: Path, image: str, count: int) -> int:
    number, place = _order(scene.name)[0], _order(image)[0]
    return number * _IMAGES + place if number >= 0 and 0 <= place < _IMAGES else count


def _names(scene: Path) -> Mapping[str, str]:
    for folder in (scene, scene.parent, scene.parent.parent):
        if (file := folder / "categories.json").is_file():
            content = entries.mapping(entries.load_json(file), str(file))
            return {str(key): str(name) for key, name in content.items()}
    return {}


class _Picture:
    """One image of a scene."""

    def __init__(self, scene: Path, image: str, names: Mapping[str, str], where: str) -> None:
        number = _order(image)[0]
        if number < 0:
            raise entries.broken(where, "an image is named by a whole number")
        self._scene = scene
        self._number = number
        self._names = names
        self._where = where

    def example(
        self, index: int, path: Path, camera: Mapping[str, Any], poses: Any, information: Any
    ) -> Example:
        file = self._file()
        width, height = entries.image_size(file, file)
        budget = MaskBudget(width, height)
        if not isinstance(poses, list):
            raise entries.broken(self._where, "the poses of an image are a list")
        known = information if isinstance(information, list) else []
        known = known if len(known) == len(poses) else [{}] * len(poses)
        found = []
        for place, (one, info) in enumerate(zip(poses, known, strict=True)):
            where = f"{self._where}, object {place}"
            pose = entries.mapping(one, where)
            found.append(self._annotation(place, pose, entries.mapping(info, where), budget, where))
        name = entries.beside(path, file.relative_to(path).as_posix(), file)
        return Example(
            index,
            name,
            width,
            height,
            annotations=tuple(found),
            intrinsics=_intrinsics(camera, self._where),
            camera=_world(camera, self._where),
        )

    def _file(self) -> Path:
        for folder in ("rgb", "gray"):
            found = sorted((self._scene / folder).glob(f"{self._number:06d}.*"))
            for file in found:
                if is_image(file):
                    return file
        raise entries.broken(self._where, "the image is not there")

    def _annotation(
        self,
        place: int,
        pose: Mapping[str, Any],
        information: Mapping[str, Any],
        budget: MaskBudget,
        where: str,
    ) -> Annotation:
        masks = [self._mask(folder, place, budget, where) for folder in ("mask", "mask_visib")]
        amodal, mask = masks
        number = str(entries.whole(pose, "obj_id", where))
        area = entries.whole(information, "px_count_visib", where, default=0)
        inside = entries.whole(information, "px_count_valid", where, default=area)
        whole = entries.whole(information, "px_count_all", where, default=inside)
        visible = entries.number(information.get("visib_fract", 1.0), "visib_fract", where)
        return Annotation(
            place + 1,
            "",
            self._names.get(number, number),
            _box(information.get("bbox_visib"), where) if mask is None else mask_box(mask),
            amodal_box=_box(information.get("bbox_obj"), where),
            mask=mask,
            amodal_mask=amodal,
            area_px=area if mask is None else int(mask.sum()),
            visible=min(max(visible, 0.0), 1.0),
            truncated=max(1 - inside / whole, 0.0) if whole else 0.0,
            occluded=max(1 - area / inside, 0.0) if inside else 0.0,
            pose=_rigid(pose, "cam_R_m2c", "cam_t_m2c", where),
        )

    def _mask(self, folder: str, place: int, budget: MaskBudget, where: str) -> Mask | None:
        file = self._scene / folder / f"{self._number:06d}_{place:06d}.png"
        if not file.is_file():
            return None
        if entries.image_size(file, file) != (budget.width, budget.height):
            raise entries.broken(file, f"not of {budget.width} x {budget.height} pixels")
        budget.spend(where)
        try:
            with Image.open(file) as image:
                return np.asarray(image.convert("L")) > 0
        except (OSError, ValueError, SyntaxError) as error:
            raise entries.broken(file, "no readable image", hint="is the file whole?") from error


def _box(value: Any, where: str) -> Box | None:
    if value is None or value == _NOTHING:
        return None
    x, y, width, height = entries.numbers(value, 4, "a box", where).tolist()
    return entries.box((x, y, x + width + 1, y + height + 1), where)


def _rigid(entry: Mapping[str, Any], rotation: str, place: str, where: str) -> Floats:
    matrix = np.eye(4)
    matrix[:3, :3] = entries.numbers(entry.get(rotation), 9, rotation, where).reshape(3, 3)
    matrix[:3, 3] = entries.numbers(entry.get(place), 3, place, where) / _MILLIMETRES
    return matrix


def _intrinsics(camera: Mapping[str, Any], where: str) -> Floats:
    matrix = entries.numbers(camera.get("cam_K"), 9, "cam_K", where).reshape(3, 3)
    matrix[:2] += 0.5 * matrix[2]
    return matrix


def _world(camera: Mapping[str, Any], where: str) -> Floats | None:
    if "cam_R_w2c" not in camera:
        return None
    seen = _rigid(camera, "cam_R_w2c", "cam_t_w2c", where)
    if math.isclose(np.linalg.det(seen), 0.0, abs_tol=1e-9):
        raise entries.broken(where, "cam_R_w2c is no rotation")
    return np.asarray(np.linalg.inv(seen), np.float64)
