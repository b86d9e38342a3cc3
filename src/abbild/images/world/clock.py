"""A world that goes on step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abbild.core import Seed
from abbild.core.errors import unknown_name
from abbild.images.errors import SceneError
from abbild.images.exposure import Renderer
from abbild.images.stage import Stage, View
from abbild.images.world.between import between, moved
from abbild.images.world.frame import Frame
from abbild.images.world.interaction import Interaction, Touch
from abbild.images.world.situation import Control, Force, Situation
from abbild.images.world.stepping import Actors, commanded

__all__ = ["Snapshot", "World"]

Floats = NDArray[np.float64]
NO_CONTROLS: Mapping[str, Control] = {}


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything that changes in a world, at one moment of one episode; a value, to be kept."""

    episode: Seed
    time: float
    steps: int
    dt: float
    matrices: Mapping[str, Floats]
    before: Mapping[str, Floats]
    states: Mapping[str, Any]
    physics: Floats | None
    events: tuple[Touch, ...]


class World:
    """Bodies that are controlled, bodies that behave and bodies that obey forces, side by side.

    Parameters
    ----------
    make : gives the situation an episode begins with; same seed, same situation
    renderer : for `Frame.rgb`; layers and annotations need none
    timestep : seconds of a step of the physics, at most

    Notes
    -----
    Without dynamic bodies no physics is simulated. A step of ten bodies takes about 0.1 ms for
    each 4 ms of physics. Meshes and surfaces are never copied, and what did not move stays the
    same `Body`, so that renderers find again what they built for it.

    Examples
    --------
    A video is a loop; nothing is baked before it is seen::

        world = World(make, renderer)
        world.reset(Seed(7))
        for k in range(250):
            world.step({"arm": Velocity(linear=(0.2, 0.0, 0.0))}, dt=1 / 25)
            frame = world.observe("camera")
            write(f"video/{k:06d}.png", frame.rgb)
    """

    def __init__(
        self,
        make: Callable[[Seed], Situation],
        renderer: Renderer | None = None,
        *,
        timestep: float = 0.004,
    ) -> None:
        self._make, self._renderer, self._timestep = make, renderer, timestep
        self._episode: Seed | None = None
        self._stage: Stage | None = None

    def reset(self, seed: Seed) -> None:
        """Begin an episode.

        Raises
        ------
        SceneError, UnknownNameError
            for a situation that contradicts itself
        """
        situation = self._make(seed)
        situation.check()
        self._situation, self._episode = situation, seed
        bodies, views = situation.stage.bodies, situation.views
        matrices = {body.name: body.matrix for body in bodies}
        matrices |= {name: view.matrix for name, view in views.items()}
        free = set(views) - {*situation.mounts, *situation.behaviours}
        self._controlled = {*situation.kinematic, *free}
        self._carried = {
            camera: np.linalg.inv(matrices[body]) @ matrices[camera]
            for camera, body in situation.mounts.items()
        }
        self._actors = Actors(situation, matrices)
        # behaviours begin where they are at t = 0, or the first step would sweep bodies there
        states = self._actors.start(seed / "behaviours")
        self._states, _ = self._actors.move(states, matrices, 0.0, 0.0)
        self._carry(matrices)
        self._before = self._matrices = matrices
        self._stage = self._staged(matrices)
        self._time, self._steps, self._dt = 0.0, 0, 0.0
        self._events: tuple[Touch, ...] | None = ()
        self._physics: Interaction | None = None
        if situation.dynamic:
            self._physics = Interaction(replace(situation, stage=self._stage), self._timestep)

    def _carry(self, matrices: dict[str, Floats]) -> None:
        """Move mounted cameras with their bodies."""
        for camera, body in self._situation.mounts.items():
            matrices[camera] = matrices[body] @ self._carried[camera]

    def _begun(self) -> Seed:
        if self._episode is None:
            raise SceneError("the world has not begun", hint="call reset(seed) first")
        return self._episode

    @property
    def time(self) -> float:
        """Seconds since the reset."""
        self._begun()
        return self._time

    @property
    def events(self) -> tuple[Touch, ...]:
        """Who touched whom during the last step, dynamic bodies among them."""
        self._begun()
        if self._events is None:
            self._events = self._physics.touches() if self._physics is not None else ()
        return self._events

    @property
    def matrices(self) -> Mapping[str, Floats]:
        """World from body and world from camera by name, (4, 4); not to be written into."""
        self._begun()
        return self._matrices

    @property
    def stage(self) -> Stage:
        """Everything as it is now."""
        self._begun()
        if self._stage is None:
            self._stage = self._staged(self._matrices)
        return self._stage

    def step(self, controls: Mapping[str, Control] = NO_CONTROLS, dt: float = 1 / 30) -> None:
        """Go on for dt seconds.

        Parameters
        ----------
        controls : by name; what has none stands still (kinematic bodies and cameras) or is left
            to gravity and the others (dynamic bodies)
        dt : seconds, > 0

        Raises
        ------
        UnknownNameError
            for a control of a name that is not there; the nearest one is offered
        SceneError
            for dt <= 0, numbers that are not finite, controls of what obeys none
        """
        self._begun()
        if not (np.isfinite(dt) and dt > 0):
            raise SceneError(f"a step of {dt} seconds", hint="time goes forwards: dt > 0")
        matrices = dict(self._matrices)
        jumped, forces = self._command(controls, matrices, dt)
        states, others = self._actors.move(self._states, matrices, self._time + dt, dt)
        jumped |= others
        if self._physics is not None:
            self._physics.advance(matrices, jumped, forces, dt)
        self._carry(matrices)
        jumped |= {camera for camera, body in self._situation.mounts.items() if body in jumped}
        before = self._matrices
        if jumped:  # nothing is blurred across a jump
            before = before | {name: matrices[name] for name in jumped}
        self._before, self._matrices, self._states = before, matrices, states
        self._time, self._steps, self._dt = self._time + dt, self._steps + 1, dt
        self._stage, self._events = None, None

    def _command(
        self, controls: Mapping[str, Control], matrices: dict[str, Floats], dt: float
    ) -> tuple[set[str], dict[str, Force]]:
        """Write where controls take things; return who jumps, and the forces."""
        jumped: set[str] = set()
        forces: dict[str, Force] = {}
        for name, control in controls.items():
            if name in self._controlled:
                matrices[name], jumps = commanded(name, control, matrices[name], dt)
                jumped |= {name} if jumps else set()
            elif name in self._situation.dynamic and isinstance(control, Force):
                forces[name] = control
            else:
                self._refuse(name)
        return jumped, forces

    def _refuse(self, name: str) -> None:
        situation = self._situation
        if name in situation.dynamic:
            raise SceneError(
                f"{name!r} is dynamic: it obeys a Force only", hint="make it kinematic"
            )
        if name in self._matrices:
            raise SceneError(
                f"{name!r} cannot be controlled: it is fixed, mounted or follows its behaviour",
                hint="name it in the situation's `kinematic`",
            )
        known = {*self._controlled, *situation.dynamic}
        raise unknown_name("body or camera to control", name, known)

    def velocity(self, body: str) -> tuple[Floats, Floats]:
        """Velocity of a dynamic body's origin, (3,) m/s, and angular velocity, (3,) rad/s."""
        return self._simulated(body).velocity(body)

    def set_velocity(
        self, body: str, linear: ArrayLike, angular: ArrayLike = (0.0, 0.0, 0.0)
    ) -> None:
        """Give a dynamic body a velocity, m/s and rad/s, world: a throw."""
        physics = self._simulated(body)
        values = np.array([linear, angular], np.float64)
        if values.shape != (2, 3) or not np.isfinite(values).all():
            raise SceneError(f"the velocity for {body!r} is not three finite numbers each")
        physics.set_velocity(body, values[0], values[1])

    def _simulated(self, body: str) -> Interaction:
        self._begun()
        if self._physics is None or body not in self._situation.dynamic:
            raise unknown_name("dynamic body", body, self._situation.dynamic)
        return self._physics

    def observe(self, camera: str) -> Frame:
        """See the world through a camera, now; nothing is computed before it is asked for.

        The middle of the exposure is now: with an exposure time or a rolling shutter the picture
        reaches back into the last step and as far beyond, in the same motion (`moments`). Labels
        are those of now.
        """
        seed = self._begun() / "frames" / self._steps / camera
        moment = self.moments(camera)
        return Frame(moment, time=self._time, renderer=self._renderer, seed=seed)

    def moments(self, camera: str) -> Callable[[float], tuple[Stage, View]]:
        """Give the stage and the view at `t` seconds after now, for motion blur.

        Times before now lie between the last step and this one, places on lines and rotations on
        great circles; times before the last step or after now go on in the same way. What jumped
        stands where it is.
        """
        self._begun()
        if camera not in self._situation.views:
            raise unknown_name("camera", camera, self._situation.views)
        now, before, dt = self._matrices, self._before, self._dt
        stage = self.stage
        view = self._viewed(camera, now[camera])

        def moment(t: float) -> tuple[Stage, View]:
            if t == 0 or dt == 0:
                return stage, view
            share = 1 + t / dt
            between_them = {
                name: matrix if before[name] is matrix else between(before[name], matrix, share)
                for name, matrix in now.items()
            }
            return self._staged(between_them), self._viewed(camera, between_them[camera])

        return moment

    def _staged(self, matrices: Mapping[str, Floats]) -> Stage:
        stage = self._situation.stage
        bodies = tuple(
            body if matrices[body.name] is body.matrix else moved(body, matrices[body.name])
            for body in stage.bodies
        )
        return Stage(bodies, stage.lamps, stage.environment, stage.fog)

    def _viewed(self, camera: str, matrix: Floats) -> View:
        view = self._situation.views[camera]
        return view if matrix is view.matrix else moved(view, matrix)

    def snapshot(self) -> Snapshot:
        """Keep this moment, for search and for tests; less than 0.1 ms."""
        episode = self._begun()
        physics = None if self._physics is None else self._physics.save()
        return Snapshot(
            episode,
            self._time,
            self._steps,
            self._dt,
            self._matrices,
            self._before,
            self._states,
            physics,
            self.events,
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Return to a moment of this episode; the same controls give the same bytes again.

        Raises
        ------
        SceneError
            for a snapshot of another episode
        """
        if snapshot.episode != self._begun():
            raise SceneError(
                f"the snapshot is of another episode, {snapshot.episode}",
                hint="reset to that episode's seed first",
            )
        self._time, self._steps, self._dt = snapshot.time, snapshot.steps, snapshot.dt
        self._matrices, self._before = dict(snapshot.matrices), dict(snapshot.before)
        self._states, self._events = dict(snapshot.states), snapshot.events
        self._stage = None
        if self._physics is not None and snapshot.physics is not None:
            self._physics.load(snapshot.physics)
