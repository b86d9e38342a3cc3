"""From radiance to bytes: each step against what it says of itself."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from abbild.core import Seed
from abbild.core.errors import ShapeError
from abbild.images.colors import decode_srgb
from abbild.images.develop import automatic_exposure, blurred, develop
from abbild.images.stage import Sensor

SEED = Seed(11)


def even(value, size=64):
    return np.full((size, size, 3), value, np.float32)


def light_of(picture):
    """Linear light of a picture below the knee of the tone curve."""
    return decode_srgb(picture).astype(float)


@given(st.integers(0, 230))
def test_light_below_the_knee_is_encoded_as_srgb(code):
    light = float(decode_srgb(np.array([code], np.uint8))[0])
    assert (develop(even(light, 2), Sensor(), seed=SEED) == code).all()


def test_the_tone_curve_rises_and_never_reaches_beyond_white():
    light = np.geomspace(1e-4, 1e4, 3000).astype(np.float32)
    picture = develop(np.repeat(light[None, :, None], 3, axis=2), Sensor(), seed=SEED)[0, :, 0]
    assert (np.diff(picture.astype(int)) >= 0).all()
    assert np.diff(picture.astype(int)).max() <= 1  # no step wider than one code
    assert picture[-1] == 255
    assert develop(even(1.0, 2), Sensor(), seed=SEED)[0, 0, 0] == 247  # as documented


@pytest.mark.parametrize("value", [0.02, 0.2, 0.5])
def test_gain_noise_has_the_deviation_it_is_given(value):
    noise = light_of(develop(even(value, 160), Sensor(gain_noise=0.004), seed=SEED)) - value
    # 76,800 values: the deviation of their deviation is 1 / sqrt(2 n) = 0.26 %
    quantum = 1 / 255 / 12**0.5 * 2.2 * value ** (1 - 1 / 2.2)
    assert noise.std() == pytest.approx(np.hypot(0.004, quantum), rel=0.02)
    assert abs(noise.mean()) < 5 * 0.004 / 76_800**0.5 + 1e-4


def test_the_variance_of_shot_noise_is_proportional_to_light():
    sensor = Sensor(shot_noise=0.02)
    for value in (0.1, 0.4):
        noise = light_of(develop(even(value, 160), sensor, seed=SEED)) - value
        assert noise.std() == pytest.approx(0.02 * value**0.5, rel=0.03)


def test_noise_is_the_same_for_the_same_seed_only():
    sensor = Sensor(gain_noise=0.05)
    first = develop(even(0.3), sensor, seed=SEED)
    np.testing.assert_array_equal(first, develop(even(0.3), sensor, seed=SEED))
    assert (first != develop(even(0.3), sensor, seed=SEED / 1)).mean() > 0.5


@given(st.floats(0.01, 100), st.integers(0, 1000))
def test_automatic_exposure_does_not_care_how_bright_the_scene_is(factor, number):
    light = np.random.default_rng(number).gamma(1.0, 1.0, (12, 9, 3)).astype(np.float32)
    assert automatic_exposure(light * np.float32(factor)) * factor == pytest.approx(
        automatic_exposure(light), rel=1e-4
    )


def test_automatic_exposure_makes_an_even_picture_grey():
    picture = develop(even(37.0), Sensor(exposure=0.0), seed=SEED)
    np.testing.assert_allclose(light_of(picture), 0.18, atol=0.003)
    assert automatic_exposure(even(0.0)) == 1.0


def test_a_small_sun_hardly_darkens_the_rest():
    light = even(0.2)
    light[3, 3] = 1e5
    assert automatic_exposure(light) == pytest.approx(0.18 / 0.2, rel=0.02)


def test_corners_lose_what_vignetting_says():
    light = light_of(develop(even(0.5, 201), Sensor(vignetting=0.4), seed=SEED))
    assert light[100, 100, 0] == pytest.approx(0.5, abs=0.005)
    assert light[0, 0, 0] == pytest.approx(0.5 * 0.6, abs=0.01)
    assert light[100, 0, 0] == pytest.approx(0.5 * (1 - 0.4 / 2), abs=0.01)


def test_blur_spreads_a_point_by_its_deviation_and_keeps_its_light():
    point = np.zeros((61, 61, 3), np.float32)
    point[30, 30] = 1.0
    soft = blurred(point, 3.0)[..., 0].astype(float)
    at = np.arange(61) - 30
    assert soft.sum() == pytest.approx(1.0, abs=1e-5)
    for axis in (0, 1):
        assert (soft.sum(axis=axis) * at**2).sum() == pytest.approx(9.0, rel=0.01)
    np.testing.assert_allclose(soft, soft.T, atol=1e-9)


@given(st.floats(0.3, 6), st.integers(1, 9), st.integers(1, 9))
def test_blur_leaves_an_even_picture_of_any_size(deviation, height, width):
    light = np.full((height, width, 3), 0.4, np.float32)
    np.testing.assert_allclose(blurred(light, deviation), 0.4, rtol=1e-5)


def test_motion_smears_along_its_direction_only():
    point = np.zeros((41, 41, 3), np.float32)
    point[20, 20] = 0.7
    picture = light_of(develop(point, Sensor(motion=(10.0, 0.0)), seed=SEED))[..., 0]
    rows = picture.sum(axis=1)
    assert rows[20] == pytest.approx(picture.sum())
    lit = np.flatnonzero(picture[20] > 1e-4)
    assert lit.min() in (15, 16)
    assert lit.max() in (24, 25)
    assert picture[20, 17:24] == pytest.approx(0.07, abs=0.01)


def test_a_small_far_picture_keeps_its_mean_and_loses_its_detail():
    checks = (np.indices((96, 96)).sum(axis=0) % 2).astype(np.float32)
    light = np.repeat(checks[..., None], 3, axis=2) * np.float32(0.6)
    picture = develop(light, Sensor(downscale=4.0), seed=SEED)
    assert picture.shape == (96, 96, 3)
    np.testing.assert_allclose(light_of(picture), 0.3, atol=0.01)


def test_an_odd_factor_of_shrinking_keeps_an_even_picture():
    for factor in (1.3, 2.7, 50.0):
        picture = develop(even(0.3, 37), Sensor(downscale=factor), seed=SEED)
        np.testing.assert_allclose(light_of(picture), 0.3, atol=0.005)


def test_white_balance_multiplies_light():
    sensor = Sensor(white_balance=(1.5, 1.0, 0.5))
    light = light_of(develop(even(0.3), sensor, seed=SEED))[0, 0]
    np.testing.assert_allclose(light, [0.45, 0.3, 0.15], atol=0.005)


def test_without_saturation_everything_is_grey_and_grey_stays():
    light = np.random.default_rng(0).random((8, 8, 3)).astype(np.float32)
    picture = develop(light, Sensor(saturation=0.0), seed=SEED)
    assert np.ptp(picture, axis=2).max() <= 1
    grey = develop(even(0.2, 4), Sensor(saturation=1.7), seed=SEED)
    np.testing.assert_allclose(grey, develop(even(0.2, 4), Sensor(), seed=SEED), atol=1)


def test_contrast_and_gamma_act_on_the_encoded_value():
    plain = develop(even(0.3, 2), Sensor(), seed=SEED)[0, 0, 0] / 255
    strong = develop(even(0.3, 2), Sensor(contrast=1.5), seed=SEED)[0, 0, 0] / 255
    dark = develop(even(0.3, 2), Sensor(gamma=2.0), seed=SEED)[0, 0, 0] / 255
    assert strong == pytest.approx(0.5 + 1.5 * (plain - 0.5), abs=0.006)
    assert dark == pytest.approx(plain**2, abs=0.006)


def test_jpeg_loses_more_at_lower_quality():
    light = np.random.default_rng(0).random((64, 64, 3)).astype(np.float32) * 0.5
    plain = develop(light, Sensor(), seed=SEED).astype(int)
    losses = [
        np.abs(develop(light, Sensor(jpeg_quality=quality), seed=SEED) - plain).mean()
        for quality in (95, 60, 10)
    ]
    assert losses[0] < losses[1] < losses[2]


def test_radiance_is_left_as_it_was():
    light = np.random.default_rng(0).random((16, 16, 3)).astype(np.float32)
    before = light.copy()
    sensor = Sensor(0.0, 0.01, 0.02, 0.3, 1.0, (2, 1), (1, 1.1, 1), 0.9, 1.1, 1.1, 2.0, 70)
    develop(light, sensor, seed=SEED)
    np.testing.assert_array_equal(light, before)


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)),
        elements=st.floats(allow_nan=True, allow_infinity=True, width=32),
    )
)
def test_any_array_of_light_becomes_a_picture(light):
    sensor = Sensor(gain_noise=0.1, shot_noise=0.1, blur=0.7, motion=(1, -2), downscale=1.5)
    for each in (Sensor(), replace(sensor, exposure=0.0), replace(sensor, jpeg_quality=50)):
        picture = develop(light, each, seed=SEED)
        assert picture.shape == light.shape
        assert picture.dtype == np.uint8


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (0, 4, 3), (3,)])
def test_what_is_no_picture_is_refused(shape):
    with pytest.raises(ShapeError, match="shape"):
        develop(np.zeros(shape, np.float32), Sensor(), seed=SEED)


def test_sharpening_steepens_edges_and_leaves_flat_light_alone():
    light = np.full((16, 16, 3), 0.2, np.float32)
    light[:, 8:] = 0.5
    plain = develop(light, Sensor(), seed=Seed(0)).astype(int)
    sharp = develop(light, Sensor(sharpen=1.0), seed=Seed(0)).astype(int)
    assert (sharp[:, :4] == plain[:, :4]).all()
    assert (sharp[:, 8] > plain[:, 8]).all()
    assert (sharp[:, 7] < plain[:, 7]).all()
