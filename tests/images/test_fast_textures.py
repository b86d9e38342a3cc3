"""Textures, normal maps and backdrops in the quick renderer."""

import numpy as np
import pytest

from abbild.core import Seed
from abbild.images.backdrop import fit_backdrop
from abbild.images.fast import Fast
from abbild.images.stage import Environment, Sun, Surface
from tests.images.fast_stages import above, body, even_sky, grey, looking, placed, quad, stage

PLAIN = Fast(supersample=1, ambient_occlusion=0)
SKY = even_sky()


def seen(surface, view, **more):
    scene = stage(body(quad(2), surface, **more), sky=SKY)
    return PLAIN.radiance(scene, view, seed=Seed(1))


def painted(image, **more):
    return Surface(image, **{"specular": 0.0, "roughness": 1.0, **more})


def decoded(code):
    value = code / 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def test_row_zero_is_on_top_and_codes_are_srgb():
    image = np.zeros((2, 2, 3), np.uint8)
    image[0, 0], image[0, 1], image[1, 0], image[1, 1] = 50, 100, 150, 200
    picture = seen(painted(image, smooth_texture=False), above(40, 2.0))[..., 0]
    quarters = picture[5, 5], picture[5, 35], picture[35, 5], picture[35, 35]
    expected = [decoded(code) for code in (50, 100, 150, 200)]
    np.testing.assert_allclose(quarters, expected, rtol=2e-3)


def test_interpolation_is_linear_between_texel_centres_and_wraps():
    image = np.zeros((1, 2, 3), np.uint8)
    image[0, 1] = 255
    picture = seen(painted(image), above(80, 2.0))[40, :, 0]
    u = (np.arange(80) + 0.5) / 80
    expected = np.interp((u - 0.25) % 1.0, [0, 0.5, 1.0], [0, 1, 0])
    np.testing.assert_allclose(picture, expected, atol=3e-3)


def test_a_texture_far_finer_than_the_pixels_becomes_its_mean():
    checks = (np.indices((256, 256)).sum(axis=0) % 2 * 255).astype(np.uint8)
    image = np.repeat(checks[..., None], 3, axis=2)
    picture = seen(painted(image), above(16, 2.0))
    np.testing.assert_allclose(picture, 0.5, atol=0.02)  # of the light, not of the codes


def test_an_odd_texture_keeps_its_light_when_it_shrinks():
    image = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
    mean = np.vectorize(decoded)(image).mean(axis=(0, 1))
    picture = seen(painted(image), above(2, 2.0))
    np.testing.assert_allclose(picture.mean(axis=(0, 1)), mean, atol=0.05)


def test_a_roughness_texture_equals_the_number_it_holds():
    flat = np.full((4, 4), 102, np.uint8)
    numbers = Surface(np.full(3, 0.4, np.float32), roughness=0.4, metallic=0.4)
    images = Surface(np.full(3, 0.4, np.float32), roughness=flat, metallic=flat)
    np.testing.assert_allclose(seen(numbers, above()), seen(images, above()), rtol=1e-6)


def test_a_flat_normal_map_changes_next_to_nothing():
    flat = np.tile(np.array([128, 128, 255], np.uint8), (8, 8, 1))
    lamp = Sun(np.array([0.6, 0, 0.8]), np.ones(3))
    for surface in (grey(), grey(normal_map=flat)):
        scene = stage(body(quad(2), surface), lamps=[lamp])
        picture = PLAIN.radiance(scene, above(16, 2.0), seed=Seed(0))
        np.testing.assert_allclose(picture, 0.5 / np.pi * 0.8, rtol=0.01)


@pytest.mark.parametrize(("turn", "cosine"), [(0.0, 1.0), (np.pi, 0.28), (np.pi / 2, 0.64)])
def test_a_normal_map_leans_along_the_texture(turn, cosine):
    lean = np.array([0.6, 0.0, 0.8])  # towards +u
    texel = np.round((lean + 1) / 2 * 255).astype(np.uint8)
    leaning = grey(1.0, normal_map=np.tile(texel, (4, 4, 1)))
    lamp = Sun(np.array([0.6, 0, 0.8]), np.ones(3))
    scene = stage(body(quad(2), leaning, placed(turn=turn, axis="z")), lamps=[lamp])
    picture = PLAIN.radiance(scene, above(16, 1.4), seed=Seed(0))
    np.testing.assert_allclose(picture, cosine / np.pi, rtol=0.02)


def test_a_backdrop_stands_behind_and_gives_no_light():
    photograph = np.random.default_rng(1).integers(0, 256, (50, 70, 3), np.uint8)
    sky = Environment(np.full((4, 8, 3), 0.25, np.float32), photograph)
    view = above(40, 4.0)
    picture = PLAIN.radiance(stage(body(quad(2), grey()), sky=sky), view, seed=Seed(0))
    expected = fit_backdrop(photograph, 40, 40)
    np.testing.assert_array_equal(picture[:9], expected[:9])
    np.testing.assert_allclose(picture[12:28, 12:28], 0.125, rtol=2e-3)


def test_a_texture_is_the_same_under_perspective_as_from_above():
    image = np.zeros((2, 2, 3), np.uint8)
    image[0, 0], image[0, 1], image[1, 0], image[1, 1] = 50, 100, 150, 200
    surface = painted(image, smooth_texture=False)
    picture = seen(surface, looking((0.5, 0.5, 0), (0.5, -2, 2), 9, f=200))
    assert picture[4, 4, 0] == pytest.approx(decoded(100), rel=0.01)
