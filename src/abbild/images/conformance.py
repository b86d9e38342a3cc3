"""What any renderer's own labels must meet: the label engine, and scenes known in closed form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from abbild.images.labels import find_flow, find_hits, gather_layers
from abbild.images.layers import Hits
from abbild.images.stage import (
    Body,
    Environment,
    Floats,
    Mesh,
    Part,
    Stage,
    Surface,
    View,
)

__all__ = [
    "LENSES",
    "Find",
    "Verdict",
    "check_renderer_hits",
    "make_cube",
    "make_sheet",
    "make_sphere",
    "reference_stage",
    "reference_view",
]

Find = Callable[[Stage, View], Hits]
Seen = NDArray[np.bool_]

LENSES = ("pinhole", "orthographic", "distorted", "fisheye")
FEW = 16  # pixels; of smaller bodies a share says nothing
CELLS = 8  # of the checker along each side


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far a renderer is from what it must give.

    Attributes
    ----------
    name : case and measure
    worst : largest error that was found
    limit : what is allowed
    """

    name: str
    worst: float
    limit: float

    @property
    def passed(self) -> bool:
        """Whether the error is within the limit; NaN is not."""
        return self.worst <= self.limit


def check_renderer_hits(
    find: Find, *, lenses: Sequence[str] = LENSES, size: int = 160
) -> tuple[Verdict, ...]:
    """Hold the hits of a renderer to the label engine and to closed forms.

    Against the label engine, away from edges of bodies: masks must agree to an intersection over
    union of 0.99, z to a share of 1e-3, flow to 0.1 pixels. In closed form: z, area and middle of
    a sphere; z and squares of a checker on a tilted plane; places of hits under each lens.

    Parameters
    ----------
    find : gives the hits of a stage and a view
    lenses : which of `LENSES` the renderer serves
    size : pixels along each side of the images

    Notes
    -----
    Cost: under a second with the label engine itself, at the default size.
    """
    stage, moved = reference_stage(), reference_stage(moved=True)
    found: list[Verdict] = []
    for lens in lenses:
        view = reference_view(lens, size)
        found += _against_engine(find, stage, moved, view, lens)
        found += _against_lens(find, stage, view, lens)
    found += _against_sphere(find, size)
    found += _against_checker(find, size)
    return tuple(found)


def reference_view(lens: str, size: int) -> View:
    """Return a camera that sees all of `reference_stage` through one of `LENSES`."""
    focal = {"orthographic": size / 6, "fisheye": 0.8 * size}.get(lens, 1.1 * size)
    projection = lens if lens in ("orthographic", "fisheye") else "pinhole"
    coefficients = {
        "distorted": (-0.25, 0.08, 1e-3, -2e-3, -0.01),
        "fisheye": (0.03, -0.01, 2e-3, -1e-3),
    }
    return View(
        width=size,
        height=size - 8,
        fx=focal,
        fy=1.02 * focal,
        cx=0.49 * size,
        cy=0.5 * size,
        matrix=_look_at(np.array([3.0, -4.2, 3.1]), np.array([0.0, 0.0, 0.4])),
        projection=projection,  # type: ignore[arg-type]
        distortion=coefficients.get(lens, ()),
    )


def reference_stage(*, moved: bool = False) -> Stage:
    """Return a ground with round, square, stretched and mirrored bodies, some before others.

    `moved` gives the same bodies a little later.
    """
    ball, cube, sheet = make_sphere(24), make_cube(), make_sheet()
    step = 0.06 if moved else 0.0
    poses: list[tuple[str, Mesh, Floats]] = [
        ("ground", sheet, _pose(8, 8, 1)),
        ("ball", ball, _pose(0.8, 0.8, 0.8, at=(step, 0, 0.8))),
        ("cube", cube, _pose(0.9, 0.9, 0.9, turn=0.5 + step, at=(1.2, -0.9, 0.45))),
        ("egg", ball, _pose(0.35, 0.5, 0.7, turn=1.0, at=(-1.3, 0.8 - step, 0.7))),
        ("mirrored", cube, _pose(-0.4, 1.2, 0.3, turn=-0.7, at=(-0.4, -1.6 + step, 0.16))),
        ("card", sheet, _pose(0.8, 0.8, 1, turn=2 * step, tilt=1.2, at=(1.3, 1.2, 0.9))),
    ]
    bodies = tuple(_body(name, mesh, matrix) for name, mesh, matrix in poses)
    return Stage(bodies, (), Environment(np.ones((2, 4, 3), np.float32)))


def _against_engine(find: Find, stage: Stage, moved: Stage, view: View, lens: str) -> list[Verdict]:
    mine, truth = find(stage, view), find_hits(stage, view)
    calm = ~_edges(truth.body)
    lost, far = 0.0, 0.0
    for identity in range(1, len(stage.bodies) + 1):
        a, b = (mine.body == identity) & calm, (truth.body == identity) & calm
        union = int(np.count_nonzero(a | b))
        if union >= FEW:
            lost = max(lost, 1 - np.count_nonzero(a & b) / union)
    both = calm & (mine.body == truth.body) & (truth.body > 0)
    far = _worst(np.abs(mine.z[both] / truth.z[both] - 1))
    other = replace(view, matrix=view.matrix @ _pose(1, 1, 1, turn=0.01, at=(0.05, 0.02, 0.04)))
    flows = [
        find_flow(gather_layers(stage, view, hits), stage, view, moved, other)[0]
        for hits in (mine, truth)
    ]
    followed = both & np.isfinite(flows[1]).all(axis=-1)
    drift = _worst(np.hypot(*np.moveaxis(flows[0] - flows[1], -1, 0))[followed])
    return [
        Verdict(f"{lens}: masks, 1 - IoU", lost, 0.01),
        Verdict(f"{lens}: z, share", far, 1e-3),
        Verdict(f"{lens}: flow, pixels", drift, 0.1),
    ]


def _against_lens(find: Find, stage: Stage, view: View, lens: str) -> list[Verdict]:
    """Project hits by formulas that share nothing with the engine; they must meet their pixels."""
    hits = find(stage, view)
    seen = hits.body > 0
    points = gather_layers(stage, view, hits).position[seen].astype(np.float64)
    local = (points - view.matrix[:3, 3]) @ view.matrix[:3, :3]
    x, y = _lens_formula(lens, local, view.distortion)
    rows, columns = np.nonzero(seen)
    off = np.hypot(view.fx * x + view.cx - columns - 0.5, view.fy * y + view.cy - rows - 0.5)
    return [Verdict(f"{lens}: place of hits, pixels", _worst(off), 0.1)]


def _lens_formula(lens: str, local: Floats, k: tuple[float, ...]) -> tuple[Floats, Floats]:
    x, y, z = local.T
    if lens == "orthographic":
        return x, y
    if lens == "fisheye":
        across = np.hypot(x, y)
        angle = np.arctan2(across, z)
        radius = angle + sum(c * angle ** (2 * n + 3) for n, c in enumerate(k))
        return radius * x / across, radius * y / across
    x, y = x / z, y / z
    if lens == "pinhole":
        return x, y
    r = x * x + y * y
    radial = 1 + k[0] * r + k[1] * r**2 + k[4] * r**3
    return (
        x * radial + 2 * k[2] * x * y + k[3] * (r + 2 * x * x),
        y * radial + k[2] * (r + 2 * y * y) + 2 * k[3] * x * y,
    )


def _against_sphere(find: Find, size: int) -> list[Verdict]:
    """Look at a sphere off the axis: an ellipse, whose z is the root of a quadratic."""
    center, radius, focal = np.array([0.25, -0.15, 4.0]), 1.0, 1.2 * size
    view = View(size, size, focal, focal, size / 2, size / 2, np.eye(4))
    matrix = _pose(radius, radius, radius, at=tuple(center))
    hits = find(_alone("sphere", make_sphere(96), matrix), view)
    seen = hits.body > 0
    row, column = np.mgrid[:size, :size] + 0.5
    ray = np.stack([(column - size / 2) / focal, (row - size / 2) / focal, np.ones_like(row)], -1)
    a, b, c = (ray**2).sum(-1), ray @ center, center @ center - radius**2
    inner = b * b - a * c
    z = (b - np.sqrt(np.maximum(inner, 0))) / a
    steep = 0.1 * inner.max()  # towards the rim z changes without bound within a pixel
    far = _worst(np.abs(hits.z[seen & (inner > steep)] / z[seen & (inner > steep)] - 1))
    # ray . Q . ray = 0 is the rim
    q = np.outer(center, center) - c * np.eye(3)
    small = q[:2, :2]
    area = np.pi * abs(np.linalg.det(q)) / abs(np.linalg.det(small)) ** 1.5 * focal**2
    middle = -np.linalg.solve(small, q[:2, 2]) * focal + size / 2
    found = np.array([column[seen].mean(), row[seen].mean()]) if seen.any() else np.full(2, np.nan)
    # an outline of n pixels errs by a fraction of n; half a pixel all around would be n / 2
    edge = 0.1 * 2 * np.pi * np.sqrt(area / np.pi) / area
    return [
        Verdict("sphere: z, share", far, 1e-3),
        Verdict("sphere: area, share", abs(np.count_nonzero(seen) / area - 1), edge),
        Verdict("sphere: middle, pixels", float(np.abs(found - middle).max()), 0.1),
    ]


def _against_checker(find: Find, size: int) -> list[Verdict]:
    """Look at a tilted plane: z and the square under every pixel by plane and ray."""
    focal = 1.3 * size
    view = View(size, size, focal, 0.9 * focal, 0.52 * size, 0.47 * size, np.eye(4))
    matrix = _pose(2.5, 2.5, 1, turn=0.4, tilt=0.9, at=(0.1, 0.05, 3.0))
    stage = _alone("checker", make_sheet(), matrix)
    hits = find(stage, view)
    row, column = np.mgrid[:size, :size] + 0.5
    x, y = (column - view.cx) / view.fx, (row - view.cy) / view.fy
    normal = matrix[:3, 2]
    ray = np.stack([x, y, np.ones_like(x)], axis=-1)
    z = (normal @ matrix[:3, 3]) / (ray @ normal)
    uv = ((ray * z[..., None] - matrix[:3, 3]) @ matrix[:3, :2]) / 2.5**2 + 0.5
    truth = ((uv > 0) & (uv < 1)).all(axis=-1) & (z > 0)
    seen = (hits.body > 0) & truth
    square = np.floor(CELLS * gather_layers(stage, view, hits).uv).astype(int).sum(axis=-1)
    true_square = np.floor(CELLS * uv).astype(int).sum(axis=-1)
    calm = seen & (np.abs(CELLS * uv - np.round(CELLS * uv)) > 1e-3).all(axis=-1)
    wrong = float((square[calm] != true_square[calm]).mean()) if calm.any() else float("nan")
    union = np.count_nonzero((hits.body > 0) | truth)
    return [
        Verdict("checker: z, share", _worst(np.abs(hits.z[seen] / z[seen] - 1)), 1e-3),
        Verdict("checker: squares, share wrong", wrong, 0.0),
        Verdict("checker: mask, 1 - IoU", 1 - np.count_nonzero(seen) / union, 0.002),
    ]


def _worst(errors: Floats | NDArray[np.float32]) -> float:
    """Return the largest error; nothing to measure is a failure."""
    return float(errors.max()) if errors.size else float("nan")


def _edges(body: NDArray[np.int32]) -> Seen:
    """Pixels with another id among their eight neighbours."""
    padded = np.pad(body, 1, mode="edge")
    height, width = body.shape
    edges = np.zeros(body.shape, np.bool_)
    for j in range(3):
        for i in range(3):
            edges |= padded[j : j + height, i : i + width] != body
    return edges


def make_sphere(rings: int) -> Mesh:
    """Return a unit sphere of 2 `rings` x `rings` cells with smooth normals."""
    polar, around = np.meshgrid(
        np.linspace(0, np.pi, rings + 1), np.linspace(0, 2 * np.pi, 2 * rings + 1), indexing="ij"
    )
    across = np.sin(polar)
    points = np.stack([across * np.cos(around), across * np.sin(around), np.cos(polar)], axis=-1)
    uv = np.stack([around / (2 * np.pi), 1 - polar / np.pi], axis=-1)
    i, j = np.mgrid[:rings, : 2 * rings].reshape(2, -1)
    a = i * (2 * rings + 1) + j
    b, c, d = a + 2 * rings + 1, a + 2 * rings + 2, a + 1
    lower, upper = np.stack([a, b, c], 1)[i < rings - 1], np.stack([a, c, d], 1)[i > 0]
    flat = points.reshape(-1, 3).astype(np.float32)
    faces = np.concatenate([lower, upper]).astype(np.int32)
    return Mesh(flat, faces, flat.copy(), uv.reshape(-1, 2).astype(np.float32))


def make_sheet() -> Mesh:
    """Return a square of one metre in the plane z = 0 that looks up, uv from 0 to 1."""
    uv = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    vertices = np.concatenate([uv - 0.5, np.zeros((4, 1))], axis=1).astype(np.float32)
    normals = np.tile(np.array([0, 0, 1], np.float32), (4, 1))
    return Mesh(vertices, np.array([[0, 1, 2], [0, 2, 3]], np.int32), normals, uv)


def make_cube() -> Mesh:
    """Return a cube of one metre with hard edges, around the origin."""
    sheet = make_sheet()
    vertices: list[Floats] = []
    normals: list[Floats] = []
    faces: list[NDArray[np.int32]] = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            turn = np.roll(np.eye(3), axis, axis=0) * np.array([[sign], [1.0], [sign]])
            faces.append(sheet.faces + 4 * len(vertices))
            vertices.append((sheet.vertices + np.array([0, 0, 0.5])) @ turn)
            normals.append(sheet.normals @ turn)
    return Mesh(
        np.concatenate(vertices).astype(np.float32),
        np.concatenate(faces).astype(np.int32),
        np.concatenate(normals).astype(np.float32),
        np.tile(sheet.uv, (6, 1)),
    )


def _body(name: str, mesh: Mesh, matrix: Floats) -> Body:
    grey = Surface(np.full(3, 0.5, np.float32))
    return Body(name, name, (Part(mesh, grey),), matrix)


def _alone(name: str, mesh: Mesh, matrix: Floats) -> Stage:
    light = Environment(np.ones((2, 4, 3), np.float32))
    return Stage((_body(name, mesh, matrix),), (), light)


def _pose(
    x: float,
    y: float,
    z: float,
    *,
    turn: float = 0.0,
    tilt: float = 0.0,
    at: tuple[float, ...] = (0.0, 0.0, 0.0),
) -> Floats:
    """Return scale by x, y, z, then tilt about x, turn about z, and place."""
    (c, s), (d, t) = (np.cos(turn), np.sin(turn)), (np.cos(tilt), np.sin(tilt))
    around_z = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
    around_x = np.array([[1.0, 0, 0], [0, d, -t], [0, t, d]])
    matrix = np.eye(4)
    matrix[:3, :3] = around_z @ around_x @ np.diag([x, y, z])
    matrix[:3, 3] = at
    return matrix


def _look_at(eye: Floats, target: Floats) -> Floats:
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    matrix[:3, 3] = eye
    return matrix
