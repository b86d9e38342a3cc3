"""Denoising, and the photographs behind a scene."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbild.core import Seed
from abbild.images.backdrop import fit_backdrop
from abbild.images.colors import decode_srgb
from abbild.images.errors import AssetError
from abbild.images.quality import denoise
from abbild.images.quality.denoise import Denoiser

needs_denoiser = pytest.mark.skipif(not Denoiser.available(), reason="pyoidn is not installed")


@needs_denoiser
@pytest.mark.parametrize("polish", ["fast", "balanced", "high"])
def test_noise_goes_and_edges_stay(polish: str) -> None:
    rng = np.random.default_rng(0)
    albedo = np.full((64, 48, 3), 0.2, np.float32)
    albedo[:, 24:] = 0.8
    normal = np.tile(np.float32([0, 0, 1]), (64, 48, 1))
    noisy = albedo * rng.gamma(2, 0.5, albedo.shape[:2])[..., None].astype(np.float32)
    clean = Denoiser(48, 64, polish=polish)(noisy, albedo, normal)
    assert clean.shape == noisy.shape
    assert clean.dtype == np.float32
    assert np.abs(clean - albedo).mean() < 0.2 * np.abs(noisy - albedo).mean()
    assert np.abs(clean[:, 23].mean() - 0.2) < 0.05
    assert np.abs(clean[:, 24].mean() - 0.8) < 0.1


@needs_denoiser
def test_denoising_repeats_at_any_number_of_threads() -> None:
    rng = np.random.default_rng(1)
    images = [rng.random((96, 96, 3)).astype(np.float32) for _ in range(3)]
    one, two = Denoiser(96, 96, threads=1), Denoiser(96, 96, threads=2)
    assert one(*images).tobytes() == two(*images).tobytes() == one(*images).tobytes()


def test_without_a_denoiser_more_samples_are_taken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if importlib.util.find_spec("mitsuba") is None:
        pytest.skip("mitsuba is not installed")
    # not at the top: the module cannot be imported without mitsuba
    from abbild.images.quality import renderer  # noqa: PLC0415
    from tests.images.test_quality import BALL, body, look, matte, sky, view  # noqa: PLC0415

    monkeypatch.setattr(denoise, "find_library", lambda: None)
    denoise._library.cache_clear()
    renderer._can_denoise.cache_clear()
    try:
        stage = renderer.Stage((body(BALL, matte(0.5, 0.5, 0.5)),), (), sky(1, 1, 1))
        camera = view(look((0, -4, 1), (0, 0, 0)), size=24)
        with caplog.at_level(logging.WARNING):
            first = renderer.Quality().radiance(stage, camera, seed=Seed(1))
            renderer.Quality().radiance(stage, camera, seed=Seed(2))
        assert [r.message for r in caplog.records if "pyoidn" in r.message] == [
            "pyoidn is not installed: pictures are not denoised and take 64 samples for each pixel"
        ]
        raw = renderer.Quality(samples=64, denoise=False).radiance(stage, camera, seed=Seed(1))
        assert first.tobytes() == raw.tobytes()
    finally:
        denoise._library.cache_clear()
        renderer._can_denoise.cache_clear()


def test_no_library_where_no_package_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert denoise.find_library() is None


def test_the_library_is_found_without_importing_the_package() -> None:
    path = denoise.find_library()
    assert path is None or isinstance(path, Path)


def gradient(rows: int, columns: int) -> np.ndarray:
    """A photograph whose light grows to the right in red and downwards in green."""
    image = np.zeros((rows, columns, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, columns)[None]
    image[..., 1] = np.linspace(0, 255, rows)[:, None]
    return image


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 40), st.integers(1, 40))
def test_a_backdrop_covers_the_picture(rows: int, columns: int, height: int, width: int) -> None:
    even = np.full((rows, columns, 3), (10, 128, 255), np.uint8)
    fitted = fit_backdrop(even, width, height)
    assert fitted.shape == (height, width, 3)
    assert np.allclose(fitted, decode_srgb(np.uint8([10, 128, 255])), rtol=1e-4)


def test_a_backdrop_of_the_same_size_is_itself() -> None:
    photograph = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert np.allclose(fit_backdrop(photograph, 30, 20), decode_srgb(photograph), atol=1e-6)


def test_a_backdrop_is_cut_evenly() -> None:
    wide = fit_backdrop(gradient(40, 120), 40, 40)[20, :, 0]
    middle = decode_srgb(gradient(40, 120))[20, 40:80, 0]
    assert np.allclose(wide, middle, atol=1e-6)
    tall = fit_backdrop(gradient(120, 40), 20, 20)[:, 10, 1]
    assert 0.02 < tall[0] < tall[-1] < 0.5  # neither end of the photograph


def test_a_backdrop_keeps_its_mean_when_it_shrinks() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    small = fit_backdrop(noise, 8, 8)
    assert np.allclose(small.mean(axis=(0, 1)), decode_srgb(noise).mean(axis=(0, 1)), atol=0.005)
    assert small.std() < 0.02


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (0, 4, 3)])
def test_what_is_no_photograph_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(AssetError, match="backdrop has the shape"):
        fit_backdrop(np.zeros(shape, np.uint8), 8, 8)
