"""Let things fall until they lie."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.errors import SceneError
from abbild.images.physics.model import Cast, Matter
from abbild.images.physics.simulation import GRAVITY, Simulation
from abbild.images.stage import Body

__all__ = ["Settled", "disturb", "settle"]

Floats = NDArray[np.float64]

# share of the time from which on: seconds between two looks, time constant of all velocities
CALMING = ((0.7, 0.01, 0.03), (0.4, 0.04, 0.25), (0.0, 0.04, np.inf))
QUIET = 0.12  # seconds everything must stay in its place, at least
TOPPLE = 6.0  # and so many times the root of radius over gravity, in which what balances falls
PLACE = 0.02  # of its radius a resting body may tremble or creep in that time
DEEP = 0.1  # of the smallest radius two may overlap before they are parted slowly
ROUGH = 0.1  # rolling resistance at least
SPIN = 0.02  # radians a second
EFFORT = 2_000_000  # contact points and bodies times steps, about 20 s


@dataclass(frozen=True, eq=False)
class Settled:
    """Where things lie.

    Attributes
    ----------
    matrices : world from body by id, (4, 4), of all that moved
    resting : whether everything lies still; else time or effort ran out, or something fell for
        ever, and `restless` says what
    restless : ids of what still moves
    penetration : metres, deepest overlap of two bodies at the end
    seconds : simulated
    """

    matrices: Mapping[int, Floats]
    resting: bool
    restless: tuple[int, ...]
    penetration: float
    seconds: float


def settle(
    bodies: Sequence[Body],
    *,
    moving: Collection[int],
    fixed: Collection[int] | None = None,
    shapes: Mapping[int, str] | None = None,
    matter: Matter | Mapping[int, Matter] | None = None,
    gravity: tuple[float, float, float] = GRAVITY,
    seconds: float = 3.0,
    seed: Seed | None = None,
) -> Settled:
    """Drop bodies and wait until they lie still.

    Parameters
    ----------
    bodies : ids are places in this sequence, from 1
    moving : ids of what falls
    fixed : ids of obstacles; None is everything that does not fall
    shapes : collision shape by id (`solids`); missing is "auto"
    matter : of all bodies, or by id; rolling resistance is 0.1 here at least, for round things
        should lie, not roll away
    gravity : metres per square second
    seconds : simulated at most. After two fifths velocities decay (time constant 0.25 s, in the
        last third 0.03 s), so that what still rolls or rocks comes to rest
    seed : gives every body a tiny spin (0.02 rad/s), so that nothing balances on a point; None
        gives none

    Returns
    -------
    Settled
        not at rest is said, not hidden: a body without ground below it falls for ever

    Raises
    ------
    SceneError
        for matrices that are not finite, ids that are no bodies, moving bodies without extent

    Notes
    -----
    Bounded work: besides `seconds`, at most 2 million contact points times steps, about 20 s, so
    that a heap of 1,000 things ends in time and it is said whether they rest. Ten things take
    50 ms. What overlaps in the beginning is parted slowly instead of being shot away. Concave
    parts are convex pieces (`pieces`); shape "hull" is faster and fills hollows. The same input
    gives the same bytes.
    """
    if not (np.isfinite(seconds) and seconds > 0):
        raise SceneError(f"cannot simulate {seconds} seconds", hint="give a positive time")
    if not moving:
        return Settled({}, True, (), 0.0, 0.0)
    given = Cast(matter=matter if matter is not None else Matter())
    rough = {i: given.of(i) for i in range(1, len(bodies) + 1)}
    rough = {i: replace(m, rolling=max(m.rolling, ROUGH)) for i, m in rough.items()}
    cast = Cast(moving, (), fixed, shapes or {}, rough)
    world = Simulation(bodies, cast, gravity=gravity)
    if seed is not None:
        disturb(world, seed)
    quiet = _wait(world, seconds, float(np.linalg.norm(gravity)))
    resting = quiet.all() and world.stable
    ids = np.array(world.model.moving)
    restless = tuple(ids[~quiet].tolist()) if world.stable else world.model.moving
    depth = world.penetration() if world.stable else float("nan")
    return Settled(world.matrices(), bool(resting), restless, depth, world.time)


def disturb(world: Simulation, seed: Seed) -> None:
    """Give all that moves a tiny spin."""
    for i in world.model.moving:
        rng = (seed / "settle" / world.model.bodies[i - 1].name).rng()
        world.set_velocity(i, np.zeros(3), SPIN * rng.choice([-1.0, 1.0], size=3))


def _wait(world: Simulation, seconds: float, pull: float) -> NDArray[np.bool_]:
    """Advance until everything has stayed in its place for a while; who has, (moving,)."""
    radius = np.array([world.model.radius[i] for i in world.model.moving])
    fastest = 1.0 + pull * seconds
    topple = TOPPLE * (float(radius.max()) / pull) ** 0.5 if pull > 0 else 0.0
    quiet = max(QUIET, min(topple, seconds / 6))
    gentle = float((max(pull, 1.0) * radius.min()) ** 0.5)
    lies = _Lies(world, radius)
    effort = 0
    while world.time < seconds and effort < EFFORT and world.stable:
        chunk, decay = next(c for c in CALMING if world.time >= c[0] * seconds)[1:]
        deep = world.overlap > DEEP * float(radius.min())
        steps = 1 if deep else max(1, round(chunk / world.timestep))
        world.advance(steps)
        lies.look()
        if (lies.since >= quiet).all():
            break
        decayed = float(np.exp(-steps * world.timestep / decay))
        world.slow(decayed, gentle if deep else fastest)
        effort += steps * (world.touching + len(radius))
    return lies.since >= quiet


class _Lies:
    """For how long each body has been where it is; speeds would see how contacts tremble."""

    def __init__(self, world: Simulation, radius: Floats) -> None:
        self._world, self._radius = world, radius
        self._places, self._turns = world.placed()
        self._start = np.full(len(radius), world.time)

    @property
    def since(self) -> Floats:
        """Seconds, (moving,)."""
        lain: Floats = self._world.time - self._start
        return lain

    def look(self) -> None:
        """Begin anew for what has left its place."""
        places, turns = self._world.placed()
        moved = np.linalg.norm(places - self._places, axis=1)
        cosine = np.abs(np.einsum("ij,ij->i", turns, self._turns))
        angle = 2 * np.arccos(np.minimum(cosine, 1.0))
        left = np.maximum(moved, angle * self._radius) > PLACE * self._radius
        self._places[left], self._turns[left] = places[left], turns[left]
        self._start[left] = self._world.time
