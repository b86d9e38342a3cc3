"""What a picture costs: noise left, growth with objects and pixels, kernels compiled, memory."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from reference_scene import alike, frame
from render_abbild import RENDERERS, take
from scipy.stats import linregress, t
from starting_gun import Clock

from abbild.core import Seed
from abbild.images.colors import encode_srgb
from abbild.images.fast import Fast
from abbild.images.quality.renderer import Quality
from abbild.images.recipes import load_recipe
from abbild.images.sampler import SceneSampler

RESULTS = Path(__file__).parent / "results"
REFERENCES = RESULTS / "references"
FRAMES = (0, 1)  # of the reference scene, compared with many samples
PASS = 128  # samples computed at once for a reference, which bounds the memory
VARIED = (10, 3, 17, 8, 1, 25, 12, 5)  # numbers of objects, one picture after the other
SETTINGS: tuple[dict[str, Any], ...] = (
    {"samples": 2}, {}, {"samples": 8}, {"samples": 16}, {"polish": "high"},
)  # fmt: skip

Singles = NDArray[np.float32]


def psnr(image: Singles, truth: Singles) -> float:
    """Return the peak signal to noise ratio of two radiances as sRGB pictures, decibel."""
    error = np.mean((encode_srgb(image) - encode_srgb(truth)) ** 2, dtype=np.float64)
    return float(-10 * np.log10(error))


def reference(index: int, size: int, samples: int) -> Singles:
    """Return a picture of ours with many samples, neither denoised nor clamped; made once."""
    path = REFERENCES / f"abbild-{size}-{samples}" / f"{index}.npy"
    if not path.exists():
        stage, view = frame(index, size)
        many = Quality(samples=min(samples, PASS), denoise=False, threads=os.cpu_count() or 1)
        total = np.zeros((size, size, 3))
        passes = max(1, samples // PASS)
        for number in range(passes):
            total += many.radiance(stage, view, seed=Seed(index) / "reference" / number)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, (total / passes).astype(np.float32))
    found: Singles = np.load(path)
    return found


def accuracy(size: int, samples: int) -> Iterator[dict[str, Any]]:
    """Yield how far settings of ours are from the reference."""
    truths = [reference(index, size, samples) for index in FRAMES]
    for settings in SETTINGS:
        errors, seconds = [], []
        for index, truth in zip(FRAMES, truths, strict=True):
            stage, view = frame(index, size)
            clock = Clock()
            image = Quality(**settings).radiance(stage, view, seed=Seed(index))
            seconds.append(clock()[1])
            errors.append(psnr(image, truth))
        yield {"size": size, **settings, "psnr": errors, "cpu": min(seconds)}


def compilations(size: int = 64) -> dict[str, int]:
    """Count kernels compiled while the number of objects changes."""
    import drjit as dr  # noqa: PLC0415  after abbild, which says where LLVM is

    renderer = Quality()
    for index in range(3):
        renderer.radiance(*frame(index, size), seed=Seed(0))
    with dr.scoped_set_flag(dr.JitFlag.KernelHistory, True):
        dr.kernel_history_clear()
        for index, count in enumerate(VARIED):
            renderer.radiance(*frame(index, size, count), seed=Seed(0))
        kernels = [k for k in dr.kernel_history() if k["type"] == dr.KernelType.JIT]
    return {"pictures": len(VARIED), "compiled": sum(not k["cache_hit"] for k in kernels)}


@dataclass(frozen=True)
class Line:
    """A straight line through costs, in relative terms.

    Attributes
    ----------
    fixed, each : seconds of any picture, and of each object or pixel more
    worst : largest share by which a measured point is off the line
    """

    fixed: float
    each: float
    worst: float


def line(sizes: Sequence[float], seconds: Sequence[float]) -> Line:
    """Fit by least squares of the relative errors, with nothing below zero."""
    x, y = np.array(sizes, float), np.array(seconds, float)
    design = np.stack([np.ones_like(x), x], axis=1) / y[:, None]
    (fixed, each), *_ = np.linalg.lstsq(design, np.ones_like(y), rcond=None)
    worst = np.abs((fixed + each * x) / y - 1).max()
    return Line(float(fixed), float(each), float(worst))


def growth(arm: str, pictures: int, objects: Sequence[int], sizes: Sequence[int]) -> dict[str, Any]:
    """Measure one of ours against numbers of objects (256 x 256) and against pixels (ten objects).

    Every object is a torus of 2,304 triangles, so that all cost the same. Quality takes 4 samples
    at every size here; by default it takes more for small pictures.
    """
    renderer = Quality(samples=4) if arm == "quality" else RENDERERS[arm]

    def seconds(size: int, count: int) -> float:
        found = []
        for index in range(pictures + 1):
            stage, view = frame(index, size, count, alike())
            clock = Clock()
            take(stage, view, renderer, Seed(index), labels=True)
            found.append(clock()[1])
        return float(np.median(found[1:]))

    seconds(64, 3)
    by_count = [seconds(256, count) for count in objects]
    by_size = [seconds(size, 10) for size in sizes]
    return {
        "arm": arm,
        "objects": list(objects),
        "by_count": by_count,
        "per_object": vars(line(objects, by_count)),
        "sizes": list(sizes),
        "by_size": by_size,
        "per_pixel": vars(line([size * size for size in sizes], by_size)),
    }


def memory(arm: str, images: int, size: int) -> dict[str, Any]:
    """Make labelled images of the recipe `tabletop` in this process, which is never recycled.

    The number of objects differs from image to image. The slope is that of the second half, as
    caches fill first, with the half-width of its 95 % interval (least squares).
    """
    _, scene = load_recipe("tabletop")
    small = {name: replace(c, width=size, height=size) for name, c in scene.cameras.items()}
    renderer = Fast() if arm == "fast" else Quality()
    sampler = SceneSampler(replace(scene, cameras=small), renderer)
    seen, failed, clock = [], 0, Clock()
    every = max(sampler.block, images // 20 // sampler.block * sampler.block)
    for first in range(0, images, sampler.block):
        batch = sampler.sample(range(first, min(first + sampler.block, images)), seed=Seed(5))
        failed += len(batch.rejected)
        if (first + sampler.block) % every == 0:
            seen.append([first + sampler.block, resident()])
    late = np.array(seen[len(seen) // 2 :])
    fit = linregress(late[:, 0], late[:, 1])
    half = float(t.ppf(0.975, len(late) - 2) * fit.stderr)
    return {
        "arm": arm, "images": images, "size": size, "failed": failed, "seen": seen,
        "slope": 1000 * float(fit.slope), "half": 1000 * half, "seconds": clock()[0],
    }  # fmt: skip


def resident() -> float:
    """Return the resident memory of this process, MB (its peak where /proc is missing)."""
    status = Path("/proc/self/status")
    if status.exists():
        found = next(x for x in status.read_text().splitlines() if x.startswith("VmRSS"))
        return int(found.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
