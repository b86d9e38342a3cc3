"""What strangers' COCO may hold: it is read rightly or refused in one sentence that names it."""

import json
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abbild.core import FileFormatError
from abbild.images.formats import (
    Images,
    read_examples,
    records,
    write_examples,
)
from tests.images.formats_examples import CATEGORIES, OUTSIDE, picture, planted, png, refused

LINKS = pytest.mark.skipif(sys.platform == "win32", reason="links need a permission there")


# --- COCO -----------------------------------------------------------------------------------------


@pytest.fixture
def coco(tmp_path):
    """Return a function that writes a COCO file with changes to its first entries."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "grün.png").write_bytes(png())
    whole = {
        "images": [{"id": 1, "file_name": "images/grün.png", "width": 20, "height": 10}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 5, "bbox": [1, 2, 3, 4]}],
        "categories": [{"id": 5, "name": "Tür"}],
    }

    def make(part=None, **values):
        if part is not None:
            whole[part][0] |= values
            whole[part][0] = {k: v for k, v in whole[part][0].items() if v is not ...}
        else:
            whole.update(values)
        data = {key: value for key, value in whole.items() if value is not ...}
        text = json.dumps(data, ensure_ascii=False)
        (tmp_path / "coco.json").write_text(text, encoding="utf-8")
        return tmp_path

    return make


def test_coco_by_hand_is_read(coco):
    (example,) = read_examples(coco())
    (one,) = example.annotations
    assert (one.label, one.box, one.area_px, one.instance) == ("Tür", (1, 2, 4, 6), 12, 1)
    assert example.file == "images/grün.png"
    assert one.mask is None
    assert one.keypoints == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_byte_order_mark_and_windows_separators_do_no_harm(coco, encoding):
    folder = coco("images", file_name="images\\grün.png")
    text = (folder / "coco.json").read_text(encoding="utf-8")
    (folder / "coco.json").write_text(text, encoding=encoding)
    assert [one.file for one in read_examples(folder)] == ["images/grün.png"]


@pytest.mark.parametrize(
    ("part", "values", "said"),
    [
        ("annotations", {"category_id": 6}, "no category has the id 6"),
        ("annotations", {"category_id": ...}, "category_id is missing"),
        ("annotations", {"category_id": "5"}, "category_id is a whole number"),
        ("annotations", {"image_id": 9}, "no image has the id 9"),
        ("annotations", {"bbox": [0, 0, float("nan"), 1]}, "NaN is no number"),
        ("annotations", {"bbox": [0, 0, 1e300, 1]}, "between -1e9 and 1e9"),
        ("annotations", {"bbox": [0, 0, -3, 1]}, "ends before it begins"),
        ("annotations", {"bbox": [0, 0, 1]}, "list of 4 numbers"),
        ("annotations", {"bbox": "wide"}, "list of 4 numbers"),
        ("annotations", {"bbox": [True, 0, 1, 1]}, "is a number, not True"),
        ("annotations", {"segmentation": {"size": [9, 20], "counts": "0"}}, "20 x 9 pixels"),
        ("annotations", {"segmentation": {"size": [10, 20], "counts": "~"}}, "mask"),
        ("annotations", {"segmentation": {"size": [10, 20], "counts": [3, 4]}}, "cover 7"),
        ("annotations", {"segmentation": {"size": [10, 20], "counts": [-1, 201]}}, "counts"),
        ("annotations", {"segmentation": {"size": [10, 20]}}, "counts"),
        ("annotations", {"segmentation": {"counts": [200]}}, "size"),
        ("annotations", {"segmentation": [[1, 2, 3]]}, "at least three pairs"),
        ("annotations", {"segmentation": [[1, 2, 3, 4, 5, "6"]]}, "a number, not '6'"),
        ("annotations", {"segmentation": "RLE"}, "an object is wanted"),
        ("annotations", {"keypoints": [1, 2]}, "x, y, visibility"),
        ("annotations", {"keypoints": [1, 2, 7]}, "0, 1 or 2"),
        ("annotations", {"attributes": [1]}, "an object is wanted"),
        ("annotations", {"visible": 7}, "share in [0, 1]"),
        ("annotations", {"instance": -3}, "instance is a whole number from 1"),
        ("images", {"width": 0}, "cannot be"),
        ("images", {"width": 10**9, "height": 10**9}, "cannot be"),
        ("images", {"width": 1.5}, "width is a whole number"),
        ("images", {"height": ...}, "height is missing"),
        ("images", {"file_name": "images/weg.png"}, "the image images/weg.png is not there"),
        ("images", {"file_name": 3}, "file_name is text"),
        ("images", {"id": None}, "id is a whole number"),
        ("categories", {"name": None}, "name is text"),
        ("categories", {"id": ...}, "id is missing"),
        ("categories", {"keypoints": 3}, "keypoints is a list"),
    ],
)
def test_an_entry_of_coco_that_is_wrong_is_named(coco, part, values, said):
    folder = coco(part, **values)
    message = refused(folder, "coco", "coco.json", said)
    if "NaN" not in message:
        assert (
            f"{ {'annotations': 'annotation', 'images': 'image'}.get(part, 'category') } 1"
            in message
        )


@pytest.mark.parametrize("name", OUTSIDE)
def test_coco_cannot_lead_out_of_its_folder(coco, name):
    refused(coco("images", file_name=name), "coco", "leads out of the data set")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"annotations": ...}, "annotations is missing"),
        ({"images": {}}, "images is a list"),
        ({"annotations": [7]}, "annotation 1"),
        ({"categories": None}, "categories is a list"),
        ({"images": []}, "no image has the id 1"),
    ],
)
def test_a_coco_file_without_its_parts_is_refused(coco, values, said):
    refused(coco(**values), "coco", said)


def test_an_id_twice_is_refused(coco):
    folder = coco()
    content = json.loads((folder / "coco.json").read_text(encoding="utf-8"))
    content["images"] *= 2
    (folder / "coco.json").write_text(json.dumps(content))
    refused(folder, "coco", "image 2", "a second image has the id 1")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"[]", "an object is wanted"),
        (b'{"images": [', "no valid JSON"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b"[" * 100_000, "no valid JSON"),
        (b'{"images": ' + b"9" * 5000 + b"}", "no valid JSON"),
        (b'{"images": [{"id": ' + b"9" * 300 + b', "file_name": "a"}]}', "is missing"),
    ],
)
def test_a_file_that_is_no_json_is_refused(tmp_path, data, said):
    (tmp_path / "coco.json").write_bytes(data)
    refused(tmp_path, "coco", said)


@LINKS
def test_a_link_out_of_the_folder_is_refused(coco, tmp_path_factory):
    secret = tmp_path_factory.mktemp("outside") / "secret.png"
    secret.write_bytes(png())
    folder = coco("images", file_name="images/link.png")
    (folder / "images" / "link.png").symlink_to(secret)
    refused(folder, "coco", "a link that leads out")


@pytest.mark.parametrize(
    "mask",
    [{"size": [10, 20], "counts": [200]}, [[0, 0, 3, 0, 3, 3]], {"size": [10, 20], "counts": "X6"}],
)
def test_masks_of_one_image_have_a_limit(coco, monkeypatch, mask):
    folder = coco("annotations", segmentation=mask)
    content = json.loads((folder / "coco.json").read_text(encoding="utf-8"))
    content["annotations"] *= 3
    (folder / "coco.json").write_text(json.dumps(content))
    assert len(next(read_examples(folder)).annotations) == 3
    monkeypatch.setattr(records, "_LARGEST_MASKS", 500)
    refused(folder, "coco", "annotation 3", "the masks of one image")


def test_crowds_and_polygons_of_real_coco_are_read(coco):
    folder = coco(
        "annotations",
        segmentation=[[1, 1, 5, 1, 5, 4, 1, 4], [10, 0, 12, 0, 12, 2, 10, 2]],
        iscrowd=1,
        bbox=[1, 0, 11, 4],
    )
    ((one,),) = [example.annotations for example in read_examples(folder)]
    truth = np.zeros((10, 20), bool)
    truth[1:4, 1:5] = truth[0:2, 10:12] = True
    assert (one.mask == truth).all()
    assert one.attributes == {"iscrowd": True}


def test_the_layout_of_coco_itself_is_read(tmp_path):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "val2017").mkdir()
    (tmp_path / "val2017" / "000000000139.jpg").write_bytes(png())
    content = {
        "images": [{"id": 139, "file_name": "000000000139.jpg", "width": 20, "height": 10}],
        "annotations": [],
        "categories": [],
    }
    file = tmp_path / "annotations" / "instances_val2017.json"
    file.write_text(json.dumps(content))
    (example,) = read_examples(tmp_path)
    assert example.file == "val2017/000000000139.jpg"
    assert Images(tmp_path)(example) == png()
    (example,) = read_examples(file)
    assert example.file == "../val2017/000000000139.jpg"
    assert Images(file)(example) == png()
    (tmp_path / "annotations" / "instances_train2017.json").write_text("{}")
    refused(tmp_path, "coco", "several COCO files")


# --- panoptic -------------------------------------------------------------------------------------


@pytest.fixture
def panoptic(tmp_path):
    write_examples(
        planted(), tmp_path, ["coco-panoptic"], categories=CATEGORIES, read_image=picture
    )
    file = tmp_path / "coco_panoptic.json"
    content = json.loads(file.read_text(encoding="utf-8"))

    def save():
        file.write_text(json.dumps(content), encoding="utf-8")
        return tmp_path

    return content, save


def test_segments_that_are_nowhere_are_named(panoptic):
    content, save = panoptic
    content["annotations"][0]["segments_info"][1]["id"] = 77
    refused(save(), "coco-panoptic", "annotation 1, segment 2", "colour of segment 77")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("category_id", 44, "no category has the id 44"),
        ("id", 0, "from 1"),
        ("visible", "much", "a number"),
    ],
)
def test_a_segment_that_is_wrong_is_named(panoptic, key, value, said):
    content, save = panoptic
    content["annotations"][1]["segments_info"][0][key] = value
    refused(save(), "coco-panoptic", "annotation 2, segment 1", said)


@pytest.mark.parametrize("name", OUTSIDE)
def test_panoptic_cannot_lead_out_of_its_folder(panoptic, name):
    content, save = panoptic
    content["annotations"][0]["file_name"] = name
    refused(save(), "coco-panoptic", "annotation 1")


def test_pictures_of_segments_that_do_not_fit_are_refused(panoptic, tmp_path):
    _, save = panoptic
    file = save() / "panoptic" / "000003.png"
    whole = file.read_bytes()
    file.write_bytes(png(3, 3))
    refused(tmp_path, "coco-panoptic", "000003.png", "not of 32 x 24")
    file.write_bytes(whole[: len(whole) // 2])
    refused(tmp_path, "coco-panoptic", "000003.png", "no readable image")


# --- all with JSON ---

ODD = st.sampled_from(
    [None, True, -1, 2**70, 1e308, "", "../x", "a" * 1000, [], {}, [None], [1.0] * 9, "\ud800"]
)
JSON = {"coco": "coco.json", "coco-panoptic": "coco_panoptic.json", "bop": "bop/**/scene_gt*.json"}


def places(value, at=()):
    yield at
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*at, key))


@pytest.mark.parametrize("name", sorted(JSON))
@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_odd_value_anywhere_gives_examples_or_one_clear_error(name, data, tmp_path):
    if not any(tmp_path.iterdir()):
        write_examples(planted(), tmp_path, [name], categories=CATEGORIES, read_image=picture)
    file = data.draw(st.sampled_from(sorted(tmp_path.glob(JSON[name]))))
    whole = file.read_text(encoding="utf-8")
    content = json.loads(whole)
    *way, last = data.draw(st.sampled_from([at for at in places(content) if at]))
    target = content
    for key in way:
        target = target[key]
    target[last] = data.draw(ODD)
    file.write_text(json.dumps(content))
    try:
        list(read_examples(tmp_path, name))
    except FileFormatError as error:
        assert "\n" not in error.args[0]
        assert len(error.args[0]) < 500
    finally:
        file.write_text(whole, encoding="utf-8")
