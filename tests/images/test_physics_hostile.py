"""Input no simulation can use: one clear sentence, or a bounded and honest answer."""

import time
from pathlib import Path

import numpy as np
import pytest

from abbild.core.errors import UnknownNameError
from abbild.images.errors import SceneError
from abbild.images.meshes import flat_shaded
from abbild.images.physics import Cast, Matter, Simulation, settle
from tests.images.physics_bodies import body

GROUND = body("ground", "ground")


def triangle(corners):
    return flat_shaded(np.array(corners, float), [[0, 1, 2]])


def test_nothing_at_all_rests():
    assert settle([], moving=[]).resting
    assert settle([GROUND], moving=[]).matrices == {}


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("moving", [True, False])
def test_a_matrix_that_is_not_finite_is_refused(value, moving):
    bad = body("bad", "box", (0, 0, value))
    with pytest.raises(SceneError, match="matrix of body 'bad'"):
        settle([GROUND, bad, body("good", "box")], moving=[2 if moving else 3])


def test_one_triangle_falls_flat_and_lies_on_the_ground():
    leaf = body("leaf", triangle([(0, 0, 0), (0.1, 0, 0), (0, 0.1, 0)]), (0, 0, 0.05))
    lying = settle([GROUND, leaf], moving=[2])
    assert lying.resting
    assert 0 <= lying.matrices[2][2, 3] < 0.003


def test_a_triangle_without_area_falls_as_a_rod():
    line = body("line", triangle([(0, 0, 0), (0.1, 0, 0), (0.05, 0, 0)]), (0, 0, 0.05))
    assert settle([GROUND, line], moving=[2]).resting


def test_what_has_no_extent_is_refused_if_it_moves_and_ignored_if_it_stands():
    point = triangle([(0, 0, 0), (0, 0, 0), (0, 0, 0)])
    with pytest.raises(SceneError, match="'point' has no extent"):
        settle([GROUND, body("point", point)], moving=[2])
    with pytest.raises(SceneError, match="'flat' has no extent"):
        settle([GROUND, body("flat", "box", scale=0.0)], moving=[2])
    assert settle([GROUND, body("point", point), body("b", "box", (0, 0, 0.1))], moving=[3]).resting


def test_vertices_that_are_not_finite_are_refused():
    bad = body("bad", triangle([(0, 0, 0), (1, 0, 0), (0, np.nan, 0)]))
    with pytest.raises(SceneError, match="'bad' has vertices"):
        settle([bad], moving=[1])


@pytest.mark.parametrize(
    ("cast", "words"),
    [
        (Cast([7]), "no body has the id 7"),
        (Cast([0]), "no body has the id 0"),
        (Cast([2], [2]), "both"),
        (Cast([2], shapes={2: "plane"}), "infinite plane"),
        (Cast([2], matter=Matter(restitution=1.5)), "restitution 1.5"),
        (Cast([2], matter=Matter(density=0.0)), "density"),
        (Cast([2], matter=Matter(friction=-1.0)), "friction"),
    ],
)
def test_contradictions_are_refused(cast, words):
    with pytest.raises(SceneError, match=words):
        Simulation([GROUND, body("box", "box")], cast)


def test_an_unknown_shape_offers_the_nearest():
    with pytest.raises(UnknownNameError, match="'sphre'") as caught:
        settle([GROUND, body("box", "box")], moving=[2], shapes={2: "sphre"})
    assert "sphere" in caught.value.hint


@pytest.mark.parametrize("seconds", [0.0, -1.0, np.nan])
def test_no_time_is_refused(seconds):
    with pytest.raises(SceneError, match="seconds"):
        settle([GROUND, body("box", "box")], moving=[2], seconds=seconds)
    with pytest.raises(SceneError, match="timestep"):
        Simulation([GROUND], Cast(), timestep=seconds)


def test_things_that_begin_within_each_other_are_parted_without_an_explosion():
    bodies = [GROUND, *[body(f"box{k}", "box", (0.01 * k, 0, 0.06)) for k in range(5)]]
    lying = settle(bodies, moving=range(2, 7))
    places = np.stack([m[:3, 3] for m in lying.matrices.values()])
    assert np.abs(places).max() < 0.3  # side by side they need 0.25
    assert places[:, 2].min() > 0.04
    assert np.isfinite(lying.penetration)


def test_a_thousand_bodies_end_in_bounded_time_and_the_rest_is_said(monkeypatch):
    monkeypatch.setattr("abbild.images.physics.settling.EFFORT", 60_000)
    bodies = [GROUND]
    for k in range(1000):
        place = (k % 10 * 0.12, k // 10 % 10 * 0.12, 0.06 + 0.12 * (k // 100))
        bodies.append(body(f"box{k}", "box", place))
    start = time.process_time()
    lying = settle(bodies, moving=range(2, 1002))
    assert time.process_time() - start < 20
    assert len(lying.matrices) == 1000
    assert lying.resting == (not lying.restless)
    assert 0 < lying.seconds < 3


def test_nothing_is_written_into_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    world = Simulation([GROUND, body("box", "box", (0, 0, 1))], Cast([2]))
    world.push(2, (1e300, 0, 0), (0, 0, 0))
    world.advance(5)
    assert not world.stable
    assert list(Path().iterdir()) == []
