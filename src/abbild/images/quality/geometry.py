"""A stage as few large meshes in the world, so that kernels do not depend on how many bodies are.

Everything that does not shine becomes one mesh; what shines becomes one mesh for each radiance,
since it must be found by light sampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from abbild.images.quality.palette import SLOTS
from abbild.images.quality.scaling import EXTENT
from abbild.images.stage import Floats, Mesh, Panel, Part, Singles, Stage, Surface

__all__ = ["FAR", "Soup", "anchors", "join", "merge", "merge_parts", "panel_soup", "radiance_of"]

Faces = NDArray[np.int32]
Radiance = tuple[float, float, float]

FAR = 32 * EXTENT  # where anchors lie


@dataclass(frozen=True, eq=False)
class Soup:
    """Triangles in the world.

    Attributes
    ----------
    vertices, normals : (v, 3) float32
    uv : (v, 2) float32
    faces : (f, 3) int32
    surface : (f,) int32, index of the surface of each triangle
    density : (f,) float32, how much of uv one metre covers; 0 for no texture
    """

    vertices: Singles
    normals: Singles
    uv: Singles
    faces: Faces
    surface: NDArray[np.int32]
    density: Singles


@dataclass(frozen=True, eq=False)
class _Piece:
    part: Part
    matrix: Floats
    surface: int


def merge(stage: Stage) -> tuple[dict[Radiance, Soup], list[Surface]]:
    """Bring all parts into the world.

    Returns
    -------
    soups : by radiance; (0, 0, 0) is what does not shine
    surfaces : each once
    """
    pieces: dict[Radiance, list[_Piece]] = {}
    surfaces: dict[int, tuple[int, Surface]] = {}
    for body in stage.bodies:
        for part in body.parts:
            if len(part.mesh.faces):
                number, _ = surfaces.setdefault(id(part.surface), (len(surfaces), part.surface))
                light = radiance_of(part.surface.emission)
                pieces.setdefault(light, []).append(_Piece(part, body.matrix, number))
    soups = {light: _join(group) for light, group in pieces.items()}
    return soups, [surface for _, surface in surfaces.values()]


def merge_parts(stage: Stage) -> list[tuple[Soup, Surface, Radiance]]:
    """Bring all parts into the world, each by itself, with its surface and what it emits."""
    return [
        (_join([_Piece(part, body.matrix, 0)]), part.surface, radiance_of(part.surface.emission))
        for body in stage.bodies
        for part in body.parts
        if len(part.mesh.faces)
    ]


def radiance_of(light: Floats | Singles) -> Radiance:
    """Return a light as three numbers that are at least 0 and finite."""
    r, g, b = (max(float(x), 0.0) for x in np.nan_to_num(light, posinf=6e4))
    return r, g, b


def _join(pieces: Sequence[_Piece]) -> Soup:
    placed = [_place(piece.part.mesh, piece.matrix) for piece in pieces]
    starts = np.cumsum([0, *(len(vertices) for vertices, _ in placed)])
    faces = []
    for piece, start in zip(pieces, starts, strict=False):
        local = piece.part.mesh.faces
        mirrored = np.linalg.det(piece.matrix[:3, :3]) < 0
        faces.append((local[:, ::-1] if mirrored else local) + np.int32(start))
    density = [
        _density(piece.part, vertices) for piece, (vertices, _) in zip(pieces, placed, strict=True)
    ]
    return Soup(
        np.concatenate([vertices for vertices, _ in placed]),
        np.concatenate([normals for _, normals in placed]),
        np.concatenate([np.asarray(piece.part.mesh.uv, np.float32) for piece in pieces]),
        np.concatenate(faces).astype(np.int32),
        np.repeat([piece.surface for piece in pieces], [len(f) for f in faces]).astype(np.int32),
        np.concatenate(density),
    )


def _place(mesh: Mesh, matrix: Floats) -> tuple[Singles, Singles]:
    """Return vertices and unit normals in the world."""
    turn = matrix[:3, :3]
    vertices = mesh.vertices @ turn.T.astype(np.float32) + matrix[:3, 3].astype(np.float32)
    # normals follow the matrix of cofactors, which exists for flat bodies too
    cofactors = np.stack([np.cross(turn[(k + 1) % 3], turn[(k + 2) % 3]) for k in range(3)])
    largest = np.abs(cofactors).max()
    sign = -1.0 if np.linalg.det(turn) < 0 else 1.0
    normals = mesh.normals @ (cofactors.T * (sign / largest if largest else 1.0)).astype(np.float32)
    length = np.sqrt(np.einsum("ij,ij->i", normals, normals))
    bad = ~(length > 1e-20)
    normals /= np.where(bad, 1, length)[:, None]
    normals[bad] = (0, 0, 1)
    return vertices, normals


def _density(part: Part, vertices: Singles) -> Singles:
    """Return how much of uv one metre of each triangle covers."""
    mesh = part.mesh
    if all(np.ndim(getattr(part.surface, name)) < 2 for name in SLOTS):
        return np.zeros(len(mesh.faces), np.float32)
    corners = vertices[mesh.faces]
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = np.linalg.norm(np.cross(a, b), axis=1)
    share = _uv_area(mesh)
    return np.asarray(np.sqrt(share / np.maximum(area, 1e-30)), np.float32)


@lru_cache(maxsize=64)
def _uv_area(mesh: Mesh) -> Floats:
    """Return twice the area of each triangle in uv."""
    p = mesh.uv[mesh.faces].astype(np.float64)
    a, b = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    return np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])


def join(soups: Sequence[Soup]) -> Soup:
    """Return several soups as one."""
    starts = np.cumsum([0, *(len(soup.vertices) for soup in soups)])[:-1]
    return Soup(
        np.concatenate([soup.vertices for soup in soups]),
        np.concatenate([soup.normals for soup in soups]),
        np.concatenate([soup.uv for soup in soups]),
        np.concatenate(
            [soup.faces + np.int32(start) for soup, start in zip(soups, starts, strict=True)]
        ),
        np.concatenate([soup.surface for soup in soups]),
        np.concatenate([soup.density for soup in soups]),
    )


def panel_soup(panel: Panel) -> Soup:
    """Return a panel as two triangles that face where it shines."""
    square = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    across, up, out, centre = np.asarray(panel.matrix, np.float64)[:3].T
    vertices = square[:, :1] * across + square[:, 1:] * up + centre
    normal = np.cross(across, up)
    facing = normal @ out >= 0
    normal = (normal if facing else -normal) / np.linalg.norm(normal)
    faces = [[0, 1, 2], [0, 2, 3]] if facing else [[0, 2, 1], [0, 3, 2]]
    zero = np.zeros(2)
    return Soup(
        vertices.astype(np.float32),
        np.tile(normal.astype(np.float32), (4, 1)),
        (square + 0.5).astype(np.float32),
        np.array(faces, np.int32),
        zero.astype(np.int32),
        zero.astype(np.float32),
    )


def anchors() -> Soup:
    """Return two tiny triangles far away, in opposite corners.

    They make the space around the scene large, and Embree then leaves out the costly splitting
    of triangles: on 82,000 of them the tree is built in 37 ms in place of 91, and rays take as
    long as before (measured with Embree 4 in Mitsuba 3.9).
    """
    corner = np.array([[0, 0, 0], [0, 0, 0.1], [0, 0.1, 0]])
    return Soup(
        np.concatenate([corner - FAR, FAR - corner]).astype(np.float32),
        np.tile(np.array([0, 0, 1], np.float32), (6, 1)),
        np.zeros((6, 2), np.float32),
        np.array([[0, 1, 2], [3, 4, 5]], np.int32),
        np.zeros(2, np.int32),
        np.zeros(2, np.float32),
    )
