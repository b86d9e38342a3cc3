"""Whole outlines of bodies, whatever stands before them and beyond the image's border."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbild.images.errors import SceneError
from abbild.images.labels import find_hits, find_silhouettes
from abbild.images.labels.silhouettes import _trace_outline
from tests.images.labels_stages import BALL, CUBE, SHEET, at, body, camera, soup, stage, turned

LENSES = {
    "pinhole": {},
    "orthographic": {"projection": "orthographic", "focal": 12},
    "distorted": {"distortion": (-0.2, 0.05, 1e-3, 0, 0)},
    "fisheye": {"projection": "fisheye"},
}


def spread(outline, view):
    """Mask, front and back on a canvas of three times the image."""
    height, width = view.height, view.width
    mask = np.zeros((3 * height, 3 * width), bool)
    front, back = np.full(mask.shape, np.inf), np.full(mask.shape, -np.inf)
    rows = slice(height + outline.top, height + outline.top + outline.mask.shape[0])
    columns = slice(width + outline.left, width + outline.left + outline.mask.shape[1])
    mask[rows, columns], front[rows, columns] = outline.mask, outline.front
    back[rows, columns] = outline.back
    return mask, front, back


def wide(view):
    """The camera of three times the image."""
    return dataclasses.replace(
        view,
        width=3 * view.width,
        height=3 * view.height,
        cx=view.cx + view.width,
        cy=view.cy + view.height,
    )


@pytest.mark.parametrize("lens", LENSES)
@given(seed=st.integers(0, 1000), x=st.floats(-3, 3), y=st.floats(-3, 3))
@settings(max_examples=12)
def test_an_outline_is_what_a_wider_camera_sees_of_the_body_alone(lens, seed, x, y):
    view = camera(24, **LENSES[lens])
    thing = body(BALL if seed % 2 else CUBE, turned(at(x, y, 3, (1, 0.6, 0.8)), seed))
    scene = stage(body(SHEET, at(0, 0, 1.5, 9)), thing)
    (outline,) = find_silhouettes(scene, view, [2])
    mask, front, back = spread(outline, view)
    alone = find_hits(stage(thing), wide(view))
    assert (mask == (alone.body > 0)).all()
    assert np.allclose(front[mask], alone.z[mask], rtol=1e-5)
    assert (front[mask] <= back[mask]).all()
    assert back[mask].max(initial=3) < 3 + 2


@given(st.integers(0, 1000))
@settings(max_examples=20)
def test_both_engines_draw_the_same_outline(seed):
    view = camera(24, focal=20, matrix=at(0, 0, -2), near=0.5)
    scene = stage(body(soup(seed), at(0, 0, 0)))
    (quick,) = find_silhouettes(scene, view)
    one, other = spread(quick, view), spread(_trace_outline(scene, view, 1), view)
    assert np.count_nonzero(one[0] != other[0]) <= 1
    both = one[0] & other[0]
    assert np.allclose(one[1][both], other[1][both], rtol=1e-4)
    assert np.allclose(one[2][both], other[2][both], rtol=1e-4)


@pytest.mark.parametrize("lens", LENSES)
def test_front_and_back_of_a_ball_enclose_its_chord(lens):
    view = camera(61, **LENSES[lens])
    (outline,) = find_silhouettes(stage(body(BALL, at(0, 0, 4))), view)
    row, column = 30 - outline.top, 30 - outline.left
    assert outline.front[row, column] == pytest.approx(3, abs=0.01)
    assert outline.back[row, column] == pytest.approx(5, abs=0.01)
    assert np.isinf(outline.front[~outline.mask]).all()
    assert (outline.back[~outline.mask] == -np.inf).all()


def test_silhouettes_come_for_labelled_bodies_or_as_asked():
    things = [body(CUBE, at(k, 0, 5), label="" if k == 1 else "cube") for k in range(3)]
    found = find_silhouettes(stage(*things), camera())
    assert [outline.body for outline in found] == [1, 3]
    found = find_silhouettes(stage(*things), camera(), [3, 2])
    assert [outline.body for outline in found] == [3, 2]
    with pytest.raises(SceneError, match="no body 4"):
        find_silhouettes(stage(*things), camera(), [4])


@pytest.mark.parametrize("lens", LENSES)
def test_bodies_behind_or_too_far_aside_have_empty_outlines(lens):
    things = body(CUBE, at(0.2, 0.1, -30)), body(CUBE, at(400, 0, 5))
    for outline in find_silhouettes(stage(*things), camera(**LENSES[lens])):
        assert not outline.mask.any()


def test_a_body_around_the_camera_fills_the_window_and_no_more():
    view = camera(16, focal=4)
    (outline,) = find_silhouettes(stage(body(CUBE, at(0, 0, 0, 2))), view)
    assert (outline.left, outline.top, outline.mask.shape) == (-16, -16, (48, 48))
    assert outline.mask.all()
