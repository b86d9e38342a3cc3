"""Members of a group, placed all together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.errors import RejectedSceneError, SceneError
from abbild.images.physics import scatter
from abbild.images.scene.nodes import Group, Object, Scene
from abbild.images.scene.numbers import number, vector
from abbild.images.scene.placements import OnSurface, Scatter
from abbild.images.stage import Body

__all__ = ["place_bodies", "spread"]

Floats = NDArray[np.float64]


def spread(members: Mapping[str, Object], placement: Any, seed: Seed) -> dict[str, Object]:
    """Return `members` at the points of a placement; what finds no room is left out.

    A member's own position is added to its point. `Scatter` and `OnSurface` need the bodies, see
    `place_bodies`.

    Raises
    ------
    SceneError
        For what is no placement.
    """
    if placement is None or isinstance(placement, (Scatter, OnSurface)) or not members:
        return dict(members)
    if not hasattr(placement, "positions"):
        raise SceneError(
            f"{type(placement).__name__} is no placement",
            hint="use poisson-disk, grid, scatter or on-surface",
        )
    places = placement.positions(len(members), seed)
    return {
        path: replace(member, position=tuple((np.array(member.position) + place).tolist()))
        for (path, member), place in zip(members.items(), places, strict=False)
    }


def place_bodies(
    bodies: Sequence[Body], ids: Mapping[str, int], scene: Scene, seed: Seed
) -> list[Body]:
    """Return the bodies with every group that is scattered, or put on a surface, in its place.

    Raises
    ------
    SceneError
        With the path, for a surface that is not there or a region without room.
    """
    made = list(bodies)
    for name, group in scene.objects.items():
        if not isinstance(group, Group) or not isinstance(group.placement, (Scatter, OnSurface)):
            continue
        members = [k for path, k in ids.items() if path.startswith(f"{name}/")]
        where, here = f"/objects/{name}/placement", seed / "placement" / name
        if isinstance(group.placement, Scatter):
            found = _scattered(made, members, group.placement, where, here)
        else:
            found = _on_surface(made, members, group.placement, ids, where, here)
        for k, matrix in found.items():
            made[k - 1] = replace(made[k - 1], matrix=matrix)
    return made


def _scattered(
    bodies: list[Body], members: list[int], placement: Scatter, where: str, seed: Seed
) -> Mapping[int, Floats]:
    region = np.stack(
        [vector(placement.low, f"{where}/low"), vector(placement.high, f"{where}/high")]
    )
    scattered = scatter(bodies, region, seed=seed, placing=members)
    if scattered.failed:
        k, reason = next(iter(scattered.failed.items()))
        raise RejectedSceneError(
            f"{where}: {bodies[k - 1].name} finds no place: {reason}",
            hint="make the region larger or the objects fewer",
        )
    return scattered.matrices


def _on_surface(
    bodies: list[Body],
    members: list[int],
    placement: OnSurface,
    ids: Mapping[str, int],
    where: str,
    seed: Seed,
) -> Mapping[int, Floats]:
    target = str(placement.object).removeprefix("/objects/")
    if target not in ids:
        raise SceneError(f"{where}/object is {placement.object!r}, which is not there")
    upward = number(placement.upward, f"{where}/upward", -1, 1)
    points, normals = surface_points(bodies[ids[target] - 1], len(members), upward, where, seed)
    found = {}
    for k, point, normal in zip(members, points, normals, strict=True):
        matrix = bodies[k - 1].matrix.copy()
        matrix[:3, :3] = _standing(normal) @ matrix[:3, :3]
        matrix[:3, 3] = point + _standing(normal) @ bodies[k - 1].matrix[:3, 3]
        found[k] = matrix
    return found


def surface_points(
    body: Body, n: int, upward: float, where: str, seed: Seed
) -> tuple[Floats, Floats]:
    """Return points (n, 3) uniform in area on a body in the world, and its normals there."""
    corners = np.concatenate(
        [
            (part.mesh.vertices.astype(float) @ body.matrix[:3, :3].T + body.matrix[:3, 3])[
                part.mesh.faces
            ]
            for part in body.parts
        ]
    )
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    size = np.linalg.norm(cross, axis=1)
    weight = np.where(cross[:, 2] >= upward * size, size, 0.0)
    if not weight.sum() > 0:
        raise SceneError(f"{where}: no surface of {body.name!r} looks up enough")
    rng = seed.rng()
    chosen = rng.choice(len(weight), n, p=weight / weight.sum())
    u, v = rng.random((2, n))
    over = u + v > 1
    u, v = np.where(over, 1 - u, u), np.where(over, 1 - v, v)
    a, b, c = (corners[chosen, k] for k in range(3))
    points = a + u[:, None] * (b - a) + v[:, None] * (c - a)
    return points, cross[chosen] / size[chosen, None]


def _standing(normal: Floats) -> Floats:
    """Return the shortest rotation that turns +z into `normal`."""
    x, y, z = normal
    if z < -1 + 1e-9:
        return np.diag([1.0, -1.0, -1.0])
    h = 1 / (1 + z)
    return np.array([[1 - h * x * x, -h * x * y, x], [-h * x * y, 1 - h * y * y, y], [-x, -y, z]])
