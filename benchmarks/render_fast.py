"""Seconds an image of the fast renderer, with all labels, alone and two side by side.

The reference scene: a textured ground, nine primitives and a knot of 65,536 triangles under a sky
and a panel; every image has new places, materials, lights, sky, texture and camera. The small
world has at most 2,000 triangles under a sun and is seen at 84 x 84, as in reinforcement learning,
which wants no labels; "lean" leaves out the open sky and smooth outlines.

    OMP_NUM_THREADS=1 python benchmarks/render_fast.py [--images 12]

Steps are seconds of the processor, so that a busy machine does not count against them; images a
second are by the clock.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context

import numpy as np
import trimesh

from abbild.core import Seed
from abbild.images.develop import develop
from abbild.images.fast import Fast
from abbild.images.labels import find_layers, find_silhouettes
from abbild.images.stage import (
    Body,
    Environment,
    Mesh,
    Panel,
    Part,
    Sensor,
    Stage,
    Sun,
    Surface,
    View,
)

KINDS = ["box"] * 3 + ["ball"] * 3 + ["cylinder", "cone", "torus", "knot"]
MIDDLE = {"box": 0.5, "ball": 0.5, "cylinder": 0.5, "cone": 0.0, "torus": 0.15, "knot": 0.5}


def converted(shape, smooth):
    """A mesh of trimesh as ours, with hard edges where it is not smooth."""
    if smooth:
        vertices, faces, normals = shape.vertices, shape.faces, shape.vertex_normals
    else:
        vertices = shape.vertices[shape.faces].reshape(-1, 3)
        faces = np.arange(len(vertices)).reshape(-1, 3)
        normals = np.repeat(shape.face_normals, 3, axis=0)
    uv = np.asarray(vertices)[:, :2]
    return Mesh(
        vertices.astype(np.float32),
        faces.astype(np.int32),
        normals.astype(np.float32),
        uv.astype(np.float32),
    )


def knot(along=1024, around=32):
    """A tube of 2 x `along` x `around` triangles around a trefoil."""
    t = np.arange(along) / along * 2 * np.pi
    line = [np.sin(t) + 2 * np.sin(2 * t), np.cos(t) - 2 * np.cos(2 * t), -np.sin(3 * t)]
    line = np.stack(line, axis=1)
    ahead = np.roll(line, -1, axis=0) - np.roll(line, 1, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    side = np.cross(ahead, [0, 0, 1.0])
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    turn = np.arange(around) / around * 2 * np.pi
    ring = np.cos(turn)[None, :, None] * side[:, None]
    ring = ring + np.sin(turn)[None, :, None] * np.cross(ahead, side)[:, None]
    i, j = np.divmod(np.arange(along * around), around)
    right, on = i * around + (j + 1) % around, (i + 1) % along * around
    a, b, c, d = i * around + j, right, on + j, on + (j + 1) % around
    faces = np.concatenate([np.stack([a, b, c], axis=1), np.stack([c, b, d], axis=1)])
    shape = trimesh.Trimesh(
        0.13 * (line[:, None] + 0.45 * ring).reshape(-1, 3), faces, process=False
    )
    if shape.volume < 0:
        shape.invert()
    return shape


@cache
def meshes(fine):
    make = trimesh.creation
    sides = 64 if fine else 20
    ground = converted(make.box((12, 12, 1e-3)), smooth=False)
    found = {
        "ground": ground,
        "box": converted(make.box(), smooth=False),
        "ball": converted(make.icosphere(4 if fine else 2, 0.5), smooth=True),
        "cylinder": converted(make.cylinder(0.4, 1, sections=sides), smooth=False),
        "cone": converted(make.cone(0.5, 1, sections=sides), smooth=False),
        "torus": converted(make.torus(0.4, 0.15, *((64, 32) if fine else (16, 10))), smooth=True),
    }
    if fine:
        found["knot"] = converted(knot(), smooth=True)
    return found


def place(rng, at, size, height):
    turn = rng.uniform(0, 2 * np.pi)
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    matrix[:3, :3] *= size
    matrix[:3, 3] = [*at, height * size]
    return matrix


def facing(eye, target):
    z = np.subtract(target, eye)
    z = z / np.linalg.norm(z)
    x = np.cross(z, [0, 0, 1.0])
    x /= np.linalg.norm(x)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    matrix[:3, 3] = eye
    return matrix


def camera(rng, size, sensor):
    turn = rng.uniform(0, 2 * np.pi)
    eye = [4.2 * np.cos(turn), 4.2 * np.sin(turn), rng.uniform(1.5, 3)]
    f = 0.5 * size / np.tan(np.radians(22.5))
    return View(
        size,
        size,
        f,
        f,
        size / 2,
        size / 2,
        facing(eye, [0, 0, 0.3]),
        sensor=sensor,
    )


def day(rng, rows=128):
    down = ((np.arange(rows) + 0.5) / rows * np.pi)[:, None]
    turn = (np.pi - (np.arange(2 * rows) + 0.5) / rows * np.pi)[None]
    up = np.clip(np.cos(down), 0, 1)[..., None] ** 0.5
    light = np.array([0.8, 0.76, 0.7]) * (1 - up) + np.array([0.2, 0.35, 0.7]) * up
    light = np.where(np.cos(down)[..., None] < 0, [0.15, 0.13, 0.1], light)
    side = 1 + 0.5 * np.cos(turn - rng.uniform(0, 6)) * np.sin(down)
    return Environment((light * side[..., None]).astype(np.float32))


def paving(rng, size=512):
    tiles = np.kron(rng.normal(0, 18, (16, 16, 1)), np.ones((size // 16, size // 16, 1)))
    grain = rng.normal(0, 8, (size, size, 1))
    return np.clip(rng.uniform(60, 180, 3) + tiles + grain, 0, 255).astype(np.uint8)


def apart(rng, count, gap=0.75):
    spots = []
    while len(spots) < count:
        at = rng.uniform(-1.8, 1.8, 2)
        if all(np.hypot(*(at - other)) > gap for other in spots):
            spots.append(at)
    return spots


def frame(number, size):
    """Image `number` of the reference scene."""
    rng = np.random.default_rng(number)
    shapes = meshes(fine=True)
    ground = Surface(paving(rng), roughness=0.8)
    bodies = [Body("ground", "", (Part(shapes["ground"], ground),), np.eye(4))]
    for k, (kind, at) in enumerate(zip(KINDS, apart(rng, 10), strict=True)):
        surface = Surface(
            rng.uniform(0.05, 0.9, 3).astype(np.float32),
            roughness=rng.uniform(0.1, 0.9),
            metallic=float(rng.random() < 0.3),
        )
        matrix = place(rng, at, rng.uniform(0.5, 0.9), MIDDLE[kind])
        bodies.append(Body(f"{kind}/{k}", kind, (Part(shapes[kind], surface),), matrix))
    turn = rng.uniform(0, 2 * np.pi)
    panel = facing([2 * np.cos(turn), 2 * np.sin(turn), 3.5], [0, 0, 0])
    panel = Panel(panel, rng.uniform(8, 16) * np.array([1, 0.95, 0.9]))
    return Stage(tuple(bodies), (panel,), day(rng)), camera(rng, size, Sensor(gain_noise=0.01))


@cache
def toys():
    rng = np.random.default_rng(0)
    shapes = meshes(fine=False)
    kinds = [kind for kind in KINDS if kind != "knot"] + ["torus"]
    parts = [
        (Part(shapes[kind], Surface(rng.uniform(0.1, 0.9, 3).astype(np.float32))),)
        for kind in ["ground", *kinds]
    ]
    return parts, kinds, day(rng), apart(rng, 10)


def moment(number, size):
    """Step `number` of the small world: only places change."""
    parts, kinds, sky, spots = toys()
    rng = np.random.default_rng(number)
    bodies = [Body("ground", "", parts[0], np.eye(4))]
    for k, (kind, at) in enumerate(zip(kinds, spots, strict=True)):
        matrix = place(rng, at + rng.normal(0, 0.05, 2), 0.7, MIDDLE[kind])
        bodies.append(Body(f"{kind}/{k}", kind, parts[k + 1], matrix))
    sun = Sun(np.array([0.4, 0.3, 0.85]), np.array([2.5, 2.4, 2.2]))
    return Stage(tuple(bodies), (sun,), sky), camera(rng, size, Sensor())


def seconds(task):
    """Median processor seconds of layers, amodal masks, light and bytes; clock seconds of all."""
    make, size, images, renderer = task
    scenes = [make(number, size) for number in range(images + 2)]
    rows = []
    for number, (stage, view) in enumerate(scenes):
        begin = time.perf_counter()
        clock = [time.process_time()]
        layers = find_layers(stage, view) if make is frame else None
        clock.append(time.process_time())
        if make is frame:
            find_silhouettes(stage, view, range(2, len(stage.bodies) + 1))
        clock.append(time.process_time())
        light = renderer.radiance(stage, view, seed=Seed(number), layers=layers)
        clock.append(time.process_time())
        develop(light, view.sensor, seed=Seed(number))
        clock.append(time.process_time())
        rows.append([*np.diff(clock), clock[-1] - clock[0], time.perf_counter() - begin])
    return np.median(rows[2:], axis=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=12)
    images = parser.parse_args().images
    plain = Fast()
    lean = Fast(shadow_samples=1, supersample=1, ambient_occlusion=0)
    tasks = {
        "reference 256": (frame, 256, images, plain),
        "reference 512": (frame, 512, images, plain),
        "world 84": (moment, 84, 20 * images, plain),
        "world 84 lean": (moment, 84, 20 * images, lean),
    }
    faces = sum(len(part[0].mesh.faces) for part in toys()[0])
    print(f"the small world has {faces} triangles")
    print("ms an image              layers  amodal   light   bytes     all | by the clock images/s")
    for count in (1, 2):
        with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
            list(pool.map(seconds, [(frame, 64, 1, plain), (moment, 84, 1, lean)] * count))
            for name, task in tasks.items():
                found = np.mean(list(pool.map(seconds, [task] * count)), axis=0)
                steps = " ".join(f"{1e3 * value:7.2f}" for value in found[:5])
                clock = f"{1e3 * found[5]:7.2f} {count / found[5]:7.1f}"
                print(f"{name:16s} x {count}  {steps} | {clock}")


if __name__ == "__main__":
    main()
