"""Domain randomisation: what changes, what stays, how ranges grow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from abbild.core import AbbildError, Seed
from abbild.images.errors import AssetError, SceneError
from abbild.images.photos import Photos, Window
from abbild.images.randomise import AutomaticRanges, Range, flying_distractors, full, structured
from abbild.images.scene.building import build
from abbild.images.scene.distributions import Uniform
from abbild.images.scene.document import from_document, to_document
from abbild.images.scene.drawing import draw
from abbild.images.scene.lights import DaySky, SunLight
from abbild.images.scene.nodes import Group, Material, Object, Scene
from abbild.images.shapes import Box
from abbild.images.textures import Noise

CUP = Object(Box((0.1, 0.1, 0.1)), Material(roughness=0.5), position=(1.0, 2.0, 3.0), label="cup")
SCENE = Scene(
    {"cup": CUP, "cups": Group(CUP, 2)},
    lights={"sun": SunLight(strength=2.0)},
    sky=DaySky(clouds=0.4),
)


def test_full_randomisation_keeps_shapes_places_and_labels() -> None:
    scene = full(SCENE, distractors=flying_distractors((-1, -1, 0), (1, 1, 1), 0.1))
    looks = set()
    for index in range(6):
        drawn = draw(scene, seed=Seed(0), index=index)
        stage = build(drawn.scene, seed=Seed(0) / index).stage
        cups = [body for body in stage.bodies if body.label == "cup"]
        assert len(cups) == 3
        assert all(np.allclose(body.matrix[:3, 3], (1, 2, 3)) for body in cups)
        assert len(stage.lamps) == 2
        looks.add(cups[0].parts[0].surface.color.tobytes())
    assert len(looks) == 6


def test_what_is_kept_keeps_its_material() -> None:
    scene = full(SCENE, keep=("cup",))
    assert scene.objects["cup"].material == CUP.material
    assert scene.objects["cups"].member.material != CUP.material
    with pytest.raises(AbbildError, match="cop"):
        full(SCENE, keep=("cop",))


def test_structured_randomisation_varies_around_what_is_there() -> None:
    scene = structured(SCENE, 0.2)
    assert scene.objects["cup"].position == (1.0, 2.0, 3.0)
    for index in range(20):
        drawn = draw(scene, seed=Seed(1), index=index).scene
        assert 2.0 / 1.2 <= drawn.lights["sun"].strength <= 2.0 * 1.2
        assert 0.3 <= drawn.objects["cup"].material.roughness <= 0.7
        assert 0.2 <= drawn.sky.clouds <= 0.6
    assert to_document(structured(SCENE, 0.0).objects) is not None
    with pytest.raises(SceneError):
        structured(SCENE, -1)


def test_randomised_scenes_are_still_data() -> None:
    for scene in (full(SCENE), structured(SCENE)):
        assert to_document(from_document(to_document(scene))) == to_document(scene)


def test_a_range_grows_where_the_model_is_good_and_shrinks_where_it_fails() -> None:
    grow = AutomaticRanges({"/sky/clouds": Range(0.4, 0.6, 0.0, 0.75, 0.1)}, needed=3)
    grow.check(SCENE)
    for _ in range(2):
        grow = grow.learned("/sky/clouds", "high", 1.0)
    assert grow.ranges["/sky/clouds"].high == 0.6  # not yet enough results
    grow = grow.learned("/sky/clouds", "high", 1.0)
    assert grow.ranges["/sky/clouds"].high == pytest.approx(0.7)
    for _ in range(6):
        grow = grow.learned("/sky/clouds", "high", 1.0)
    assert grow.ranges["/sky/clouds"].high == 0.75  # never beyond its limit
    for _ in range(3):
        grow = grow.learned("/sky/clouds", "low", 0.1)
    assert grow.ranges["/sky/clouds"].low == pytest.approx(0.5)
    for _ in range(3):
        grow = grow.learned("/sky/clouds", "low", 0.65)  # neither good nor bad
    assert grow.ranges["/sky/clouds"].low == pytest.approx(0.5)
    assert grow.applied(SCENE).sky.clouds == Uniform(0.5, 0.75)
    assert grow.at_border(SCENE, "/sky/clouds", "low").sky.clouds == pytest.approx(0.5)


def test_a_range_of_nothing_is_refused() -> None:
    with pytest.raises(SceneError):
        AutomaticRanges({"/sky/cloud": Range(0, 1, 0, 1, 0.1)}).check(SCENE)
    with pytest.raises(AbbildError, match="clouds"):
        AutomaticRanges({"/sky/clouds": Range(0, 1, 0, 1, 0.1)}).learned("/sky/cloud", "low", 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for k in range(20):
        Image.new("RGB", (40, 30), (10 * k, 0, 0)).save(tmp_path / f"photo{k:02d}.png")
    return tmp_path


def test_photographs_are_taken_equally_often(folder: Path) -> None:
    reds = [int(Photos(str(folder), (k + 0.5) / 20).pixels(Seed(0))[0, 0, 0]) for k in range(20)]
    assert reds == [10 * k for k in range(20)]


def test_held_out_photographs_never_meet_the_others(folder: Path) -> None:
    def seen(part: str) -> set[int]:
        picks = np.linspace(0, 0.999, 200)
        return {int(Photos(str(folder), p, part).pixels(Seed(0))[0, 0, 0]) for p in picks}

    assert seen("train") | seen("held-out") == seen("all")
    assert not seen("train") & seen("held-out")
    assert len(seen("held-out")) >= 1


def test_a_window_shows_the_part_it_says(folder: Path) -> None:
    Image.fromarray(np.arange(100, dtype=np.uint8).reshape(10, 10)).convert("RGB").save(
        folder / "a.png"
    )
    first = Photos(str(folder), 0.0)
    corner = Window(first, zoom=0.5, place=(1.0, 0.0)).pixels(Seed(0))
    assert corner.shape == (5, 5, 3)
    assert corner[0, :, 0].tolist() == [5, 6, 7, 8, 9]
    flipped = Window(first, zoom=0.5, place=(1.0, 0.0), flip=True).pixels(Seed(0))
    assert (flipped == corner[:, ::-1]).all()
    dark = Window(first, zoom=1.0, brightness=0.0).pixels(Seed(0))
    assert dark.max() == 0


def test_backgrounds_that_cannot_be_are_said(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="no folder"):
        Photos(str(tmp_path / "none")).pixels(Seed(0))
    with pytest.raises(AssetError, match="no picture"):
        Photos(str(tmp_path)).pixels(Seed(0))
    with pytest.raises(SceneError, match="zoom"):
        Window(Noise(), zoom=0.0).pixels(Seed(0))
    with pytest.raises(SceneError, match="no texture"):
        Window("wall").pixels(Seed(0))
