"""What a user of `abbild render` may rely on: same bytes, whole files, rows for what failed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

import abbild
from abbild.core import (
    AbbildError,
    FileFormatError,
    InconclusiveError,
    OutputError,
    UnknownNameError,
)
from abbild.images.asset_files import MeshFile
from abbild.images.behaviours import Orbit
from abbild.images.errors import SceneError
from abbild.images.formats import read_examples
from abbild.images.photos import Photos
from abbild.images.scene.cameras import Camera, LookAt
from abbild.images.scene.distributions import AnyColor, Balanced, Choice, Same, Uniform, Whole
from abbild.images.scene.document import to_document
from abbild.images.scene.lights import SunLight
from abbild.images.scene.nodes import Group, Material, Motion, Object, Require, Scene
from abbild.images.shapes import Box, Plane


def scene(**changes: Any) -> Scene:
    cube = Object(
        Box((0.4, 0.4, 0.4)),
        Material(color=AnyColor()),
        position=Uniform((-0.5, -0.5, 0.2), (0.5, 0.5, 0.2)),
        label="cube",
    )
    made: dict[str, Any] = {
        "objects": {"floor": Object(Plane((4.0, 4.0))), "cubes": Group(cube, Whole(1, 3))},
        "lights": {"sun": SunLight(azimuth=Uniform(0, 360))},
        "cameras": {"camera": Camera(width=24, height=20, place=LookAt(elevation=Uniform(20, 60)))},
        "variables": {"kind": Balanced(("a", "b", "c"))},
        "label": Same("/variables/kind"),
    }
    return Scene(**made | changes)


def render(scene: Scene, n: int, out: Path, **how: Any) -> Any:
    return abbild.render(scene, n, out, **{"renderer": "fast", **how})


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Return everything that must not depend on how a run was made."""
    timed = {"card.json", "log.jsonl", "run.json", "report.html", ".lock"}
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name not in timed
    }


def test_the_bytes_do_not_depend_on_the_workers(tmp_path: Path) -> None:
    for workers in (1, 4):
        render(
            scene(), 26, tmp_path / str(workers), workers=workers, format="coco,folders", layers="z"
        )
    one, four = bytes_of(tmp_path / "1"), bytes_of(tmp_path / "4")
    assert one.keys() == four.keys()
    assert one == four
    assert {"images/000017.png", "labels.parquet", "coco.json", "layers/000003.npz"} <= one.keys()
    assert (
        "folders/a/000000.png" in one
        or "folders/b/000000.png" in one
        or "folders/c/000000.png" in one
    )


def test_a_longer_run_begins_with_the_shorter_one(tmp_path: Path) -> None:
    short, long = render(scene(), 3, tmp_path / "3"), render(scene(), 11, tmp_path / "11")
    assert long.labels.slice(0, 3).equals(short.labels)
    for index in range(3):
        name = f"images/{index:06d}.png"
        assert (tmp_path / "3" / name).read_bytes() == (tmp_path / "11" / name).read_bytes()


def test_labels_agree_with_pictures_and_drawn_values(tmp_path: Path) -> None:
    run = render(scene(), 9, tmp_path / "out", layers="instance,z")
    kinds = []
    for example in run.examples():
        kinds.append(example.label)
        assert example.parameters["/variables/kind"] == example.label
        assert len(example.annotations) <= example.parameters["/objects/cubes/count"]
        with Image.open(run.folder / example.file) as picture:
            assert picture.size == (example.width, example.height) == (24, 20)
            assert picture.text["abbild"] == "synthetic"  # type: ignore[attr-defined]
        layers = np.load(run.folder / "layers" / f"{Path(example.file).stem}.npz")
        for one in example.annotations:
            assert (one.mask == (layers["instance"] == one.instance)).all()
            assert one.z == pytest.approx(layers["z"][one.mask].min())
    assert sorted(kinds) == ["a"] * 3 + ["b"] * 3 + ["c"] * 3


def test_every_camera_gives_an_image(tmp_path: Path) -> None:
    place = LookAt(elevation=40)
    pair = {"left": Camera(16, 16, place), "right": Camera(16, 12, place)}
    run = render(scene(cameras=pair), 2, tmp_path / "out")
    assert run.labels["image"].to_pylist() == [
        f"images/00000{k}-{name}.png" for k in range(2) for name in pair
    ]


def test_images_of_several_cameras_are_several_images_in_every_format(tmp_path: Path) -> None:
    pair = {"left": Camera(16, 16, LookAt(elevation=40)), "right": Camera(16, 12, LookAt())}
    every = "coco,yolo,voc,kitti,bop,webdataset,parquet,folders"
    run = render(scene(cameras=pair), 3, tmp_path / "out", format=every, layers="z")
    assert run.labels["index"].to_pylist() == list(range(6))
    for name in every.split(","):
        path = tmp_path / "out" / name if name == "yolo" else tmp_path / "out"
        found = list(read_examples(path, name))
        assert [(one.width, one.height) for one in found].count((16, 12)) == 3, name
        assert len({one.file for one in found}) == 6, name
    assert run.report["survey"]["duplicates"]["same_values"] == 0
    assert run.report["survey"]["images"]["made"] == 6


def test_a_scene_that_failed_is_missed_in_every_camera(tmp_path: Path) -> None:
    pair = {"left": Camera(16, 16), "right": Camera(16, 12)}
    sometimes = Choice(((0.0, 0.0, 0.2), (50.0, 0.0, 0.0)))
    cube = Object(Box((0.4, 0.4, 0.4)), position=sometimes, label="cube")
    strict = scene(
        objects={"cube": cube}, cameras=pair, require=(Require("cube", visible=0.2),), attempts=1
    )
    run = render(strict, 8, tmp_path / "out")
    status = run.labels["status"].to_pylist()
    assert len(status) == 16
    assert status[::2] == status[1::2]
    assert (run.images, run.failed) == (status.count("ok"), status.count("failed"))
    assert run.report["survey"]["images"]["failed"] == run.failed > 0


def test_what_moves_is_where_its_time_puts_it(tmp_path: Path) -> None:
    moving = Scene(
        {"cube": Object(Box((0.2, 0.2, 0.2)), label="cube")},
        {"camera": Camera(32, 32, LookAt(distance=4, elevation=90, azimuth=-90))},
        motions=(Motion("cube", Orbit((0, 0, 0), 1.0, 4.0)),),
        time=1.0,
    )
    run = render(moving, 1, tmp_path / "out")
    (example,) = run.examples()
    pose = example.camera @ example.annotations[0].pose  # type: ignore[operator]
    assert np.linalg.norm(pose[:2, 3]) == pytest.approx(1.0, abs=1e-6)


def test_settings_and_sizes_reach_the_scene(tmp_path: Path) -> None:
    run = render(
        scene(), 2, tmp_path / "out", size="12x10", set=["/objects/cubes/count=2", "/label=x"]
    )
    for example in run.examples():
        assert (example.width, example.height, example.label) == (12, 10, "x")
        assert "/objects/cubes/count" not in example.parameters


def test_a_scene_that_breaks_its_conditions_is_a_row_with_the_reason(tmp_path: Path) -> None:
    hidden = scene(require=(Require("cubes/*", visible=0.5),), attempts=2)
    hidden = Scene(**{**vars(hidden), "objects": {**hidden.objects}})
    hidden.objects["cubes"] = Group(
        Object(Box(), position=Choice(((0.0, 0.0, 0.5), (50.0, 0.0, 0.0)), (1, 3)), label="cube"), 1
    )
    run = render(hidden, 12, tmp_path / "out", format="coco")
    rows = run.labels.select(["status", "reason"]).to_pylist()
    assert {row["status"] for row in rows} == {"ok", "failed"}
    assert all("2 attempts" in row["reason"] for row in rows if row["status"] == "failed")
    assert run.report["survey"]["images"]["failed"] == sum(r["status"] == "failed" for r in rows)
    made = json.loads((tmp_path / "out" / "coco.json").read_text(encoding="utf-8"))["images"]
    assert len(made) == sum(row["status"] == "ok" for row in rows)


def test_a_broken_photograph_costs_its_images_and_nothing_else(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for k in range(3):
        Image.new("RGB", (8, 8), (80 * k, 0, 0)).save(photos / f"{k}.png")
    (photos / "1.png").write_bytes(b"no picture")
    behind = scene(backdrop=Photos(str(photos), Uniform(0, 1)))
    run = render(behind, 16, tmp_path / "out", seed=5)  # its first picture is whole
    for row in run.labels.select(["status", "reason"]).to_pylist():
        assert row["status"] == "ok" or "1.png" in row["reason"]
    assert 0 < run.labels["status"].to_pylist().count("failed") < 16
    (photos / "2.png").unlink()
    with pytest.raises(OutputError):  # other photographs are another run
        render(behind, 16, tmp_path / "out", seed=5)


def test_the_report_says_how_to_make_it_again_and_that_its_checks_held(tmp_path: Path) -> None:
    recipe = tmp_path / "my recipe.json"
    recipe.write_text(json.dumps(to_document(scene())), encoding="utf-8")
    how: dict[str, Any] = {"size": (12, 10), "set": ["/label=a b"], "format": "coco", "seed": 3}
    run = abbild.render(recipe, 2, tmp_path / "out", renderer="fast", **how)
    card = json.loads((run.folder / "card.json").read_text(encoding="utf-8"))
    words = [sys.executable, "-m", *card["command"]]
    words[words.index("OUT")] = str(tmp_path / "again")
    subprocess.run(words, check=True, capture_output=True)
    assert bytes_of(run.folder) == bytes_of(tmp_path / "again")
    checks = run.report["survey"]["checks"]
    assert len(checks) == 7
    assert all(check["kept"] and check["n"] == 2 for check in checks)


def test_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    render(scene(), 2, tmp_path / "out", format="coco,folders")
    before = {f: f.stat().st_mtime_ns for f in (tmp_path / "out").rglob("*") if f.is_file()}
    render(scene(), 2, tmp_path / "out", format="coco,folders")
    changed = {f.name for f, time in before.items() if f.stat().st_mtime_ns != time}
    assert changed <= {"log.jsonl", ".lock"}


def test_a_run_without_a_single_image_is_an_honest_no(tmp_path: Path) -> None:
    never = scene(require=(Require("label:cup", visible=0.5),), attempts=2)
    with pytest.raises(InconclusiveError, match="not one of 3"):
        render(never, 3, tmp_path / "out")
    assert (tmp_path / "out" / "labels.parquet").exists()


def test_a_camera_inside_of_a_thing_is_said(tmp_path: Path) -> None:
    inside = scene(cameras={"camera": Camera(8, 8, LookAt((0, 0, 0.2), 0.01))}, attempts=1)
    inside.objects["cubes"] = Object(Box((9.0, 9.0, 9.0)), label="cube")
    with pytest.raises(InconclusiveError, match="inside of 'cubes'"):
        render(inside, 1, tmp_path / "out")


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ({"renderer": "fas"}, UnknownNameError, "fast"),
        ({"format": "coko"}, UnknownNameError, "coco"),
        ({"layers": "depth"}, UnknownNameError, "layer"),
        ({"size": "12"}, AbbildError, "640x480"),
        ({"size": "0x10"}, AbbildError, "out of range"),
        ({"set": ["/objects/cube/scale=2"]}, SceneError, "cubes"),
        ({"set": ["nothing"]}, AbbildError, "path=value"),
        ({"set": {"/objects/cubes/member/scale": -1.0}}, SceneError, "scale is -1"),
        ({"size": 8}, AbbildError, "640x480"),
        ({"set": [3]}, AbbildError, "path=value"),
        ({"set": "/label=unifrom(0, 1)"}, SceneError, "uniform"),
        ({"renderer": 3}, UnknownNameError, "fast"),
        ({"format": ["coco", 3]}, UnknownNameError, "coco"),
        ({"workers": 0}, AbbildError, "workers"),
        ({"seed": -1}, AbbildError, "seed"),
    ],
)
def test_a_mistake_is_one_sentence_and_nothing_is_made(
    tmp_path: Path, how: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as told:
        render(scene(), 2, tmp_path / "out", **how)
    assert words in str(told.value)
    assert not list((tmp_path / "out").rglob("*.png")) if (tmp_path / "out").exists() else True


@pytest.mark.parametrize("recipe", [3, None, Object(Box())])
def test_what_is_no_recipe_is_said(tmp_path: Path, recipe: Any) -> None:
    with pytest.raises(AbbildError, match="a recipe is a name, a file or a Scene"):
        render(recipe, 1, tmp_path / "out")


def test_a_name_too_long_for_a_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot make the folder"):
        render(scene(), 1, tmp_path / ("x" * 300))


def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    render(scene(), 1, tmp_path / "out")
    with pytest.raises(OutputError):
        render(scene(), 2, tmp_path / "out")
    run = render(scene(), 2, tmp_path / "out", force=True)
    assert run.labels.num_rows == 2


def test_a_preview_is_a_picture(tmp_path: Path) -> None:
    sheet = abbild.preview(scene(), tmp_path / "sheet.png", n=3)
    assert (sheet.images, sheet.failed, sheet.reason) == (3, 0, "")
    with Image.open(sheet.file) as picture:
        assert min(picture.size) > 100
    with pytest.raises(AbbildError, match="PNG"):
        abbild.preview(scene(), tmp_path / "sheet.jpg")
    with pytest.raises(AbbildError, match="no room"):
        abbild.preview(scene(), tmp_path / "sheet.png", n=100_000)


def test_a_preview_counts_what_could_not_be_made(tmp_path: Path) -> None:
    sometimes = Choice(((0.0, 0.0, 0.2), (50.0, 0.0, 0.0)))
    cube = Object(Box((0.4, 0.4, 0.4)), position=sometimes, label="cube")
    strict = scene(objects={"cube": cube}, require=(Require("cube", visible=0.5),), attempts=1)
    sheet = abbild.preview(strict, tmp_path / "sheet.png", n=8)
    assert 0 < sheet.images < 8
    assert sheet.images + sheet.failed == 8
    assert "'cube'" in sheet.reason


def test_a_mistake_claims_no_folder_and_replaces_no_run(tmp_path: Path) -> None:
    wrong = {"/objects/cubes/member/scale": -1.0}
    with pytest.raises(SceneError):
        render(scene(), 2, tmp_path / "out", set=wrong)
    assert not (tmp_path / "out").exists()
    before = render(scene(), 2, tmp_path / "out").labels
    with pytest.raises(SceneError):
        render(scene(), 2, tmp_path / "out", set=wrong, force=True)
    assert render(scene(), 2, tmp_path / "out").labels.equals(before)


def test_class_folders_without_classes_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="label"):
        render(scene(label=""), 2, tmp_path / "out", format="folders")
    assert not (tmp_path / "out").exists()


def test_a_file_that_changed_within_a_session_is_read_again(tmp_path: Path) -> None:
    file, sizes = tmp_path / "part.stl", []
    part = Object(MeshFile(str(file)), label="part")
    for size in (0.2, 0.6):
        trimesh.creation.box((size, size, size)).export(file)
        run = render(scene(objects={"part": part}), 1, tmp_path / f"{size}")
        sizes.append(next(run.examples()).annotations[0].area_px)
    assert sizes[1] > 4 * sizes[0]


def test_bop_has_the_depth_of_every_pixel(tmp_path: Path) -> None:
    run = render(scene(), 2, tmp_path / "out", format="bop")
    bop = tmp_path / "out" / "bop" / "train_pbr" / "000000"
    cameras = json.loads((bop / "scene_camera.json").read_text(encoding="utf-8"))
    for example in run.examples():
        z = np.load(run.folder / "layers" / f"{example.index:06d}.npz")["z"]
        with Image.open(bop / "depth" / f"{example.index:06d}.png") as picture:
            depth = np.asarray(picture) * cameras[str(example.index)]["depth_scale"] / 1000
        assert (depth[~np.isfinite(z)] == 0).all()
        assert depth[np.isfinite(z)] == pytest.approx(z[np.isfinite(z)], abs=6e-5)


def test_more_workers_than_there_is_to_do_are_not_started(tmp_path: Path) -> None:
    many = render(scene(), 8, tmp_path / "many", workers=100_000, size="8x8")
    one = render(scene(), 8, tmp_path / "one", size="8x8")
    assert many.labels.equals(one.labels)


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is of POSIX")
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(to_document(scene())), encoding="utf-8")
    command = [
        sys.executable, "-m", "abbild", "render", str(recipe), "-n", "200",
        "--renderer", "fast", "--size", "96x80", "-o", str(tmp_path / "killed"), "--quiet",
    ]  # fmt: skip
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed").glob("blocks/*.parquet")):
        assert time.monotonic() < deadline, "no block was made"
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    if (tmp_path / "killed" / "labels.parquet").exists():
        pytest.skip("the run was quicker than the kill")
    subprocess.run(command, check=True)
    whole = [part.replace(str(tmp_path / "killed"), str(tmp_path / "whole")) for part in command]
    subprocess.run(whole, check=True)
    assert bytes_of(tmp_path / "killed") == bytes_of(tmp_path / "whole")
    assert not list((tmp_path / "killed").rglob("*.part"))
