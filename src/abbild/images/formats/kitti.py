"""KITTI object labels: ``kitti/training/`` with image_2, label_2 and calib.

Conventions of KITTI: boxes are indices of pixels from 0, both ends included; the camera maps to
pixel centres at whole numbers; a box in space stands upright on the ground of a level camera, its
place is the middle of its bottom, its length lies along the body's x, its width along y, its
height along z. The tilt of a body or camera is lost. Bodies of which nothing is seen are left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import NDArray

from abbild.images.annotation import Annotation, Example
from abbild.images.formats import entries
from abbild.images.formats.destination import Add, Destination, numbered, shown, write_file
from abbild.images.formats.folders import is_image, with_index

__all__ = ["finds", "read", "writer"]

Floats = NDArray[np.float64]

_LEVELS = (0.05, 0.5)  # share occluded from which on it is partly, largely
_SHARES = (0.0, 0.25, 0.75, 0.0)  # of a level, and of "unknown"
_UNKNOWN = (-10.0, [-1.0] * 3, [-1000.0] * 3, -10.0)  # alpha, size, place, rotation
_SIGNS = "".join(chr(code) for code in range(33, 127) if chr(code) != "%")  # kept as they are


@contextmanager
def writer(destination: Destination) -> Iterator[Add]:
    """Write ``kitti/training/`` and the list of images ``kitti/ImageSets/train.txt``."""
    root = destination.folder / "kitti"
    stems: list[str] = []

    def add(example: Example) -> None:
        name = numbered(example)
        stem = Path(name).stem
        lines = []
        for one in shown(example):
            destination.category(one.label)
            lines.append(_line(one))
        training = root / "training"
        write_file(training / "image_2" / name, destination.image(example))
        write_file(training / "label_2" / f"{stem}.txt", "".join(lines))
        if example.intrinsics is not None:
            write_file(training / "calib" / f"{stem}.txt", _calibration(example.intrinsics))
        stems.append(stem)

    yield add
    write_file(root / "ImageSets" / "train.txt", "".join(f"{stem}\n" for stem in stems))


def _line(one: Annotation) -> str:
    x0, y0, x1, y1 = one.box or (0.0, 0.0, 1.0, 1.0)
    level = sum(one.occluded >= limit for limit in _LEVELS)
    alpha, size, place, rotation = _upright(one)
    numbers = [one.truncated, level, alpha, x0, y0, x1 - 1, y1 - 1, *size, *place, rotation]
    label = "".join(
        c if c in _SIGNS or (ord(c) > 160 and not c.isspace()) else quote(c) for c in one.label
    )
    return " ".join([label, *(f"{value:.6f}".rstrip("0").rstrip(".") for value in numbers)]) + "\n"


def _upright(one: Annotation) -> tuple[float, list[float], list[float], float]:
    """Return alpha, height width length, the middle of the bottom, and the rotation about y."""
    if one.pose is None or one.size is None:
        return _UNKNOWN
    length, width, height = (float(v) for v in one.size)
    center = np.zeros(3) if one.center is None else one.center
    bottom = one.pose[:3, :3] @ (center - [0.0, 0.0, height / 2]) + one.pose[:3, 3]
    forward = one.pose[:3, 0]
    rotation = math.atan2(-forward[2], forward[0])
    alpha = rotation - math.atan2(bottom[0], bottom[2])
    alpha = math.atan2(math.sin(alpha), math.cos(alpha))
    return alpha, [height, width, length], [float(v) for v in bottom], rotation


def _calibration(intrinsics: Floats) -> str:
    """Return a calibration in which the laser stands in the camera, x forward, z up."""
    camera = np.zeros((3, 4))
    camera[:, :3] = intrinsics
    camera[:2] -= 0.5 * camera[2]  # pixel centres at whole numbers
    axes = np.array([[0.0, -1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    still = np.eye(3, 4)
    rows = [(f"P{number}", camera) for number in range(4)]
    rows += [("R0_rect", np.eye(3)), ("Tr_velo_to_cam", axes), ("Tr_imu_to_velo", still)]
    return "".join(f"{key}: {' '.join(f'{v:.12e}' for v in m.ravel())}\n" for key, m in rows)


def finds(path: Path) -> bool:
    """Return whether there are labels of KITTI in `path`."""
    return (_base(path) / "label_2").is_dir()


def _base(path: Path) -> Path:
    for inner in (path / "kitti" / "training", path / "training"):
        if (inner / "label_2").is_dir():
            return inner
    return path


def read(path: Path) -> Iterator[Example]:
    """Read KITTI's objects; what is marked DontCare is passed over.

    Parameters
    ----------
    path : the folder of image_2 and label_2, or one above ``training/``

    Raises
    ------
    FileFormatError
        If a line has not the 15 (or, with a score, 16) values of KITTI; names file and line.
    """
    base = _base(path)
    folder = base / "image_2"
    files = [one for one in sorted(folder.iterdir()) if is_image(one)] if folder.is_dir() else []
    if not files:
        raise entries.broken(path, "no images in image_2")
    for index, image in with_index(files):
        name = entries.beside(path, image.relative_to(path).as_posix(), image)
        width, height = entries.image_size(image, image)
        yield Example(
            index,
            name,
            width,
            height,
            annotations=tuple(_read_labels(base / "label_2" / f"{image.stem}.txt")),
            intrinsics=_intrinsics(base / "calib" / f"{image.stem}.txt"),
        )


def _read_labels(file: Path) -> Iterator[Annotation]:
    instance = 0
    for place, line in enumerate(entries.read_text(file).splitlines(), 1):
        words = line.split(" ") if "\t" not in line else line.split()
        words = [word for word in words if word]
        if not words or words[0] == "DontCare":
            continue
        where = f"{file}, line {place}"
        if len(words) not in (15, 16):
            raise entries.broken(where, f"{len(words)} values, KITTI has 15")
        instance += 1
        numbers = [entries.decimal(word, "a value", where) for word in words[1:15]]
        yield _annotation(unquote(words[0]), numbers, instance, where)


def _annotation(label: str, numbers: list[float], instance: int, where: str) -> Annotation:
    truncated, level, _, x0, y0, x1, y1 = numbers[:7]
    if level not in (0, 1, 2, 3):
        raise entries.broken(where, f"occluded is 0, 1, 2 or 3, not {level:g}")
    x0, y0, x1, y1 = entries.box((x0, y0, x1, y1), where)
    box = x0, y0, x1 + 1, y1 + 1
    pose, size = _placed(numbers[7:])
    return Annotation(
        instance,
        "",
        label,
        box,
        area_px=round((box[2] - box[0]) * (box[3] - box[1])),
        truncated=min(max(truncated, 0.0), 1.0),
        occluded=_SHARES[int(level)],
        pose=pose,
        size=size,
        center=None if size is None else np.zeros(3),
    )


def _placed(numbers: list[float]) -> tuple[Floats | None, Floats | None]:
    """Return the pose of a body whose origin is the middle of its box, and its size."""
    height, width, length, x, y, z, rotation = numbers
    if min(height, width, length) <= 0 or x <= -1000:
        return None, None
    forward = np.array([math.cos(rotation), 0.0, -math.sin(rotation)])
    up = np.array([0.0, -1.0, 0.0])
    pose = np.eye(4)
    pose[:3, :3] = np.stack([forward, np.cross(up, forward), up], axis=1)
    pose[:3, 3] = [x, y - height / 2, z]
    return pose, np.array([length, width, height])


def _intrinsics(file: Path) -> Floats | None:
    if not file.is_file():
        return None
    for place, line in enumerate(entries.read_text(file).splitlines(), 1):
        key, _, values = line.partition(":")
        if key.strip() == "P2":
            where = f"{file}, line {place}"
            words = [entries.decimal(word, "P2", where) for word in values.split()]
            camera = entries.numbers(words, 12, "P2", where).reshape(3, 4)[:, :3]
            camera[:2] += 0.5 * camera[2]
            return camera
    raise entries.broken(file, "P2 is missing")
