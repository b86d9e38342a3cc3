"""Light of the quick renderer against closed forms."""

from dataclasses import replace
from gc import collect
from weakref import ref

import numpy as np
import pytest

from abbild.core import Seed
from abbild.images.fast import Fast
from abbild.images.fast.sky import sky_of
from abbild.images.labels import find_layers
from abbild.images.stage import Bulb, Environment, Panel, Sun, Surface
from tests.images.fast_stages import (
    above,
    body,
    box,
    even_sky,
    grey,
    ground_points,
    looking,
    placed,
    quad,
    sphere,
    stage,
)

PLAIN = Fast(supersample=1, ambient_occlusion=0)
SEED = Seed(3)


def render(scene, view, renderer=PLAIN):
    picture = renderer.radiance(scene, view, seed=SEED)
    assert picture.shape == (view.height, view.width, 3)
    assert picture.dtype == np.float32
    assert np.isfinite(picture).all()
    assert (picture >= 0).all()
    return picture


def sun(direction, irradiance=(1.0, 1.0, 1.0), angle=0.0093):
    direction = np.array(direction, float)
    return Sun(direction / np.linalg.norm(direction), np.array(irradiance, float), angle)


@pytest.mark.parametrize("degrees", [0, 30, 60, 85])
def test_a_plane_scatters_albedo_over_pi_times_the_cosine(degrees):
    a = np.radians(degrees)
    lamp = sun([np.sin(a), 0, np.cos(a)], (3.0, 2.0, 1.0))
    seen = render(stage(body(quad(9), grey(0.4)), lamps=[lamp]), above())
    expected = 0.4 / np.pi * np.array([3.0, 2.0, 1.0]) * np.cos(a)
    np.testing.assert_allclose(seen, np.broadcast_to(expected, seen.shape), rtol=1e-5)


def test_a_sphere_under_the_sun_follows_the_cosine_without_spots():
    direction = np.array([0.6, 0.0, 0.8])
    scene = stage(body(sphere(96), grey(0.5)), lamps=[sun(direction)])
    view = above(128, 2.4)
    seen = render(scene, view)[..., 0]
    x, y = ground_points(view)
    inside = x * x + y * y < 0.94
    z = np.sqrt(np.where(inside, 1 - x * x - y * y, 0))
    cosine = x * direction[0] + y * direction[1] + z * direction[2]
    expected = 0.5 / np.pi * np.maximum(cosine, 0)
    off = np.abs(seen - expected)[inside & (np.abs(cosine) > 0.03)]
    assert off.max() < 2e-3  # faces are 1/30 wide: normals are off by less than its square


def test_the_light_of_a_bulb_falls_with_the_square_of_the_distance():
    for height in (0.5, 2.0, 7.0):
        bulb = Bulb(np.array([0, 0, height]), np.full(3, 5.0), radius=0.01)
        view = above(33, 0.1)
        seen = render(stage(body(quad(9), grey(1.0)), lamps=[bulb]), view)
        assert seen[16, 16, 0] == pytest.approx(5 / np.pi / height**2, rel=1e-3)


def test_a_cone_ends_where_it_is_told_to():
    cone = np.radians(30)
    bulb = Bulb(np.array([0, 0, 2.0]), np.full(3, 5.0), 0.01, np.array([0, 0, -1.0]), cone)
    view = above(64, 4)
    seen = render(stage(body(quad(9), grey(1.0)), lamps=[bulb]), view)[..., 0]
    x, y = ground_points(view)
    angle = np.arctan2(np.hypot(x, y), 2)
    assert (seen[angle > cone] == 0).all()
    expected = 5 / np.pi * np.cos(angle) ** 3 / 4
    inner = angle < 0.9 * cone
    np.testing.assert_allclose(seen[inner], expected[inner], rtol=1e-4)


@pytest.mark.parametrize("height", [0.2, 0.7, 3.0, 9.0])
def test_a_panel_gives_the_irradiance_of_a_rectangle(height):
    a, b = 0.6, 0.35  # half sides
    matrix = placed((0, 0, height), (2 * a, 2 * b, 1), np.pi)  # turned about x, it shines down
    seen = render(
        stage(body(quad(9), grey(1.0)), lamps=[Panel(matrix, np.full(3, 2.0))]), above(33, 0.01)
    )
    p, q = a / height, b / height  # Siegel and Howell, configuration factor of a parallel element
    u, v = np.sqrt(1 + p * p), np.sqrt(1 + q * q)
    factor = 2 / np.pi * (p / u * np.arctan(q / u) + q / v * np.arctan(p / v))
    assert seen[16, 16, 0] == pytest.approx(2.0 * factor, rel=2e-3)


def test_a_panel_does_not_shine_backwards():
    panel = Panel(placed((0, 0, 2)), np.ones(3))
    assert render(stage(body(quad(9), grey()), lamps=[panel]), above()).max() == 0


@pytest.mark.parametrize("roughness", [0.3, 1.0])
def test_under_an_even_sky_a_white_scatterer_cannot_be_seen(roughness):
    white = grey(1.0, roughness=roughness)
    seen = render(stage(body(sphere(), white), sky=even_sky(0.7)), above(48, 3), Fast())
    np.testing.assert_allclose(seen, 0.7, rtol=2e-3)


def test_a_mirror_shows_the_sky_where_it_reflects_it():
    rows = np.zeros((64, 128, 3), np.float32)
    rows[:, :64, 0], rows[:, 64:, 1] = 1.0, 2.0  # left columns look to +y, right ones to -y
    mirror = Surface(np.ones(3, np.float32), roughness=0.0, metallic=1.0)
    matrix = placed(turn=np.radians(-30))  # its normal leans to +y, so it shows what is there
    seen = render(stage(body(quad(9), mirror, matrix), sky=Environment(rows)), above())
    np.testing.assert_allclose(seen[..., 0], 1.0, rtol=0.05)
    assert seen[..., 1].max() < 0.05


def test_the_background_is_the_sky_seen_through_the_pixel():
    sky = np.zeros((64, 128, 3), np.float32)
    sky[..., 0] = (np.arange(64) + 0.5)[:, None]
    sky[..., 1] = (np.arange(128) + 0.5)[None]
    seen = render(stage(sky=Environment(sky)), looking((1, 0.5, 0.2), (0, 0, 0), 33))
    direction = np.array([1, 0.5, 0.2]) / np.linalg.norm([1, 0.5, 0.2])
    assert seen[16, 16, 0] == pytest.approx(np.arccos(direction[2]) / np.pi * 64, abs=0.02)
    turn = np.arctan2(direction[1], direction[0])
    assert seen[16, 16, 1] == pytest.approx((0.5 - turn / 2 / np.pi) * 128, abs=0.02)


def test_the_side_towards_the_bright_half_of_the_sky_is_brighter():
    sky = np.zeros((32, 64, 3), np.float32)
    sky[:, :32] = 1.0  # +y
    leaned = [
        render(stage(body(quad(9), grey(1.0), placed(turn=t)), sky=Environment(sky)), above(8))
        for t in np.radians([-60, 0, 60])
    ]
    towards, flat, away = (each[4, 4, 0] for each in leaned)
    assert flat == pytest.approx(0.5, abs=0.01)  # half of a hemisphere, by symmetry
    # a plane that leans by t sees (1 + sin t) / 2 of it; second order harmonics are that good
    assert towards == pytest.approx((1 + np.sin(np.pi / 3)) / 2, abs=0.06)
    assert away == pytest.approx((1 - np.sin(np.pi / 3)) / 2, abs=0.06)


def test_a_sun_in_the_sky_lights_and_throws_a_shadow_as_a_lamp_would():
    rows = 128
    down, turn = np.radians(45), np.radians(30)
    sky = np.full((rows, 2 * rows, 3), 0.2, np.float32)
    row, column = round(down / np.pi * rows - 0.5), round((0.5 - turn / 2 / np.pi) * 2 * rows - 0.5)
    solid = (np.pi / rows) ** 2 * np.sin((row + 0.5) / rows * np.pi)
    sky[row, column] += 3.0 / solid
    bright, even = Environment(sky), even_sky(0.2)
    direction = [np.sin(down) * np.cos(turn), np.sin(down) * np.sin(turn), np.cos(down)]
    bodies = [body(quad(9), grey()), body(box(), grey(), placed((0, 0, 0.5)))]
    seen = render(stage(*bodies, sky=bright), above(64, 6))
    lamp = sun(direction, (3.0, 3.0, 3.0), angle=0.03)
    expected = render(stage(*bodies, lamps=[lamp], sky=even), above(64, 6))
    np.testing.assert_allclose(seen[4, 4], expected[4, 4], rtol=0.02)
    assert np.mean(np.abs(seen - expected) > 0.02) < 0.02
    dark = expected[..., 0] < 0.6 * expected[4, 4, 0]
    assert dark.mean() > 0.01


@pytest.mark.parametrize("gain", [1.0, 15.0])
def test_a_sky_without_a_sun_stays_a_sky(gain):
    sky = np.full((32, 64, 3), 0.2, np.float32)
    sky[4:12, 10:20] *= gain  # a window, not a sun
    assert sky_of(Environment(sky))[1] == ()


@pytest.mark.parametrize("peak", [0.0, 5000.0])
def test_what_is_kept_of_a_sky_dies_with_it(peak):
    light = np.full((32, 64, 3), 0.2, np.float32)
    light[8, 10] += peak
    alive = ref(light)
    sky, suns = sky_of(Environment(light))
    assert len(suns) == (peak > 0)
    assert sky.radiance is light
    del light, sky
    collect()
    assert alive() is None


def test_what_glows_adds_its_own_light():
    lit = grey(0.0, emission=np.array([0.1, 0.2, 0.3], np.float32))
    seen = render(stage(body(quad(9), lit)), above())
    np.testing.assert_allclose(seen, np.broadcast_to([0.1, 0.2, 0.3], seen.shape), rtol=1e-6)


def test_a_highlight_lies_where_the_lamp_is_mirrored():
    lamp = sun([np.sin(0.6), 0, np.cos(0.6)], (9, 9, 9))
    gloss = Surface(np.zeros(3, np.float32), roughness=0.15)
    view = above(65, 2.2)
    seen = render(stage(body(sphere(96), gloss), lamps=[lamp]), view)[..., 0]
    row, column = np.unravel_index(np.argmax(seen), seen.shape)
    x, y = ground_points(view)
    assert x[row, column] == pytest.approx(np.sin(0.3), abs=0.05)  # halfway to the camera
    assert y[row, column] == pytest.approx(0, abs=0.05)


def test_rough_metal_reflects_no_more_than_it_gets():
    metal = Surface(np.ones(3, np.float32), roughness=0.6, metallic=1.0)
    scene = stage(body(sphere(), metal), sky=even_sky())
    seen = render(scene, above(48, 3))
    assert seen.max() < 1.01
    assert seen.min() > 0.6  # one bounce between microfacets is all that is counted


def test_the_sum_of_two_lamps_is_the_sum_of_their_pictures():
    ball = [body(quad(9), grey()), body(sphere(), grey(0.7), placed((0, 0, 1)))]
    lamps = [sun([1, 0, 2.0]), Bulb(np.array([0, 2.0, 2]), np.ones(3))]
    both = render(stage(*ball, lamps=lamps), above())
    apart = [render(stage(*ball, lamps=[lamp]), above()) for lamp in lamps]
    shadows_differ = np.abs(both - sum(apart)) > 1e-5  # their samples are drawn apart
    assert shadows_differ.mean() < 0.2
    assert np.abs(both - sum(apart)).mean() < 2e-3


def test_the_same_seed_gives_the_same_bytes_whatever_came_before():
    scene = stage(
        body(quad(9), grey()), body(box(), grey(0.8), placed((0, 0, 0.5))), lamps=[sun([1, 2, 3])]
    )
    view = looking((0, 0, 0), (3, 3, 3), 48)
    first = Fast().radiance(scene, view, seed=SEED)
    Fast().radiance(stage(body(sphere(), grey()), sky=even_sky()), above(), seed=Seed(9))
    np.testing.assert_array_equal(Fast().radiance(scene, view, seed=SEED), first)
    again = replace(scene, bodies=tuple(replace(each) for each in scene.bodies))
    np.testing.assert_array_equal(Fast().radiance(again, view, seed=SEED), first)


def test_layers_known_already_change_nothing():
    scene = stage(body(sphere(), grey()), lamps=[sun([1, 2, 3])])
    view = looking((0, 0, 0), (3, 3, 3), 24)
    plain = Fast().radiance(scene, view, seed=SEED)
    layers = find_layers(scene, view)
    np.testing.assert_array_equal(Fast().radiance(scene, view, seed=SEED, layers=layers), plain)
