"""Bodies for the tests of physics and worlds; every mesh is made once."""

from functools import cache

import numpy as np

from abbild.images.meshes import flat_shaded
from abbild.images.shapes import Box, Capsule, Cone, Cylinder, Plane, Sphere, Torus
from abbild.images.stage import Body, Part, Surface

GREY = Surface(np.full(3, 0.5, np.float32))
SHAPES = {
    "ground": Plane((10.0, 10.0)),
    "box": Box((0.1, 0.1, 0.1)),
    "plank": Box((0.3, 0.1, 0.02)),
    "ball": Sphere(0.05),
    "cylinder": Cylinder(0.04, 0.1),
    "capsule": Capsule(0.03, 0.12),
    "cone": Cone(0.05, 0.1),
    "ring": Torus(0.06, 0.02),
}
CUP = np.array([(0, 0), (5, 0), (5, 10), (4.4, 10), (4.4, 0.8), (0, 0.8)]) / 100


@cache
def mesh(name):
    return cup() if name == "cup" else SHAPES[name].mesh()


def cup(segments=32):
    """A closed outline turned about z: a cup with a wall, open at its top."""
    angle = np.arange(segments) * 2 * np.pi / segments
    ring = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    points = np.concatenate([r * ring + [0, 0, z] for r, z in CUP])
    one = np.arange(segments)
    two = (one + 1) % segments
    faces = []
    for k in range(len(CUP) - 1):
        a, b = k * segments, (k + 1) * segments
        faces += [
            np.stack([a + one, a + two, b + two], 1),
            np.stack([a + one, b + two, b + one], 1),
        ]
    return flat_shaded(points, np.concatenate(faces))


def turn(axis, angle):
    x, y, z = np.asarray(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def body(name, shape, at=(0, 0, 0), rotation=None, scale=1.0):
    matrix = np.eye(4)
    matrix[:3, :3] = (np.eye(3) if rotation is None else rotation) * scale
    matrix[:3, 3] = at
    made = mesh(shape) if isinstance(shape, str) else shape
    return Body(name, "", (Part(made, GREY),), matrix)


def corners(thing, matrix):
    points = np.concatenate([part.mesh.vertices for part in thing.parts]).astype(np.float64)
    return points @ matrix[:3, :3].T + matrix[:3, 3]
