"""Milliseconds of the label engine, on one core, against pixels and objects.

    OMP_NUM_THREADS=1 python benchmarks/labels.py

Reference scene: a ground, nine primitives and a torus knot of 65,600 triangles. Numbers are
medians of CPU time over several rounds, after a first one that compiles and builds.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import trimesh

from abbild.images.annotate import annotate, self_checks
from abbild.images.labels import (
    find_flow,
    find_hits,
    find_layers,
    find_silhouettes,
    occluded,
    raster,
    trace,
)
from abbild.images.stage import Body, Environment, Mesh, Part, Stage, Surface, View

GREY = Surface(np.full(3, 0.5, np.float32))
LIGHT = Environment(np.ones((2, 4, 3), np.float32))
ROUNDS = 7


def to_mesh(shape: trimesh.Trimesh) -> Mesh:
    vertices = np.ascontiguousarray(shape.vertices, np.float32)
    normals = np.ascontiguousarray(shape.vertex_normals, np.float32)
    faces = np.ascontiguousarray(shape.faces, np.int32)
    return Mesh(vertices, faces, normals, np.ascontiguousarray(vertices[:, :2]))


def torus_knot(around: int = 656, across: int = 50) -> trimesh.Trimesh:
    """A (2, 3) torus knot as a tube, 2 x around x across triangles."""
    t = np.linspace(0, 2 * np.pi, around, endpoint=False)
    center = np.stack([(2 + np.cos(3 * t)) * np.cos(2 * t), (2 + np.cos(3 * t)) * np.sin(2 * t),
                       np.sin(3 * t)], axis=1)  # fmt: skip
    forward = np.roll(center, -1, axis=0) - np.roll(center, 1, axis=0)
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    side = np.cross(forward, [0.3, 0.2, 0.9])
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    up = np.cross(forward, side)
    angle = np.linspace(0, 2 * np.pi, across, endpoint=False)
    ring = np.cos(angle)[None, :, None] * side[:, None] + np.sin(angle)[None, :, None] * up[:, None]
    i, j = np.mgrid[:around, :across].reshape(2, -1)
    a, b = i * across + j, (i + 1) % around * across + j
    c, d = (i + 1) % around * across + (j + 1) % across, i * across + (j + 1) % across
    faces = np.concatenate([np.stack([a, c, b], axis=1), np.stack([a, d, c], axis=1)])
    return trimesh.Trimesh((center[:, None] + 0.4 * ring).reshape(-1, 3), faces, process=False)


def place(x: float, y: float, z: float, scale: float = 1.0) -> np.ndarray:
    matrix = np.diag([scale, scale, scale, 1.0])
    matrix[:3, 3] = x, y, z
    return matrix


def body(name: str, mesh: Mesh, matrix: np.ndarray, label: str = "thing") -> Body:
    return Body(name, label, (Part(mesh, GREY),), matrix)


def reference_scene() -> Stage:
    make = trimesh.creation
    shapes = [
        make.icosphere(4), make.box((1, 1, 1)), make.cylinder(0.5, 1, sections=64),
        make.cone(0.5, 1, sections=64), make.torus(0.5, 0.2), make.capsule(1, 0.4),
        make.icosphere(4), make.box((1, 0.5, 0.7)), make.annulus(0.3, 0.5, 1),
    ]  # fmt: skip
    bodies = [body("ground", to_mesh(make.box((12, 12, 0.1))), place(0, 0, -0.05), "")]
    for k, shape in enumerate(shapes):
        at = place(1.6 * (k % 3 - 1), 1.6 * (k // 3 - 1), 0.5, 0.6)
        bodies.append(body(f"primitives/{k}", to_mesh(shape), at))
    bodies.append(body("knot", to_mesh(torus_knot()), place(0.4, -0.4, 1.5, 0.3)))
    return Stage(tuple(bodies), (), LIGHT)


def crowd(count: int) -> Stage:
    """`count` small balls of 320 triangles over a field; each covers few pixels."""
    rng = np.random.default_rng(0)
    ball = Part(to_mesh(trimesh.creation.icosphere(2)), GREY)
    at = [place(*rng.uniform(-3, 3, 2), 0.5, 0.1) for _ in range(count)]
    return Stage(tuple(Body(f"b/{k}", "ball", (ball,), m) for k, m in enumerate(at)), (), LIGHT)


def little_world() -> Stage:
    """A world of 1,932 triangles for observations."""
    rng = np.random.default_rng(1)
    ball = Part(to_mesh(trimesh.creation.icosphere(2)), GREY)
    ground = body("ground", to_mesh(trimesh.creation.box((12, 12, 0.1))), place(0, 0, -0.05))
    at = [place(*rng.uniform(-2, 2, 2), 0.5, 0.5) for _ in range(6)]
    balls = tuple(Body(f"b/{k}", "ball", (ball,), m) for k, m in enumerate(at))
    return Stage((ground, *balls), (), LIGHT)


def camera(size: int) -> View:
    eye, target = np.array([4.0, -5.0, 3.5]), np.array([0, 0, 0.5])
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    matrix[:3, 3] = eye
    return View(size, size, 1.1 * size, 1.1 * size, size / 2, size / 2, matrix)


def milliseconds(act: Callable[..., object], *of: object) -> float:
    act(*of)
    taken = []
    for _ in range(ROUNDS):
        start = time.process_time()
        act(*of)
        taken.append(time.process_time() - start)
    return 1e3 * statistics.median(taken)


def by_pixels(scene: Stage) -> None:
    print("size   raster  layers  outlines  annotate  checks   trace  distorted  shadow    flow")
    for size in (84, 256, 512):
        view = camera(size)
        bent = replace(view, distortion=(-0.2, 0.05, 1e-3, 0.0, 0.0))
        layers, outlines = find_layers(scene, view), find_silhouettes(scene, view)
        labels = annotate(scene, view, layers, outlines)
        seen = layers.body > 0
        points = layers.position[seen].astype(float) + 1e-4 * layers.facet_normal[seen]
        ways = np.array([3.0, 2.0, 6.0]) - points
        later = replace(view, matrix=view.matrix @ place(0.05, 0.02, 0.1))
        cells = [
            milliseconds(raster, scene, view),
            milliseconds(find_layers, scene, view),
            milliseconds(find_silhouettes, scene, view),
            milliseconds(annotate, scene, view, layers, outlines),
            milliseconds(self_checks, scene, view, layers, labels),
            milliseconds(trace, scene, view),
            milliseconds(find_hits, scene, bent),
            milliseconds(occluded, scene, points, ways, 1.0),
            milliseconds(find_flow, layers, scene, view, scene, later),
        ]
        print(f"{size:4d}" + "".join(f"{cell:9.2f}" for cell in cells))


def by_objects() -> None:
    print("\nobjects at 512   raster  layers  outlines  annotate  distorted")
    view = camera(512)
    bent = replace(view, distortion=(-0.2, 0.05, 1e-3, 0.0, 0.0))
    for count in (25, 50, 100, 200):
        scene = crowd(count)
        layers, outlines = find_layers(scene, view), find_silhouettes(scene, view)
        cells = [
            milliseconds(raster, scene, view),
            milliseconds(find_layers, scene, view),
            milliseconds(find_silhouettes, scene, view),
            milliseconds(annotate, scene, view, layers, outlines),
            milliseconds(find_hits, scene, bent),
        ]
        print(f"{count:7d}       " + "".join(f"{cell:9.2f}" for cell in cells))


def main() -> None:
    scene = reference_scene()
    triangles = sum(len(part.mesh.faces) for thing in scene.bodies for part in thing.parts)
    print(f"reference scene: {len(scene.bodies)} bodies, {triangles} triangles; milliseconds\n")
    by_pixels(scene)
    by_objects()
    small, view = little_world(), camera(84)
    print(f"\n84 x 84, 1,932 triangles: raster {milliseconds(raster, small, view):.3f}, "
          f"with layers {milliseconds(find_layers, small, view):.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
