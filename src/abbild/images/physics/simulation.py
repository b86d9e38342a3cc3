"""Rigid bodies in motion: MuJoCo behind ids, metres and (4, 4) matrices.

E. Todorov, T. Erez, Y. Tassa, "MuJoCo: a physics engine for model-based control", IROS 2012. One
simulation is one thread; the same input gives the same bytes in any process, at any number of
threads and processes beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from abbild.images.errors import SceneError
from abbild.images.physics.model import TIMESTEP, Cast, Model, quaternion
from abbild.images.stage import Body

__all__ = ["Contact", "Simulation"]

Floats = NDArray[np.float64]

GRAVITY = (0.0, 0.0, -9.81)
STATE = mujoco.mjtState.mjSTATE_INTEGRATION
INSANE = 1e6  # units a second; the numbers have blown up


@dataclass(frozen=True, slots=True)
class Contact:
    """Two bodies touched.

    Attributes
    ----------
    first, second : ids, the smaller first
    position : (x, y, z) metres, mean over the contact points weighted by impulse
    normal : unit, from the first to the second
    impulse : newton seconds along the normal, summed over the steps of `Simulation.advance`
    depth : metres, deepest penetration
    """

    first: int
    second: int
    position: tuple[float, float, float]
    normal: tuple[float, float, float]
    impulse: float
    depth: float


class Simulation:
    """Bodies that fall, push and are pushed.

    Parameters
    ----------
    bodies : ids are places in this sequence, from 1
    cast : who falls, who is driven, who stands, as what and made of what
    gravity : metres per square second
    timestep : seconds, at most. Small bodies and bounces get shorter steps by themselves

    Raises
    ------
    SceneError
        for matrices that are not finite, ids that are no bodies, bodies without extent

    Notes
    -----
    1,000 steps of 20 bodies take 0.1 s, building the model 10 ms. Semi-implicit Euler: after t
    seconds of free fall the place is off by ``g t timestep / 2``.
    """

    def __init__(
        self,
        bodies: Sequence[Body],
        cast: Cast,
        *,
        gravity: tuple[float, float, float] = GRAVITY,
        timestep: float = TIMESTEP,
    ) -> None:
        self.model = Model(bodies, cast, gravity, timestep)
        self.timestep = self.model.timestep
        self._engine: Any = self.model.compiled
        self._data: Any = mujoco.MjData(self._engine)
        free, driven = self.model.moving, self.model.driven
        self._row = {i: k for k, i in enumerate((*free, *driven))}
        self._free = len(free)
        self._stretch = np.stack([self.model.stretches[i] for i in self._row] or [np.eye(3)])
        self._unstretch = np.linalg.pinv(self._stretch)
        self._goals: dict[int, tuple[Floats, Floats]] = {}
        self._radius = np.array([self.model.radius[i] for i in free])
        self._touched: list[tuple[Any, ...]] = []
        mujoco.mj_forward(self._engine, self._data)

    @property
    def time(self) -> float:
        """Seconds simulated."""
        return float(self._data.time)

    @property
    def stable(self) -> bool:
        """Whether all numbers are still finite and of a sane size."""
        finite = np.isfinite(self._data.qpos).all()
        return bool(finite and np.abs(self._data.qvel).max(initial=0.0) < INSANE)

    @property
    def overlap(self) -> float:
        """Deepest penetration in the last step, metres; see `penetration` for now."""
        return max(0.0, -float(self._data.contact.dist.min(initial=0.0)) * self.model.unit)

    @property
    def touching(self) -> int:
        """Number of contact points in the last step."""
        return int(self._data.ncon)

    def matrices(self) -> dict[int, Floats]:
        """World from body of all that moves or is driven, (4, 4) by id."""
        count = len(self._row)
        mujoco.mj_kinematics(self._engine, self._data)
        matrices = np.zeros((count, 4, 4))
        turned = self._data.xmat[1 : count + 1].reshape(count, 3, 3)
        matrices[:, :3, :3] = turned @ self._stretch[:count]
        matrices[:, :3, 3] = self._data.xpos[1 : count + 1] * self.model.unit
        matrices[:, 3, 3] = 1.0
        return dict(zip(self._row, matrices, strict=True))

    def _rotation(self, row: int) -> Floats:
        turn = np.empty(9)
        mujoco.mju_quat2Mat(turn, self._data.qpos[7 * row + 3 : 7 * row + 7])
        return turn.reshape(3, 3)

    def _pose(self, body: int, matrix: Floats) -> tuple[Floats, Floats]:
        """Place in units and quaternion of a matrix whose scale is that of the first one."""
        row = self._row[body]
        pose = np.array(matrix, np.float64)
        if pose.shape != (4, 4) or not np.isfinite(pose).all():
            name = self.model.bodies[body - 1].name
            raise SceneError(f"body {name!r} was moved to what is not (4, 4) finite numbers")
        pose[:3, :3] = pose[:3, :3] @ self._unstretch[row]
        return pose[:3, 3] / self.model.unit, quaternion(pose)

    def put(self, body: int, matrix: Floats) -> None:
        """Place a body; its scale stays that of its first matrix, its velocity stays."""
        row = self._row[body]
        place, turn = self._pose(body, matrix)
        self._data.qpos[7 * row : 7 * row + 3] = place
        self._data.qpos[7 * row + 3 : 7 * row + 7] = turn

    def drive(self, body: int, matrix: Floats, dt: float) -> None:
        """Give a driven body the velocity that takes it to `matrix` in dt seconds."""
        row = self._row[body]
        place, turn = self._goals[row] = self._pose(body, matrix)
        state = self._data.qpos[7 * row : 7 * row + 7]
        self._data.qvel[6 * row : 6 * row + 3] = (place - state[:3]) / dt
        spin = np.empty(3)
        mujoco.mju_subQuat(spin, turn, state[3:])  # in the body's frame, as qvel wants it
        self._data.qvel[6 * row + 3 : 6 * row + 6] = spin / dt

    def arrive(self) -> None:
        """Put what was driven exactly where it was driven to."""
        for row, (place, turn) in self._goals.items():
            self._data.qpos[7 * row : 7 * row + 3] = place
            self._data.qpos[7 * row + 3 : 7 * row + 7] = turn
        self._goals = {}

    def halt(self, body: int) -> None:
        """Set a body's velocity to zero."""
        row = self._row[body]
        self._data.qvel[6 * row : 6 * row + 6] = 0.0

    def velocity(self, body: int) -> tuple[Floats, Floats]:
        """Velocity of the body's origin and angular velocity, world, (3,) m/s and (3,) rad/s."""
        row = self._row[body]
        moved = self._data.qvel[6 * row : 6 * row + 6]
        return moved[:3] * self.model.unit, self._rotation(row) @ moved[3:]

    def set_velocity(self, body: int, linear: ArrayLike, angular: ArrayLike) -> None:
        """Set velocity of the body's origin (m/s) and angular velocity (rad/s), world."""
        row = self._row[body]
        self._data.qvel[6 * row : 6 * row + 3] = np.asarray(linear) / self.model.unit
        self._data.qvel[6 * row + 3 : 6 * row + 6] = self._rotation(row).T @ np.asarray(angular)

    def mass(self, body: int) -> float:
        """Mass of a moving body, kg."""
        return float(self._engine.body_mass[self._row[body] + 1]) * self.model.unit**3

    def push(self, body: int, force: ArrayLike, torque: ArrayLike) -> None:
        """Let a force (N) at the centre of mass and a torque (N m) act until `release`."""
        row = self._row[body] + 1
        # lengths are in units and densities are not: a newton is 1 / unit**4 of the engine's
        self._data.xfrc_applied[row, :3] = np.asarray(force) / self.model.unit**4
        self._data.xfrc_applied[row, 3:] = np.asarray(torque) / self.model.unit**5

    def release(self) -> None:
        """End all forces of `push`."""
        self._data.xfrc_applied[:] = 0.0

    def advance(self, steps: int, *, timestep: float | None = None, events: bool = False) -> None:
        """Simulate `steps` timesteps; with `events`, remember who touched whom (`contacts`).

        A `timestep` may be shorter than the simulation's own, not longer.
        """
        self._engine.opt.timestep = min(timestep or self.timestep, self.timestep)
        self._touched = []
        if not events:
            mujoco.mj_step(self._engine, self._data, nstep=steps)
            return
        for _ in range(steps):
            mujoco.mj_step(self._engine, self._data)
            if self._data.ncon:
                self._remember()

    def _remember(self) -> None:
        """Copy what the engine knows of contacts; the arithmetic waits until it is asked for."""
        contact = self._data.contact
        rows = contact.efc_address.copy()
        force = (
            self._data.efc_force[np.maximum(rows, 0)] if self._data.nefc else np.zeros(len(rows))
        )
        normal = contact.frame[:, :3].copy()
        where, depth = contact.pos.copy(), -contact.dist
        self._touched.append((contact.geom.copy(), rows, force, where, normal, depth))

    def contacts(self) -> tuple[Contact, ...]:
        """Who touched whom in the last `advance` with events, ordered by ids."""
        if not self._touched:
            return ()
        geoms, rows, force, where, normal, depth = (
            np.concatenate(k) for k in zip(*self._touched, strict=True)
        )
        unit = self.model.unit
        pairs = self.model.owner[geoms]
        normal = normal * np.where(pairs[:, 0] > pairs[:, 1], -1.0, 1.0)[:, None]
        push = np.where(rows >= 0, force, 0.0) * (self._engine.opt.timestep * unit**4)
        keys, which = np.unique(np.sort(pairs, axis=1), axis=0, return_inverse=True)
        found = []
        for k, (one, two) in enumerate(keys.tolist()):
            mine = which.reshape(-1) == k
            weight = push[mine] + 1e-12  # what only grazes still has a place
            x, y, z = (weight @ where[mine] / weight.sum() * unit).tolist()
            mean = weight @ normal[mine]
            a, b, c = (mean / max(float(np.linalg.norm(mean)), 1e-300)).tolist()
            deep = float(depth[mine].max()) * unit
            found.append(Contact(one, two, (x, y, z), (a, b, c), float(push[mine].sum()), deep))
        return tuple(found)

    def placed(self) -> tuple[Floats, Floats]:
        """Origins, (moving, 3) metres, and unit quaternions, (moving, 4), of what moves."""
        state = self._data.qpos[: 7 * self._free].reshape(-1, 7)
        return state[:, :3] * self.model.unit, state[:, 3:].copy()

    def speeds(self) -> Floats:
        """Speed of each moving body, m/s, (moving,), in the order of their ids.

        The greater one of the speed of its origin and of its turning at its radius.
        """
        moved = self._data.qvel[: 6 * self._free].reshape(-1, 6)
        linear = np.linalg.norm(moved[:, :3], axis=1) * self.model.unit
        speeds: Floats = np.maximum(linear, np.linalg.norm(moved[:, 3:], axis=1) * self._radius)
        return speeds

    def slow(self, factor: float, fastest: float) -> None:
        """Multiply the velocities of what moves by `factor`, down to `fastest` m/s at least."""
        moved = self._data.qvel[: 6 * self._free].reshape(-1, 6)
        speed = np.maximum(self.speeds(), 1e-300)
        moved *= np.minimum(factor, fastest / speed)[:, None]

    def penetration(self) -> float:
        """Deepest penetration of two bodies now, metres; 0 for none."""
        mujoco.mj_fwdPosition(self._engine, self._data)
        return self.overlap

    def energy(self) -> float:
        """Kinetic and potential energy of what moves, joule; the zero of the height is z = 0."""
        mujoco.mj_fwdPosition(self._engine, self._data)
        mass = self._engine.body_mass[1 : self._free + 1]
        height = self._data.xipos[1 : self._free + 1] @ self._engine.opt.gravity
        moved = self._data.qvel.copy()
        moved[6 * self._free :] = 0.0
        momentum = np.empty_like(moved)
        mujoco.mj_mulM(self._engine, self._data, momentum, moved)
        kinetic = 0.5 * moved @ momentum
        return float(kinetic - mass @ height) * self.model.unit**5

    def save(self) -> Floats:
        """All of the state; `load` continues with the same bytes."""
        state: Floats = np.empty(mujoco.mj_stateSize(self._engine, STATE))
        mujoco.mj_getState(self._engine, self._data, state, STATE)
        return state

    def load(self, state: Floats) -> None:
        """Return to what `save` gave."""
        mujoco.mj_setState(self._engine, self._data, state, STATE)
        self._touched, self._goals = [], {}
