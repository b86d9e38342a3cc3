"""Weather: formulas where there are some, bounds and symmetries where there are none."""

import numpy as np
import pytest

from abbild.core import Seed
from abbild.images.atmosphere import (
    Bloom,
    Drops,
    Glare,
    Haze,
    Rain,
    Snow,
    apply_fog,
    apply_weather,
)
from abbild.images.errors import SceneError
from abbild.images.stage import Fog

SEED = Seed(8)
EVERY = [Haze(), Rain(), Snow(), Drops(), Glare(), Bloom()]


def scene(size=96, value=0.3):
    """A picture with some texture, and far away."""
    light = np.random.default_rng(0).uniform(0.5, 1.5, (size, size, 3)) * value
    return light.astype(np.float32), np.full((size, size), 50.0, np.float32)


def test_fog_mixes_by_the_exponential_of_distance():
    light = np.full((1, 3, 3), 0.8, np.float32)
    distance = np.array([[0.0, 10.0, np.inf]], np.float32)
    fog = Fog(np.array([0.1, 0.2, 0.3], np.float32), 0.05)
    seen = apply_fog(light, distance, fog)
    t = np.exp(-0.5)
    np.testing.assert_allclose(seen[0, 0], 0.8, rtol=1e-6)
    np.testing.assert_allclose(seen[0, 1], 0.8 * t + fog.color * (1 - t), rtol=1e-5)
    np.testing.assert_allclose(seen[0, 2], fog.color, rtol=1e-6)


def test_no_fog_gives_the_picture_back():
    light, distance = scene()
    assert apply_fog(light, distance, Fog(np.ones(3, np.float32), 0.0)) is light


def test_at_the_visibility_five_percent_of_the_contrast_is_left():
    light = np.zeros((2, 2, 3), np.float32)
    light[0] = 1.0
    distance = np.full((2, 2), 700.0, np.float32)
    seen = apply_weather(light, distance, [Haze(700.0, "white")], seed=SEED)
    assert seen[0, 0, 0] - seen[1, 0, 0] == pytest.approx(0.05, abs=0.001)


@pytest.mark.parametrize("weather", EVERY, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (33, 7), (64, 64)])
def test_any_picture_stays_finite_and_the_same_for_a_seed(weather, shape):
    light = np.random.default_rng(1).gamma(0.5, 1.0, (*shape, 3)).astype(np.float32)
    distance = np.full(shape, np.inf, np.float32)
    before = light.copy()
    seen = apply_weather(light, distance, [weather], seed=SEED)
    assert seen.shape == light.shape
    assert seen.dtype == np.float32
    assert np.isfinite(seen).all()
    assert (seen >= 0).all()
    np.testing.assert_array_equal(light, before)
    np.testing.assert_array_equal(seen, apply_weather(light, distance, [weather], seed=SEED))


@pytest.mark.parametrize("weather", [Rain(0.0), Snow(0.0), Drops(0)])
def test_none_of_it_changes_nothing(weather):
    light, distance = scene()
    np.testing.assert_allclose(apply_weather(light, distance, [weather], seed=SEED), light)


@pytest.mark.parametrize("kind", [Rain, Snow])
def test_more_of_it_hides_more(kind):
    light, distance = scene()
    changes = [
        np.abs(apply_weather(light, distance, [kind(amount)], seed=SEED) - light).mean()
        for amount in (0.1, 0.4, 1.0)
    ]
    assert changes[0] < changes[1] < changes[2]


def test_rain_falls_before_what_is_far_and_behind_what_is_near():
    light, far = scene(128)
    near = np.full_like(far, 0.3)
    struck = [
        (np.abs(apply_weather(light, distance, [Rain(1.0)], seed=SEED) - light) > 0.02).sum()
        for distance in (far, near)
    ]
    assert struck[1] < 0.2 * struck[0]


def test_streaks_lean_as_they_are_told():
    light = np.full((200, 200, 3), 0.3, np.float32)
    distance = np.full((200, 200), 3.0, np.float32)
    seen = apply_weather(light, distance, [Rain(1.0, slant=40.0)], seed=SEED)[..., 1]
    down, across = np.gradient(seen)
    # the gradient is at right angles to the streak: along it, light does not change
    along = np.abs(np.sin(np.radians(40)) * across + np.cos(np.radians(40)) * down).sum()
    other = np.abs(-np.sin(np.radians(40)) * across + np.cos(np.radians(40)) * down).sum()
    assert along < 0.6 * other


def test_the_sun_is_brightest_where_it_stands():
    light, distance = scene(64)
    seen = apply_weather(light, distance, [Glare(0.25, 0.75, 8.0, ghosts=0.0)], seed=SEED)
    row, column = np.unravel_index(np.argmax(seen.sum(axis=2)), (64, 64))
    assert row == pytest.approx(48, abs=2)
    assert column == pytest.approx(16, abs=2)
    assert (seen >= light - 1e-6).all()


def test_bloom_moves_light_and_makes_none():
    light = np.full((101, 101, 3), 0.1, np.float32)
    light[50, 50] = 40.0
    distance = np.full((101, 101), 9.0, np.float32)
    seen = apply_weather(light, distance, [Bloom(size=0.03)], seed=SEED)
    assert seen.sum() == pytest.approx(light.sum(), rel=1e-3)
    assert seen[50, 52, 0] > 0.1
    assert seen[50, 50, 0] < 40.0
    dull = np.full((9, 9, 3), 0.1, np.float32)
    np.testing.assert_array_equal(Bloom().apply(dull, distance[:9, :9], SEED.rng()), dull)


def test_a_drop_shows_the_scene_upside_down():
    light = np.zeros((120, 120, 3), np.float32)
    light[:60] = 1.0  # bright above
    distance = np.full((120, 120), np.inf, np.float32)
    seen = apply_weather(light, distance, [Drops(40, 0.15)], seed=SEED)
    assert (seen[:50] < 0.5).any()
    assert (seen[70:] > 0.5).any()


def test_the_weather_of_an_enlargement_covers_the_same_share():
    shares = []
    for size in (100, 300):
        light = np.full((size, size, 3), 0.3, np.float32)
        distance = np.full((size, size), 3.0, np.float32)
        seen = apply_weather(light, distance, [Snow(1.0)], seed=SEED)
        shares.append(np.abs(seen - light).mean())
    assert shares[0] == pytest.approx(shares[1], rel=0.25)


def test_each_kind_draws_from_its_own_stream():
    light, distance = scene()
    first = apply_weather(light, distance, [Rain(), Haze(1e9)], seed=SEED)
    alone = apply_weather(light, distance, [Rain()], seed=SEED)
    np.testing.assert_allclose(first, alone, rtol=1e-4)


def test_what_is_no_weather_is_refused():
    light, distance = scene(8)
    with pytest.raises(SceneError, match="weather has a str"):
        apply_weather(light, distance, ["rain"], seed=SEED)
