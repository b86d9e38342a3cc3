"""The scenes that the renderers are measured with, written once.

`frame` is the reference scene: a textured ground of 12 m and ten objects (three boxes, three
spheres, a cylinder, a cone, a torus, a knot of 65,536 triangles), an environment and a panel.
Poses, materials, ground, lights and camera are drawn anew for every picture; meshes are kept.
`moment` is a step of a small world of at most 2,000 triangles as in reinforcement learning, where
only places change.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.scene.poses import quaternion
from abbild.images.shapes import Box, Cone, Cylinder, Plane, Sphere, Torus, TorusKnot
from abbild.images.stage import (
    Body,
    Environment,
    Mesh,
    Panel,
    Part,
    Stage,
    Sun,
    Surface,
    View,
)

Floats = NDArray[np.float64]

SKY = np.array([0.25, 0.45, 0.9])
MODELS = (
    *[Box((1.6, 1.6, 1.6)) for _ in range(3)],
    *[Sphere(1.0) for _ in range(3)],
    Cylinder(1.0, 2.0),
    Cone(1.0, 2.0),
    Torus(0.7, 0.3),
    TorusKnot(0.75, 0.25, segments=512, rings=64),
)


@cache
def meshes() -> tuple[Mesh, ...]:
    """Return the meshes of the ten objects; always the same ones, so that engines keep them."""
    return tuple(model.mesh() for model in MODELS)


@cache
def alike() -> tuple[Mesh, ...]:
    """Return one mesh, of 2,304 triangles, for scenes in which every object costs the same."""
    return (Torus(0.7, 0.3).mesh(),)


@cache
def ground() -> Mesh:
    return Plane((12.0, 12.0)).mesh()


def frame(
    index: int, size: int, count: int = 10, models: Sequence[Mesh] = ()
) -> tuple[Stage, View]:
    """Return picture `index` with `count` objects, which take `models` in turns."""
    models = models or meshes()
    rng = (Seed(3) / "reference" / index).rng()
    tiles = Surface(_tiles(rng), roughness=0.8)
    bodies = [Body("ground", "", (Part(ground(), tiles),), np.eye(4))]
    for k in range(count):
        matrix = np.eye(4)
        matrix[:3, :3] = quaternion(*rng.normal(size=4)) * rng.uniform(0.25, 0.5)
        matrix[:3, 3] = *rng.uniform(-1.8, 1.8, 2), rng.uniform(0.3, 0.9)
        surface = Surface(
            rng.uniform(0.1, 0.9, 3).astype(np.float32),
            roughness=float(rng.uniform(0.1, 0.8)),
            metallic=float(rng.random() < 0.3),
        )
        part = Part(models[k % len(models)], surface)
        bodies.append(Body(f"objects/{k}", "object", (part,), matrix))
    turn, around = rng.uniform(0, 2 * np.pi, 2)
    lamp = _looking(np.array([3 * np.cos(turn), 3 * np.sin(turn), 4.0]), np.zeros(3))
    panel = Panel(lamp, np.array([15.0, 14.0, 12.0]) * rng.uniform(0.7, 1.3))
    eye = np.array([5 * np.cos(around), 5 * np.sin(around), rng.uniform(2, 4)])
    view = _view(size, _looking(eye, np.array([0, 0, 0.4])))
    return Stage(tuple(bodies), (panel,), _sky(rng)), view


@cache
def _toys() -> tuple[tuple[tuple[Part, ...], ...], Floats, Environment]:
    """Return what stays in the small world: parts, places, sky."""
    rng = (Seed(3) / "toys").rng()
    models = (
        *[Box((1.0, 1.0, 1.0)) for _ in range(3)],
        *[Sphere(0.5, segments=20) for _ in range(3)],
        Cylinder(0.4, 1.0, segments=20),
        Cone(0.5, 1.0, segments=20),
        *[Torus(0.4, 0.15, segments=16, rings=10) for _ in range(2)],
    )
    parts = tuple(
        (Part(model.mesh(), Surface(rng.uniform(0.1, 0.9, 3).astype(np.float32))),)
        for model in (Plane((12.0, 12.0)), *models)
    )
    turn = 2 * np.pi * np.arange(10) / 10
    spots = (
        np.stack([np.cos(turn), np.sin(turn)], axis=1)
        * np.where(np.arange(10) % 2, 0.9, 1.8)[:, None]
    )
    return parts, spots, _sky(rng)


def moment(index: int, size: int) -> tuple[Stage, View]:
    """Return step `index` of the small world; bodies and camera move, nothing else changes."""
    parts, spots, sky = _toys()
    rng = (Seed(3) / "moment" / index).rng()
    bodies = [Body("ground", "", parts[0], np.eye(4))]
    for k, spot in enumerate(spots):
        matrix = np.eye(4)
        matrix[:3, :3] *= 0.7
        matrix[:3, 3] = *(spot + rng.normal(0, 0.05, 2)), 0.35
        bodies.append(Body(f"toys/{k}", "toy", parts[k + 1], matrix))
    sun = Sun(np.array([0.4, 0.3, 0.85]), np.array([2.5, 2.4, 2.2]))
    around = rng.uniform(0, 2 * np.pi)
    eye = np.array([4.2 * np.cos(around), 4.2 * np.sin(around), rng.uniform(1.5, 3)])
    return Stage(tuple(bodies), (sun,), sky), _view(size, _looking(eye, np.array([0, 0, 0.3])))


def triangles(stage: Stage) -> int:
    return sum(len(part.mesh.faces) for body in stage.bodies for part in body.parts)


def _looking(eye: Floats, target: Floats) -> Floats:
    """Return a pose whose z points from `eye` to `target`, with x level."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3] = np.stack([right, np.cross(forward, right), forward, eye], axis=1)
    return matrix


def _view(size: int, pose: Floats) -> View:
    """Return a camera that sees 45 degrees."""
    focal = size / 2 / np.tan(np.radians(45) / 2)
    return View(size, size, focal, focal, size / 2, size / 2, pose)


def _sky(rng: np.random.Generator) -> Environment:
    """Return a sky with a broad bright spot over a dull ground, (128, 256)."""
    height = (0.5 - (np.arange(128) + 0.5) / 128)[:, None] * np.pi
    around = (0.5 - (np.arange(256) + 0.5) / 256)[None] * 2 * np.pi
    blue = SKY * (1 - 0.8 * np.sin(np.abs(height)))[..., None] + 0.15
    light = np.where(height[..., None] > 0, blue, [0.22, 0.2, 0.18])
    spot, up = rng.uniform(-np.pi, np.pi), rng.uniform(0.3, 1.2)
    near = np.sin(height) * np.sin(up) + np.cos(height) * np.cos(up) * np.cos(around - spot)
    light = light + np.array([12.0, 11.0, 9.0]) * np.exp((near - 1) * 80)[..., None]
    return Environment(light.astype(np.float32))


def _tiles(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return coloured tiles with grain, (512, 512, 3)."""
    tiles = np.kron(rng.random((8, 8, 3)), np.ones((64, 64, 1)))
    grain = rng.random((512, 512, 1))
    return ((0.7 * tiles + 0.3 * grain) * 200 + 30).astype(np.uint8)
