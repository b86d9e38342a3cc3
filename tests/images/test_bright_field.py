"""Light through absorbing bodies against Beer and Lambert."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbild.core import Seed
from abbild.images.bright_field import bright_field, optical_depth
from abbild.images.errors import RendererError
from abbild.images.stage import Mesh, Surface
from tests.images.fast_stages import (
    above,
    body,
    box,
    ground_points,
    looking,
    placed,
    quad,
    sphere,
    stage,
)

SEED = Seed(4)
LAMP = np.array([0.9, 0.8, 0.7])
ABSORPTION = np.array([0.3, 0.7, 1.1], np.float32)
STAIN = Surface(np.ones(3, np.float32), absorption=ABSORPTION)


def view(size=48, width=4.0, **more):
    return above(size, width, bright_field=LAMP, **more)


def light(scene, seen=None):
    picture = bright_field(scene, seen or view(), seed=SEED, unevenness=0.0)
    assert picture.dtype == np.float32
    assert np.isfinite(picture).all()
    return picture


def test_an_empty_slide_shows_the_lamp():
    np.testing.assert_allclose(light(stage()), np.broadcast_to(LAMP, (48, 48, 3)), rtol=1e-6)


@pytest.mark.parametrize("thickness", [0.5, 2.0])
def test_a_box_absorbs_by_its_thickness(thickness):
    seen = light(stage(body(box(), STAIN, placed((0, 0, 1), (2, 2, thickness)))))
    np.testing.assert_allclose(seen[24, 24], LAMP * np.exp(-ABSORPTION * thickness), rtol=1e-5)
    np.testing.assert_allclose(seen[2, 2], LAMP, rtol=1e-6)


def test_a_sphere_absorbs_by_its_chords():
    size = 64
    depth = optical_depth(stage(body(sphere(96), STAIN)), view(size, 2.4))
    x, y = ground_points(view(size, 2.4))
    inside = x * x + y * y
    chord = 2 * np.sqrt(np.maximum(1 - inside, 0))
    clear = inside < 0.9
    np.testing.assert_allclose(depth[..., 1][clear], 0.7 * chord[clear], rtol=0.01)
    assert (depth[inside > 1.0] == 0).all()


def test_a_leaning_box_has_its_thickness_along_the_ray():
    lean = np.radians(30)
    depth = optical_depth(stage(body(box(), STAIN, placed((0, 0, 0), (9, 9, 1), lean))), view())
    np.testing.assert_allclose(depth[24, 24], ABSORPTION / np.cos(lean), rtol=1e-5)


def test_bodies_add_up_in_any_order():
    one = body(box(), STAIN, placed((0, 0, 0.2)))
    two = body(sphere(), STAIN, placed((0.3, 0, 0.1), 0.7))
    apart = optical_depth(stage(one), view()) + optical_depth(stage(two), view())
    np.testing.assert_allclose(optical_depth(stage(one, two), view()), apart, rtol=1e-6)
    np.testing.assert_allclose(optical_depth(stage(two, one), view()), apart, rtol=1e-6)


def test_corners_on_pixel_centres_leave_no_holes_and_no_seams():
    # the box's corners, edges and diagonals pass through pixel centres
    seen = above(16, 16.0, bright_field=LAMP)
    depth = optical_depth(stage(body(box(), STAIN, placed((0.5, 0.5, 0), (8, 8, 1)))), seen)
    assert set(np.unique(depth[..., 0])) <= {0.0, np.float32(0.3)}
    assert (depth[..., 0] > 0).sum() == 64


def test_a_mesh_inside_out_absorbs_likewise():
    ball = sphere(24)
    inverted = Mesh(ball.vertices, ball.faces[:, ::-1].copy(), -ball.normals, ball.uv)
    np.testing.assert_allclose(
        optical_depth(stage(body(inverted, STAIN)), view()),
        optical_depth(stage(body(ball, STAIN)), view()),
        atol=1e-6,
    )


def test_what_is_not_closed_is_not_seen():
    assert optical_depth(stage(body(quad(2), STAIN)), view()).max() == 0


def test_the_unit_of_length_does_not_matter():
    small = 1e-6
    thin = Surface(np.ones(3, np.float32), absorption=ABSORPTION / np.float32(small))
    seen = view()
    f = seen.fx / small
    tiny = type(seen)(48, 48, f, f, 24, 24, seen.matrix, "orthographic", bright_field=LAMP)
    np.testing.assert_allclose(
        light(stage(body(sphere(24), thin, placed(scale=small))), tiny),
        light(stage(body(sphere(24), STAIN))),
        rtol=1e-4,
    )


def test_what_is_out_of_focus_is_spread_and_keeps_its_light():
    ball = stage(body(sphere(24), STAIN, placed((0, 0, 0), 0.5)))
    sharp = light(ball, view(aperture=2.0, focus=10.0))
    np.testing.assert_array_equal(sharp, light(ball))
    soft = light(ball, view(aperture=2.0, focus=8.0))
    lost, kept = (LAMP - soft).sum(), (LAMP - sharp).sum()
    assert lost == pytest.approx(kept, rel=1e-3)
    assert soft[24, 24, 1] > sharp[24, 24, 1]
    steep = [np.abs(np.diff(each[24, :, 1])).max() for each in (soft, sharp)]
    assert steep[0] < 0.5 * steep[1]


def test_the_lamp_is_uneven_by_no_more_than_it_says():
    seen = bright_field(stage(), view(), seed=SEED, unevenness=0.1)
    share = seen / LAMP
    assert share.max() < 1.1
    assert share.min() > 0.75
    assert np.ptp(share) > 0.02
    np.testing.assert_array_equal(seen, bright_field(stage(), view(), seed=SEED, unevenness=0.1))


def test_other_views_are_refused():
    with pytest.raises(RendererError, match="pinhole"):
        bright_field(stage(), looking((0, 0, 0), (3, 3, 3), bright_field=LAMP), seed=SEED)
    with pytest.raises(RendererError, match="lamp"):
        bright_field(stage(), above(), seed=SEED)


@settings(max_examples=25)
@given(st.integers(0, 1000), st.floats(-30, 30), st.floats(0.001, 50))
def test_light_is_never_gained_and_always_finite(number, far, scale):
    rng = np.random.default_rng(number)
    scene = stage(
        body(sphere(8), STAIN, placed((far, 0, 0), scale, rng.uniform(0, 6))),
        body(box(), STAIN, placed(rng.normal(0, 1, 3), rng.uniform(0, 2, 3), rng.uniform(0, 6))),
    )
    seen = light(scene, view(17, 3.0, aperture=1.0, focus=5.0))
    assert (seen >= 0).all()
    assert (seen <= LAMP * 1.0001).all()


def through_a_clear_ball(excess, focus):
    """Return the factor on the lamp, (96, 96, 3); the ball of radius 1 is 10 m from the lens."""
    clear = Surface(np.ones(3, np.float32), index_excess=excess)
    seen = view(96, aperture=0.4, focus=focus)
    return light(stage(body(sphere(96), clear)), seen) / LAMP


@pytest.mark.parametrize("beyond", [0.5, 2.0, -0.5, -2.0])
def test_a_clear_ball_out_of_focus_gathers_light_as_a_lens(beyond):
    excess = 0.001  # so little that nothing is clipped
    seen = through_a_clear_ball(excess, 10.0 - beyond)
    # the chord 2 sqrt(1 - r^2) has the laplacian -4 in the middle; the blur is in steps of 20 %
    assert seen[48, 48, 1] - 1 == pytest.approx(4 * excess * beyond, rel=0.15)
    assert seen.mean() == pytest.approx(1.0, abs=1e-4)  # moved, not lost
    assert seen.std() > 1e-3


def test_a_clear_ball_is_not_seen_in_focus_or_in_its_own_medium():
    np.testing.assert_allclose(through_a_clear_ball(0.02, 10.0), 1.0, rtol=1e-6)
    np.testing.assert_allclose(through_a_clear_ball(0.0, 8.0), 1.0, rtol=1e-6)
