"""Lens and shutter: laws that hold for any renderer."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from abbild.core import Seed
from abbild.images.exposure import banded_layers, circle_of_confusion, expose, with_lens
from abbild.images.fast import Fast
from abbild.images.labels import find_hits, find_layers
from abbild.images.stage import Environment, Sun
from tests.images.fast_stages import above, body, box, even_sky, grey, looking, placed, quad, stage

SEED = Seed(2)
GLOW = np.ones(3, np.float32)
FAST = Fast(supersample=1, ambient_occlusion=0)


@dataclass(frozen=True)
class Outline:
    """A renderer that paints bodies white."""

    has_lens: ClassVar[bool] = False

    def radiance(self, scene, view, *, seed):
        white = find_hits(scene, view).body > 0
        return np.repeat(white[..., None], 3, axis=2).astype(np.float32)


def moving(speed, view, mesh=None):
    """A glowing square that moves along x, metres a second."""
    mesh = mesh or quad(2)
    surface = grey(0.0, emission=GLOW)

    def moment(time):
        return stage(body(mesh, surface, placed((speed * time, 0, 0)))), view

    return moment


def test_an_instant_is_what_the_renderer_gives():
    view = above()
    moment = moving(3.0, view)
    light = expose(FAST, moment, seed=SEED)
    np.testing.assert_array_equal(light, FAST.radiance(*moment(0.0), seed=SEED))


def test_what_stands_still_is_the_instant_however_long_the_shutter_is_open():
    view = above(exposure_time=2.0)
    scene = stage(body(box(), grey()), lamps=[Sun(np.array([0, 1, 1.0]), np.ones(3))])
    light = expose(Fast(), lambda _: (scene, view), seed=SEED)
    np.testing.assert_array_equal(light, Fast().radiance(scene, view, seed=SEED))


def test_the_edge_of_what_moves_is_a_ramp_as_long_as_its_way():
    view = above(80, 4.0, exposure_time=0.5)
    light = expose(Outline(), moving(1.2, view), seed=SEED, samples=48)[40, :, 0]
    x = (np.arange(80) + 0.5 - 40) / view.fx
    expected = np.clip((x + 1 + 0.3) / 0.6, 0, 1) * np.clip((1 + 0.3 - x) / 0.6, 0, 1)
    np.testing.assert_allclose(light, expected, atol=0.05)  # 1/48, and a pixel is 1/12 of the way


def test_motion_keeps_the_light():
    still = expose(Outline(), moving(0.0, above(64, 8)), seed=SEED)
    moved = expose(Outline(), moving(0.9, above(64, 8, exposure_time=1.0)), seed=SEED)
    assert moved.sum() == pytest.approx(still.sum(), rel=0.03)


def test_a_rolling_shutter_slants_what_moves_sideways():
    view = above(96, 4.0, readout_time=0.5)
    light = expose(Outline(), moving(1.6, view), seed=SEED, bands=48)[..., 0]
    rows = [40, 48, 56]
    edges = [np.flatnonzero(light[row] > 0.5).min() for row in rows]
    # 16 rows are 1/6 of the readout; the square moves 1.6 * 0.5 / 6 metres in them
    shift = 1.6 * 0.5 / 6 * view.fx
    assert edges[2] - edges[0] == pytest.approx(shift, abs=1.01)
    middle = expose(Outline(), moving(1.6, replace(view, readout_time=0.0)), seed=SEED)[48, :, 0]
    assert edges[1] == pytest.approx(np.flatnonzero(middle > 0.5).min(), abs=1)


def test_labels_share_the_moments_of_the_pixels():
    view = above(64, 4.0, readout_time=0.5)
    moment = moving(1.6, view)
    light = expose(Outline(), moment, seed=SEED)
    layers = banded_layers(moment)
    np.testing.assert_array_equal(layers.body > 0, light[..., 0] > 0)
    assert layers.position.shape == (64, 64, 3)
    still = banded_layers(moving(0.0, view))
    plain = find_layers(*moving(0.0, view)(0.0))
    np.testing.assert_array_equal(still.body, plain.body)
    np.testing.assert_allclose(still.z, plain.z, rtol=1e-6)


def test_a_rolling_shutter_over_what_stands_still_changes_nothing_visible():
    scene = stage(body(box(), grey(), placed((0, 0, 0.5))), body(quad(9), grey()), sky=even_sky())
    view = looking((0, 0, 0), (3, 3, 3), 48)
    plain = expose(Fast(), lambda _: (scene, view), seed=SEED)
    rolling = replace(view, readout_time=0.1)
    banded = expose(Fast(), lambda _: (scene, rolling), seed=SEED, bands=6)
    assert np.abs(plain - banded).mean() < 5e-3


def test_bands_keep_their_place_before_a_photograph():
    photograph = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    sky = Environment(np.ones((4, 8, 3), np.float32), photograph)
    scene, view = stage(sky=sky), looking((1, 0, 0), (0, 0, 0), 32)
    plain = expose(FAST, lambda _: (scene, view), seed=SEED)
    rolling = replace(view, readout_time=0.1)
    np.testing.assert_array_equal(plain, expose(FAST, lambda _: (scene, rolling), seed=SEED))


def test_the_circle_of_confusion_follows_the_thin_lens():
    view = looking((0, 0, 0), (0, 5, 0), f=500, aperture=0.02, focus=2.0)
    z = np.array([2.0, 4.0, 1.0, np.inf], np.float32)
    # rays through the rim of the lens meet at 2; at z they are apart by 2 a |z - 2| / 2, which
    # the pinhole sees under an angle of that over z
    expected = [0, 500 * 0.02 * 2 / 2 / 4, 500 * 0.02 * 1 / 2 / 1, 500 * 0.02 / 2]
    np.testing.assert_allclose(circle_of_confusion(z, view), expected, rtol=1e-5)


def test_what_is_in_focus_stays_sharp_and_what_is_not_is_spread():
    surface = grey(0.0, emission=GLOW)
    scene = stage(body(quad(2), surface))
    sharp = above(64, 4.0, height=2.0, aperture=0.1, focus=2.0)
    plain = Outline().radiance(scene, sharp, seed=SEED)
    np.testing.assert_array_equal(with_lens(Outline(), scene, sharp, seed=SEED), plain)
    soft = with_lens(Outline(), scene, replace(sharp, focus=1.0), seed=SEED)
    edge = soft[32, :32, 0]
    radius = 0.1 * sharp.fx  # pixels: the lens once over, at twice the focus
    mixed = (edge > 0.02) & (edge < 0.98)
    assert mixed.sum() == pytest.approx(2 * radius, abs=2.5)
    assert soft.sum() == pytest.approx(plain.sum(), rel=0.05)


def test_a_renderer_with_a_lens_is_left_alone():
    @dataclass(frozen=True)
    class Lens(Outline):
        has_lens: ClassVar[bool] = True

    scene, view = stage(body(quad(2), grey())), above(aperture=0.5, focus=1.0)
    light = with_lens(Lens(), scene, view, seed=SEED)
    np.testing.assert_array_equal(light, Outline().radiance(scene, view, seed=SEED))


def test_known_layers_reach_a_renderer_that_takes_them():
    scene, view = stage(body(box(), grey()), sky=even_sky()), above(aperture=0.01, focus=2.0)
    plain = expose(Fast(), lambda _: (scene, view), seed=SEED)
    layers = find_layers(scene, view)
    np.testing.assert_array_equal(
        expose(Fast(), lambda _: (scene, view), seed=SEED, layers=layers), plain
    )


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 1), (1, 5)])
def test_pictures_smaller_than_the_bands(width, height):
    view = replace(
        above(4, 4.0, exposure_time=0.1, readout_time=0.1, aperture=0.3), width=width, height=height
    )
    light = expose(Fast(), moving(1.0, view), seed=SEED, samples=2)
    assert light.shape == (height, width, 3)
    assert np.isfinite(light).all()
    assert banded_layers(moving(1.0, view)).body.shape == (height, width)
