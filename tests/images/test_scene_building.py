"""What is true of stages made from scenes: places, cameras, frames, groups, conditions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from abbild.core import Seed
from abbild.images.behaviours import Orbit
from abbild.images.errors import RejectedSceneError, SceneError
from abbild.images.labels import project
from abbild.images.scene.building import Built, build
from abbild.images.scene.cameras import Camera, Framed, LookAt
from abbild.images.scene.distributions import AnyRotation, Uniform
from abbild.images.scene.drawing import draw
from abbild.images.scene.lights import BulbLight, DaySky, PanelLight, PlainSky, SunLight
from abbild.images.scene.living import open_world
from abbild.images.scene.nodes import Group, Material, Motion, Object, Scene, Settle
from abbild.images.scene.placements import Grid, OnSurface, PoissonDisk, Scatter
from abbild.images.scene.poses import euler, quaternion
from abbild.images.shapes import Box, Plane, Sphere

CUBE = Object(Box((1.0, 1.0, 1.0)), label="cube")


def built(scene: Scene, index: int = 0) -> Built:
    return build(draw(scene, seed=Seed(1), index=index).scene, seed=Seed(1) / index)


def looking(**place: Any) -> Scene:
    return Scene({"cube": CUBE}, {"camera": Camera(place=LookAt(**place))})


def test_angles_turn_as_documented() -> None:
    assert np.allclose(euler(0, 0, 90) @ [1, 0, 0], [0, 1, 0])
    assert np.allclose(euler(90, 0, 0) @ [0, 1, 0], [0, 0, 1])
    assert np.allclose(euler(0, 90, 0) @ [0, 0, 1], [1, 0, 0])
    half = math.radians(90) / 2
    assert np.allclose(quaternion(math.cos(half), 0, 0, math.sin(half)), euler(0, 0, 90))


@pytest.mark.parametrize(
    ("elevation", "azimuth", "eye"),
    [(0, 0, (3, 0, 0)), (0, 90, (0, 3, 0)), (90, 0, (0, 0, 3)), (-90, 0, (0, 0, -3))],
)
def test_a_camera_on_a_shell_sees_its_target_in_the_middle(
    elevation: float, azimuth: float, eye: tuple[float, ...]
) -> None:
    view = built(looking(distance=3, elevation=elevation, azimuth=azimuth)).views["camera"]
    assert np.allclose(view.matrix[:3, 3], eye, atol=1e-12)
    points, z, _ = project(view, np.zeros((1, 3)))
    assert np.allclose(points, (view.width / 2, view.height / 2))
    assert np.allclose(z, 3)


def test_up_is_up_and_right_is_right() -> None:
    view = built(looking(distance=3, elevation=0, azimuth=-90)).views["camera"]  # from -y
    points, _, _ = project(view, np.array([[0.0, 0, 0], [0.1, 0, 0], [0, 0, 0.1]]))
    assert points[1, 0] > points[0, 0]
    assert points[2, 1] < points[0, 1]


def test_the_field_of_view_is_as_stated() -> None:
    camera = Camera(place=LookAt(distance=1, elevation=0, azimuth=0), vertical_view=60)
    view = built(Scene({"cube": Object(Box((0.01,) * 3))}, {"camera": camera})).views["camera"]
    edge, _, _ = project(view, np.array([[0.0, 0, math.tan(math.radians(30))]]))
    assert edge[0, 1] == pytest.approx(0, abs=1e-9)


def test_a_frame_leaves_the_margin_it_says() -> None:
    camera = Camera(
        place=LookAt(distance=5, elevation=20, azimuth=-70), width=64, height=64,
        frame=Framed("cube", margin=0.1),
    )  # fmt: skip
    stage = built(Scene({"cube": CUBE}, {"camera": camera}))
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    points, _, _ = project(stage.views["camera"], corners)
    low, high = points.min(axis=0), points.max(axis=0)
    assert (high - low).max() == pytest.approx(64 / 1.2)
    assert np.allclose((low + high) / 2, 32)


def test_a_frame_that_fits_fills_both_directions() -> None:
    camera = Camera(
        place=LookAt(distance=5, elevation=0, azimuth=-90), width=64, height=48,
        frame=Framed("bar", margin=0.25, fit=True),
    )  # fmt: skip
    bar = Object(Box((2.0, 0.001, 0.5)))
    view = built(Scene({"bar": bar}, {"camera": camera})).views["camera"]
    points, _, _ = project(view, np.array([[-1.0, 0, 0.25], [1.0, 0, -0.25]]))
    assert np.allclose(points, [[64 / 6, 8], [64 * 5 / 6, 40]], atol=0.05)


def test_a_thing_stands_on_another() -> None:
    scene = Scene(
        {
            "table": Object(Box((2.0, 2.0, 0.5)), position=(1.0, 2.0, 3.0)),
            "cup": Object(Box((0.2, 0.2, 0.2)), position=(0.0, 0.0, 0.1), on="table"),
        }
    )
    assert np.allclose(built(scene).stage.bodies[1].matrix[:3, 3], (1, 2, 3.35))


def test_a_part_belongs_to_its_owner() -> None:
    scene = Scene(
        {
            "cup": Object(Box((1.0, 1.0, 1.0)), position=(5.0, 0.0, 0.0), label="cup"),
            "handle": Object(Box((0.1, 0.1, 0.1)), position=(1.0, 0.0, 0.0), part_of="cup"),
        }
    )
    (body,) = built(scene).stage.bodies
    assert len(body.parts) == 2
    assert np.allclose(body.bounds[1], (1.05, 0.5, 0.5))


def test_poisson_disks_keep_their_distance() -> None:
    points = PoissonDisk((1.0, 1.0), 0.1).positions(60, Seed(3))
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2) + 9 * np.eye(len(points))
    assert len(points) > 40
    assert gaps.min() >= 0.1


def test_a_group_that_finds_no_room_is_smaller() -> None:
    scene = Scene({"all": Group(CUBE, 50, PoissonDisk((1.0, 1.0), 0.5))})
    assert 2 <= len(built(scene).stage.bodies) < 10


def test_scattered_things_do_not_touch() -> None:
    ball = Object(Sphere(0.1), rotation=AnyRotation())
    scene = Scene({"balls": Group(ball, 10, Scatter((-0.5, -0.5, 0), (0.5, 0.5, 0.5)))})
    centers = np.array([body.matrix[:3, 3] for body in built(scene).stage.bodies])
    gaps = np.linalg.norm(centers[:, None] - centers[None], axis=2) + 9 * np.eye(10)
    assert gaps.min() > 0.19


def test_no_room_at_all_is_a_rejected_draw() -> None:
    scene = Scene({"cubes": Group(CUBE, 9, Scatter((0, 0, 0), (0.5, 0.5, 0.5)))})
    with pytest.raises(RejectedSceneError, match="cubes/placement"):
        built(scene)


def test_things_on_a_surface_stand_on_it_along_its_normal() -> None:
    pin = Object(Box((0.01, 0.01, 0.2)), position=(0.0, 0.0, 0.1))
    scene = Scene(
        {
            "ball": Object(Sphere(1.0, 64), position=(1.0, 2.0, 3.0)),
            "pins": Group(pin, 200, OnSurface("ball", upward=0.0)),
        }
    )
    for body in built(scene).stage.bodies[1:]:
        away = body.matrix[:3, 3] - (1, 2, 3)
        assert np.linalg.norm(away) == pytest.approx(1.1, abs=0.01)
        assert body.matrix[:3, 2] @ away / np.linalg.norm(away) > 0.99
        assert away[2] >= -0.05


def test_what_falls_comes_to_rest_on_the_floor() -> None:
    scene = Scene(
        {
            "floor": Object(Plane((4.0, 4.0)), physics="fixed", collides_as="plane"),
            "cubes": Group(
                Object(Box((0.1, 0.1, 0.1)), physics="falls"), 3, Grid((0.3, 0.3), (0, 0, 0.3))
            ),
        },
        physics=Settle(),
    )
    for body in built(scene).stage.bodies[1:]:
        assert body.matrix[2, 3] == pytest.approx(0.05, abs=2e-3)


def test_equal_meshes_and_surfaces_are_the_same_objects_in_every_image() -> None:
    one, two = built(looking(), 0).stage.bodies[0], built(looking(), 1).stage.bodies[0]
    assert one.parts[0].mesh is two.parts[0].mesh
    assert one.parts[0].surface is two.parts[0].surface


def test_a_motion_moves_the_world() -> None:
    scene = Scene({"cube": CUBE}, motions=(Motion("cube", Orbit((0, 0, 0), 2.0, 4.0)),))
    world = open_world(scene)
    world.reset(Seed(0))
    before = world.matrices["cube"][:3, 3].copy()
    world.step(dt=1.0)  # a quarter of the period
    after = world.matrices["cube"][:3, 3]
    assert np.linalg.norm(after) == pytest.approx(2.0)
    assert before @ after == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("scene", "words"),
    [
        (Scene({"a": Object(Box((1.0, -1.0, 1.0)))}), "/objects/a/shape"),
        (Scene({"a": Object(Box((1.0, 1.0, 1.0)), scale=0.0)}), "/objects/a/scale is 0"),
        (Scene({"a": Object(Box((1.0, 1.0, 1.0)), position=(0, 0))}), "/objects/a/position"),
        (Scene({"a": Object(Box((1.0, 1.0, 1.0)), position=(0, 0, float("nan")))}), "position/2"),
        (Scene({"a": Object(Box(), rotation=(0, 0, 0, 0))}), "quaternion 0"),
        (Scene({"a": Object(Box(), material=Material(color="redd"))}), "redd"),
        (Scene({"a": Object(Box(), material=Material(roughness=2.0))}), "roughness is 2"),
        (Scene({"a": Object(Box(), material=Material(color=(2.0, 0, 0)))}), "reflects more"),
        (Scene({"a": Object("box")}), "/objects/a/shape is str"),
        (Scene({"a": Object(Box(), on="b")}), "stands on 'b'"),
        (Scene({"a": Object(Box(), part_of="b")}), "part of 'b'"),
        (Scene({"a": Object(Box(), physics="flies")}), "'flies'"),
        (Scene({"a": "box"}), "/objects/a is 'box'"),
        (Scene({}, {}), "no camera"),
        (Scene({}, {"c": Camera(width=0)}), "/cameras/c/width is 0"),
        (Scene({}, {"c": Camera(width=2.5)}), "/cameras/c/width"),
        (Scene({}, {"c": Camera(vertical_view=180)}), "vertical_view"),
        (Scene({}, {"c": Camera(place=LookAt(target="cup"))}), "'cup'"),
        (Scene({}, {"c": Camera(projection="wide")}), "'wide'"),
        (
            Scene({"a": CUBE}, {"c": Camera(frame=Framed("a"), place=LookAt(distance=0.1))}),
            "before",
        ),
        (Scene({}, lights={"l": SunLight(elevation=100)}), "elevation is 100"),
        (Scene({}, lights={"l": PanelLight(size=(0, 1))}), "size"),
        (Scene({}, lights={"l": BulbLight(strength=-1)}), "strength is -1"),
        (Scene({}, lights={"l": "sun"}), "no light"),
        (Scene({}, sky=DaySky(clouds=2)), "clouds is 2"),
        (Scene({}, sky="blue"), "no sky"),
        (Scene({}, backdrop="wall"), "no texture"),
        (Scene({"a": Group(Object(Box()), 2, "heap")}), "no placement"),
        (Scene({"a": Group(Object(Box()), 2, OnSurface("b"))}), "'b'"),
    ],
)
def test_what_cannot_be_built_is_said_with_its_place(scene: Scene, words: str) -> None:
    with pytest.raises(SceneError) as told:
        built(scene)
    assert words in str(told.value)


def test_plain_sky_is_constant_above() -> None:
    sky = built(Scene({}, sky=PlainSky("#ffffff", "#000000", 2.0))).stage.environment.radiance
    assert np.allclose(sky[0], 2.0, atol=1e-5)
    assert np.allclose(sky[-1], 0.0)


def test_a_camera_by_position_looks_along_x() -> None:
    camera = Camera(place=((0.0, 0.0, 0.0), (0.0, 0.0, 90.0)))
    view = built(Scene({"a": CUBE}, {"camera": camera})).views["camera"]
    assert np.allclose(view.matrix[:3, 2], (0, 1, 0), atol=1e-12)
    assert np.allclose(view.matrix[:3, 1], (0, 0, -1), atol=1e-12)


def test_drawn_scenes_of_one_seed_build_the_same_stage() -> None:
    scene = Scene({"a": Group(Object(Box(), position=Uniform((0, 0, 0), (1, 1, 1))), 5, Grid())})
    one, two = built(scene).stage.bodies, built(scene).stage.bodies
    assert all((a.matrix == b.matrix).all() for a, b in zip(one, two, strict=True))
