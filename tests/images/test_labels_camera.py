"""Pixels to rays and back, for every lens."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbild.images.errors import SceneError
from abbild.images.labels import cast_pixels, find_hits, project, rays
from tests.images.labels_stages import CUBE, at, body, camera, stage, turned

small = st.floats(-0.02, 0.02)
lenses = st.one_of(
    st.tuples(st.just("pinhole"), st.tuples(st.floats(-0.3, 0.3), small, small, small, small)),
    st.tuples(st.just("pinhole"), st.just(())),
    st.tuples(st.just("fisheye"), st.tuples(st.floats(-0.05, 0.1), small, small, small)),
    st.tuples(st.just("fisheye"), st.just(())),
    st.tuples(st.just("orthographic"), st.just(())),
)


@given(lenses, st.floats(0.1, 50), st.floats(-3, 3))
@settings(max_examples=50)
def test_a_ray_leads_back_to_its_pixel(lens, distance, angle):
    view = camera(
        24,
        focal=20,
        matrix=turned(turned(at(1, -2, 3), angle), 0.7, axis=0),
        projection=lens[0],
        distortion=lens[1],
    )
    origins, directions = rays(view)
    lengths = np.linalg.norm(directions, axis=-1)
    assert np.allclose(lengths[np.isfinite(lengths)], 1)  # a lens may see nothing at its edge
    pixels, z, seen = project(view, (origins + distance * directions).reshape(-1, 3))
    column, row = np.meshgrid(np.arange(24) + 0.5, np.arange(24) + 0.5)
    known = np.isfinite(directions).all(axis=-1).ravel()
    assert (seen == known).all()
    off = pixels - np.stack([column.ravel(), row.ravel()], axis=1)
    assert np.abs(off[known]).max() < 1e-8
    if lens[0] == "orthographic":
        assert np.allclose(z, distance)
    elif lens[0] == "pinhole":
        assert (z[known] > 0).all()


def test_single_pixels_have_the_rays_of_the_grid():
    view = camera(8, distortion=(0.1, 0, 0, 0, 0), matrix=at(1, 2, 3))
    origins, directions = rays(view)
    found = cast_pixels(view, np.array([[3.5, 6.5], [-20.0, 4.0]]))
    assert np.allclose(found[0][0], origins[6, 3])
    assert np.allclose(found[1][0], directions[6, 3])


@given(st.tuples(*[st.floats(-0.2, 0.2)] * 5), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
def test_distortion_is_that_of_the_textbook(k, x, y):
    view = camera(100, focal=100, distortion=k)
    pixels, _, seen = project(view, np.array([[3 * x, 3 * y, 3.0]]))
    r = x * x + y * y
    radial = 1 + k[0] * r + k[1] * r**2 + k[4] * r**3
    u = x * radial + 2 * k[2] * x * y + k[3] * (r + 2 * x * x)
    v = y * radial + k[2] * (r + 2 * y * y) + 2 * k[3] * x * y
    if seen[0]:
        assert np.allclose(pixels[0], [100 * u + 50, 100 * v + 50])


def test_a_fisheye_sees_behind_itself():
    view = camera(100, focal=20, projection="fisheye")
    pixels, z, seen = project(view, np.array([[1.0, 0, -0.5], [0, 0, -1.0], [0, 0, 1]]))
    angle = math.pi / 2 + math.atan(0.5)
    assert seen.tolist() == [True, False, True]
    assert np.allclose(pixels[0], [view.fx * angle + 50, 50])
    assert z[0] == -0.5
    hits = find_hits(stage(body(CUBE, at(1, 0, -0.5, 0.3))), view)
    assert hits.body[50, int(pixels[0, 0])] == 1
    assert hits.z[50, int(pixels[0, 0])] < 0


def test_what_lies_beyond_the_turning_point_of_a_lens_has_no_pixel_and_no_ray():
    view = camera(200, focal=100, distortion=(-0.5, 0, 0, 0, 0))
    reach = math.sqrt(1 / 1.5)  # where r (1 - r^2 / 2) turns back
    points = np.array([[0.99 * reach, 0, 1], [1.01 * reach, 0, 1], [0, 0, -1.0]])
    pixels, _, seen = project(view, points)
    assert seen.tolist() == [True, False, False]
    assert np.isnan(pixels[1:]).all()
    directions = rays(view)[1]
    rim = 100 * reach * (1 - reach**2 / 2)
    column = np.arange(200) + 0.5 - 100
    assert (np.isfinite(directions[100, :, 0]) == (np.hypot(column, 0.5) <= rim)).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fx": 0.0}, "focal lengths 0"),
        ({"fx": math.nan}, "not finite"),
        ({"near": 0.0}, "near must be above 0"),
        ({"width": 0}, "has no pixels"),
        ({"matrix": np.full((4, 4), np.nan)}, "not finite"),
        ({"distortion": (0.1,) * 6}, "at most 5"),
        ({"distortion": (0.1,), "projection": "orthographic"}, "at most 0"),
    ],
)
def test_a_view_that_cannot_see_is_refused_in_words(change, words):
    fields = {"width": 8, "height": 8, "fx": 8.0, "fy": 8.0, "cx": 4.0, "cy": 4.0}
    view = type(camera())(**{**fields, "matrix": np.eye(4), **change})
    with pytest.raises(SceneError, match=words):
        find_hits(stage(body(CUBE, at(0, 0, 3))), view)
    with pytest.raises(SceneError, match=words):
        rays(view)
