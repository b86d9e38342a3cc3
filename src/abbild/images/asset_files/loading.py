"""Meshes from files: units, axes, normals at hard edges, and one sentence for what is wrong."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from abbild.images.asset_files.headers import Head, read_head
from abbild.images.asset_files.sources import Source, open_source
from abbild.images.asset_files.surfaces import Paint, paint_of
from abbild.images.errors import AssetError, SceneError
from abbild.images.limits import between, choice, positive
from abbild.images.meshes import check_mesh, merge, mesh_of, smooth, transformed
from abbild.images.stage import Mesh, Part
from abbild.images.topology import outward, weld

__all__ = ["MAX_FACES", "UNITS", "MeshFile", "load_parts"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_FACES = 2_000_000
UNITS = {"m": 1.0, "dm": 0.1, "cm": 0.01, "mm": 0.001, "um": 1e-6, "in": 0.0254, "ft": 0.3048}
LARGE, SMALL = 60.0, 0.0015  # metres: an extent beyond them is most often a wrong unit
Z_FROM_Y = np.array([[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MeshFile:
    """A mesh from a file, with its materials: OBJ, PLY, STL, glTF, GLB, or one of them zipped.

    Attributes
    ----------
    path : file
    unit : of its numbers: m, dm, cm, mm, um, in, ft
    up : its upward axis, "y" or "z"; "" is y for glTF (by its definition) and z for the others
    scale : factor besides the unit
    center : "base" puts the middle of its foot at the origin, "middle" its middle, "" nothing
    """

    path: str
    unit: str = "m"
    up: str = ""
    scale: float = 1.0
    center: str = ""

    def check(self) -> None:
        """Raise SceneError for unknown words or a scale not above zero."""
        positive(self, "scale")
        between(self, 1e-9, 1e9, "scale")
        choice(self, "unit", tuple(UNITS))
        choice(self, "up", ("", "y", "z"))
        choice(self, "center", ("", "base", "middle"))
        if not isinstance(self.path, str) or not self.path:
            raise SceneError(f"MeshFile.path must be the name of a file, not {self.path!r}")

    def parts(self) -> tuple[Part, ...]:
        """Load the file, see `load_parts`."""
        self.check()
        return load_parts(
            self.path,
            unit=self.unit,
            up=self.up or None,
            scale=self.scale,
            center=self.center or None,
        )


def load_parts(
    path: str | Path,
    *,
    unit: str = "m",
    up: str | None = None,
    scale: float = 1.0,
    center: str | None = None,
    max_faces: int = MAX_FACES,
) -> tuple[Part, ...]:
    """Load a mesh file as parts in metres with z up, one for each material.

    Normals of the file are used if every vertex has one that agrees with its faces; else they are
    computed, with edges where faces meet at more than 40 degrees. Neighbouring faces are made to
    agree and closed pieces to face outwards. Vertex and face colours become a small texture (their
    mean above 400,000 faces). Transparent materials are shown solid, emissive textures dark. A
    missing texture is logged and shown grey. Equal calls return the same objects while the file
    does not change.

    Parameters
    ----------
    path : OBJ (+ MTL), PLY, STL, glTF, GLB, or a .zip with one of them; textures are looked for
        beside it and within its folder only
    unit : of the numbers in the file: m, dm, cm, mm, um, in, ft
    up : "y" or "z"; None is y for glTF and z for the others
    scale : factor besides the unit
    center : "base": the middle of the foot is the origin; "middle": the middle of the bounds
    max_faces : more are refused

    Raises
    ------
    AssetError
        With one sentence that names the file, for what cannot be used.
    SceneError
        For options that are none.

    Notes
    -----
    Two to five seconds for a million faces, most of it normals and edges.
    """
    options = (unit, up or "", float(scale), center or "")
    MeshFile(str(path), *options).check()
    place = Path(path)
    try:
        status = place.stat()
        stamp = (status.st_mtime_ns, status.st_size)
    except (OSError, ValueError):
        stamp = (0, 0)
    return _cached(place, stamp, options, max_faces)


@lru_cache(maxsize=32)
def _cached(
    path: Path, stamp: tuple[int, int], options: tuple[str, str, float, str], max_faces: int
) -> tuple[Part, ...]:
    unit, up, scale, center = options
    source = open_source(path)
    head = read_head(source)
    _limit(head.faces, max_faces, source)
    scene = _scene(source, head)
    upright = Z_FROM_Y if (up or ("y" if source.kind in ("glb", "gltf") else "z")) == "y" else None
    stretch = np.diag([*[UNITS[unit] * scale] * 3, 1.0])
    root = stretch if upright is None else stretch @ upright
    parts = _parts(source, head, scene, root, max_faces)
    for number, part in enumerate(parts):
        check_mesh(part.mesh, source.name if len(parts) == 1 else f"part {number} of {source.name}")
    _hint_at_unit(parts, source, unit)
    return _centred(parts, center) if center else parts


def _limit(faces: int, most: int, source: Source) -> None:
    if faces > most:
        raise AssetError(
            f"{source.name} has {faces:,} faces, more than {most:,}",
            hint="reduce it first (MeshLab: quadric edge collapse), or raise max_faces",
        )


def _scene(source: Source, head: Head) -> Any:
    """Let trimesh read the file; all it stumbles over becomes one AssetError."""
    beside = source.neighbours
    try:
        with warnings.catch_warnings():
            # Numbers that cannot be read must not end a list of vertices silently.
            warnings.filterwarnings("error", message="string or file could not be read")
            warnings.filterwarnings("ignore", category=UserWarning)
            scene = trimesh.load_scene(
                BytesIO(head.content), file_type=source.kind, resolver=beside, process=False
            )
    except AssetError:
        raise
    except MemoryError as error:
        raise AssetError(f"{source.name} does not fit into memory") from error
    except Exception as error:
        _complain(source)
        text = str(error) or type(error).__name__
        raise AssetError(f"{source.name} cannot be read as {source.kind}: {text[:200]}") from error
    _complain(source)
    return scene


def _complain(source: Source) -> None:
    """Refuse names that lead outside, log names that lead nowhere."""
    beside = source.neighbours
    if beside.refused:
        raise AssetError(
            f"{source.name} refers to {beside.refused[0]!r}, which lies outside of its folder",
            hint="put the file beside the mesh and correct the name",
        )
    for name in dict.fromkeys(beside.missing):
        log.warning("%s refers to %r, which is not there; shown grey", source.name, name)
    for name in dict.fromkeys(beside.damaged):
        log.warning("%s refers to %r, which is damaged; shown grey", source.name, name)


def _parts(
    source: Source, head: Head, scene: Any, root: Floats, max_faces: int
) -> tuple[Part, ...]:
    """All meshes of a scene, those of one material as one part."""
    paints: dict[str, Paint] = {}
    groups: dict[Any, list[Mesh]] = {}
    surfaces: dict[Any, Any] = {}
    total = 0
    for name, geometry, matrix in _instances(scene):
        total += len(geometry.faces)
        _limit(total, max_faces, source)
        if name not in paints:
            paints[name] = paint_of(
                geometry, head.materials, source.name, linear_colors=source.kind[:2] == "gl"
            )
        paint = paints[name]
        key = _material_key(geometry, name)
        mesh = _mesh(geometry, root @ matrix, paint.uv, head.has_normals, source)
        if mesh is not None:
            groups.setdefault(key, []).append(mesh)
            surfaces.setdefault(key, paint.surface)
    if not groups:
        raise AssetError(
            f"{source.name} has no faces with an area", hint="points and lines are not rendered"
        )
    return tuple(Part(merge(groups[key]), surfaces[key]) for key in groups)


def _instances(scene: Any) -> Iterator[tuple[str, Any, Floats]]:
    """Every mesh of a scene with its name and world matrix, in the order of the file."""
    for node in scene.graph.nodes_geometry:
        matrix, name = scene.graph[node]
        geometry = scene.geometry[name]
        if isinstance(geometry, trimesh.Trimesh) and len(geometry.faces):
            yield name, geometry, np.asarray(matrix, np.float64)


def _material_key(geometry: Any, name: str) -> Any:
    """Return what decides whether two meshes share a surface."""
    visual = geometry.visual
    if visual.kind != "texture" or "color" in getattr(visual, "vertex_attributes", {}):
        return name if visual.kind else "plain"
    return id(visual.material)


def _mesh(
    geometry: Any, matrix: Floats, uv: Floats | None, has_normals: bool, source: Source
) -> Mesh | None:
    """One mesh in the world of its file; None if it has no area."""
    points = np.array(geometry.vertices, np.float64)
    faces = np.asarray(geometry.faces, np.int64)
    used = _check_points(points, faces, matrix, source)
    points[~used] = points[faces[0, 0]]  # what no face uses may be anything, even NaN
    corner = uv[faces] if uv is not None and uv.ndim == 2 else uv
    turned = outward(points, faces)
    flips = (turned != faces).any(axis=1)
    if corner is not None and flips.any():
        corner = corner.copy()
        corner[flips] = corner[flips][:, ::-1]
    if has_normals and not flips.any() and (uv is None or uv.ndim == 2):
        mesh = _with_normals(geometry, points, turned, uv)
        if mesh is not None:
            return transformed(mesh, matrix)
    joined, kept_faces, kept = weld(points, turned)
    if not len(kept):
        return None
    mesh = smooth(joined, kept_faces, uv=None if corner is None else corner[kept])
    return transformed(mesh, matrix)


def _check_points(points: Floats, faces: Ints, matrix: Floats, source: Source) -> NDArray[np.bool_]:
    """Refuse what cannot be placed; return which points faces use, (v,)."""
    if faces.min() < 0 or faces.max() >= len(points):
        raise AssetError(
            f"{source.name} has a face with vertex {int(faces.max())}, "
            f"but only {len(points)} vertices"
        )
    used = np.zeros(len(points), np.bool_)
    used[faces.reshape(-1)] = True
    bad = used & ~np.isfinite(points).all(axis=1)
    if bad.any():
        count = f"{int(bad.sum())} of {int(used.sum())}"
        raise AssetError(f"{source.name} has {count} vertices that are NaN or infinite")
    if not np.isfinite(matrix).all() or abs(float(np.linalg.det(matrix[:3, :3]))) < 1e-300:
        raise AssetError(f"{source.name} places a mesh with a matrix that flattens it")
    extent = float(np.abs(points[used] @ matrix[:3, :3].T + matrix[:3, 3]).max())
    if extent > 1e6:
        raise AssetError(
            f"{source.name} reaches {extent:g} metres from its origin", hint="check its unit"
        )
    return used


def _with_normals(geometry: Any, points: Floats, faces: Ints, uv: Floats | None) -> Mesh | None:
    """Return the mesh with the normals of its file, or None if they contradict its faces."""
    normals = np.asarray(geometry.vertex_normals, np.float64)
    if normals.shape != points.shape or not np.isfinite(normals).all():
        return None
    a, b, c = (points[faces[:, k]] for k in range(3))
    flat = np.cross(b - a, c - a)
    solid = np.linalg.norm(flat, axis=1) > 0
    if not solid.any():
        return None
    towards = np.einsum("fi,fki->fk", flat[solid], normals[faces[solid]])
    if (towards <= 0).mean() > 0.02:
        return None
    texture = uv if uv is not None else np.zeros((len(points), 2))
    used, local = np.unique(faces[solid], return_inverse=True)
    return mesh_of(points[used], local.reshape(-1, 3), normals[used], texture[used])


def _bounds(parts: tuple[Part, ...]) -> Floats:
    each = np.stack([part.mesh.bounds for part in parts])
    return np.stack([each[:, 0].min(axis=0), each[:, 1].max(axis=0)])


def _hint_at_unit(parts: tuple[Part, ...], source: Source, unit: str) -> None:
    low, high = _bounds(parts)
    extent = float((high - low).max())
    if extent > LARGE and unit == "m":
        log.warning(
            '%s is %.4g metres large; if its numbers are millimetres, say unit="mm"',
            source.name,
            extent,
        )
    elif extent < SMALL and unit != "um":
        say = 'unit="m"' if unit != "m" else "scale=1000"
        log.warning("%s is only %.4g metres large; perhaps say %s", source.name, extent, say)


def _centred(parts: tuple[Part, ...], center: str) -> tuple[Part, ...]:
    low, high = _bounds(parts)
    middle = (low + high) / 2
    if center == "base":
        middle[2] = low[2]
    move = np.eye(4)
    move[:3, 3] = -middle
    if math.isclose(float(np.abs(middle).max()), 0.0):
        return parts
    return tuple(Part(transformed(part.mesh, move), part.surface) for part in parts)
