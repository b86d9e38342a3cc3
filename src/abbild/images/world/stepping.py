"""Who moves where in one step: controls and behaviours, before physics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.core.errors import unknown_name
from abbild.images.behaviours import Context, Follow
from abbild.images.errors import SceneError
from abbild.images.physics.solids import rigid
from abbild.images.world.between import turned
from abbild.images.world.situation import Control, Force, Pose, Situation

__all__ = ["Actors", "commanded", "in_world", "vectors"]

Floats = NDArray[np.float64]


class Actors:
    """The behaviours of a situation, in an order in which followers come after what they follow."""

    def __init__(self, situation: Situation, matrices: Mapping[str, Floats]) -> None:
        self._behaviours = situation.behaviours
        self._first = {name: matrices[name] for name in situation.behaviours}
        self._order = _ordered(situation, matrices)

    def start(self, seed: Seed) -> dict[str, Any]:
        """First states, by name."""
        return {name: self._behaviours[name].start(seed / name) for name in self._order}

    def move(
        self, states: Mapping[str, Any], matrices: dict[str, Floats], t: float, dt: float
    ) -> tuple[dict[str, Any], set[str]]:
        """Write the new matrices; return the new states and who jumped."""
        new: dict[str, Any] = {}
        jumped = set()
        for name in self._order:
            context = Context(name, matrices, states)
            before = states[name]
            matrix, after = self._behaviours[name].move(before, self._first[name], t, dt, context)
            if getattr(before, "lap", 0) != getattr(after, "lap", 0):
                jumped.add(name)
            matrices[name], new[name] = matrix, after
        return new, jumped


def _ordered(situation: Situation, known: Mapping[str, Floats]) -> tuple[str, ...]:
    waiting = dict(situation.behaviours)
    order: list[str] = []
    for behaviour in situation.behaviours.values():
        if isinstance(behaviour, Follow) and behaviour.target not in known:
            raise unknown_name("body to follow", behaviour.target, known)
    while waiting:
        ready = [
            name
            for name, behaviour in waiting.items()
            if not isinstance(behaviour, Follow) or behaviour.target not in waiting
        ]
        if not ready:
            raise SceneError(f"{', '.join(sorted(waiting))} follow each other in a circle")
        for name in ready:
            order.append(name)
            del waiting[name]
    return tuple(order)


def commanded(name: str, control: Control, matrix: Floats, dt: float) -> tuple[Floats, bool]:
    """Where a control takes a kinematic body or a camera, (4, 4), and whether it jumps there."""
    if isinstance(control, Pose):
        goal = np.asarray(control.matrix, np.float64)
        if goal.shape != (4, 4) or not np.isfinite(goal).all():
            raise SceneError(f"the pose for {name!r} is not (4, 4) finite numbers")
        _check_scale(name, matrix[:3, :3], goal[:3, :3])
        return goal, control.jump
    if isinstance(control, Force):
        raise SceneError(
            f"{name!r} obeys no forces", hint="use Velocity or Pose, or make it dynamic"
        )
    linear, angular = vectors(name, control.linear, control.angular)
    if control.local:
        linear, angular = in_world(matrix, linear), in_world(matrix, angular)
    result = turned(matrix, angular * dt)
    result[:3, 3] += linear * dt
    return result, False


def _check_scale(name: str, before: Floats, after: Floats) -> None:
    one, two = before.T @ before, after.T @ after
    mirrored = np.linalg.det(before) * np.linalg.det(after) < 0
    if mirrored or np.abs(one - two).max() > 1e-5 * np.abs(one).max():
        raise SceneError(
            f"the pose for {name!r} changes its size or shape",
            hint="its first three columns are a rotation times the scale it began with",
        )


def in_world(matrix: Floats, vector: Floats) -> Floats:
    """Turn a vector (3,) of a body's rotated frame to the world's."""
    result: Floats = rigid(matrix)[0][:3, :3] @ vector
    return result


def vectors(name: str, *given: tuple[float, float, float]) -> Floats:
    """Check the vectors of a control, (n, 3)."""
    vectors = np.array(given, np.float64)
    if vectors.shape != (len(given), 3) or not np.isfinite(vectors).all():
        raise SceneError(f"the control of {name!r} needs three finite numbers each, not {given}")
    return vectors
