"""Pictures by path tracing and denoising."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal

import drjit as dr
import mitsuba as mi
import numpy as np

from abbild.core import Seed
from abbild.images.backdrop import fit_backdrop
from abbild.images.errors import RendererError
from abbild.images.quality.compiled import Compiled
from abbild.images.quality.denoise import Denoiser
from abbild.images.quality.probe import LLVM, SCALAR, find_verdict
from abbild.images.quality.scalar import Plain
from abbild.images.quality.sums import Paths, Sums
from abbild.images.stage import Singles, Stage, View

__all__ = ["Quality"]

logger = logging.getLogger(__name__)

NOISY_SAMPLES = 64  # at least, where nothing removes the noise


@dataclass(frozen=True)
class Quality:
    """Path tracing by Mitsuba 3, with the noise removed by Open Image Denoise.

    Parameters
    ----------
    samples : paths for each pixel; 0 takes 4, and up to 16 for pictures of at most 128 x 128
        pixels, which are quick anyway and show every edge
    depth : segments of a path; 1 sees only what shines, 2 adds direct light, 5 three bounces more
    denoise : whether to remove noise; False is for references, with thousands of
        samples, and leaves the rare far too bright sample in
    polish : effort of the denoiser; "high" gains 1.5 to 2 dB over "fast" and takes four times as
        long, on processors without matrix units
    threads : processor threads of this process
    mitsuba : its variant; "auto" is the compiled one where it works

    Notes
    -----
    Radiance of a view at `View.sensor`'s exposure of nothing: linear, no tone curve, no fog.
    Suns, bulbs and panels are not seen by the camera, as they have no labels. The picture of a
    seed is the same at any number of threads and after any other pictures.

    References
    ----------
    Jakob et al. (2022), Dr.Jit, ACM Transactions on Graphics 41(4); Áfra (2025), Intel Open Image
    Denoise.
    """

    samples: int = 0
    depth: int = 5
    denoise: bool = True
    polish: Literal["fast", "balanced", "high"] = "fast"
    threads: int = field(default=1, compare=False)
    mitsuba: Literal["auto", "llvm_ad_rgb", "scalar_rgb"] = field(default="auto", compare=False)

    @property
    def variant(self) -> str:
        """The variant of Mitsuba that is used here, "llvm_ad_rgb" or "scalar_rgb"."""
        if self.mitsuba == SCALAR:
            return SCALAR
        variant, reason = _usable()
        if self.mitsuba == LLVM and variant != LLVM:
            raise RendererError(f"{LLVM} cannot be used: {reason}", hint="use mitsuba='auto'")
        return variant

    @property
    def reason(self) -> str:
        """Why the compiled variant is not used, or ""."""
        return "it was asked for" if self.mitsuba == SCALAR else _usable()[1]

    @property
    def has_lens(self) -> bool:
        """Whether paths pass a lens of some width, so that depth of field is part of them."""
        return self.variant == LLVM

    def radiance(self, stage: Stage, view: View, *, seed: Seed) -> Singles:
        """Return the light that reaches each pixel.

        Returns
        -------
        (h, w, 3) float32, linear, finite, not negative

        Raises
        ------
        SceneError, AssetError
            for poses, colours or textures that are no numbers
        """
        cleans = self.denoise and _can_denoise()
        samples = self.samples if self.samples > 0 else _few(view.width * view.height)
        if self.denoise and not cleans:
            samples = max(samples, NOISY_SAMPLES)
        paths = Paths(samples, self.depth, clamp=self.denoise)
        variant = self.variant
        with _using(variant):
            if dr.thread_count() != self.threads:
                dr.set_thread_count(self.threads)
            sums = _engine(variant).trace(stage, view, paths, seed)
        if stage.environment.backdrop is not None:
            photograph = fit_backdrop(stage.environment.backdrop, view.width, view.height)
            sums = replace(sums, beyond=photograph * sums.missed[..., None])
        image = sums.seen + sums.beyond
        if cleans:
            image = _clean(image, sums, self.polish, self.threads)
        bounded: Singles = np.maximum(image, np.float32(0))
        return bounded


def _few(pixels: int) -> int:
    """Return a number of samples; one of three, since each is a kernel of its own."""
    return 16 if pixels <= 1 << 14 else 8 if pixels <= 1 << 15 else 4


@contextmanager
def _using(name: str) -> Iterator[None]:
    """Use a variant of Mitsuba, and go back to the user's."""
    before = mi.variant()
    mi.set_variant(name)
    try:
        yield
    finally:
        if before is not None and before != name:
            mi.set_variant(before)


@lru_cache(maxsize=1)
def _usable() -> tuple[str, str]:
    """Return the variant that works in this process, and why it is not the compiled one."""
    verdict = find_verdict()
    reason = verdict.reason
    loaded = ".".join(map(str, dr.detail.llvm_version()))
    if verdict.variant == LLVM and loaded != verdict.llvm:
        # another LLVM than the one that was tried may abort the process
        reason = f"Dr.Jit was imported before abbild, with LLVM {loaded} for {verdict.llvm}"
    if reason:
        logger.warning("pictures take several times as long as they could: %s", reason)
        return SCALAR, reason
    return LLVM, ""


@lru_cache(maxsize=2)
def _engine(variant: str) -> Any:
    """Return what is kept for one variant; made while that variant is set."""
    mi.set_log_level(mi.LogLevel.Error)
    return Compiled() if variant == LLVM else Plain()


@lru_cache(maxsize=1)
def _can_denoise() -> bool:
    if Denoiser.available():
        return True
    logger.warning(
        "pyoidn is not installed: pictures are not denoised and take %d samples for each pixel",
        NOISY_SAMPLES,
    )
    return False


@lru_cache(maxsize=4)
def _denoiser(width: int, height: int, polish: str, threads: int) -> Denoiser:
    return Denoiser(width, height, polish=polish, threads=threads)


def _clean(image: Singles, sums: Sums, polish: str, threads: int) -> Singles:
    """Remove the noise where bodies are; the environment has none and is kept as it is."""
    if not sums.hit.any():
        return image
    height, width = sums.hit.shape
    denoise = _denoiser(width, height, polish, threads)
    # shown where bodies end, the environment is a colour to keep as well
    albedo = np.clip(sums.albedo + sums.beyond, 0, 1)
    clean = np.nan_to_num(denoise(image, albedo, np.clip(sums.normal, -1, 1)))
    return np.where(sums.hit[..., None] > 0, clean, image)
