"""Depth images of BOP, and which keypoints of YOLO change places in a mirror."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from PIL import Image

from abbild.core import FileFormatError
from abbild.images.annotation import Annotation, Example, Keypoint
from abbild.images.formats import read_examples, write_examples


def png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def write(tmp_path: Path, example: Example, format: str, **how: Any) -> None:
    write_examples(
        [example],
        tmp_path,
        [format],
        categories=sorted({one.label for one in example.annotations}),
        read_image=lambda _: png(4, 3),
        **how,
    )


def posed(z: Any) -> Example:
    one = Annotation(1, "cup", "cup", (0, 0, 2, 2), pose=np.eye(4))
    return Example(0, "images/000000.png", 4, 3, annotations=(one,), intrinsics=np.eye(3))


@pytest.mark.parametrize(
    ("farthest", "scale"), [(0.5, 0.1), (6.55, 0.1), (6.6, 1.0), (65.0, 1.0), (66.0, 10.0)]
)
def test_depth_is_as_fine_as_sixteen_bit_allow(
    tmp_path: Path, farthest: float, scale: float
) -> None:
    z = np.linspace(0.3, farthest, 12, dtype=np.float32).reshape(3, 4)
    z[0, 0] = np.inf
    write(tmp_path, posed(z), "bop", read_depth=lambda _: z)
    scene = tmp_path / "bop" / "train_pbr" / "000000"
    camera = json.loads((scene / "scene_camera.json").read_text(encoding="utf-8"))["0"]
    assert camera["depth_scale"] == scale
    with Image.open(scene / "depth" / "000000.png") as picture:
        assert picture.mode.startswith("I")
        values = np.asarray(picture)
    assert values.max() <= 65535
    assert values[0, 0] == 0
    assert (values * scale / 1000).ravel()[1:] == pytest.approx(z.ravel()[1:], abs=scale / 1900)
    assert len(list(read_examples(tmp_path / "bop"))) == 1


def test_what_is_out_of_reach_has_no_depth(tmp_path: Path) -> None:
    z = np.full((3, 4), 1e9, np.float32)
    write(tmp_path, posed(z), "bop", read_depth=lambda _: z)
    with Image.open(tmp_path / "bop/train_pbr/000000/depth/000000.png") as picture:
        assert not np.asarray(picture).any()


def test_without_depth_there_is_none(tmp_path: Path) -> None:
    write(tmp_path, posed(None), "bop")
    scene = tmp_path / "bop" / "train_pbr" / "000000"
    assert not (scene / "depth").exists()
    assert json.loads((scene / "scene_camera.json").read_text("utf-8"))["0"]["depth_scale"] == 1.0


def missing(_: Example) -> NDArray[np.float32]:
    raise FileNotFoundError("gone.npz")


@pytest.mark.parametrize(
    ("read", "words"),
    [(missing, "cannot read the depth"), (lambda _: np.ones((2, 2), np.float32), "another size")],
)
def test_depth_that_is_not_there_is_said(tmp_path: Path, read: Any, words: str) -> None:
    with pytest.raises(FileFormatError, match=words):
        write(tmp_path, posed(None), "bop", read_depth=read)


def flips(tmp_path: Path, *categories: Sequence[str]) -> Any:
    made = tuple(
        Annotation(
            k, "", f"c{k}", (0, 0, 2, 2), keypoints=tuple(Keypoint(n, 1, 1, 2) for n in names)
        )
        for k, names in enumerate(categories, 1)
    )
    write(tmp_path, Example(0, "images/000000.png", 4, 3, annotations=made), "yolo-pose")
    return yaml.safe_load((tmp_path / "yolo-pose/data.yaml").read_text("utf-8")).get("flip_idx")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["nose", "left_eye", "right_eye"], [0, 2, 1]),
        (["l_wheel", "r_wheel", "roof"], [1, 0, 2]),
        (["Left Ear", "Right Ear"], [1, 0]),
        (["links oben", "rechts oben", "links unten", "rechts unten"], [1, 0, 3, 2]),
        (["eyeL", "eyeR"], None),  # names that do not say it beyond doubt
        (["tip", "base"], None),
        (["left", "top"], None),
        (["pillar", "lid"], None),
    ],
)
def test_names_say_which_keypoints_change_places(
    tmp_path: Path, names: list[str], expected: list[int] | None
) -> None:
    assert flips(tmp_path, names) == expected


def test_categories_that_disagree_have_no_flips(tmp_path: Path) -> None:
    assert flips(tmp_path, ["left", "right"], ["tip", "base"]) is None
    assert flips(tmp_path, ["left", "right"], ["right", "left"]) == [1, 0]


def test_a_box_whose_middle_is_outside_is_no_share(tmp_path: Path) -> None:
    flips(tmp_path, ["left", "right"])
    (label,) = (tmp_path / "yolo-pose/labels").glob("*.txt")
    label.write_text("0 1.2 0.5 0.1 0.1 0 0 0 0 0 0\n")
    with pytest.raises(FileFormatError, match=r"line 1: the middle of a box"):
        list(read_examples(tmp_path / "yolo-pose"))


def test_two_categories_with_one_number_are_refused(tmp_path: Path) -> None:
    twice = [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]
    content = {"images": [], "annotations": [], "categories": twice}
    (tmp_path / "coco.json").write_text(json.dumps(content))
    with pytest.raises(FileFormatError, match="a second category has the id 1"):
        list(read_examples(tmp_path / "coco.json"))
