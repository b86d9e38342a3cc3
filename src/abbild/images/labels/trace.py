"""Rays against bodies by Embree, for every lens and every other kind of ray.

One acceleration structure a mesh, in its own frame, built once and remembered as long as the
mesh lives; poses cost nothing. Embree counts in 32 bits, so a ray starts where it enters the
body's box, and the triangle it names is met again in 64 bits: results agree with `raster`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numba import njit
from numpy.typing import NDArray

from abbild.core import MissingExtraError
from abbild.images.errors import SceneError
from abbild.images.labels.camera import rays
from abbild.images.labels.culling import Bundle, bound_blocks, cull_rays
from abbild.images.labels.draws import Draws, Geometry, group, list_draws
from abbild.images.layers import Hits
from abbild.images.stage import Floats, Singles, Stage, View

try:
    from embreex.mesh_construction import TriangleMesh
    from embreex.rtcore import EmbreeDevice
    from embreex.rtcore_scene import EmbreeScene
except ImportError:  # no wheel for this platform
    EmbreeScene = None

__all__ = ["Casts", "cast", "occluded", "trace"]


@dataclass(frozen=True, eq=False)
class Casts:
    """Where single rays ended.

    Attributes
    ----------
    body : (n,) int32, 0 for none
    part, face : (n,) int32, -1 for none
    weights : (n, 2) float32, barycentric weights of the second and third corner
    distance : (n,) float64, in lengths of the ray's direction, inf for none
    """

    body: NDArray[np.int32]
    part: NDArray[np.int32]
    face: NDArray[np.int32]
    weights: Singles
    distance: Floats


def trace(stage: Stage, view: View) -> Hits:
    """Find what each pixel's centre sees by rays; serves every lens.

    Nothing nearer than ``view.near`` is seen, measured along the optical axis, or along the ray
    for a fisheye. Cost: about 0.1 µs a ray and body it may meet.

    Raises
    ------
    MissingExtraError
        embreex is not installed
    """
    origins, directions = rays(view)
    along = (directions @ view.matrix[:3, 2]).ravel()
    with np.errstate(divide="ignore"):
        start = (
            np.full(along.shape, view.near) if view.projection == "fisheye" else view.near / along
        )
    origins, directions = origins.reshape(-1, 3), directions.reshape(-1, 3)
    found = cast(stage, origins + start[:, None] * directions, directions)
    shape = (view.height, view.width)
    z = np.where(found.body > 0, (found.distance + start) * along, np.inf)
    return Hits(
        found.body.reshape(shape),
        found.part.reshape(shape),
        found.face.reshape(shape),
        found.weights.reshape(*shape, 2),
        z.reshape(shape).astype(np.float32),
    )


def cast(
    stage: Stage,
    origins: Floats,
    directions: Floats,
    distances: Floats | float = math.inf,
    ids: Sequence[int] | None = None,
) -> Casts:
    """Find the first surface that each ray meets, from either side.

    Parameters
    ----------
    origins, directions : (n, 3); directions of any length but 0; rays that are not finite meet
        nothing
    distances : (n,) or one number, how far to look, in lengths of the direction
    ids : bodies that are asked; None for all
    """
    draws = list_draws(stage, ids)
    origins, directions, best = _take_rays(origins, directions, distances)
    owner, face = np.full(len(best), -1, np.int32), np.full(len(best), -1, np.int32)
    weights = np.zeros((len(best), 2), np.float32)
    blocks = bound_blocks(origins, directions, best)
    for k, inverse in _nearest_first(stage, draws, origins):
        _cast_part(
            draws.geometry[k], k, inverse, (origins, directions, blocks), (best, owner, face)
        )
    order, starts = group(owner, len(draws))
    for k in np.flatnonzero(np.diff(starts)).tolist():
        inside = order[starts[k] : starts[k + 1]]
        geometry, inverse = draws.geometry[k], _invert(stage, draws, k)
        mesh = (geometry.vertices, geometry.faces)
        meet(mesh, inverse, (origins, directions), inside, (face, weights, best))
    none = owner < 0
    best[none] = np.inf
    body = np.where(none, 0, draws.body[owner] if len(draws) else 0).astype(np.int32)
    part = np.where(none, -1, draws.part[owner] if len(draws) else -1).astype(np.int32)
    return Casts(body, part, face, weights, best)


def occluded(
    stage: Stage,
    origins: Floats,
    directions: Floats,
    distances: Floats | float = math.inf,
    ids: Sequence[int] | None = None,
) -> NDArray[np.bool_]:
    """Return whether anything stands in the way of each ray before its distance, (n,) bool.

    Parameters as for `cast`. Surfaces at the very origin count: start a little above them.
    """
    draws = list_draws(stage, ids)
    origins, directions, left = _take_rays(origins, directions, distances)
    blocks = bound_blocks(origins, directions, left)
    for k, inverse in _nearest_first(stage, draws, origins):
        _block_part(draws.geometry[k], inverse, (origins, directions, blocks), left)
    found: NDArray[np.bool_] = left == -np.inf
    return found


def _take_rays(
    origins: Floats, directions: Floats, distances: Floats | float
) -> tuple[Floats, Floats, Floats]:
    origins = np.ascontiguousarray(origins, np.float64)
    directions = np.ascontiguousarray(directions, np.float64)
    if origins.ndim != 2 or origins.shape != directions.shape or origins.shape[1] != 3:
        raise SceneError(
            f"rays need origins and directions (n, 3), not {origins.shape} and {directions.shape}"
        )
    far = np.empty(len(origins))
    far[:] = distances
    return origins, directions, far


@cache
def _device() -> Any:
    if EmbreeScene is None:
        raise MissingExtraError(
            "rays for this camera need the package embreex",
            hint="pip install embreex, or use a pinhole camera without distortion",
        )
    return EmbreeDevice()


_scenes: WeakKeyDictionary[Geometry, Any] = WeakKeyDictionary()


def _scene_of(geometry: Geometry) -> Any:
    known = _scenes.get(geometry)
    if known is None:
        known = EmbreeScene(_device(), robust=True)
        TriangleMesh(known, geometry.vertices, geometry.faces)
        _scenes[geometry] = known
    return known


def _invert(stage: Stage, draws: Draws, k: int) -> Floats:
    try:
        return np.ascontiguousarray(np.linalg.inv(draws.matrices[k])[:3])
    except np.linalg.LinAlgError:
        name = stage.bodies[draws.body[k] - 1].name
        raise SceneError(f"the pose of {name!r} flattens it", hint="no scale may be 0") from None


def _nearest_first(stage: Stage, draws: Draws, origins: Floats) -> list[tuple[int, Floats]]:
    """Return parts with their world-to-body matrices, so that near ones can hide far ones."""
    _device()
    if not len(draws) or not len(origins):
        return []
    middles = np.stack([g.bounds.mean(axis=0) for g in draws.geometry])
    middles = np.einsum("nij,nj->ni", draws.matrices[:, :3, :3], middles) + draws.matrices[:, :3, 3]
    away = np.linalg.norm(middles - np.nanmean(origins, axis=0), axis=1)
    order = np.argsort(away, kind="stable").tolist()
    return [(k, _invert(stage, draws, k)) for k in order]


def _cast_part(
    geometry: Geometry,
    k: int,
    inverse: Floats,
    bundle: Bundle,
    found: tuple[Floats, NDArray[np.int32], NDArray[np.int32]],
) -> None:
    best, owner, face = found
    picked, starts, ends, enter = cull_rays(geometry, inverse, bundle, best)
    if not len(picked):
        return
    reach = (best[picked] - enter).astype(np.float32)
    hit = _scene_of(geometry).run(starts, ends, np.minimum(reach, np.float32(1e37)), "INTERSECT", 1)
    keep_nearest(picked, enter, hit["primID"], hit["tfar"], k, (best, owner, face))


def _block_part(geometry: Geometry, inverse: Floats, bundle: Bundle, left: Floats) -> None:
    picked, starts, ends, enter = cull_rays(geometry, inverse, bundle, left)
    if not len(picked):
        return
    reach = np.minimum((left[picked] - enter).astype(np.float32), np.float32(1e37))
    hit = _scene_of(geometry).run(starts, ends, reach, "OCCLUDED")
    left[picked[hit >= 0]] = -np.inf


@njit(cache=True)
def keep_nearest(
    picked: NDArray[np.int64],
    enter: Floats,
    triangle: NDArray[np.int32],
    along: Singles,
    k: int,
    found: tuple[Floats, NDArray[np.int32], NDArray[np.int32]],
) -> None:
    """Take over hits of part `k` that are nearer than what is known."""
    best, owner, face = found
    for n in range(picked.size):
        if triangle[n] < 0:
            continue
        at, distance = picked[n], enter[n] + along[n]
        if distance < best[at]:
            best[at], owner[at], face[at] = distance, k, triangle[n]


@njit(cache=True)
def meet(
    mesh: tuple[Singles, NDArray[np.int32]],
    inverse: Floats,
    lines: tuple[Floats, Floats],
    pixels: NDArray[np.int64],
    found: tuple[NDArray[np.int32], Singles, Floats],
) -> None:
    """Meet the named triangles again in 64 bits: weights and distance of each of `pixels`."""
    face, weights, distance = found
    o, d, e = np.empty(3), np.empty(3), np.empty(3)
    corner = np.empty((3, 3))
    for n in pixels:
        for k in range(3):
            o[k], d[k] = inverse[k, 3], 0.0
            for c in range(3):
                o[k] += inverse[k, c] * lines[0][n, c]
                d[k] += inverse[k, c] * lines[1][n, c]
        for v in range(3):
            for k in range(3):
                corner[v, k] = mesh[0][mesh[1][face[n], v], k] - o[k]
        for v in range(3):
            a, b = corner[(v + 1) % 3], corner[(v + 2) % 3]
            e[v] = (
                d[0] * (a[1] * b[2] - a[2] * b[1])
                + d[1] * (a[2] * b[0] - a[0] * b[2])
                + d[2] * (a[0] * b[1] - a[1] * b[0])
            )
        sign = 1.0 if e[0] + e[1] + e[2] >= 0.0 else -1.0
        whole = 0.0
        for v in range(3):
            e[v] = max(sign * e[v], 0.0)
            whole += e[v]
        if whole == 0.0:
            continue
        length, along = d[0] ** 2 + d[1] ** 2 + d[2] ** 2, 0.0
        for k in range(3):
            along += d[k] * (e[0] * corner[0, k] + e[1] * corner[1, k] + e[2] * corner[2, k])
        weights[n, 0], weights[n, 1] = e[1] / whole, e[2] / whole
        distance[n] = along / (whole * length)
