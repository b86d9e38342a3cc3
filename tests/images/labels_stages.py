"""Small stages with known geometry for the tests of labels and annotators."""

import numpy as np

from abbild.images.conformance import make_cube, make_sheet, make_sphere
from abbild.images.stage import Body, Environment, Mesh, Part, Stage, Surface, View

GREY = Surface(np.full(3, 0.5, np.float32))
LIGHT = Environment(np.ones((2, 4, 3), np.float32))
BALL, CUBE, SHEET = make_sphere(24), make_cube(), make_sheet()


def body(mesh, matrix, name="body", label="thing", **more):
    return Body(name, label, (Part(mesh, GREY),), np.asarray(matrix, float), **more)


def stage(*bodies):
    return Stage(tuple(bodies), (), LIGHT)


def at(x, y, z, scale=(1, 1, 1)):
    matrix = np.diag([*np.broadcast_to(scale, 3), 1.0]).astype(float)
    matrix[:3, 3] = x, y, z
    return matrix


def turned(matrix, angle, axis=2):
    """Turn a pose about one of its own axes."""
    c, s = np.cos(angle), np.sin(angle)
    turn = np.eye(4)
    i, j = [(1, 2), (2, 0), (0, 1)][axis]
    turn[i, i], turn[i, j], turn[j, i], turn[j, j] = c, -s, s, c
    return matrix @ turn


def camera(size=64, focal=None, matrix=None, **more):
    """A camera at the origin that looks along the world's +z (x right, y down)."""
    focal = focal or size
    matrix = np.eye(4) if matrix is None else matrix
    return View(size, size, focal, focal, size / 2, size / 2, matrix, **more)


def soup(seed, triangles=12, spread=1.0):
    """Random triangles around the origin, all with their own corners."""
    rng = np.random.default_rng(seed)
    vertices = rng.normal(0, spread, (3 * triangles, 3)).astype(np.float32)
    faces = np.arange(3 * triangles, dtype=np.int32).reshape(-1, 3)
    return Mesh(vertices, faces, np.zeros_like(vertices), np.zeros((len(vertices), 2), np.float32))
