"""Put things somewhere free, and on top of each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abbild.core import Seed
from abbild.core.errors import unknown_name
from abbild.images.errors import SceneError
from abbild.images.physics.collision import Collider
from abbild.images.physics.model import Cast, Matter
from abbild.images.physics.primitives import Solid, span
from abbild.images.physics.settling import disturb
from abbild.images.physics.simulation import Simulation
from abbild.images.stage import Body

__all__ = ["Scattered", "Stacked", "scatter", "stack"]

Floats = NDArray[np.float64]

TOUCH = 1e-6  # metres; as near as this is touching, not overlapping
TURNS = ("none", "upright", "free")


@dataclass(frozen=True, eq=False)
class Scattered:
    """Places without overlap.

    Attributes
    ----------
    matrices : world from body by id, (4, 4), of all that found a place
    failed : why, by id, of all that found none
    """

    matrices: Mapping[int, Floats]
    failed: Mapping[int, str]


@dataclass(frozen=True, eq=False)
class Stacked:
    """A tower, as it stands after it was left alone.

    Attributes
    ----------
    matrices : world from body by id, (4, 4)
    stands : whether everything stayed where it was put
    fallen : ids of what did not
    """

    matrices: Mapping[int, Floats]
    stands: bool
    fallen: tuple[int, ...]


def scatter(
    bodies: Sequence[Body],
    region: ArrayLike,
    *,
    seed: Seed,
    placing: Collection[int] | None = None,
    shapes: Mapping[int, str] | None = None,
    turn: str = "upright",
    gap: float = 0.0,
    attempts: int = 100,
) -> Scattered:
    """Give bodies random places and turns without overlap.

    Parameters
    ----------
    bodies : ids are places in this sequence, from 1
    region : (2, 3) metres, low and high corner. The middle of a body's box is uniform in x and y,
        its lowest point is uniform in z: equal z put everything on one height
    seed : every body draws from a stream under its own name, and bodies are placed in the order
        of their ids; one more body at the end changes nothing for the others
    placing : ids of what is placed; None is all. The others are obstacles
    shapes : collision shape by id (`solids`); missing is "auto"
    turn : "upright" turns a body about z, "free" in any direction (uniform on the rotations),
        "none" leaves it
    gap : metres kept between any two bodies
    attempts : for each body

    Returns
    -------
    Scattered
        who found no place is named with the reason

    Notes
    -----
    About 20 µs an attempt among ten bodies, besides building the model.
    """
    corners = _region(region)
    if turn not in TURNS:
        raise unknown_name("turn", turn, TURNS)
    chosen = range(1, len(bodies) + 1) if placing is None else placing
    ids = sorted(set(chosen))
    if not ids:
        return Scattered({}, {})
    collider = Collider(bodies, Cast(ids, (), None, shapes or {}))
    placed = list(collider.model.fixed)
    matrices: dict[int, Floats] = {}
    failed: dict[int, str] = {}
    for i in ids:
        rng = (seed / "scatter" / bodies[i - 1].name).rng()
        blocked: Counter[int] = Counter()
        for _ in range(attempts):
            pose = _draw(collider.model.solids[i], collider.model.poses[i], corners, turn, rng)
            collider.put(i, pose)
            other = _blocker(collider, i, placed, gap)
            if other is None:
                matrices[i] = _matrix(pose, collider.model.stretches[i])
                placed.append(i)
                break
            blocked[other] += 1
        else:
            failed[i] = _reason(bodies, blocked, attempts)
    return Scattered(matrices, failed)


def _region(region: ArrayLike) -> Floats:
    corners = np.asarray(region, np.float64)
    if corners.shape != (2, 3) or not np.isfinite(corners).all():
        raise SceneError(f"a region is two corners of three finite numbers, not {region!r}")
    if (corners[1] < corners[0]).any():
        raise SceneError(f"the region's high corner {corners[1]} lies below its low {corners[0]}")
    return corners


def _draw(
    parts: Sequence[Solid], pose: Floats, corners: Floats, turn: str, rng: np.random.Generator
) -> Floats:
    where = rng.uniform(corners[0], corners[1])
    numbers = rng.normal(size=4)
    turned = pose[:3, :3]
    if turn == "free":
        turned = _rotation(numbers) @ turned
    elif turn == "upright":
        angle = np.arctan2(numbers[0], numbers[1])
        c, s = np.cos(angle), np.sin(angle)
        turned = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]) @ turned
    low, high = span(parts, turned)
    drawn = np.eye(4)
    drawn[:3, :3] = turned
    drawn[:2, 3] = where[:2] - (low + high)[:2] / 2
    drawn[2, 3] = where[2] - low[2]
    return drawn


def _rotation(numbers: Floats) -> Floats:
    """Rotation of a quaternion of any length; of four normal numbers it is uniform."""
    w, x, y, z = numbers / np.linalg.norm(numbers)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def _blocker(collider: Collider, body: int, placed: list[int], gap: float) -> int | None:
    for other in collider.near(body, placed, gap):
        if collider.distance(body, other, gap + TOUCH) < gap - TOUCH:
            return other
    return None


def _matrix(pose: Floats, stretch: Floats) -> Floats:
    matrix = pose.copy()
    matrix[:3, :3] = pose[:3, :3] @ stretch
    return matrix


def _reason(bodies: Sequence[Body], blocked: Counter[int], attempts: int) -> str:
    if not blocked:
        return "no attempt was allowed"
    most, times = min(blocked.items(), key=lambda item: (-item[1], item[0]))
    return (
        f"no free place in {attempts} attempts; "
        f"{bodies[most - 1].name!r} was in the way {times} times"
    )


def stack(
    bodies: Sequence[Body],
    order: Sequence[int],
    *,
    on: tuple[float, float] | None = None,
    shapes: Mapping[int, str] | None = None,
    matter: Matter | Mapping[int, Matter] | None = None,
    seconds: float = 2.0,
    seed: Seed,
) -> Stacked:
    """Put bodies on top of each other and see whether they stay.

    Parameters
    ----------
    bodies : ids are places in this sequence, from 1; what is not stacked is an obstacle
    order : ids from the bottom up; each keeps its turn, comes over the middle of the one below
        and is lowered until it touches
    on : x, y of the lowest one's middle; None leaves it where it is
    shapes, matter : as in `settle`; without rolling resistance, on which a ball would balance
    seconds : the tower is left alone for
    seed : of the tiny spins that what only balances does not survive

    Returns
    -------
    Stacked
        "stands" means that in the simulation nothing slid or leant over by more than a tenth of
        its radius or 5 degrees
    """
    if len(set(order)) != len(order):
        raise SceneError(f"a body is stacked twice in {list(order)}")
    if not order:
        return Stacked({}, True, ())
    collider = Collider(bodies, Cast(tuple(order), (), None, shapes or {}))
    below, placed = on, list(collider.model.fixed)
    built = list(bodies)
    for i in order:
        built[i - 1], below = _lower(bodies[i - 1], i, collider, placed, below)
        placed.append(i)
    cast = Cast(tuple(order), (), None, shapes or {}, _sliding(matter, len(bodies)))
    tower = Simulation(built, cast)
    disturb(tower, seed / "stack")
    tower.advance(max(1, round(seconds / tower.timestep)))
    after = tower.matrices()
    fallen = [i for i in order if _moved(built[i - 1].matrix, after[i], collider.model.radius[i])]
    return Stacked(after, not fallen and tower.stable, tuple(fallen))


def _sliding(matter: Matter | Mapping[int, Matter] | None, count: int) -> dict[int, Matter]:
    """Take away the rolling resistance."""
    given = Cast(matter=matter if matter is not None else Matter())
    return {i: replace(given.of(i), rolling=0.0) for i in range(1, count + 1)}


def _lower(
    body: Body, i: int, collider: Collider, placed: list[int], below: tuple[float, float] | None
) -> tuple[Body, tuple[float, float]]:
    """Lower a body until it touches; conservative advancement along -z."""
    pose = collider.model.poses[i].copy()
    low, high = span(collider.model.solids[i], pose[:3, :3])
    middle = (low + high)[:2] / 2
    at = below if below is not None else tuple((middle + pose[:2, 3]).tolist())
    pose[:2, 3] = np.asarray(at) - middle
    size = float((high - low).max())
    pose[2, 3] = _top(collider, placed) + size - low[2]
    for _ in range(200):
        collider.put(i, pose)
        apart = min((collider.distance(i, j) for j in placed), default=0.0)
        if apart < 1e-4 * size or not np.isfinite(apart):
            break
        pose[2, 3] -= apart
    return replace(body, matrix=_matrix(pose, collider.model.stretches[i])), (at[0], at[1])


def _top(collider: Collider, placed: list[int]) -> float:
    return max((collider.top(i) for i in placed), default=0.0)


def _moved(before: Floats, after: Floats, radius: float) -> bool:
    slid = np.linalg.norm((after - before)[:3, 3]) > 0.1 * radius
    one, two = (m[:3, :3] / np.linalg.norm(m[:3, :3], axis=0) for m in (before, after))
    leant = np.arccos(np.clip((one * two).sum(axis=0), -1, 1)).max() > np.radians(5)
    return bool(slid or leant)
