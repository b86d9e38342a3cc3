"""What no scene should hold, in the quick renderer: finite pictures, always."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbild.core import Seed
from abbild.images.fast import Fast
from abbild.images.fast.tree import tree_of
from abbild.images.stage import Body, Bulb, Environment, Mesh, Panel, Stage, Sun, Surface
from tests.images.fast_stages import (
    above,
    body,
    box,
    even_sky,
    grey,
    looking,
    placed,
    quad,
    sphere,
    stage,
)

SEED = Seed(0)


def render(scene, view, renderer=None):
    picture = (renderer or Fast()).radiance(scene, view, seed=SEED)
    assert picture.shape == (view.height, view.width, 3)
    assert np.isfinite(picture).all()
    assert (picture >= 0).all()
    return picture


def test_no_bodies_and_no_lamps():
    np.testing.assert_allclose(render(stage(sky=even_sky(0.3)), looking((1, 0, 0), (0, 0, 0))), 0.3)


def test_bodies_in_the_dark_are_black():
    assert render(stage(body(sphere(), grey())), above()).max() == 0


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 7), (9, 2), (33, 1)])
def test_small_and_narrow_pictures(width, height):
    view = replace(looking((0, 0, 0), (3, 3, 3)), width=width, height=height)
    scene = stage(
        body(quad(9), grey()),
        body(box(), grey(), placed((0, 0, 1))),
        lamps=[Bulb(np.ones(3), np.ones(3))],
    )
    render(scene, view)


def test_lamps_within_and_on_bodies():
    lamps = [
        Bulb(np.zeros(3), np.ones(3), radius=0.0),
        Bulb(np.array([0, 0, 1.0]), np.ones(3), radius=5.0),
        Panel(placed((0, 0, 1)), np.ones(3)),
        Panel(np.zeros((4, 4)), np.ones(3)),
        Sun(np.zeros(3), np.ones(3)),
        Sun(np.array([0, 0, 1.0]), np.ones(3), angle=np.pi),
    ]
    scene = stage(body(sphere(), grey()), body(quad(9), grey()), lamps=lamps)
    render(scene, above())


def test_bodies_without_volume():
    flat = body(box(), grey(), placed((0, 0, 0.5), (1, 1, 0)), name="flat")
    gone = body(box(), grey(), placed((1, 0, 0.5), 0.0), name="gone")
    folded = Mesh(
        np.zeros((3, 3), np.float32),
        np.array([[0, 1, 2]], np.int32),
        np.zeros((3, 3), np.float32),
        np.zeros((3, 2), np.float32),
    )
    scene = stage(
        body(quad(9), grey()),
        flat,
        gone,
        body(folded, grey(), name="folded"),
        lamps=[Sun(np.array([0, 1, 1.0]), np.ones(3))],
        sky=even_sky(),
    )
    render(scene, looking((0, 0, 0), (3, 3, 3)))


def test_normals_that_are_zero_or_turned_inwards():
    ball = sphere(12)
    for normals in (np.zeros_like(ball.normals), -ball.normals):
        bad = Mesh(ball.vertices, ball.faces, normals, ball.uv)
        shaded = render(stage(body(bad, grey()), sky=even_sky()), above(32, 3))
        np.testing.assert_allclose(shaded[14:18, 14:18], 0.5, rtol=0.01)


def test_every_lens():
    scene = stage(
        body(box(), grey(), placed((0, 0, 0.5))),
        body(quad(9), grey()),
        lamps=[Sun(np.array([0, 1, 1.0]), np.ones(3))],
        sky=even_sky(),
    )
    view = looking((0, 0, 0), (3, 3, 3), 48, f=30)
    for lens in (
        {"projection": "fisheye"},
        {"distortion": (-0.2, 0.05, 0.001, 0.001, 0.0)},
        {"projection": "orthographic", "fx": 8.0, "fy": 8.0},
    ):
        assert render(scene, replace(view, **lens)).max() > 0


def test_a_sky_of_one_pixel_and_one_that_is_very_bright():
    tiny = Environment(np.full((1, 2, 3), 0.4, np.float32))
    picture = render(stage(body(sphere(), grey(1.0)), sky=tiny), above(24, 3))
    np.testing.assert_allclose(picture, 0.4, rtol=5e-3)
    bright = np.zeros((16, 32, 3), np.float32)
    bright[3, 5] = 1e6
    render(stage(body(sphere(), Surface(np.ones(3, np.float32))), sky=Environment(bright)), above())


@settings(max_examples=30)
@given(
    st.integers(0, 10_000),
    st.integers(0, 4),
    st.sampled_from([1e-6, 1.0, 1e5]),
)
def test_any_heap_of_bodies_at_any_scale(number, count, scale):
    rng = np.random.default_rng(number)
    bodies = [
        Body(
            f"b{k}",
            "b",
            body((box(), sphere(6), quad())[k % 3], grey()).parts,
            np.diag([scale, scale, scale, 1.0])
            @ placed(rng.normal(0, 1, 3), rng.uniform(0.1, 2, 3), rng.uniform(0, 6)),
        )
        for k in range(count)
    ]
    lamps = (
        Sun(rng.normal(0, 1, 3), np.ones(3)),
        Bulb(rng.normal(0, 2, 3) * scale, np.ones(3) * scale**2),
    )
    view = looking((0, 0, 0), np.array([3.0, 2.0, 1.0]) * scale, 12)
    view = replace(view, near=1e-3 * scale)
    render(Stage(tuple(bodies), lamps, even_sky()), view)


def test_the_picture_does_not_depend_on_the_unit_of_length():
    pictures = []
    for scale in (1.0, 1e-6, 1e4):
        matrix = np.diag([scale, scale, scale, 1.0])
        scene = stage(
            body(quad(9), grey(), matrix @ np.eye(4)),
            body(box(), grey(), matrix @ placed((0, 0, 0.5))),
            lamps=[Sun(np.array([0, 0.6, 0.8]), np.ones(3))],
            sky=even_sky(),
        )
        view = replace(looking((0, 0, 0), np.array([3, 3, 3.0]) * scale, 40), near=1e-3 * scale)
        pictures.append(render(scene, view))
    for other in pictures[1:]:
        assert np.abs(other - pictures[0]).mean() < 1e-3


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(0, 60))
def test_a_tree_holds_every_face_once_within_its_boxes(number, count):
    rng = np.random.default_rng(number)
    corners = rng.choice([-1.0, 0.0, 0.3, 1.0, 1e5], (3 * count, 3)).astype(np.float32)
    mesh = Mesh(
        corners, np.arange(3 * count, dtype=np.int32).reshape(-1, 3), corners, corners[:, :2]
    )
    tree = tree_of(mesh)
    assert sorted(tree.faces) == list(range(count))
    found = []
    for boxes, links in zip(tree.boxes.reshape(-1, 2, 2, 3), tree.links, strict=True):
        for child, link in zip(boxes, links, strict=True):
            if link < 0:
                first, size = (-1 - link) // 16, (-1 - link) % 16
                inside = tree.corners[first : first + size].reshape(-1, 3)
                assert (inside >= child[0]).all()
                assert (inside <= child[1]).all()
                found += range(first, first + size)
    assert sorted(found) == list(range(count))
