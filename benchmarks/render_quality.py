"""What the quality renderer costs and how near it comes to a picture with 2,048 samples.

    python benchmarks/render_quality.py                # some minutes on two cores
    python benchmarks/render_quality.py --images 3 --reference 256 --sizes 84 256

Seconds of wall clock mean little where `load`, of the whole machine, is above the number of
workers; CPU seconds are those of one process, pixels and labels together.

The reference scene: a textured ground of 12 m and ten objects (three boxes, three spheres, a
cylinder, a cone, a torus, a knot of 65,536 triangles), an environment and a panel. Poses,
materials, ground, lights and camera are drawn anew for every picture; meshes are kept.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.colors import encode_srgb
from abbild.images.labels import find_layers, find_silhouettes
from abbild.images.quality.probe import describe
from abbild.images.quality.renderer import Quality
from abbild.images.shapes import Box, Cone, Cylinder, Plane, Sphere, Torus, TorusKnot
from abbild.images.stage import Body, Environment, Panel, Part, Stage, Surface, View

RESULTS = Path(__file__).parent / "results"
Floats = NDArray[np.float64]

SHAPES = [
    *[Box((1.6, 1.6, 1.6)) for _ in range(3)],
    *[Sphere(1.0) for _ in range(3)],
    Cylinder(1.0, 2.0),
    Cone(1.0, 2.0),
    Torus(0.7, 0.3),
    TorusKnot(0.75, 0.25, segments=512, rings=64),
]
MESHES = [shape.mesh() for shape in SHAPES]
GROUND = Plane((12.0, 12.0)).mesh()


def rotation(rng: np.random.Generator) -> Floats:
    """Return a rotation, uniform over all (Shoemake 1992)."""
    q = rng.normal(size=4)
    w, x, y, z = q / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def looking(eye: Floats, target: Floats) -> Floats:
    """Return a pose whose z points from `eye` to `target`, with x level."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3] = np.stack([right, np.cross(forward, right), forward, eye], axis=1)
    return matrix


def environment(rng: np.random.Generator) -> Environment:
    """Return a sky with a broad bright spot over a dull ground, (128, 256)."""
    height = (0.5 - (np.arange(128) + 0.5) / 128)[:, None] * np.pi
    around = (0.5 - (np.arange(256) + 0.5) / 256)[None] * 2 * np.pi
    blue = np.array([0.25, 0.45, 0.9]) * (1 - 0.8 * np.sin(np.abs(height)))[..., None] + 0.15
    light = np.where(height[..., None] > 0, blue, [0.22, 0.2, 0.18])
    spot, up = rng.uniform(-np.pi, np.pi), rng.uniform(0.3, 1.2)
    near = np.sin(height) * np.sin(up) + np.cos(height) * np.cos(up) * np.cos(around - spot)
    light = light + np.array([12.0, 11.0, 9.0]) * np.exp((near - 1) * 80)[..., None]
    return Environment(light.astype(np.float32))


def ground_texture(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return coloured tiles with grain, (512, 512, 3)."""
    tiles = np.kron(rng.random((8, 8, 3)), np.ones((64, 64, 1)))
    grain = rng.random((512, 512, 1))
    return ((0.7 * tiles + 0.3 * grain) * 200 + 30).astype(np.uint8)


def reference_scene(index: int, size: int, count: int = 10) -> tuple[Stage, View]:
    """Return picture `index` of the scene; with `count` objects, taken in turns."""
    rng = (Seed(3) / "reference" / index).rng()
    tiles = Surface(ground_texture(rng), roughness=0.8)
    bodies = [Body("ground", "", (Part(GROUND, tiles),), np.eye(4))]
    for k in range(count):
        matrix = np.eye(4)
        matrix[:3, :3] = rotation(rng) * rng.uniform(0.25, 0.5)
        matrix[:3, 3] = *rng.uniform(-1.8, 1.8, 2), rng.uniform(0.3, 0.9)
        surface = Surface(
            rng.uniform(0.1, 0.9, 3).astype(np.float32),
            roughness=float(rng.uniform(0.1, 0.8)),
            metallic=float(rng.random() < 0.3),
        )
        mesh = MESHES[k % len(MESHES)]
        bodies.append(Body(f"objects/{k}", "object", (Part(mesh, surface),), matrix))
    turn, around = rng.uniform(0, 2 * np.pi, 2)
    lamp = looking(np.array([3 * np.cos(turn), 3 * np.sin(turn), 4.0]), np.zeros(3))
    panel = Panel(lamp, np.array([15.0, 14.0, 12.0]) * rng.uniform(0.7, 1.3))
    eye = np.array([5 * np.cos(around), 5 * np.sin(around), rng.uniform(2, 4)])
    focal = size / 2 / np.tan(np.radians(45) / 2)
    pose = looking(eye, np.array([0, 0, 0.4]))
    view = View(size, size, focal, focal, size / 2, size / 2, pose)
    return Stage(tuple(bodies), (panel,), environment(rng)), view


def work(task: tuple[int, int, int, float]) -> dict[str, Any]:
    """Render pictures in this process from a moment on that all processes share."""
    first, count, size, begin = task
    renderer = Quality()
    for index in range(10_000, 10_006):  # compiles, and fills caches
        stage, view = reference_scene(index, size)
        renderer.radiance(stage, view, seed=Seed(index))
        find_layers(stage, view)
        find_silhouettes(stage, view)
    time.sleep(max(0.0, begin - time.time()))
    spent: dict[str, list[float]] = {"pixels": [], "labels": [], "cpu": []}
    start = time.time()
    for index in range(first, first + count):
        stage, view = reference_scene(index, size)
        t0, c0 = time.perf_counter(), time.process_time()
        renderer.radiance(stage, view, seed=Seed(index))
        t1 = time.perf_counter()
        find_layers(stage, view)
        find_silhouettes(stage, view)
        spent["pixels"].append(t1 - t0)
        spent["labels"].append(time.perf_counter() - t1)
        spent["cpu"].append(time.process_time() - c0)
    return spent | {"span": [start, time.time()]}


def speed(size: int, images: int, workers: int) -> dict[str, Any]:
    """Measure seconds of one picture, and pictures a second of all processes together."""
    begin = time.time() + 15 + size / 20  # the time to start and to compile
    tasks = [(k * images, images, size, begin) for k in range(workers)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        done = list(pool.map(work, tasks))
    medians = {
        key: float(np.median([x for part in done for x in part[key]]))
        for key in ("pixels", "labels", "cpu")
    }
    begins, ends = zip(*(part["span"] for part in done), strict=True)
    a_second = workers * images / (max(ends) - min(begins))
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return {
        "size": size,
        "workers": workers,
        "images": images,
        "per_second": a_second,
        **medians,
        "load": load,
    }


def psnr(image: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """Return the peak signal to noise ratio of two radiances as sRGB pictures, decibel."""
    error = np.mean((encode_srgb(image) - encode_srgb(reference)) ** 2, dtype=np.float64)
    return float(-10 * np.log10(error))


def reference(index: int, size: int, samples: int) -> NDArray[np.float32]:
    """Return a picture with many samples; made once and kept."""
    path = RESULTS / "references" / f"{size}-{index}-{samples}-unclamped.npy"
    if not path.exists():
        stage, view = reference_scene(index, size)
        many = Quality(samples=samples, denoise=False, threads=os.cpu_count() or 1)
        image = many.radiance(stage, view, seed=Seed(index) / "reference")
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, image)
    found: NDArray[np.float32] = np.load(path)
    return found


def accuracy(size: int, samples: int) -> list[dict[str, Any]]:
    """Compare settings with the reference, on two pictures."""
    rows = []
    for settings in ({"samples": 2}, {}, {"polish": "high"}, {"samples": 16}):
        errors, seconds = [], []
        for index in (0, 1):
            truth = reference(index, size, samples)
            stage, view = reference_scene(index, size)
            start = time.process_time()
            image = Quality(**settings).radiance(stage, view, seed=Seed(index))
            seconds.append(time.process_time() - start)
            errors.append(psnr(image, truth))
        row = {"size": size, **settings, "psnr": float(np.mean(errors)), "cpu": min(seconds)}
        rows.append(row)
    return rows


def compilations(size: int) -> dict[str, int]:
    """Count kernels compiled while the number of objects changes."""
    import drjit as dr  # noqa: PLC0415  after abbild, which says where LLVM is

    renderer, counts = Quality(), [10, 3, 17, 8, 1, 25, 12, 5]
    for index in (0, 1, 2):
        renderer.radiance(*reference_scene(index, size), seed=Seed(0))
    with dr.scoped_set_flag(dr.JitFlag.KernelHistory, True):
        dr.kernel_history_clear()
        for index, count in enumerate(counts):
            renderer.radiance(*reference_scene(index, size, count), seed=Seed(0))
        kernels = [k for k in dr.kernel_history() if k["type"] == dr.KernelType.JIT]
    return {"pictures": len(counts), "compiled": sum(not k["cache_hit"] for k in kernels)}


def memory(size: int, images: int) -> list[int]:
    """Return the resident memory, MB, at ten moments of a long run."""
    renderer, seen = Quality(), []
    for index in range(images):
        stage, view = reference_scene(index, size, 3 + index % 8)
        renderer.radiance(stage, view, seed=Seed(index))
        if index % max(images // 10, 1) == 0:
            seen.append(_resident())
    return seen


def _resident() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmRSS"))
        return int(line.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def page(report: dict[str, Any]) -> str:
    """Return the figures as Markdown."""
    lines = [f"{report['renderer']}; {report['machine']}", ""]
    lines += ["| size | workers | images a second | pixels, s | labels, s | CPU, s | load |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for r in report["speed"]:
        figures = f"{r['pixels']:.3f} | {r['labels']:.3f} | {r['cpu']:.3f} | {r['load']:.1f}"
        lines.append(f"| {r['size']} | {r['workers']} | {r['per_second']:.2f} | {figures} |")
    lines += ["", f"Against {report['reference']} samples, not denoised, not clamped:", ""]
    lines += ["| size | samples | polish | PSNR, dB | CPU, s |", "|---|---|---|---|---|"]
    for r in report["accuracy"]:
        setting = f"{r.get('samples', 4)} | {r.get('polish', 'fast')}"
        lines.append(f"| {r['size']} | {setting} | {r['psnr']:.1f} | {r['cpu']:.2f} |")
    kernels = report["compilations"]
    lines += ["", f"Kernels compiled: {kernels['compiled']} in {kernels['pictures']} pictures"]
    lines += [f"Memory over {report['memory_images']} pictures, MB: {report['memory']}", ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20, help="for each worker and size")
    parser.add_argument("--reference", type=int, default=2048, help="samples of the reference")
    parser.add_argument("--sizes", type=int, nargs="+", default=[84, 256, 512])
    parser.add_argument("--memory", type=int, default=300, help="pictures of the memory run")
    options = parser.parse_args()
    report: dict[str, Any] = {"renderer": describe(), "machine": platform.platform()}
    report["speed"] = [speed(s, options.images, w) for s in options.sizes for w in (1, 2)]
    report["accuracy"] = [
        row for s in options.sizes if s >= 256 for row in accuracy(s, options.reference)
    ]
    report["compilations"] = compilations(64)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:  # nothing from above
        report["memory"] = pool.submit(memory, 64, options.memory).result()
    report["memory_images"], report["reference"] = options.memory, options.reference
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "render_quality.json").write_text(json.dumps(report, indent=1))
    (RESULTS / "render_quality.md").write_text(page(report))
    print(page(report))


if __name__ == "__main__":
    main()
