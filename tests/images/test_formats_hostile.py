"""What strangers' files may hold: each is read rightly or refused in one sentence that names it."""

import io
import json
import os
import sys
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abbild.core import FileFormatError
from abbild.images.formats import (
    FORMATS,
    SCHEMA,
    Images,
    read_examples,
    write_examples,
    write_labels,
)
from tests.images.formats_examples import CATEGORIES, OUTSIDE, picture, planted, png, refused

LINKS = pytest.mark.skipif(sys.platform == "win32", reason="links need a permission there")


# --- YOLO -----------------------------------------------------------------------------------------


@pytest.fixture
def yolo(tmp_path):
    def make(labels="0 0.5 0.5 0.2 0.2\n", manifest="path: .\ntrain: images\nnames: [Tür]\n"):
        for folder in ("images", "labels"):
            (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / "images" / "a.png").write_bytes(png())
        data = labels if isinstance(labels, bytes) else labels.encode()
        (tmp_path / "labels" / "a.txt").write_bytes(data)
        (tmp_path / "data.yaml").write_text(manifest, encoding="utf-8")
        return tmp_path

    return make


@pytest.mark.parametrize(
    "labels", ["0 0.5 0.5 0.2 0.2", "\ufeff0 0.5 0.5 0.2 0.2\r\n", "0\t.5 .5  2e-1 0.2\n\n"]
)
@pytest.mark.parametrize(
    "manifest",
    [
        "train: images\nval: images\nnames: [Tür]\n",
        "path: ../datasets/mine\ntrain: ../images\nnames:\n  0: Tür\n",
        "path: /home/a/data\ntrain: images\nnames: {0: Tür}\nnc: 1\n",
        "\ufeffpath: .\ntrain: images\\\nnames: [Tür]\n",
    ],
)
def test_yolo_by_many_hands_is_read(yolo, labels, manifest):
    (example,) = read_examples(yolo(labels, manifest))
    (one,) = example.annotations
    assert one.label == "Tür"
    assert np.allclose(one.box, (8, 4, 12, 6))
    assert example.file == "images/a.png"


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ("1 0.5 0.5 0.2 0.2", "no category has the number 1"),
        ("0.5 0.5 0.5 0.2 0.2", "no category has the number 0.5"),
        ("-1 0.5 0.5 0.2 0.2", "no category has the number -1"),
        ("0 0.5 0.5 nan 0.2", "between"),
        ("0 0.5 0.5 1e400 0.2", "between"),
        ("0 0.5 0.5 -0.2 0.2", "ends before it begins"),
        ("0 50 50 20 20", "shares of the image"),
        ("0 0.5 0.5 0.2", "neither a box nor a polygon"),
        ("0 0.1 0.1 0.2 0.2 0.3", "neither a box nor a polygon"),
        ("Tür 0.5 0.5 0.2 0.2", "a value is a number"),
        (b"\xff\xfe0", "not UTF-8"),
    ],
)
def test_a_line_of_yolo_that_is_wrong_is_named(yolo, labels, said):
    good = b"0 0.5 0.5 0.2 0.2\n"
    bad = labels if isinstance(labels, bytes) else labels.encode()
    message = refused(yolo(good + bad), "yolo", "a.txt", said)
    assert "line 2" in message or b"\xff" in bad


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ("", "an object is wanted"),
        ("names: [a\n", "no valid YAML"),
        ("train: images\n", "names"),
        ("names: [a]\n", "train is missing"),
        ("names: [a]\ntrain: [images]\n", "train is text"),
        ("names: [a]\ntrain: nowhere\n", "is not there"),
        ("names: [a]\ntrain: /etc\n", "leads out"),
        ("names: [[a]]\ntrain: images\n", "neither text nor a number"),
        ("names: {a: b}\ntrain: images\n", "names is a list"),
        ("names: [a]\ntrain: images\nkpt_shape: [2, 9]\n", "kpt_shape"),
        ("names: [a]\ntrain: images\nkpt_shape: [1.0e+8, 3]\n", "kpt_shape"),
        ("names: [a]\ntrain: images\nkpt_shape: [2, 3]\n", "line 1: 5 values"),
        ("names: !!python/object/apply:os.system [id]\n", "no valid YAML"),
    ],
)
def test_a_manifest_of_yolo_that_is_wrong_is_refused(yolo, manifest, said):
    refused(yolo(manifest=manifest), "yolo", said)


def test_keypoints_without_visibility_are_seen_unless_they_are_nowhere(yolo):
    manifest = "names: [a]\ntrain: images\nkpt_shape: [2, 2]\n"
    folder = yolo("0 .5 .5 .2 .2 .25 .5 0 0\n", manifest)
    ((one,),) = [example.annotations for example in read_examples(folder, "yolo-pose")]
    first, second = one.keypoints
    assert (first.x, first.y, first.visibility) == (5, 5, 2)
    assert second.visibility == 0


def test_an_image_without_labels_has_no_objects(yolo):
    folder = yolo()
    (folder / "labels" / "a.txt").unlink()
    assert [example.annotations for example in read_examples(folder, "yolo")] == [()]


@LINKS
def test_images_of_yolo_may_not_be_links_out(yolo, tmp_path_factory):
    secret = tmp_path_factory.mktemp("outside") / "secret.png"
    secret.write_bytes(png())
    folder = yolo()
    (folder / "images" / "b.png").symlink_to(secret)
    refused(folder, "yolo", "b.png", "a link that leads out")


def test_lists_that_yaml_repeats_without_end_are_refused_quickly(yolo):
    bomb = "a0: &a0 [1, 1]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)
    )
    refused(yolo(manifest=f"{bomb}names: [a]\ntrain: *a29\n"), "yolo", "train is text")


# --- WebDataset -----------------------------------------------------------------------------------


def shard(path, *members):
    """Write a tar of (name, bytes or a TarInfo with its own kind)."""
    with tarfile.open(path, "w") as tar:
        for name, content in members:
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = b"" if isinstance(content, tarfile.TarInfo) else content
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def special(kind, target="/etc/passwd"):
    info = tarfile.TarInfo("000.png")
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize("name", [name for name in OUTSIDE if "\x00" not in name])
def test_members_of_a_shard_cannot_lead_out(tmp_path, name):
    if not name.strip("."):
        name += "/.././../x.png"
    refused(shard(tmp_path / "a.tar", (name, png())), "webdataset", "a.tar", "leads out")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_have_no_place_in_a_shard(tmp_path, kind):
    path = shard(tmp_path / "a.tar", ("000.png", special(kind)))
    refused(path, "webdataset", "a link, device or sparse file")


def test_a_shard_cut_off_anywhere_is_refused(tmp_path):
    write_examples(planted(), tmp_path, ["webdataset"], categories=CATEGORIES, read_image=picture)
    whole = (tmp_path / "webdataset" / "shard-000000.tar").read_bytes()
    path = tmp_path / "cut.tar"
    end = len(whole.rstrip(b"\0"))
    for length in [0, 1, 511, 512, 513, *range(600, end, 1700), end, end + 300]:
        path.write_bytes(whole[:length])
        refused(path, "webdataset", "cut.tar")
    path.write_bytes(whole[: (end // 512 + 1) * 512 + 512])  # one block of the end is enough
    assert len(list(read_examples(path))) == 2


def test_damage_between_files_of_a_shard_is_seen(tmp_path):
    path = shard(tmp_path / "a.tar", ("0.png", png()), ("1.png", png()))
    data = bytearray(path.read_bytes())
    second = data.index(b"1.png")
    data[second : second + 60] = b"x" * 60
    path.write_bytes(data)
    refused(path, "webdataset", "cut off or damaged")


@given(st.binary(max_size=700), st.integers(0, 3000))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_noise_in_a_shard_gives_examples_or_one_clear_error(tmp_path_factory, noise, at):
    path = tmp_path_factory.mktemp("tar") / "a.tar"
    shard(path, ("0.png", png()), ("0.json", b"{}"), ("1.png", png()))
    data = bytearray(path.read_bytes())
    data[at : at + len(noise)] = noise
    path.write_bytes(data)
    try:
        found = list(read_examples(path, "webdataset"))
    except FileFormatError:
        return
    assert all(one.width * one.height for one in found)


def test_shards_of_others_are_read(tmp_path):
    path = shard(
        tmp_path / "train-0.tar",
        ("n01/a.b.json", b"[1]"),
        ("n01/img.PNG", png()),
        ("n01/img.cls", b"17\n"),
        ("n01/img.txt", "eine Tür".encode()),
        ("n01/img.json", b'{"source": "web"}'),
        ("n01/img.seg.png", png()),
        ("__key__.ignored", b""),
        ("x.png", png(3, 4)),
    )
    first, second = read_examples(tmp_path)
    assert (first.label, first.caption, first.parameters) == ("17", "eine Tür", {"source": "web"})
    assert (first.file, second.file) == ("train-0.tar/n01/img.PNG", "train-0.tar/x.png")
    assert (second.width, second.height) == (3, 4)
    images = Images(path)
    assert [images(one) for one in (second, first)] == [png(3, 4), png()]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([("0.png", b"no image")], "no readable image"),
        ([("0.png", png()), ("0.json", b"{")], "no valid JSON"),
        ([("0.png", png()), ("0.json", b'{"abbild": {}}')], "is missing"),
        ([("0.png", png()), ("0.txt", b"\xff")], "not UTF-8"),
    ],
)
def test_files_in_a_shard_that_are_wrong_are_named(tmp_path, files, said):
    refused(shard(tmp_path / "a.tar", *files), "webdataset", "a.tar, 0", said)


# --- VOC ------------------------------------------------------------------------------------------

VOC = """<annotation><filename>a.png</filename><size><width>20</width><height>10</height></size>
<object><name>Tür</name><bndbox><ymin>1</ymin><xmin>2</xmin><xmax>7.0</xmax><ymax>5</ymax></bndbox>
<difficult>1</difficult></object></annotation>"""


@pytest.fixture
def voc(tmp_path):
    def make(text=VOC):
        for folder in ("Annotations", "JPEGImages"):
            (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / "JPEGImages" / "a.png").write_bytes(png())
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "Annotations" / "a.xml").write_bytes(data)
        return tmp_path

    return make


@pytest.mark.parametrize(
    "text", [VOC, "\ufeff" + VOC, VOC.replace("a.png", "a"), VOC.encode("utf-16")]
)
def test_voc_by_hand_is_read(voc, text):
    (example,) = read_examples(voc(text))
    (one,) = example.annotations
    assert (one.label, one.box) == ("Tür", (1, 0, 7, 5))
    assert one.attributes == {"difficult": True}
    assert example.file == "JPEGImages/a.png"


BOMB = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + VOC.replace(
    "Tür", "&b;"
)
EXTERNAL = '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + VOC.replace("Tür", "&a;")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no annotation of VOC"),
        (VOC[:50], "no annotation of VOC"),
        (BOMB, "a document type is declared"),
        (EXTERNAL, "a document type is declared"),
        (BOMB.encode("utf-16"), "a document type is declared"),
        ("<html></html>", "but <html>"),
        (VOC.replace("<width>20</width>", ""), "<size/width> is missing"),
        (VOC.replace("20", "-20"), "cannot be"),
        (VOC.replace("20", "1e9").replace("10", "1e9"), "cannot be"),
        (VOC.replace("<name>Tür</name>", ""), "object 1: <name> is missing"),
        (VOC.replace("7.0", "nan"), "object 1: xmax is a number"),
        (VOC.replace("7.0", "1"), "ends before it begins"),
        (VOC.replace("7.0", "sieben"), "xmax is a number"),
        (VOC.replace("a.png", "b.png"), "is not there"),
        *[
            (VOC.replace("a.png", n), "leads out")
            for n in OUTSIDE
            if n.startswith("..") and n > ".."
        ],
        (VOC.replace("a.png", "a.png/../../../x"), "leads out"),
    ],
)
def test_an_annotation_of_voc_that_is_wrong_is_named(voc, text, said):
    refused(voc(text), "voc", "a.xml", said)


# --- KITTI ----------------------------------------------------------------------------------------

CAR = "Car 0.00 1 -1.57 599.41 156.40 629.75 189.25 2.85 2.63 12.34 0.47 1.49 69.44 -1.56"
IGNORED = "DontCare -1 -1 -10 503.89 169.71 590.61 190.13 -1 -1 -1 -1000 -1000 -1000 -10"


@pytest.fixture
def kitti(tmp_path):
    def make(labels, calibration=None):
        for folder in ("image_2", "label_2", "calib"):
            (tmp_path / "training" / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "training" / "image_2" / "000007.png").write_bytes(png())
        (tmp_path / "training" / "label_2" / "000007.txt").write_text(labels)
        if calibration is not None:
            (tmp_path / "training" / "calib" / "000007.txt").write_text(calibration)
        return tmp_path

    return make


def test_kitti_of_the_devkit_is_read(kitti):
    p2 = "P2: 700 0 600 45 0 700 180 -0.3 0 0 1 0.005\n"
    (example,) = read_examples(kitti(f"{CAR}\n{IGNORED}\n{CAR} 0.9\n", "P0: 1\n" + p2))
    first, second = example.annotations
    assert first.label == "Car"
    assert first.box == (599.41, 156.40, 630.75, 190.25)
    assert np.allclose(first.size, [12.34, 2.63, 2.85])
    assert np.allclose(first.pose[:3, 3], [0.47, 1.49 - 2.85 / 2, 69.44])
    assert second.instance == 2
    assert np.allclose(example.intrinsics[:2, 2], [600.5, 180.5])
    assert example.index == 7


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (CAR[:-6], "14 values, KITTI has 15"),
        (CAR.replace("599.41", "nan"), "between"),
        (CAR.replace("599.41", "700"), "ends before it begins"),
        (CAR.replace(" 1 ", " 7 "), "occluded is 0, 1, 2 or 3"),
        (CAR.replace("69.44", "weit"), "a value is a number"),
    ],
)
def test_a_line_of_kitti_that_is_wrong_is_named(kitti, labels, said):
    refused(kitti(f"{CAR}\n{labels}\n"), "kitti", "000007.txt, line 2", said)


@pytest.mark.parametrize(
    ("calibration", "said"), [("P0: 1\n", "P2 is missing"), ("P2: 1 2\n", "12 numbers")]
)
def test_a_calibration_of_kitti_that_is_wrong_is_named(kitti, calibration, said):
    refused(kitti(CAR, calibration), "kitti", "calib", said)


def test_labels_of_kitti_that_are_missing_are_named(kitti):
    folder = kitti(CAR)
    (folder / "training" / "label_2" / "000007.txt").unlink()
    refused(folder, "kitti", "000007.txt", "cannot be read")


# --- BOP ------------------------------------------------------------------------------------------


@pytest.fixture
def bop(tmp_path):
    write_examples(planted()[:1], tmp_path, ["bop"], categories=CATEGORIES, read_image=picture)
    scene = tmp_path / "bop" / "train_pbr" / "000000"

    def make(name, change):
        content = json.loads((scene / f"{name}.json").read_text())
        change(content["3"])
        (scene / f"{name}.json").write_text(json.dumps(content))
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("scene_gt", lambda c: c[1].pop("cam_R_m2c"), "image 3, object 1: cam_R_m2c"),
        ("scene_gt", lambda c: c[0].update(cam_t_m2c=[0, 0]), "object 0: cam_t_m2c"),
        ("scene_gt", lambda c: c[0].update(obj_id="1"), "obj_id is a whole number"),
        ("scene_gt", lambda c: c.append(7), "object 3: an object is wanted"),
        ("scene_gt_info", lambda c: c[0].update(bbox_obj=[0, 0, -5, 1]), "ends before"),
        ("scene_gt_info", lambda c: c[0].update(px_count_all=-1), "px_count_all"),
        ("scene_gt_info", lambda c: c[0].update(visib_fract=None), "visib_fract"),
        ("scene_camera", lambda c: c.update(cam_K=[1, 2]), "cam_K"),
        ("scene_camera", lambda c: c.update(cam_R_w2c=[0] * 9), "no rotation"),
    ],
)
def test_an_entry_of_bop_that_is_wrong_is_named(bop, name, change, said):
    refused(bop(name, change), "bop", said)


def test_parts_of_bop_that_are_missing_are_named(bop, tmp_path):
    scene = tmp_path / "bop" / "train_pbr" / "000000"
    (scene / "mask" / "000003_000000.png").write_bytes(png(4, 4))
    refused(tmp_path, "bop", "000003_000000.png", "not of 32 x 24")
    (scene / "rgb" / "000003.png").unlink()
    refused(tmp_path, "bop", "the image is not there")
    (scene / "scene_camera.json").unlink()
    refused(tmp_path, "bop", "scene_camera.json")


# --- folders, Parquet -----------------------------------------------------------------------------


def test_class_folders_of_others_are_read(tmp_path):
    for name in ("Tür/b.PNG", "Tür/a.png", "00017/x.png", ".cache/y.png", "Tür/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(png())
    found = list(read_examples(tmp_path))
    assert [(one.index, one.label, one.file) for one in found] == [
        (0, "17", "00017/x.png"),
        (1, "Tür", "Tür/a.png"),
        (2, "Tür", "Tür/b.PNG"),
    ]
    (tmp_path / "Tür" / "a.png").write_bytes(b"")
    refused(tmp_path, "folders", "a.png", "no readable image")


@LINKS
def test_class_folders_may_not_hold_links_out(tmp_path, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.png").write_bytes(png())
    (tmp_path / "a").symlink_to(outside, target_is_directory=True)
    refused(tmp_path, "folders", "a link that leads out")


def test_an_image_larger_than_any_is_refused(tmp_path):
    data = bytearray(png())
    data[16:24] = (60_000).to_bytes(4, "big") * 2  # width and height of the header
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.png").write_bytes(data)
    refused(tmp_path, "folders", "x.png")


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("labels", [[3, 1], ["Tür", "Tor"], None])
def test_parquet_of_others_is_read(tmp_path, wrapped, labels):
    images = [png(), png(3, 4)]
    cells = [{"bytes": one, "path": None} for one in images] if wrapped else images
    table = pa.table({"image": cells} | ({"label": labels} if labels else {}))
    pq.write_table(table, tmp_path / "train.parquet", row_group_size=1)
    found = list(read_examples(tmp_path))
    assert [one.label for one in found] == [str(one) for one in labels or ["", ""]]
    assert [(one.width, one.height) for one in found] == [(20, 10), (3, 4)]
    loaded = Images(tmp_path)
    assert [loaded(one) for one in found[::-1]] == images[::-1]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (pa.table({"x": [1]}), "no column image"),
        (pa.table({"image": [b"no image"]}), "row 1: no readable image"),
        (pa.table({"image": pa.array([None], pa.binary())}), "row 1: there is no image"),
        (pa.table({"image": [png()], "label": [1.5]}), "row 1: label"),
    ],
)
def test_parquet_without_images_is_refused(tmp_path, table, said):
    pq.write_table(table, tmp_path / "a.parquet")
    refused(tmp_path / "a.parquet", "parquet", "a.parquet", said)


def test_parquet_cut_off_is_refused(tmp_path):
    write_examples(planted(), tmp_path, ["parquet"], categories=CATEGORIES, read_image=picture)
    path = tmp_path / "images.parquet"
    data = path.read_bytes()
    for length in (0, 10, len(data) // 2, len(data) - 4):
        path.write_bytes(data[:length])
        refused(path, "parquet", "images.parquet")


def test_labels_without_their_images_are_refused(tmp_path):
    write_labels(planted(), tmp_path / "labels.parquet")
    refused(tmp_path, "parquet", "row 1", "is not there")


def test_labels_of_another_shape_are_refused(tmp_path):
    columns = {name: ["x"] for name in SCHEMA.names}
    pq.write_table(pa.table(columns), tmp_path / "labels.parquet")
    with pytest.raises(FileFormatError, match="status is ok or failed"):
        list(read_examples(tmp_path, "parquet"))


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a file it may not read")
def test_files_that_may_not_be_read_are_named(tmp_path, name):
    write_examples(planted(), tmp_path, [name], categories=CATEGORIES, read_image=picture)
    for file in tmp_path.rglob("*"):
        if file.is_file():
            file.chmod(0)
    with pytest.raises(FileFormatError):
        list(read_examples(tmp_path, name))
