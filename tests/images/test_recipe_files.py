"""What a recipe file may say, and in which words it is told what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from abbild.core import AbbildError, FileFormatError, Seed
from abbild.images.origin import file_hashes
from abbild.images.recipes import load_recipe
from abbild.images.scene.building import build
from abbild.images.scene.distributions import Choice, Uniform
from abbild.images.scene.document import parse_value
from abbild.images.scene.drawing import draw

PAGE = """
objects:
  cup: {{kind: object, shape: {{kind: box, size: [0.3, 0.3, 0.3]}}, label: cup{object}}}
cameras: {{camera: {{kind: camera, place: {{kind: look-at, target: cup{place}}}{camera}}}}}
{scene}
"""


def load(tmp_path: Path, text: str = PAGE, **parts: str) -> Any:
    if text is PAGE:
        text = PAGE.format(**{"object": "", "place": "", "camera": "", "scene": ""} | parts)
    file = tmp_path / "recipe.yaml"
    file.write_text(text, encoding="utf-8")
    return load_recipe(file)[1]


def made(scene: Any) -> Any:
    return build(draw(scene, seed=Seed(0)).scene, seed=Seed(0))


def test_plain_words_are_words_and_numbers_are_numbers(tmp_path: Path) -> None:
    said = "on: yes, no: 1e-3, time: 1:30, plate: 007, day: 2020-01-01, half: .5, none: ~, is: true"
    found = load(tmp_path, scene=f"variables: {{{said}}}").variables
    assert found == {
        "on": "yes", "no": 0.001, "time": "1:30", "plate": "007", "day": "2020-01-01",
        "half": 0.5, "none": None, "is": True,
    }  # fmt: skip


def test_an_object_stands_on_another(tmp_path: Path) -> None:
    text = PAGE.format(object="", place="", camera="", scene="")
    text = text.replace(
        "cameras:", "  ball: {kind: object, shape: {kind: sphere}, on: cup}\ncameras:"
    )
    assert load(tmp_path, text).objects["ball"].on == "cup"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("objects: {a: 1, a: 2}", "'a' stands there twice (line 1, column 17)"),
        ("objects: !!python/object/apply:os.system [ls]", "(line 1, column 10)"),
        ("objects:\n\t- a", "(line 2, column 1)"),
        ("objects: " + "[" * 3000 + "]" * 3000, "nested too deeply"),
    ],
)
def test_what_is_no_yaml_is_said_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(FileFormatError) as told:
        load(tmp_path, text)
    assert words in str(told.value)


def test_aliases_without_end_fill_no_memory(tmp_path: Path) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{n}: &{n} [{', '.join([f'*{m}'] * 9)}]" for m, n in zip("abcdef", "bcdefg")]  # noqa: B905
    with pytest.raises(AbbildError, match="too large"):
        load(tmp_path, "\n".join([*lines, "objects: *g"]))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"object": ", scale: .nan"}, "/objects/cup/scale is nan"),
        ({"object": ", position: 'unifrom(0, 1)'"}, "did you mean 'uniform'"),
        ({"object": ", position: 'uniform(0'"}, "cannot be read"),
        ({"object": ", material: 3"}, "/objects/cup/material is 3"),
        ({"object": ", material: {kind: material, wear: 3}"}, "/wear is 3"),
        ({"object": ", material: {kind: material, wear: [{kind: rust, amount: 5}]}"}, "/wear/0"),
        ({"object": ", keypoints: [1]"}, "/objects/cup/keypoints"),
        ({"object": ", attributes: 3"}, "/objects/cup/attributes"),
        ({"place": "s"}, "did you mean 'cup'"),
        ({"camera": ", sensor: 3"}, "/cameras/camera/sensor is 3"),
        ({"camera": ", sensor: {kind: sensor, blur: wide}"}, "sensor/blur is 'wide'"),
        ({"camera": ", sensor: {kind: sensor, jpeg_quality: 101}"}, "from 0 to 100"),
        ({"camera": ", sensor: {kind: sensor, motion: [1]}"}, "give 2 numbers"),
        ({"camera": ", frame: 3"}, "/cameras/camera/frame is 3"),
        ({"camera": ", bright_field: white"}, "orthographic"),
        ({"camera": ", distortion: 3"}, "/cameras/camera/distortion is 3"),
        ({"scene": "lights: [1]"}, "/lights is (1,)"),
        ({"scene": "variables: 3"}, "/variables is 3"),
        ({"scene": "physics: 3"}, "/physics is 3"),
        ({"scene": "weather: storm"}, "/weather is 'storm'"),
        ({"scene": "weather: [{kind: rain, amount: -3}]"}, "/weather/0: Rain.amount"),
        ({"scene": "weather: [{kind: drops, count: 1.5}]"}, "whole number"),
        ({"scene": "backdrop: {kind: noise, octaves: 0}"}, "octaves"),
        ({"scene": "motions: [3]"}, "/motions/0 is no motion"),
        ({"scene": "require: [3]"}, "/require/0 is 3"),
        ({"scene": "require: [{kind: require, objects: cup, visible: 2}]"}, "from 0 to 1"),
        ({"scene": "attempts: many"}, "/attempts is 'many'"),
        ({"scene": "attempts: 0"}, "/attempts is 0"),
        ({"scene": "attempts: 1000000000"}, "from 1 to 1000"),
        ({"scene": "time: -1"}, "/time is -1"),
        ({"scene": "label: [1, 2]"}, "/label is (1, 2)"),
        ({"scene": 'label: "a\\0b"'}, "printable"),
        ({"scene": f"label: {'x' * 300}"}, "at most 200 bytes"),
        ({"scene": "categories: [a, a]"}, "every label once"),
        ({"scene": "categories: 3"}, "/categories is 3"),
    ],
)
def test_a_part_that_cannot_be_is_named_with_its_place(
    tmp_path: Path, parts: dict[str, str], words: str
) -> None:
    with pytest.raises(AbbildError) as told:
        made(load(tmp_path, **parts))
    assert words in str(told.value)
    assert len(told.value.args[0]) < 400


@pytest.mark.parametrize("objects", ["null", "[1]", "hello", "{a/b: 1}", "{'': 1}"])
def test_objects_are_names_with_parts(tmp_path: Path, objects: str) -> None:
    with pytest.raises(AbbildError, match="/objects"):
        made(load(tmp_path, f"objects: {objects}"))


@pytest.mark.parametrize("name", ["../../evil", "a/b", "CON:", "x.", "a\\b", "é" * 60])
def test_the_name_of_a_camera_cannot_leave_the_folder(tmp_path: Path, name: str) -> None:
    text = "objects: {}\ncameras:\n  " + repr(name).replace("\\\\", "\\") + ": {kind: camera}"
    with pytest.raises(AbbildError, match=r"name|/cameras"):
        made(load(tmp_path, text))


def test_a_scene_without_a_camera_is_said(tmp_path: Path) -> None:
    with pytest.raises(AbbildError, match="no camera"):
        made(load(tmp_path, "objects: {}\ncameras: {}"))


def test_words_with_brackets_stay_words() -> None:
    assert parse_value("cup(1)") == "cup(1)"
    assert parse_value("part (old)") == "part (old)"
    assert parse_value("uniform(0, 1)") == Uniform(0, 1)


def mesh_recipe(path: str) -> str:
    shape = f"{{kind: mesh-file, path: {path}}}"
    return f"objects: {{part: {{kind: object, label: part, shape: {shape}}}}}"


@pytest.mark.parametrize(
    "path",
    [
        "a.stl",
        "a(1).stl",
        '\'choice(["a.stl", "b (1).stl"])\'',
        "{kind: balanced, options: [a.stl, b (1).stl]}",
        "{kind: given, path: ./label, cases: {part: a.stl}}",
    ],
)
def test_files_are_found_beside_the_recipe(tmp_path: Path, path: str) -> None:
    every = ("a.stl", "a(1).stl", "b (1).stl")
    for name in every:
        trimesh.creation.box((0.1, 0.2, 0.3)).export(tmp_path / name)
    scene = load(tmp_path, mesh_recipe(path))
    for index in range(4):
        drawn = draw(scene, seed=Seed(0), index=index).scene
        assert Path(drawn.objects["part"].shape.path).parent == tmp_path
    named = {Path(file).name for file in file_hashes(scene)}
    assert named == {name for name in every if name in path}


def test_a_call_may_choose_whole_objects_with_files(tmp_path: Path) -> None:
    trimesh.creation.box().export(tmp_path / "a.stl")
    call = 'choice([{"kind": "mesh-file", "path": "a.stl"}, {"kind": "box"}])'
    scene = load(tmp_path, f"objects: {{part: {{kind: object, shape: '{call}'}}}}")
    assert isinstance(scene.objects["part"].shape, Choice)
    assert scene.objects["part"].shape.options[0].path == str(tmp_path / "a.stl")


@pytest.mark.parametrize(
    ("material", "color"),
    [
        ("", "own"),
        (", material: null", "own"),
        (", material: {kind: material, color: blue}", "blue"),
    ],
)
def test_a_mesh_keeps_its_materials_unless_another_is_given(
    tmp_path: Path, material: str, color: str
) -> None:
    red = trimesh.visual.material.PBRMaterial(baseColorFactor=[255, 0, 0, 255])
    box = trimesh.creation.box()
    box.visual = trimesh.visual.TextureVisuals(material=red)
    box.export(tmp_path / "a.glb")
    text = mesh_recipe("a.glb").replace("label: part,", f"label: part{material},")
    (body,) = made(load(tmp_path, text)).stage.bodies
    expected = (1.0, 0.0, 0.0) if color == "own" else (0.0, 0.0, 1.0)
    assert np.argmax(body.parts[0].surface.color) == np.argmax(expected)
    assert body.attributes.get("color_name") == (None if color == "own" else "blue")


def test_what_a_mesh_refers_to_belongs_to_the_run(tmp_path: Path) -> None:
    (tmp_path / "a.obj").write_text(
        "mtllib a.mtl\nmtllib ../b.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
    )
    (tmp_path / "a.mtl").write_text("newmtl x\nmap_Kd -s 1 1 1 skin.png\nmap_Bump gone.png\n")
    (tmp_path / "skin.png").write_bytes(b"a picture")
    first = file_hashes(load(tmp_path, mesh_recipe("a.obj")))
    assert {Path(file).name for file in first} == {"a.obj", "a.mtl", "skin.png"}
    (tmp_path / "skin.png").write_bytes(b"another")
    assert file_hashes(load(tmp_path, mesh_recipe("a.obj"))) != first
