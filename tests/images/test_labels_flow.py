"""Where points go: closed forms of moving cameras and bodies."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbild.images.errors import SceneError
from abbild.images.labels import find_flow, find_layers
from tests.images.labels_stages import BALL, CUBE, SHEET, at, body, camera, stage, turned

WALL = body(SHEET, at(0, 0, 8, 40), name="wall")


def flow_of(scene, view, after=None, later=None):
    layers = find_layers(scene, view)
    return layers, *find_flow(layers, scene, view, after or scene, later or view)


@pytest.mark.parametrize("lens", ["pinhole", "orthographic", "fisheye"])
def test_nothing_moves_and_nothing_is_hidden_when_nothing_changes(lens):
    view = camera(40, projection=lens, focal=8 if lens == "orthographic" else 40)
    _, flow, hidden = flow_of(stage(body(BALL, turned(at(0, 0, 4), 1.0))), view)
    assert np.abs(flow).max() < 1e-4
    assert not hidden.any()


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
@settings(max_examples=20)
def test_a_camera_that_steps_aside_sees_disparity(x, y):
    scene = stage(WALL, body(CUBE, turned(at(0, 0, 3), 0.7, axis=1), name="cube"))
    view = camera(40)
    layers, flow, hidden = flow_of(scene, view, later=camera(40, matrix=at(x, y, 0)))
    truth = -40 * np.array([x, y]) / layers.z[..., None]
    assert np.allclose(flow, truth, atol=1e-3)
    column, row = np.meshgrid(np.arange(40) + 0.5, np.arange(40) + 0.5)
    goal = np.stack([column, row], axis=-1) + truth
    outside = ((goal < 0) | (goal > 40)).any(axis=-1)
    assert hidden[outside].all()


def test_a_turning_camera_moves_the_far_background_by_its_homography():
    turn = turned(turned(np.eye(4), 0.1, axis=1), -0.05, axis=0)
    view = camera(30)
    _, flow, _ = flow_of(stage(), view, later=camera(30, matrix=at(5, 6, 7) @ turn))
    column, row = np.meshgrid(np.arange(30) + 0.5, np.arange(30) + 0.5)
    k = view.intrinsics
    ray = np.stack([column, row, np.ones_like(row)], -1) @ (k @ turn[:3, :3].T @ np.linalg.inv(k)).T
    truth = ray[..., :2] / ray[..., 2:] - np.stack([column, row], -1)
    assert np.allclose(flow, truth, atol=1e-4)


def test_a_body_that_turns_carries_its_own_points():
    """A sheet that turns in its plane about the optical axis: flow is a rotation."""
    scene = stage(body(SHEET, at(0, 0, 4, 9)))
    after = stage(body(SHEET, turned(at(0, 0, 4, 9), 0.2)))
    _, flow, _ = flow_of(scene, camera(30), after)
    column, row = np.meshgrid(np.arange(30) + 0.5 - 15, np.arange(30) + 0.5 - 15)
    c, s = np.cos(0.2), np.sin(0.2)
    truth = np.stack([c * column - s * row - column, s * column + c * row - row], axis=-1)
    assert np.allclose(flow, truth, atol=1e-4)


@pytest.mark.parametrize("lens", ["pinhole", "orthographic", "fisheye"])
def test_what_a_cube_moves_before_is_hidden_and_what_it_uncovers_is_not(lens):
    focal = 5 if lens == "orthographic" else 40
    view = camera(40, projection=lens, focal=focal)
    scene = stage(WALL, body(CUBE, at(-1, 0.03, 4, 0.97), name="cube"))
    after = stage(WALL, body(CUBE, at(1, 0.03, 4, 0.97), name="cube"))
    layers, _, hidden = flow_of(scene, view, after)
    later = find_layers(after, view)
    wall = layers.body == 1
    assert (hidden[wall] == (later.body[wall] == 2)).all()
    moved = hidden[layers.body == 2]  # its left side turns out of sight in perspective
    assert moved.mean() < 0.4


def test_the_background_is_hidden_by_what_comes_before_it():
    scene = stage(body(CUBE, at(-1, 0.03, 4, 0.97), name="cube"))
    after = stage(body(CUBE, at(1, 0.03, 4, 0.97), name="cube"))
    layers, flow, hidden = flow_of(scene, camera(40), after)
    empty = layers.body == 0
    later = find_layers(after, camera(40)).body
    assert (hidden[empty] == (later[empty] > 0)).all()
    assert np.abs(flow[empty]).max() < 1e-4


def test_points_behind_the_other_camera_have_no_place():
    scene = stage(WALL)
    _, flow, hidden = flow_of(scene, camera(8), later=camera(8, matrix=at(0, 0, 20)))
    assert np.isnan(flow).all()
    assert hidden.all()


def test_other_bodies_are_refused_by_name():
    scene = stage(WALL)
    layers = find_layers(scene, camera(8))
    other = stage(dataclasses.replace(WALL, name="door"))
    with pytest.raises(SceneError, match="'wall' became 'door'"):
        find_flow(layers, scene, camera(8), other, camera(8))
    with pytest.raises(SceneError, match="1 before and 0 after"):
        find_flow(layers, scene, camera(8), stage(), camera(8))
