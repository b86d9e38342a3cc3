"""What is true of one scene made to pictures: values suffice, order does not matter, reasons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from abbild.core import Seed
from abbild.images.capture import Taken, capture
from abbild.images.errors import RendererError, SceneError
from abbild.images.fast import Fast
from abbild.images.sampler import SceneSampler
from abbild.images.scene.building import build
from abbild.images.scene.cameras import Camera, LookAt
from abbild.images.scene.distributions import AnyColor, Choice, Uniform, Whole
from abbild.images.scene.drawing import draw
from abbild.images.scene.lights import SunLight
from abbild.images.scene.nodes import Group, Material, Object, Require, Scene
from abbild.images.scene.paths import change
from abbild.images.shapes import Box, Plane
from abbild.images.stage import Sensor

SEED = Seed(3)


def scene(**changes: Any) -> Scene:
    cube = Object(
        Box((0.4, 0.4, 0.4)),
        Material(color=AnyColor(), roughness=Uniform(0.1, 0.9)),
        position=Uniform((-0.6, -0.6, 0.2), (0.6, 0.6, 0.2)),
        rotation=(0.0, 0.0, Uniform(0, 360)),
        label="cube",
    )
    made: dict[str, Any] = {
        "objects": {"floor": Object(Plane((4.0, 4.0))), "cubes": Group(cube, Whole(1, 3))},
        "lights": {"sun": SunLight(azimuth=Uniform(0, 360))},
        "cameras": {"camera": Camera(32, 24, LookAt(elevation=Uniform(20, 60)))},
    }
    return Scene(**made | changes)


def take(made: Scene, index: int = 0, seed: Seed = SEED) -> Taken:
    return capture(made, index, Fast(), seed=seed)


def same(one: Taken, other: Taken) -> bool:
    return all(
        (a.pixels == b.pixels).all() and (a.layers.z == b.layers.z).all()
        for a, b in zip(one.pictures, other.pictures, strict=True)
    )


def test_any_order_gives_the_same_pictures() -> None:
    forwards = [take(scene(), index) for index in range(4)]
    backwards = [take(scene(), index) for index in (3, 2, 1, 0)][::-1]
    assert all(same(a, b) for a, b in zip(forwards, backwards, strict=True))
    assert not same(forwards[0], forwards[1])
    assert not same(forwards[0], take(scene(), 0, Seed(4)))


@pytest.mark.parametrize("index", range(3))
def test_the_recorded_values_suffice_to_make_the_picture_again(index: int) -> None:
    first = take(scene(), index)
    values = dict(first.pictures[0].example.parameters)
    fixed = scene()
    cube = fixed.objects["cubes"].member
    cubes = {
        f"cube{k}": replace(
            cube,
            material=Material(
                color=values[f"/objects/cubes/{k}/material/color"],
                roughness=values[f"/objects/cubes/{k}/material/roughness"],
            ),
            position=values[f"/objects/cubes/{k}/position"],
            rotation=(0.0, 0.0, values[f"/objects/cubes/{k}/rotation/2"]),
        )
        for k in range(values["/objects/cubes/count"])
    }
    fixed = replace(fixed, objects={"floor": fixed.objects["floor"], **cubes})
    for path in ("/lights/sun/azimuth", "/cameras/camera/place/elevation"):
        fixed = change(fixed, path, values[path])
    assert not draw(fixed, seed=SEED).values
    assert same(first, take(fixed, index))  # the seed is left with noise of light and sensor


def test_a_randomiser_more_changes_no_other_value() -> None:
    plain = take(scene(), 1).pictures[0].example.parameters
    more = scene(cameras={"camera": Camera(32, 24, LookAt(elevation=Uniform(20, 60)),
                                           sensor=Sensor(exposure=Uniform(0.5, 2)))})  # fmt: skip
    found = take(more, 1).pictures[0].example.parameters
    assert {path: found[path] for path in plain} == dict(plain)
    assert set(found) - set(plain) == {"/cameras/camera/sensor/exposure"}


def test_labels_are_those_of_the_layers() -> None:
    (picture,) = take(scene(), 2).pictures
    body = picture.layers.body
    for one in picture.example.annotations:
        assert one.mask is not None
        assert one.box is not None
        assert (one.mask == (body == one.instance)).all()
        rows, columns = np.nonzero(one.mask)
        assert one.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert one.area_px == one.mask.sum()
        assert one.visible == pytest.approx((1 - one.truncated) * (1 - one.occluded))
    assert max(picture.checks.values()) < 1e-2


def test_a_condition_draws_again_and_counts() -> None:
    rarely = Choice(((0.0, 0.0, 0.2), (50.0, 0.0, 0.0)), (1, 4))
    strict = scene(
        objects={"cube": Object(Box((0.4, 0.4, 0.4)), position=rarely, label="cube")},
        require=(Require("cube", visible=0.5),),
        attempts=3,
    )
    taken = [take(strict, index) for index in range(20)]
    for one in taken:
        assert one.attempts == len(one.rejects) + bool(one.pictures)
        assert one.attempts <= 3
        assert bool(one.pictures) != bool(one.reason)
        assert all("'cube': 0 of 1" in reason for reason in one.rejects)
    assert {bool(one.pictures) for one in taken} == {True, False}
    assert any(one.pictures and one.rejects for one in taken)  # another attempt, other values


def test_a_camera_inside_is_a_reason_and_not_an_error() -> None:
    inside = scene(cameras={"camera": Camera(8, 8, LookAt((0, 0, 0), 0.1))}, attempts=2)
    inside = replace(inside, objects={"hull": Object(Box((9.0, 9.0, 9.0)), label="hull")})
    taken = take(inside)
    assert (taken.pictures, taken.attempts) == ((), 2)
    assert taken.reason == "camera 'camera' is inside of 'hull'"


def test_what_no_draw_can_repair_is_raised() -> None:
    with pytest.raises(SceneError, match="scale"):
        take(change(scene(), "/objects/cubes/member/scale", -1.0))


class Stumbles:
    """A renderer with a mistake that shows in some scenes."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def radiance(self, *_: Any, **__: Any) -> Any:
        raise self.error


@pytest.mark.parametrize("error", [TypeError("no"), ZeroDivisionError(), RuntimeError("no")])
def test_a_mistake_in_one_scene_is_a_row_and_not_the_end(error: Exception) -> None:
    batch = SceneSampler(scene(), Stumbles(error)).sample(range(2), seed=SEED)
    assert batch.table["status"].to_pylist() == ["failed", "failed"]
    assert "a mistake in Abbild, not yours" in batch.table["reason"][0].as_py()
    assert "test_capture.py" in batch.table["reason"][0].as_py()
    assert [one.row for one in batch.rejected] == [0, 1]


@pytest.mark.parametrize("error", [MemoryError(), RendererError("no LLVM"), OSError("disk full")])
def test_what_the_next_scene_would_meet_too_ends_the_run(error: Exception) -> None:
    with pytest.raises(type(error)):
        SceneSampler(scene(), Stumbles(error)).sample(range(2), seed=SEED)


def test_what_is_drawn_is_what_is_built() -> None:
    drawn = draw(scene(), seed=SEED / "scene", index=5)
    built = build(drawn.scene, seed=SEED)
    assert len(built.stage.bodies) == 1 + drawn.values["/objects/cubes/count"]
    for k in range(drawn.values["/objects/cubes/count"]):
        matrix = built.stage.bodies[built.bodies[f"cubes/{k}"] - 1].matrix
        assert matrix[:3, 3] == pytest.approx(drawn.values[f"/objects/cubes/{k}/position"])
