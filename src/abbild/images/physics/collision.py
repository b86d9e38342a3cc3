"""How far bodies are from each other, and which ones overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from abbild.images.physics.model import Cast, Model
from abbild.images.physics.primitives import Solid
from abbild.images.physics.solids import hull_points
from abbild.images.stage import Body

__all__ = ["Collider", "Overlap", "overlaps"]

Floats = NDArray[np.float64]

FAR = 1e6  # units; farther than anything


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two bodies that are in the same place.

    Attributes
    ----------
    first, second : ids, the smaller first
    depth : metres one of them must move to be free
    """

    first: int
    second: int
    depth: float


class Collider:
    """Bodies that can be put anywhere and asked for their distance; nothing moves by itself.

    Distances are between the collision solids (`solids`): exact for primitives and hulls; to a
    height field they are heights above it.
    """

    def __init__(self, bodies: Sequence[Body], cast: Cast) -> None:
        self.model = Model(bodies, cast, (0.0, 0.0, 0.0))
        engine = self.model.compiled
        self._data = mujoco.MjData(engine)
        mujoco.mj_kinematics(engine, self._data)
        owner = self.model.owner
        solid = engine.geom_type != mujoco.mjtGeom.mjGEOM_HFIELD
        self._geoms = {i: np.flatnonzero((owner == i) & solid) for i in self.model.ids}
        self._grounds = {
            i: [part for part in self.model.solids[i] if part.kind == "ground"][:1]
            for i in self.model.fixed
        }
        self._poses = dict(self.model.poses)
        self._reach = np.where(engine.geom_rbound > 0, engine.geom_rbound, FAR)
        self._local = {}
        for i in self.model.moving:
            at = np.zeros((len(self._geoms[i]), 4, 4))
            for k, geom in enumerate(self._geoms[i]):
                turn = np.empty(9)
                mujoco.mju_quat2Mat(turn, engine.geom_quat[geom])
                at[k, :3, :3], at[k, :3, 3] = turn.reshape(3, 3), engine.geom_pos[geom]
                at[k, 3, 3] = 1
            self._local[i] = at

    def put(self, body: int, pose: Floats) -> None:
        """Place a moving body: rotation and place, (4, 4), without its scale."""
        self._poses[body] = pose
        scaled = pose.copy()
        scaled[:3, 3] /= self.model.unit
        placed = scaled @ self._local[body]
        self._data.geom_xpos[self._geoms[body]] = placed[:, :3, 3]
        self._data.geom_xmat[self._geoms[body]] = placed[:, :3, :3].reshape(-1, 9)

    def near(self, body: int, others: Sequence[int], gap: float = 0.0) -> list[int]:
        """Those of `others` whose bounding balls come within `gap` metres of the body's."""
        mine = self._geoms[body]
        theirs = [self._geoms[i] for i in others]
        if not len(mine) or not theirs:
            return []
        grounds = {i for i in others if self._grounds.get(i)}
        every = np.concatenate(theirs)
        place = self._data.geom_xpos
        between = np.linalg.norm(place[mine, None] - place[None, every], axis=2)
        limit = self._reach[mine, None] + self._reach[None, every] + gap / self.model.unit
        close = set(self.model.owner[every[(between <= limit).any(axis=0)]].tolist())
        return [i for i in others if i in close or i in grounds]

    def distance(self, one: int, two: int, far: float = np.inf) -> float:
        """Signed distance of two bodies, metres, at most `far`; below 0 they overlap."""
        least = min(far / self.model.unit, FAR)
        engine = self.model.compiled
        for first in self._geoms[one]:
            for second in self._geoms[two]:
                apart = mujoco.mj_geomDistance(engine, self._data, first, second, least, None)
                least = min(least, apart)
        above = min(
            (self._above(one, two, ground) for ground in self._grounds.get(two, [])), default=far
        )
        return min(least * self.model.unit, above)

    def _above(self, body: int, ground_body: int, ground: Solid) -> float:
        """Height of a body's lowest corner above a ground, metres, along the ground's own z."""
        whole, stretch = self.model.bodies[body - 1], self.model.stretches[body]
        points = np.concatenate([hull_points(part.mesh) for part in whole.parts]) @ stretch.T
        pose = np.linalg.inv(self.model.poses[ground_body] @ ground.place) @ self._poses[body]
        points = points @ pose[:3, :3].T + pose[:3, 3]
        cells = np.array(ground.heights.shape)[::-1] - 1
        at = (points[:, :2] / ground.size[:2] + 1) / 2 * cells
        inside = ((at >= 0) & (at <= cells)).all(axis=1)
        if not inside.any():
            return float("inf")
        column, row = np.minimum(at[inside], cells - 1e-9).astype(int).T
        u, v = (at[inside] - np.stack([column, row], axis=1)).T
        z = ground.heights
        a, b, c, d = (z[row + i, column + j] for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)))
        level = np.where(u >= v, a + u * (b - a) + v * (d - b), a + v * (c - a) + u * (d - c))
        return float((points[inside, 2] - level).min())

    def top(self, body: int) -> float:
        """Highest z of the bounding balls of a body, metres; of an infinite plane its own z."""
        if self._grounds.get(body):
            field = self.model.poses[body] @ self._grounds[body][0].place
            return float(field[2, 3] + np.linalg.norm(self._grounds[body][0].size))
        mine = self._geoms[body]
        reach = np.where(self._reach[mine] >= FAR, 0.0, self._reach[mine])
        above = self._data.geom_xpos[mine, 2] + reach
        return float(above.max(initial=-FAR)) * self.model.unit


def overlaps(
    bodies: Sequence[Body],
    *,
    shapes: Mapping[int, str] | None = None,
    tolerance: float = 1e-4,
) -> tuple[Overlap, ...]:
    """Find the pairs of bodies that are in the same place.

    Parameters
    ----------
    bodies : ids are places in this sequence, from 1
    shapes : collision shape by id (`solids`); missing is "auto"
    tolerance : metres; less than this is touching

    Returns
    -------
    tuple of Overlap
        ordered by ids. Depth is that of the deepest pair of solids

    Notes
    -----
    All pairs of bounding balls, then 1 to 5 µs for each pair of solids that may touch: a heap of
    1,000 bodies takes well under a second besides building the model.
    """
    chosen = shapes or {}
    standing = {i for i, shape in chosen.items() if shape == "plane"}
    moving = [i for i in range(1, len(bodies) + 1) if i not in standing]
    if not bodies:
        return ()
    collider = Collider(bodies, Cast(moving, (), standing, chosen))
    found = []
    for i in moving:
        later = [j for j in moving if j > i] + sorted(standing)
        for j in collider.near(i, later):
            apart = collider.distance(i, j, 0.0)
            if apart < -tolerance:
                found.append(Overlap(min(i, j), max(i, j), -apart))
    return tuple(sorted(found, key=lambda pair: (pair.first, pair.second)))
