"""Where a world begins, and what can be done to it from outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from abbild.core.errors import unknown_name
from abbild.images.behaviours import Behaviour
from abbild.images.errors import SceneError
from abbild.images.physics import Matter
from abbild.images.stage import Stage, View

__all__ = ["Control", "Force", "Pose", "Situation", "Velocity"]

Floats = NDArray[np.float64]
Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Velocity:
    """Move a kinematic body or a camera with this velocity during the step.

    Attributes
    ----------
    linear : metres a second
    angular : radians a second, about the thing's own origin
    local : in the thing's own rotated frame (for a camera: x right, y down, z forward) instead of
        the world's
    """

    linear: Vector = (0.0, 0.0, 0.0)
    angular: Vector = (0.0, 0.0, 0.0)
    local: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Bring a kinematic body or a camera to a matrix by the end of the step.

    Attributes
    ----------
    matrix : (4, 4) world from body or camera; the scale must be what it was
    jump : it appears there, instead of moving there and pushing what is in the way
    """

    matrix: Floats
    jump: bool = False


@dataclass(frozen=True, slots=True)
class Force:
    """Push a dynamic body during the step.

    Attributes
    ----------
    force : newton, at the centre of mass
    torque : newton metres
    local : in the body's own rotated frame instead of the world's
    """

    force: Vector = (0.0, 0.0, 0.0)
    torque: Vector = (0.0, 0.0, 0.0)
    local: bool = False


Control = Velocity | Pose | Force


@dataclass(frozen=True, eq=False)
class Situation:
    """How a world stands when it begins; bodies and cameras go by their names.

    Attributes
    ----------
    stage : bodies, lamps, environment
    views : cameras by name
    dynamic : bodies that obey forces
    kinematic : bodies that only controls move; they push dynamic ones
    behaviours : of bodies and cameras; what a behaviour moves pushes dynamic bodies too
    mounts : camera to the body that carries it
    shapes : collision shape by body (`physics.settle`); missing is "auto". What has no other role
        is a fixed obstacle, of shape "none" it is none
    matter : by body
    gravity : metres per square second
    """

    stage: Stage
    views: Mapping[str, View]
    dynamic: Collection[str] = ()
    kinematic: Collection[str] = ()
    behaviours: Mapping[str, Behaviour] = field(default_factory=dict)
    mounts: Mapping[str, str] = field(default_factory=dict)
    shapes: Mapping[str, str] = field(default_factory=dict)
    matter: Mapping[str, Matter] = field(default_factory=dict)
    gravity: Vector = (0.0, 0.0, -9.81)

    def check(self) -> None:
        """Refuse names that are not there, doubled ones, and contradicting roles.

        Raises
        ------
        UnknownNameError
            with the nearest name that is there
        SceneError
            for names or roles that contradict each other
        """
        names = [body.name for body in self.stage.bodies]
        doubled = {name for name in names if names.count(name) > 1} if _many(names) else set()
        if doubled or set(names) & set(self.views):
            both = sorted(doubled | set(names) & set(self.views))
            raise SceneError(f"two bodies or cameras share the name {both[0]!r}")
        movable = {*names, *self.views}
        for kind, given in (
            ("body", (*self.dynamic, *self.kinematic, *self.shapes, *self.matter)),
            ("body", self.mounts.values()),
            ("camera", self.mounts),
            ("body or camera", self.behaviours),
        ):
            known = self.views if kind == "camera" else movable if "camera" in kind else set(names)
            for name in given:
                if name not in known:
                    raise unknown_name(kind, name, known)
        self._check_roles()

    def _check_roles(self) -> None:
        roles = (
            ("dynamic", set(self.dynamic)),
            ("kinematic", set(self.kinematic)),
            ("moved by a behaviour", set(self.behaviours)),
            ("mounted", set(self.mounts)),
        )
        for k, (role, some) in enumerate(roles):
            for other, more in roles[k + 1 :]:
                if some & more:
                    raise SceneError(
                        f"{min(some & more)!r} is both {role} and {other}",
                        hint="give it one role; what is controlled from outside needs no behaviour",
                    )


def _many(names: list[str]) -> bool:
    return len(set(names)) < len(names)
