"""The physics of a world: what is driven pushes what obeys forces."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abbild.images.errors import SceneError
from abbild.images.physics import Cast, Simulation
from abbild.images.world.situation import Force, Situation
from abbild.images.world.stepping import in_world, vectors

__all__ = ["Interaction", "Touch"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Touch:
    """Two bodies touched during the last step, at least one of them dynamic.

    Attributes
    ----------
    first, second : names, in the order of the bodies in the stage
    position : (x, y, z) metres, mean over the contact points weighted by impulse
    normal : unit, from the first to the second
    impulse : newton seconds along the normal
    depth : metres, deepest penetration
    """

    first: str
    second: str
    position: tuple[float, float, float]
    normal: tuple[float, float, float]
    impulse: float
    depth: float


class Interaction:
    """A simulation that speaks of names; driven bodies arrive exactly where they are told to."""

    def __init__(self, situation: Situation, timestep: float) -> None:
        self._names = [body.name for body in situation.stage.bodies]
        ids = {name: k for k, name in enumerate(self._names, start=1)}
        self._dynamic = {name: ids[name] for name in situation.dynamic}
        moved = (*situation.kinematic, *situation.behaviours)
        self._driven = {name: ids[name] for name in moved if name in ids}
        cast = Cast(
            tuple(self._dynamic.values()),
            tuple(self._driven.values()),
            None,
            {ids[name]: shape for name, shape in situation.shapes.items()},
            {ids[name]: matter for name, matter in situation.matter.items()},
        )
        bodies = situation.stage.bodies
        self._world = Simulation(bodies, cast, gravity=situation.gravity, timestep=timestep)

    def advance(
        self, matrices: dict[str, Floats], jumped: Set[str], forces: Mapping[str, Force], dt: float
    ) -> None:
        """Move the driven to their `matrices`, and write there where the dynamic got to."""
        world = self._world
        for name, body in self._driven.items():
            if name in jumped:
                world.put(body, matrices[name])
                world.halt(body)
            else:
                world.drive(body, matrices[name], dt)
        self._push(matrices, forces)
        steps = max(1, math.ceil(dt / world.timestep - 1e-9))
        world.advance(steps, timestep=dt / steps, events=True)
        if not world.stable:
            raise SceneError(
                f"the physics became unstable within a step of {dt} s",
                hint="look for huge forces or velocities, and for bodies that begin overlapping",
            )
        world.arrive()
        after = world.matrices()
        for name, body in self._dynamic.items():
            matrices[name] = after[body]

    def _push(self, matrices: Mapping[str, Floats], forces: Mapping[str, Force]) -> None:
        self._world.release()
        for name, push in forces.items():
            force, torque = vectors(name, push.force, push.torque)
            if push.local:
                force, torque = in_world(matrices[name], force), in_world(matrices[name], torque)
            self._world.push(self._dynamic[name], force, torque)

    def touches(self) -> tuple[Touch, ...]:
        """Who touched whom in the last `advance`."""
        names = self._names
        return tuple(
            Touch(names[c.first - 1], names[c.second - 1], c.position, c.normal, c.impulse, c.depth)
            for c in self._world.contacts()
        )

    def velocity(self, name: str) -> tuple[Floats, Floats]:
        """Velocity of a dynamic body's origin (m/s) and its angular velocity (rad/s), world."""
        return self._world.velocity(self._dynamic[name])

    def set_velocity(self, name: str, linear: Floats, angular: Floats) -> None:
        """Set what `velocity` gives."""
        self._world.set_velocity(self._dynamic[name], linear, angular)

    def save(self) -> Floats:
        """All of the state; `load` continues with the same bytes."""
        return self._world.save()

    def load(self, state: Floats) -> None:
        """Return to what `save` gave."""
        self._world.load(state)
