"""The MuJoCo model of a few bodies: what falls, what is driven from outside, what stands."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from abbild.images.errors import SceneError
from abbild.images.physics.primitives import Solid, span
from abbild.images.physics.solids import rigid, solids
from abbild.images.physics.surfaces import refine
from abbild.images.stage import Body

__all__ = ["Cast", "Matter", "Model", "quaternion"]

Floats = NDArray[np.float64]

log = logging.getLogger(__name__)

TIMESTEP = 0.004  # seconds, at most
BOUNCE_TIMESTEP = 0.001  # a bounce is a spring that must be resolved in time
BOUNCE_STEPS = 8  # steps a bounce lasts
NATURAL = (0.02, 50.0)  # metres; outside of it lengths are scaled, as the engine's limits are not
MANY = 200  # bodies in one heap, above which Newton's factors cost more than they save
FINE = 0.4  # of the smallest thing: cells of the ground below what moves
HEAVY = 1e4  # times what moves freely weighs what is driven from outside

KINDS = {
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "plane": mujoco.mjtGeom.mjGEOM_PLANE,
    "hull": mujoco.mjtGeom.mjGEOM_MESH,
    "ground": mujoco.mjtGeom.mjGEOM_HFIELD,
}
ROUND = ("sphere", "cylinder", "capsule")


@dataclass(frozen=True, slots=True)
class Matter:
    """What a body is made of, as far as its motion goes.

    Attributes
    ----------
    density : kg per cubic metre, of the collision solids
    friction : Coulomb's coefficient; of two bodies that touch the rougher one counts
    rolling : rolling resistance over the radius, for round bodies; a ball on a plane slows down
        by ``5/7 rolling g``. 0 rolls for ever
    restitution : speed after over speed before a head-on collision, [0, 1); of a pair the mean
    """

    density: float = 700.0
    friction: float = 0.6
    rolling: float = 0.02
    restitution: float = 0.0

    def check(self) -> None:
        """Raise SceneError for what is no matter."""
        if not (0 < self.density < math.inf):
            raise SceneError(f"density {self.density} kg per cubic metre", hint="give one above 0")
        if not (0 <= self.friction < math.inf and 0 <= self.rolling < math.inf):
            raise SceneError(
                f"friction {self.friction}, rolling resistance {self.rolling}",
                hint="neither may be below 0",
            )
        if not 0 <= self.restitution < 1:
            raise SceneError(f"restitution {self.restitution} is outside of [0, 1)")


@dataclass(frozen=True)
class Cast:
    """Who plays what in a simulation; ids are places in the sequence of bodies, from 1.

    Attributes
    ----------
    moving : obeys forces
    driven : moved from outside, pushes what moves
    fixed : obstacles that never move; None is everything else
    shapes : collision shape by id, see `solids`; missing is "auto"
    matter : of all bodies, or by id; missing is the default
    """

    moving: Collection[int] = ()
    driven: Collection[int] = ()
    fixed: Collection[int] | None = None
    shapes: Mapping[int, str] = field(default_factory=dict)
    matter: Matter | Mapping[int, Matter] = field(default_factory=Matter)

    def of(self, body: int) -> Matter:
        """Return what a body is made of."""
        return self.matter if isinstance(self.matter, Matter) else self.matter.get(body, Matter())


class Model:
    """A compiled model, and the way from ids to its rows.

    Attributes
    ----------
    compiled : MuJoCo's model
    moving, driven, fixed : sorted ids
    poses : rigid part of the first matrices by id, (4, 4)
    stretches : the rest of them by id, (3, 3)
    solids : by id
    radius : by id, metres, of the ball around the solids
    unit : metres in one unit of length of the compiled model
    owner : (geoms,) id of the body each geom belongs to
    """

    def __init__(
        self,
        bodies: Sequence[Body],
        cast: Cast,
        gravity: tuple[float, float, float] | Floats,
        timestep: float = TIMESTEP,
    ) -> None:
        if not (np.isfinite(timestep) and timestep > 0 and np.isfinite(gravity).all()):
            raise SceneError(f"timestep {timestep} s, gravity {gravity}: not a step or not finite")
        self.bodies, self.cast = tuple(bodies), cast
        self._take_roles()
        self.poses: dict[int, Floats] = {}
        self.stretches: dict[int, Floats] = {}
        self.solids: dict[int, tuple[Solid, ...]] = {}
        for i in self.ids:
            self._take_shape(i)
        self.radius = {i: _radius(self.solids[i]) for i in self.ids}
        for i in self.fixed:
            self.solids[i] = tuple(
                part for solid in self.solids[i] for part in self._near(i, solid)
            )
        self._choose_units(np.asarray(gravity, np.float64), timestep)
        self._meshes: dict[Solid, str] = {}
        self.compiled, self.owner = self._compile()

    @property
    def ids(self) -> tuple[int, ...]:
        """All ids that take part."""
        return (*self.moving, *self.driven, *self.fixed)

    def _take_roles(self) -> None:
        cast, count = self.cast, len(self.bodies)
        moving, driven = set(cast.moving), set(cast.driven)
        fixed = set(range(1, count + 1)) if cast.fixed is None else set(cast.fixed)
        for i in sorted(moving | driven | fixed):
            if not 1 <= i <= count:
                raise SceneError(f"no body has the id {i}", hint=f"ids are 1 to {count}")
        if moving & driven:
            names = ", ".join(self.bodies[i - 1].name for i in sorted(moving & driven))
            raise SceneError(f"{names}: cannot both obey forces and be driven from outside")
        self.moving = tuple(sorted(moving))
        self.driven = tuple(sorted(driven))
        self.fixed = tuple(sorted(fixed - moving - driven))

    def _take_shape(self, i: int) -> None:
        body = self.bodies[i - 1]
        self.cast.of(i).check()
        if np.shape(body.matrix) != (4, 4) or not np.isfinite(body.matrix).all():
            raise SceneError(
                f"the matrix of body {body.name!r} is not (4, 4) finite numbers",
                hint="look for NaN in the pose or scale of that object",
            )
        self.poses[i], self.stretches[i] = rigid(body.matrix)
        shape, moves = self.cast.shapes.get(i, "auto"), i not in self.fixed
        if shape == "plane" and moves:
            raise SceneError(f"body {body.name!r} moves and cannot be an infinite plane")
        self.solids[i] = solids(body, self.stretches[i], shape, moves=moves)

    def _near(self, i: int, solid: Solid) -> list[Solid]:
        """Lay finer ground, of the same surface, over coarse one where something moves."""
        sizes = {j: 2 * self.radius[j] for j in self.moving if self.radius[j] > 0}
        if solid.kind != "ground" or not sizes:
            return [solid]
        cells = np.array(solid.heights.shape)[::-1] - 1
        cell = 2 * solid.size[:2] / cells
        step = FINE * min(sizes.values()) / float(cell.max())
        if step >= 1:
            return [solid]
        turn = np.linalg.inv(self.poses[i] @ solid.place)
        places = np.array([(turn @ self.poses[j])[:2, 3] for j in sizes])
        reach = 4 * max(sizes.values())
        low, high = places.min(axis=0) - reach, places.max(axis=0) + reach
        fine, corners = refine(
            solid.heights, (low + solid.size[:2]) / cell, (high + solid.size[:2]) / cell, step
        )
        edges = corners * cell - solid.size[:2]
        place = solid.place.copy()
        place[:3, 3] = (place @ [*edges.mean(axis=0), fine.min(), 1.0])[:3]
        size = np.array([*(edges[1] - edges[0]) / 2, np.ptp(fine)])
        return [solid, Solid("ground", size, place, heights=fine - fine.min())]

    def _choose_units(self, gravity: Floats, timestep: float) -> None:
        sizes = sorted(2 * self.radius[i] for i in self.moving if self.radius[i] > 0)
        pull = float(np.linalg.norm(gravity))
        self.unit = 1.0
        if sizes:
            typical = sizes[len(sizes) // 2]
            if not NATURAL[0] <= typical <= NATURAL[1]:
                self.unit = typical
            if pull > 0:
                timestep = min(timestep, 0.06 * (sizes[0] / pull) ** 0.5)
        if any(self.cast.of(i).restitution > 0 for i in self.moving):
            timestep = min(timestep, BOUNCE_TIMESTEP)
        self.timestep, self.gravity = timestep, gravity

    def _compile(self) -> tuple[Any, NDArray[np.int32]]:
        spec = self._options()
        owner: list[tuple[str, int]] = []
        for i in self.ids:
            target = spec.worldbody
            if i not in self.fixed:
                target = self._add_body(spec, i)
            for k, solid in enumerate(self.solids[i]):
                self._add_solid(spec, target, i, k, solid)
                owner.append((f"{i}.{k}", i))
        try:
            compiled = spec.compile()
        except ValueError as error:
            raise SceneError(
                f"the collision engine cannot use these bodies: {str(error).splitlines()[0]}",
                hint='give the smallest or flattest body another shape, such as "box"',
            ) from error
        if self.driven and self.moving:
            # the solver stops at an error relative to all masses, and means the heavy ones
            free = compiled.body_mass[1 : len(self.moving) + 1].sum()
            compiled.opt.tolerance *= free / compiled.body_mass.sum()
        rows = np.zeros(compiled.ngeom, np.int32)
        for name, i in owner:
            rows[compiled.geom(name).id] = i
        return compiled, rows

    def _options(self) -> Any:
        if mujoco.get_mju_user_warning() is None:
            # otherwise the engine writes MUJOCO_LOG.TXT into the working directory
            mujoco.set_mju_user_warning(log.warning)
        spec = mujoco.MjSpec()
        spec.option.timestep = self.timestep
        spec.option.gravity = self.gravity / self.unit
        spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
        spec.option.impratio = 100.0  # with 10, leaning things creep for seconds
        many = len(self.moving) > MANY
        spec.option.solver = getattr(mujoco.mjtSolver, "mjSOL_CG" if many else "mjSOL_NEWTON")
        spec.option.iterations = 30 if many else 50
        spec.option.disableflags = int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
        spec.compiler.usethread = False
        return spec

    def _add_body(self, spec: Any, i: int) -> Any:
        pose = self.poses[i]
        body = spec.worldbody.add_body(
            name=str(i), pos=pose[:3, 3] / self.unit, quat=quaternion(pose)
        )
        body.add_freejoint()
        if i in self.driven or not self.solids[i]:
            self._weigh(body, driven=i in self.driven)
        return body

    def _weigh(self, body: Any, *, driven: bool) -> None:
        """Give a mass to what has none of its own, or must not feel what it pushes."""
        free = [j for j in self.moving if self.radius[j] > 0] or list(self.moving)
        size = max((self.radius[j] for j in free), default=0.0) or self.unit
        density = max((self.cast.of(j).density for j in free), default=1.0)
        body.explicitinertial = True
        body.mass = density * (2 * size / self.unit) ** 3 * (HEAVY if driven else 1.0)
        body.inertia = np.full(3, body.mass * (size / self.unit) ** 2)
        body.gravcomp = 1.0 if driven else 0.0

    def _add_solid(self, spec: Any, target: Any, i: int, k: int, solid: Solid) -> None:
        matter, free, name = self.cast.of(i), i in self.moving, f"{i}.{k}"
        place = self.poses[i] @ solid.place if i in self.fixed else solid.place
        rolls = free and solid.kind in ROUND
        geom = target.add_geom(name=name, type=KINDS[solid.kind])
        geom.pos, geom.quat = place[:3, 3] / self.unit, quaternion(place)
        if solid.kind not in ("hull", "ground"):
            geom.size = [0, 0, 1] if solid.kind == "plane" else solid.size / self.unit
        geom.density = matter.density
        geom.contype, geom.conaffinity = (1, 3) if free else (2, 1)
        geom.condim = 6 if rolls else 4
        radius = self.radius[i] / self.unit
        twist = 0.05 * matter.friction * radius if free else 0.0
        geom.friction = [matter.friction, twist, matter.rolling * radius if rolls else 0.0]
        geom.solref, geom.solimp = self._spring(matter.restitution)
        if solid.kind == "hull":
            geom.meshname = self._add_mesh(spec, solid, name)
        elif solid.kind == "ground":
            rows, columns = solid.heights.shape
            x, y, high = solid.size / self.unit
            field = spec.add_hfield(name=name, nrow=rows, ncol=columns)
            field.size = [
                x,
                y,
                max(high, 1e-9),
                max(x, y),
            ]  # as deep as it is wide: nothing falls through
            field.userdata = (solid.heights / max(solid.size[2], 1e-300)).ravel()
            geom.hfieldname = name

    def _add_mesh(self, spec: Any, solid: Solid, name: str) -> str:
        """Add a hull once, however many bodies share it."""
        if solid not in self._meshes:
            self._meshes[solid] = name
            mesh = spec.add_mesh(name=name)
            mesh.uservert = (solid.points / self.unit).ravel()
            mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX
        return self._meshes[solid]

    def _spring(self, restitution: float) -> tuple[list[float], list[float]]:
        """Stiffness and damping of a contact, as the engine wants them, and its impedance."""
        hard = [0.95, 0.99, 0.001, 0.5, 2.0]
        if restitution == 0:
            return [2.5 * self.timestep, 1.0], hard
        frequency = np.pi / (BOUNCE_STEPS * self.timestep)
        return [-(frequency**2), -2 * damping_ratio(restitution) * frequency], hard


def damping_ratio(restitution: float) -> float:
    """Damping z of a spring that bounces so, when it cannot pull.

    T. Schwager, T. Pöschel, "Coefficient of restitution and linear-dashpot model revisited",
    Granular Matter 9 (2007), eq. 21: ``e = exp(-2 z acos(z) / sqrt(1 - z²))``, for z < 1; solved
    by bisection. 0.07 is the least it can do.
    """
    low, high = 0.0, 1.6
    for _ in range(50):
        z = (low + high) / 2
        root = abs(1 - z * z) ** 0.5
        turn = math.acos(z) if z < 1 else math.acosh(z)
        bounce = math.exp(-2 * z * (turn / root if root > 1e-9 else 1.0))
        low, high = (z, high) if bounce > restitution else (low, z)
    return low


def quaternion(pose: Floats) -> Floats:
    """Return w, x, y, z of the rotation of a rigid (4, 4)."""
    turn = np.empty(4)
    mujoco.mju_mat2Quat(turn, np.ascontiguousarray(pose[:3, :3]).ravel())
    return turn


def _radius(parts: Sequence[Solid]) -> float:
    """Half of the longest edge of the box around solids, metres; 0 for none."""
    low, high = span(parts, np.eye(3))
    return float((high - low).max() / 2)
