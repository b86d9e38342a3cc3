"""The formats as others define them: by their own tools where pip has them, else as written."""

import gc
import io
import json
import tarfile
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest
import yaml
from PIL import Image

from abbild.images.annotation import Annotation, Example, Keypoint
from abbild.images.formats import read_examples, write_examples
from abbild.images.formats.folders import folder_name, label_of
from tests.images.formats_examples import CATEGORIES, picture, planted, seen

CAMERA = np.array([[50.0, 0.0, 16.0], [0.0, 50.0, 12.0], [0.0, 0.0, 1.0]])


def write(found, folder, *formats, categories=CATEGORIES):
    write_examples(found, folder, formats, categories=categories, read_image=picture)
    return folder


@pytest.fixture
def coco(tmp_path):
    """Load coco.json with COCO's own tool; images lie in the folder as `abbild render` has it."""
    tool = pytest.importorskip("pycocotools.coco")
    for example in planted():
        file = tmp_path / example.file
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(picture(example))
    return tool.COCO(write(planted(), tmp_path, "coco") / "coco.json")


old_pycocotools = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@old_pycocotools
def test_coco_tools_see_the_masks_boxes_and_names(coco, tmp_path):
    assert [one["name"] for one in coco.loadCats(coco.getCatIds())] == list(CATEGORIES)
    assert coco.getCatIds() == [1, 2, 3]
    for example in planted():
        (image,) = coco.loadImgs(example.index)
        assert (tmp_path / image["file_name"]).read_bytes() == picture(example)
        found = coco.loadAnns(coco.getAnnIds(imgIds=example.index))
        for one, entry in zip(seen(example), found, strict=True):
            assert (coco.annToMask(entry) == one.mask).all()
            x, y, w, h = entry["bbox"]
            assert (x, y, x + w, y + h) == one.box
            assert entry["area"] == one.mask.sum()
            assert CATEGORIES[entry["category_id"] - 1] == one.label
            assert entry["attributes"] == one.attributes


@old_pycocotools
@pytest.mark.parametrize("kind", ["bbox", "segm", "keypoints"])
def test_the_truth_evaluated_against_itself_is_perfect(kind, coco):
    module = pytest.importorskip("pycocotools.cocoeval")
    truth = coco.loadAnns(coco.getAnnIds())
    if kind == "keypoints":
        truth = [one for one in truth if one["num_keypoints"]]
    results = coco.loadRes([one | {"score": 1.0} for one in truth])
    judge = module.COCOeval(coco, results, kind)
    if kind == "keypoints":
        judge.params.catIds = [1, 2]
        judge.params.kpt_oks_sigmas = np.array([0.05, 0.05])
        judge.params.areaRng = [[0, 1e10]]
        judge.params.areaRngLbl = ["all"]
    judge.evaluate()
    judge.accumulate()
    precision = judge.eval["precision"][..., 0, -1]
    assert precision[precision >= 0].size
    assert (precision[precision >= 0] == 1).all()


def test_coco_holds_no_time_and_paths_from_the_folder(coco, tmp_path):
    content = json.loads((tmp_path / "coco.json").read_text(encoding="utf-8"))
    assert content["info"] == {"synthetic": True, "generator": "abbild"}
    assert [one["file_name"] for one in content["images"]] == [e.file for e in planted()]
    assert [one["id"] for one in content["annotations"]] == list(
        range(1, len(content["annotations"]) + 1)
    )
    assert str(tmp_path) not in (tmp_path / "coco.json").read_text(encoding="utf-8")


def test_colours_of_panoptic_segments_are_their_ids(tmp_path):
    (example, _) = planted()
    large = tuple(replace(one, instance=one.instance * 70_001) for one in example.annotations)
    write([replace(example, annotations=large)], tmp_path, "coco-panoptic")
    content = json.loads((tmp_path / "coco_panoptic.json").read_text(encoding="utf-8"))
    (entry,) = content["annotations"]
    with Image.open(tmp_path / "panoptic" / entry["file_name"]) as image:
        assert image.mode == "RGB"
        red, green, blue = np.moveaxis(np.asarray(image).astype(int), -1, 0)
    ids = red + 256 * green + 256**2 * blue
    truth = sum(one.mask * one.instance for one in large)
    assert (ids == truth).all()
    assert {one["id"] for one in entry["segments_info"]} == set(np.unique(ids)) - {0}
    assert sum(one["area"] for one in entry["segments_info"]) == (ids > 0).sum()
    assert all(one["isthing"] == 1 for one in content["categories"])


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # it leaves its files open
def test_webdataset_reads_the_shards(tmp_path):
    tool = pytest.importorskip("webdataset")
    write(planted(), tmp_path, "webdataset", categories=["36", "3", "0"])
    url = (tmp_path / "webdataset" / "shard-000000.tar").as_posix()
    samples = list(tool.WebDataset(url, shardshuffle=False, empty_check=False).decode("pil"))
    assert [one["__key__"] for one in samples] == ["000000003", "000001204"]
    for sample, example in zip(samples, planted(), strict=True):
        assert np.array_equal(
            np.asarray(sample["png"]), np.asarray(Image.open(io.BytesIO(picture(example))))
        )
        assert sample["json"]["caption"] == example.caption
    assert [one["cls"] for one in samples] == [1, 2]  # places of "3" and "0"
    gc.collect()


def test_shards_carry_no_time_and_no_owner(tmp_path):
    write(planted(), tmp_path, "webdataset")
    with tarfile.open(tmp_path / "webdataset" / "shard-000000.tar") as tar:
        members = tar.getmembers()
    assert [one.name for one in members] == sorted(one.name for one in members)
    facts = {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode, m.isreg()) for m in members}
    assert facts == {(0, 0, 0, "", "", 0o644, True)}


def test_a_shard_is_closed_after_a_thousand_examples(tmp_path):
    bare = Example(0, "0.png", 2, 2, label="5")
    data = picture(bare)
    write_examples(
        (replace(bare, index=index) for index in range(2001)),
        tmp_path,
        ["webdataset"],
        categories=[],
        read_image=lambda _: data,
    )
    names = [file.name for file in sorted((tmp_path / "webdataset").iterdir())]
    assert names == [f"shard-00000{number}.tar" for number in range(3)]
    assert [one.index for one in read_examples(tmp_path)] == list(range(2001))


def test_class_folders_are_those_of_imagefolder(tmp_path):
    """ImageFolder takes the sorted names of the folders as classes, and their files as images."""
    labels = ["10", "2", "42", "grün", "food/cup", "..", "CON", "00002", "aux.txt", "x.", "%", "?"]
    found = [Example(n, f"{n}.png", 2, 3, label=label) for n, label in enumerate(labels)]
    write(found, tmp_path, "folders")
    classes = sorted(one.name for one in (tmp_path / "folders").iterdir())
    assert len(classes) == len(labels)
    assert classes.index("00002") < classes.index("00010") < classes.index("00042")
    assert sorted(map(label_of, classes)) == sorted(labels)
    for one in found:
        file = tmp_path / "folders" / folder_name(one.label) / f"{one.index:06d}.png"
        assert file.read_bytes() == picture(one)
    reserved = {"con", "aux", "aux.txt", ".", ".."}
    assert not {name.lower() for name in classes} & reserved
    assert not any(set(name) & set('<>:"/\\|?*') or name[-1] in ". " for name in classes)


def test_yolo_lines_are_shares_of_the_image_around_the_centre(tmp_path):
    mask = np.zeros((10, 20), bool)
    mask[2:6, 4:14] = True
    points = (Keypoint("lip", 5.0, 2.5, 2), Keypoint("base", 9.0, 1.0, 0))
    one = Annotation(1, "a", "cup", (4, 2, 14, 6), mask=mask, area_px=40, keypoints=points)
    found = [Example(7, "x/7.jpg", 20, 10, annotations=(one,))]
    write(found, tmp_path, "yolo", "yolo-seg", "yolo-pose", categories=["no", "cup"])
    texts = {
        kind: (tmp_path / kind / "labels" / "000007.txt").read_text()
        for kind in ("yolo", "yolo-seg", "yolo-pose")
    }
    assert texts["yolo"] == "1 0.45 0.4 0.5 0.4\n"
    assert texts["yolo-pose"] == "1 0.45 0.4 0.5 0.4 0.25 0.25 2 0 0 0\n"
    corners = np.array(texts["yolo-seg"].split()[1:], float).reshape(-1, 2) * [20, 10]
    assert sorted(map(tuple, corners.tolist())) == [(4, 2), (4, 6), (14, 2), (14, 6)]
    assert (tmp_path / "yolo" / "images" / "000007.jpg").exists()
    manifest = yaml.safe_load((tmp_path / "yolo-pose" / "data.yaml").read_text())
    assert manifest["names"] == {0: "no", 1: "cup"}
    assert manifest["kpt_shape"] == [2, 3]
    assert manifest["kpt_names"][1] == ["lip", "base"]


def test_voc_counts_pixels_from_one_and_includes_the_last(tmp_path):
    one = Annotation(1, "a", "cup", (0, 0, 10, 5), truncated=0.3, occluded=0.01)
    write([Example(7, "7.png", 20, 10, annotations=(one,))], tmp_path, "voc", categories=["cup"])
    tree = ElementTree.parse(tmp_path / "voc" / "Annotations" / "000007.xml")
    values = {
        key: tree.findtext(f"object/bndbox/{key}") for key in ("xmin", "ymin", "xmax", "ymax")
    }
    assert values == {"xmin": "1", "ymin": "1", "xmax": "10", "ymax": "5"}
    assert tree.findtext("object/truncated") == "1"
    assert tree.findtext("object/occluded") == "0"
    assert (tmp_path / "voc" / "ImageSets" / "Main" / "train.txt").read_text() == "000007\n"


def corners_of(one):
    """Return the corners of a body's box in the camera, (8, 3) metres."""
    signs = np.stack(np.meshgrid(*[[-0.5, 0.5]] * 3), -1).reshape(-1, 3)
    return (signs * one.size + one.center) @ one.pose[:3, :3].T + one.pose[:3, 3]


def project(camera, points):
    image = points @ camera.T
    return image[:, :2] / image[:, 2:]


def standing(angle, place=(0.7, 0.4, 5.0)):
    """Return a body that stands upright before a level camera, turned about the vertical."""
    pose = np.eye(4)
    c, s = np.cos(angle), np.sin(angle)
    # columns: where the body's forward, left and up point in the camera (right, down, forward)
    pose[:3, :3] = np.array([[c, s, 0], [0, 0, -1], [-s, c, 0]])
    pose[:3, 3] = place
    return Annotation(
        1,
        "car/1",
        "a car",
        (3.0, 4.0, 20.0, 15.0),
        pose=pose,
        size=np.array([4.0, 1.8, 1.5]),
        center=np.array([0.1, 0.0, 0.75]),
        occluded=0.3,
        truncated=0.25,
    )


@pytest.mark.parametrize("angle", [0.0, 0.3, 1.9, -2.5, 3.1])
def test_kitti_boxes_project_to_the_same_pixels(angle, tmp_path):
    one = standing(angle)
    example = Example(7, "7.png", 32, 24, annotations=(one,), intrinsics=CAMERA)
    write([example], tmp_path, "kitti", categories=["a car"])
    training = tmp_path / "kitti" / "training"
    words = (training / "label_2" / "000007.txt").read_text().split()
    assert len(words) == 15
    assert words[0] == "a%20car"
    truncated, level, alpha, *box, h, w, length, x, y, z, ry = map(float, words[1:])
    assert (truncated, level) == (0.25, 1)
    assert box == [3, 4, 19, 14]
    assert (h, w, length) == (1.5, 1.8, 4.0)
    assert -np.pi <= alpha <= np.pi
    assert np.isclose(np.cos(alpha), np.cos(ry - np.arctan2(x, z)), atol=1e-5)
    # KITTI: corners of a box on the ground turned about y, then P2
    c, s = np.cos(ry), np.sin(ry)
    across, along = np.array([1, 1, -1, -1]) * length / 2, np.array([1, -1, 1, -1]) * w / 2
    ground = np.stack([across, np.zeros(4), along])
    turned = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ ground
    theirs = np.concatenate([turned.T, turned.T - [0, h, 0]]) + np.array([x, y, z])
    (line,) = [
        line
        for line in (training / "calib" / "000007.txt").read_text().splitlines()
        if line.startswith("P2:")
    ]
    p2 = np.array(line.split()[1:], float).reshape(3, 4)
    assert (p2[:, 3] == 0).all()
    pixels = project(p2[:, :3], theirs) + 0.5  # their pixel centres are whole numbers
    ours = project(CAMERA, corners_of(one))
    gaps = np.linalg.norm(pixels[:, None] - ours[None], axis=-1)
    assert (gaps.min(axis=0) < 1e-3).all()
    assert (gaps.min(axis=1) < 1e-3).all()


@pytest.mark.parametrize("angle", [0.0, 0.3, 1.9, -2.5, 3.1])
def test_a_kitti_box_comes_back_in_space(angle, tmp_path):
    one = standing(angle)
    example = Example(7, "7.png", 32, 24, annotations=(one,), intrinsics=CAMERA)
    write([example], tmp_path, "kitti", categories=["a car"])
    ((back,),) = [found.annotations for found in read_examples(tmp_path)]
    assert back.label == "a car"
    assert np.allclose(back.pose[:3, :3], one.pose[:3, :3], atol=1e-5)
    assert np.allclose(corners_of(back), corners_of(one), atol=1e-5)


def test_bop_poses_are_millimetres_before_a_camera_of_whole_pixel_centres(tmp_path):
    (example, _) = planted()
    write([example], tmp_path, "bop")
    scene = tmp_path / "bop" / "train_pbr" / "000000"
    names = ("scene_camera", "scene_gt", "scene_gt_info")
    camera, poses, information = (json.loads((scene / f"{n}.json").read_text())["3"] for n in names)
    k = np.array(camera["cam_K"]).reshape(3, 3)
    for place, (one, pose, info) in enumerate(
        zip(example.annotations, poses, information, strict=True)
    ):
        point = np.array([0.1, -0.2, 0.05])  # metres, in the body
        rotation = np.array(pose["cam_R_m2c"]).reshape(3, 3)
        theirs = project(k, (rotation @ (point * 1000) + pose["cam_t_m2c"])[None]) + 0.5
        ours = project(example.intrinsics, (one.pose[:3, :3] @ point + one.pose[:3, 3])[None])
        assert np.allclose(theirs, ours)
        assert pose["obj_id"] == CATEGORIES.index(one.label) + 1
        for folder, mask in (("mask", one.amodal_mask), ("mask_visib", one.mask)):
            with Image.open(scene / folder / f"000003_{place:06d}.png") as image:
                assert np.array_equal(np.asarray(image), mask * np.uint8(255))
        assert info["px_count_visib"] == one.mask.sum()
        assert info["px_count_valid"] == one.amodal_mask.sum()
        assert abs(info["visib_fract"] * info["px_count_all"] - info["px_count_visib"]) < 0.5
        if one.box is None:
            assert info["bbox_visib"] == [-1] * 4
        else:  # as the toolkit measures: from the first pixel to the last
            y, x = np.nonzero(one.mask)
            assert info["bbox_visib"] == [x.min(), y.min(), np.ptp(x), np.ptp(y)]
    world = np.eye(4)
    world[:3, :3] = np.array(camera["cam_R_w2c"]).reshape(3, 3)
    world[:3, 3] = np.array(camera["cam_t_w2c"]) / 1000
    assert np.allclose(world @ example.camera, np.eye(4))


def test_a_scene_of_bop_is_taken_up_again(tmp_path):
    first, second = planted()
    write([second, first, replace(second, index=1999), replace(first, index=5)], tmp_path, "bop")
    assert [one.index for one in read_examples(tmp_path)] == [3, 5, 1204, 1999]
