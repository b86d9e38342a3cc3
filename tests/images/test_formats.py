"""What holds for every format: whole files or none, one pass, the same bytes, known by its look."""

import weakref
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from abbild.core import AbbildError, FileFormatError, OutputError, UnknownNameError
from abbild.images.annotation import Annotation, Example
from abbild.images.formats import FORMATS, Images, detect_format, read_examples, write_examples
from tests.images.formats_examples import (
    CATEGORIES,
    assert_same,
    equal,
    picture,
    planted,
    seen,
    sets,
    tree,
)

ALL = sorted(FORMATS)
RANDOM = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(found, folder, *formats, **options):
    options = {"categories": CATEGORIES, "read_image": picture} | options
    return write_examples(found, folder, formats, **options)


# what each format holds: of examples, of annotations, which annotations, to how many pixels
BOXES = ("label", "box")
HOLDS = {
    "parquet": (
        [n for n in Example.__dataclass_fields__ if n not in ("annotations", "file")],
        list(Annotation.__dataclass_fields__),
        lambda example: list(example.annotations),
        0.0,
    ),
    "coco": (
        ["index", "width", "height", "label", "caption"],
        [
            *("instance", "name", "label", "box", "amodal_box", "mask", "amodal_mask", "area_px"),
            *("visible", "truncated", "occluded", "attributes"),
        ],
        seen,
        0.0,
    ),
    "coco-panoptic": (
        ["index", "width", "height"],
        ["instance", "name", "label", "box", "mask", "area_px", "visible", "attributes"],
        seen,
        0.0,
    ),
    "yolo": (["index", "width", "height"], BOXES, seen, 1e-6),
    "yolo-seg": (["index", "width", "height"], [*BOXES, "mask", "area_px"], seen, 1e-6),
    "yolo-pose": (
        ["index", "width", "height"],
        BOXES,
        lambda example: [one for one in seen(example) if one.keypoints],
        1e-6,
    ),
    "bop": (
        ["index", "width", "height", "intrinsics", "camera"],
        [
            *("label", "box", "amodal_box", "mask", "amodal_mask", "area_px", "pose"),
            *("visible", "truncated", "occluded"),
        ],
        lambda example: list(example.annotations),
        1e-9,
    ),
    "kitti": (
        ["index", "width", "height", "intrinsics"],
        [*BOXES, "truncated"],
        seen,
        2e-6,
    ),
    "voc": (["index", "width", "height"], BOXES, seen, 0.0),
    "folders": (["index", "width", "height", "label"], [], lambda example: [], 0.0),
}
HOLDS["webdataset"] = HOLDS["parquet"]


def test_the_laws_cover_every_format():
    assert sorted(HOLDS) == ALL


@pytest.mark.parametrize("name", ALL)
@given(found=sets())
@RANDOM
def test_what_is_written_is_read_again(name, found, tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    assert write(iter(found), folder, name) == len(found)
    if not found and name in ("kitti", "voc", "bop", "folders"):
        return  # nothing to know them by
    whole, single, of, atol = HOLDS[name]
    back = sorted(read_examples(folder, name), key=lambda example: example.index)
    assert_same(found, back, whole, atol)
    images = Images(folder)
    for before, after in zip(found, back, strict=True):
        assert_same(of(before), after.annotations, single, atol)
        assert images(after) == picture(before)
        assert "\\" not in after.file


@pytest.mark.parametrize("name", ["coco", "yolo-pose"])
@given(found=sets())
@RANDOM
def test_keypoints_come_back_where_they_are_labelled(name, found, tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    write(found, folder, name)
    for before, after in zip(found, read_examples(folder, name), strict=True):
        pairs = zip(HOLDS[name][2](before), after.annotations, strict=True)
        for one, other in pairs:
            for a, b in zip(one.keypoints, other.keypoints, strict=True):
                assert (a.name, a.visibility) == (b.name, b.visibility)
                assert a.visibility == 0 or equal((a.x, a.y), (b.x, b.y), 1e-6)


@pytest.mark.parametrize("name", ALL)
def test_the_same_examples_give_the_same_bytes(name, tmp_path):
    for folder in ("a", "b"):
        write(planted(), tmp_path / folder, name)
    assert tree(tmp_path / "a") == tree(tmp_path / "b") != {}


@pytest.mark.parametrize("name", ALL)
def test_a_format_is_known_by_its_look(name, tmp_path):
    write(planted(), tmp_path, name)
    assert detect_format(tmp_path) == name
    back = list(read_examples(tmp_path))
    assert [one.index for one in back] == [3, 1204]


def test_all_formats_in_one_pass_read_each_image_once(tmp_path):
    asked = []

    def read_image(example):
        asked.append(example.index)
        return picture(example)

    assert write(iter(planted()), tmp_path, *ALL, "coco", read_image=read_image) == 2
    assert asked == [3, 1204]
    for name in ALL:
        write(planted(), tmp_path / "alone", name)
    assert (
        tree(tmp_path / "alone").items()
        <= {key.removeprefix("alone/"): value for key, value in tree(tmp_path).items()}.items()
    )
    assert detect_format(tmp_path) == "parquet"


@pytest.mark.parametrize("name", ALL)
def test_no_examples_are_a_data_set_too(name, tmp_path):
    assert write([], tmp_path, name) == 0
    if name in ("parquet", "coco", "coco-panoptic", "yolo", "yolo-seg", "yolo-pose", "webdataset"):
        assert list(read_examples(tmp_path, name)) == []


@pytest.mark.parametrize("name", ALL)
def test_what_fails_in_the_middle_leaves_no_half_file(name, tmp_path):
    def found():
        yield from planted()
        raise RuntimeError("worker lost")

    with pytest.raises(RuntimeError, match="worker lost"):
        write(found(), tmp_path, name)
    whole = ("coco.json", "coco_panoptic.json", "images.parquet", "data.yaml", "categories.json")
    left = [file.name for file in tmp_path.rglob("*") if file.is_file()]
    assert not [file for file in left if file in whole or file.endswith((".part", ".tar"))]


@pytest.mark.parametrize("name", ALL)
def test_examples_are_let_go_once_written(name, tmp_path):
    alive = weakref.WeakSet()

    (one, _) = planted()

    def found():
        for index in range(30):
            example = replace(one, index=index)
            alive.add(example)
            yield example
            del example
            assert len(alive) <= 2

    assert write(found(), tmp_path, name) == 30


def test_images_in_parquet_wait_for_a_few_hundred_rows_at_most(tmp_path):
    (one, _) = planted()
    found = (replace(one, index=index) for index in range(300))
    write(found, tmp_path, "parquet")
    file = pq.ParquetFile(tmp_path / "images.parquet").metadata
    assert [file.row_group(n).num_rows for n in range(file.num_row_groups)] == [256, 44]
    back = list(read_examples(tmp_path))
    images = Images(tmp_path)
    assert all(images(back[n]) == picture(back[n]) for n in (299, 0, 255, 256))


def test_masks_off_any_list_are_written_as_boxes(tmp_path):
    bare = Annotation(1, "", "Tasse", (1.5, 2.0, 7.25, 8.0))
    example = Example(4, "images/4.png", 20, 10, annotations=(bare,))
    for name in ("coco", "yolo", "yolo-seg", "voc", "kitti", "webdataset", "parquet"):
        write([example], tmp_path / name, name)
        ((back,),) = [one.annotations for one in read_examples(tmp_path / name, name)]
        if name == "yolo-seg":
            assert back.area_px == 36  # the pixels whose centres lie in the box
        else:
            assert equal(back.box, bare.box, 1e-6), name
            assert back.mask is None


def test_an_unknown_format_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(UnknownNameError, match="'coco'"):
        write(planted(), tmp_path, "cocoo")
    with pytest.raises(UnknownNameError, match="'webdataset'"):
        read_examples(tmp_path, "web-dataset")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [n for n in ALL if n not in ("folders", "parquet", "webdataset")])
def test_a_label_without_category_is_answered_with_the_nearest(name, tmp_path):
    with pytest.raises(UnknownNameError, match="no category named 'Tasse'") as error:
        write(planted(), tmp_path, name, categories=["Tassen"])
    assert "'Tassen'" in str(error.value)


@pytest.mark.parametrize("names", [["a", "a"], [""], [" "], ["a\nb"], ["\ud800"]])
def test_categories_must_be_names(names, tmp_path):
    with pytest.raises(FileFormatError):
        write([], tmp_path, "coco", categories=names)


def test_nothing_to_read_is_said(tmp_path):
    with pytest.raises(FileFormatError, match="no such file or folder"):
        detect_format(tmp_path / "missing")
    with pytest.raises(FileFormatError, match="no data set in a format that we know"):
        detect_format(tmp_path)
    for name in ALL:
        with pytest.raises(FileFormatError):
            list(read_examples(tmp_path, name))
        with pytest.raises(FileFormatError, match="no such file or folder"):
            read_examples(tmp_path / "missing", name)


def test_an_image_that_cannot_be_read_is_named(tmp_path):
    def missing(example):
        raise FileNotFoundError(2, "No such file", example.file)

    with pytest.raises(FileFormatError, match=r"images/000003\.png"):
        write(planted(), tmp_path, "yolo", read_image=missing)
    with pytest.raises(FileFormatError, match="cannot be read"):
        Images(tmp_path)(planted()[0])


@pytest.mark.parametrize("name", ALL)
def test_a_place_that_cannot_be_written_to_is_named(name, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write"):
        write(planted(), tmp_path / "file", name)


@pytest.mark.parametrize("name", ALL)
def test_one_format_becomes_another(name, tmp_path):
    write(planted(), tmp_path / "a", name)
    back = list(read_examples(tmp_path / "a"))
    target = "folders" if name in ("folders", "webdataset") else "coco"
    labels = sorted({one.label for example in back for one in example.annotations})
    write(back, tmp_path / "b", target, categories=labels, read_image=Images(tmp_path / "a"))
    again = list(read_examples(tmp_path / "b", target))
    assert [one.index for one in again] == [3, 1204]
    assert [Images(tmp_path / "b")(one) for one in again] == [picture(one) for one in planted()]


@pytest.mark.parametrize("name", ["bop", "coco-panoptic"])
def test_what_a_format_needs_and_has_not_is_said(name, tmp_path):
    bare = Annotation(1, "", "Tasse", (1.0, 2.0, 7.0, 8.0))
    example = replace(planted()[0], annotations=(bare,))
    with pytest.raises(AbbildError, match="image 3 has none"):
        write([example], tmp_path, name)
