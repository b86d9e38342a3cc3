"""Scenes as JSON, and values addressed by path."""

from __future__ import annotations

import json

import pytest

from abbild.core import AbbildError, Seed, names, resolve
from abbild.images.errors import SceneError
from abbild.images.recipes import load_recipe
from abbild.images.scene.distributions import Choice, Uniform
from abbild.images.scene.document import from_document, parse_value, to_document
from abbild.images.scene.drawing import draw
from abbild.images.scene.nodes import Material, Object, Scene
from abbild.images.scene.paths import change, find
from abbild.images.shapes import Box, Sphere
from abbild.images.stage import Sensor


@pytest.mark.parametrize("name", names("recipes"))
def test_every_recipe_survives_json(name: str) -> None:
    scene = resolve("recipes", name)()
    again = from_document(json.loads(json.dumps(to_document(scene))))
    assert to_document(again) == to_document(scene)
    for index in range(3):
        first = draw(scene, seed=Seed(3), index=index)
        second = draw(again, seed=Seed(3), index=index)
        assert first.values == second.values
        assert to_document(first.scene) == to_document(second.scene)


def scene() -> Scene:
    return Scene(
        objects={
            "cup": Object(Box(), label="cup", material=Material(roughness=0.1)),
            "tin": Object(Sphere(), label="tin"),
        }
    )


def test_a_pattern_names_what_it_says() -> None:
    assert find(scene(), "/objects/*/material/roughness") == [
        "/objects/cup/material/roughness",
        "/objects/tin/material/roughness",
    ]
    assert find(scene(), "/objects/[label=tin]/scale") == ["/objects/tin/scale"]


def test_a_change_reaches_only_what_is_named() -> None:
    changed = change(scene(), "/objects/[label=tin]/material/roughness", Uniform(0, 1))
    assert changed.objects["tin"].material.roughness == Uniform(0, 1)
    assert changed.objects["cup"] == scene().objects["cup"]
    assert change(scene(), "/variables/new", 3).variables == {"new": 3}


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/objects/cup/material/roughnes", "roughness"),
        ("/objects/cups/scale", "cup"),
        ("/object/cup/scale", "objects"),
        ("/objects/cup/label/x", "without parts"),
        ("/objects/[label=mug]/scale", "cup"),
        ("", "path"),
    ],
)
def test_an_unknown_path_offers_the_nearest(path: str, hint: str) -> None:
    with pytest.raises(SceneError) as told:
        change(scene(), path, 1)
    assert hint in str(told.value)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"kind": "scene", "objets": {}}, "objects"),
        ({"kind": "scene"}, "lacks objects"),
        ({"kind": "scen", "objects": {}}, "scene"),
        ({"kind": 3}, "kind is 3"),
        ({"kind": "uniform", "low": 1}, "lacks high"),
        ({"kind": "scene", "objects": {"a": {"kind": "object", "shape": {"kind": "bix"}}}}, "box"),
    ],
)
def test_a_wrong_document_is_refused_with_its_place(document: object, words: str) -> None:
    with pytest.raises(SceneError) as told:
        from_document(document)
    assert words in str(told.value)


def test_values_on_the_command_line() -> None:
    assert parse_value("uniform(0, 1)") == Uniform(0, 1)
    assert parse_value('choice(["red", "blue"], [1, 2])') == Choice(("red", "blue"), (1, 2))
    assert parse_value("road") == "road"
    assert parse_value("null") is None
    assert parse_value("[1, 2]") == (1, 2)
    with pytest.raises(SceneError, match="takes low, high"):
        parse_value("uniform(1, 2, 3)")
    with pytest.raises(SceneError, match="cannot be read"):
        parse_value("uniform(a, b)")


def test_defaults_are_left_out_and_come_back() -> None:
    node = Sensor(blur=1.0)
    assert to_document(node) == {"kind": "sensor", "blur": 1.0}
    back = from_document(to_document(node))
    assert (back.blur, back.exposure) == (1.0, 1.0)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_what_no_document_holds_is_refused(value: object) -> None:
    with pytest.raises(SceneError):
        to_document(Material(roughness=value))


def test_a_free_value_may_be_named_kind() -> None:
    free = {"kind": "scene", "x": {"kind": Uniform(0, 1)}}
    assert from_document(json.loads(json.dumps(to_document(free)))) == free


def test_a_recipe_file_in_yaml(tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "mine.yaml"
    file.write_text(
        "objects:\n"
        "  cup:\n"
        "    kind: object\n"
        "    shape: {kind: box}\n"
        "    scale: uniform(1, 2)\n"
        "    label: Tüte\n",
        encoding="utf-8",
    )
    name, made = load_recipe(file)
    assert name == "mine"
    assert made.objects["cup"].scale == Uniform(1, 2)
    assert made.objects["cup"].label == "Tüte"


@pytest.mark.parametrize(
    "text", ["- 1\n", "objects: [", "\x00", "a: &a [*a]\n", "objects: {cup: {kind: cup}}\n"]
)
def test_a_broken_recipe_file_is_one_sentence(tmp_path, text: str) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "bad.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(AbbildError):
        load_recipe(file)


def test_aliases_that_multiply_are_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 12)]
    file = tmp_path / "bomb.yaml"
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(SceneError, match="too large"):
        load_recipe(file)
