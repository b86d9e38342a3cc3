"""Bodies, cameras and skies whose pictures are known in closed form."""

import numpy as np

from abbild.images.stage import Body, Environment, Mesh, Part, Stage, Surface, View

DARK = Environment(np.zeros((2, 4, 3), np.float32))


def grey(value=0.5, **more):
    """A surface that only scatters."""
    return Surface(np.full(3, value, np.float32), **{"specular": 0.0, "roughness": 1.0, **more})


def quad(size=1.0):
    """A square in the plane z = 0 that looks up; u along x, v along y."""
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32) * size / 2
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    return Mesh(corners, faces, np.tile(np.float32([0, 0, 1]), (4, 1)), uv)


def box():
    """A unit cube around the origin with hard edges."""
    vertices, faces, normals = [], [], []
    for axis in range(3):
        for side in (-1, 1):
            n, a, b = np.zeros(3), np.roll([1, 0, 0], axis + 1), np.roll([1, 0, 0], axis + 2)
            n[axis] = side
            square = [-a - b, a - b, a + b, b - a][::side]
            first = len(vertices)
            vertices += [(n + corner) / 2 for corner in square]
            normals += [n] * 4
            faces += [[first, first + 1, first + 2], [first, first + 2, first + 3]]
    uv = np.tile([[0, 0], [1, 0], [1, 1], [0, 1]], (6, 1))
    return Mesh(
        np.array(vertices, np.float32),
        np.array(faces, np.int32),
        np.array(normals, np.float32),
        uv.astype(np.float32),
    )


def sphere(rings=48, radius=1.0):
    """A closed smooth sphere with its poles on z."""
    down, turn = np.meshgrid(
        np.linspace(0, np.pi, rings + 1)[1:-1],
        np.arange(2 * rings) / rings * np.pi,
        indexing="ij",
    )
    around = [np.sin(down) * np.cos(turn), np.sin(down) * np.sin(turn), np.cos(down)]
    points = np.concatenate([[[0, 0, 1.0]], np.stack(around, -1).reshape(-1, 3), [[0, 0, -1.0]]])
    count, faces = 2 * rings, []
    for j in range(count):
        right = (j + 1) % count
        faces.append([0, 1 + j, 1 + right])
        for i in range(rings - 2):
            a, b = 1 + i * count + j, 1 + i * count + right
            faces += [[a, a + count, b], [b, a + count, b + count]]
        last = 1 + (rings - 2) * count
        faces.append([last + j, len(points) - 1, last + right])
    uv = np.zeros((len(points), 2), np.float32)
    normals = points.astype(np.float32)
    return Mesh((points * radius).astype(np.float32), np.array(faces, np.int32), normals, uv)


def placed(at=(0, 0, 0), scale=1.0, turn=0.0, axis="x"):
    """World from body."""
    c, s = np.cos(turn), np.sin(turn)
    rotation = {
        "x": [[1, 0, 0], [0, c, -s], [0, s, c]],
        "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        "z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    }[axis]
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(rotation) @ np.diag(np.broadcast_to(scale, 3))
    matrix[:3, 3] = at
    return matrix


def body(mesh, surface, matrix=None, label="thing", name="thing"):
    return Body(name, label, (Part(mesh, surface),), np.eye(4) if matrix is None else matrix)


def stage(*bodies, lamps=(), sky=DARK):
    return Stage(tuple(bodies), tuple(lamps), sky)


def even_sky(value=1.0):
    return Environment(np.full((8, 16, 3), value, np.float32))


def above(size=32, width=4.0, height=10.0, **more):
    """An orthographic view straight down; columns grow along +x, rows along -y."""
    matrix = np.diag([1.0, -1.0, -1.0, 1.0])
    matrix[2, 3] = height
    f = size / width
    return View(size, size, f, f, size / 2, size / 2, matrix, "orthographic", **more)


def looking(at, eye, size=32, f=None, **more):
    """A pinhole at `eye` that looks at `at`."""
    z = np.subtract(at, eye).astype(float)
    z /= np.linalg.norm(z)
    x = np.cross(z, [0, 0, 1.0])
    x /= np.linalg.norm(x)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    matrix[:3, 3] = eye
    f = f or size
    return View(size, size, f, f, size / 2, size / 2, matrix, **more)


def ground_points(view):
    """x and y in the world of the pixels of `above`."""
    column, row = np.meshgrid(np.arange(view.width) + 0.5, np.arange(view.height) + 0.5)
    return (column - view.cx) / view.fx, (view.cy - row) / view.fy
