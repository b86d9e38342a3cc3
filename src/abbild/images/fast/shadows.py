"""How much of each lamp every point sees."""

# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from abbild.images.fast.compiled import compiled, inlined
from abbild.images.fast.lamps import BULB, SUN, Lamps
from abbild.images.fast.points import Points
from abbild.images.fast.prepared import Prepared
from abbild.images.fast.tree import STACK, blocked

__all__ = ["RANK", "TILE", "visible_shares"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int32]

TILE = 8  # pixels of a side
RANK = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.int64)


class _Work(NamedTuple):
    """Scratch of a kernel: nodes that wait, and bodies that may stand between."""

    stack: NDArray[np.int64]
    near: NDArray[np.int64]
    rank: NDArray[np.int64]
    sums: Floats


def visible_shares(
    prepared: Prepared, points: Points, lamps: Lamps, spots: Floats
) -> tuple[Singles, Singles]:
    """Return the share of each lamp that no body hides.

    Tiles of 8 x 8 pixels first gather the bodies that can stand between them and a lamp at all;
    where one ray a pixel already agrees all over a tile, no more are sent.

    Parameters
    ----------
    spots : (l, 16 n, 2), from `spots_on`

    Returns
    -------
    shares : (l, h, w) float32 in [0, 1]
    widths : (l, h / 8, w / 8) float32, rounded up: widest penumbra of each tile, pixels
    """
    h, w = points.instance.shape
    shares = np.ones((len(lamps.kind), h, w), np.float32)
    widths = np.zeros((len(lamps.kind), -(-h // TILE), -(-w // TILE)), np.float32)
    count = len(prepared.instances.body)
    if count and len(lamps.kind):
        sums = np.zeros((TILE, TILE, 2))
        work = _Work(np.empty(STACK, np.int64), np.empty(count, np.int64), RANK, sums)
        scene = prepared.geometry, prepared.instances
        _fill(shares, widths, points, lamps, spots, scene, work)
    return shares, widths


@compiled
def _reach(instances: Any) -> float:
    """Length no ray between two bodies exceeds."""
    total = 0.0
    for k in range(3):
        low, high = np.inf, -np.inf
        for each in range(len(instances.box)):
            low, high = min(low, instances.box[each, 0, k]), max(high, instances.box[each, 1, k])
        total += (high - low) ** 2
    return sqrt(total) * 1.01


@compiled
def _bounds(points, lamps, lamp, tile):
    """Box around the origins in a tile that may face the lamp; empty (inf, -inf) for none."""
    lx, ly, lz = np.inf, np.inf, np.inf
    hx, hy, hz = -np.inf, -np.inf, -np.inf
    place, radius, is_sun = lamps.place[lamp], lamps.radius[lamp], lamps.kind[lamp] == SUN
    for i in range(tile[0], tile[1]):
        for j in range(tile[2], tile[3]):
            if points.instance[i, j] < 0:
                continue
            x, y, z = points.origin[i, j, 0], points.origin[i, j, 1], points.origin[i, j, 2]
            dx, dy, dz = place[0], place[1], place[2]
            if not is_sun:
                dx, dy, dz = dx - x, dy - y, dz - z
            n = points.normal[i, j]
            if n[0] * dx + n[1] * dy + n[2] * dz > -radius:
                lx, ly, lz = min(lx, x), min(ly, y), min(lz, z)
                hx, hy, hz = max(hx, x), max(hy, y), max(hz, z)
    return (lx, ly, lz), (hx, hy, hz)


@compiled
def _apart(low, high, lamps, lamp, box):
    """Whether a body's box misses the box around a tile and the lamp."""
    radius = lamps.radius[lamp]
    for k in range(3):
        if lamps.kind[lamp] == SUN:
            start = low[k] if lamps.place[lamp, k] >= radius else -np.inf
            end = high[k] if lamps.place[lamp, k] <= -radius else np.inf
        else:
            start = min(low[k], lamps.place[lamp, k] - radius)
            end = max(high[k], lamps.place[lamp, k] + radius)
        if box[1, k] < start or box[0, k] > end:
            return True
    return False


@compiled
def _beside(low, high, lamps, lamp, box):
    """Whether a body's sphere misses the cone between a tile's sphere and the lamp's."""
    c = 0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1]), 0.5 * (low[2] + high[2])
    r = 0.5 * sqrt((high[0] - low[0]) ** 2 + (high[1] - low[1]) ** 2 + (high[2] - low[2]) ** 2)
    bx = 0.5 * (box[0, 0] + box[1, 0]) - c[0]
    by = 0.5 * (box[0, 1] + box[1, 1]) - c[1]
    bz = 0.5 * (box[0, 2] + box[1, 2]) - c[2]
    size = (box[1, 0] - box[0, 0]) ** 2 + (box[1, 1] - box[0, 1]) ** 2
    rb = 0.5 * sqrt(size + (box[1, 2] - box[0, 2]) ** 2)
    ax, ay, az = lamps.place[lamp, 0], lamps.place[lamp, 1], lamps.place[lamp, 2]
    end, slope = np.inf, lamps.radius[lamp]
    if lamps.kind[lamp] != SUN:
        ax, ay, az = ax - c[0], ay - c[1], az - c[2]
        end = sqrt(ax * ax + ay * ay + az * az)
        if end <= 1.5 * abs(slope - r) or end == 0.0:
            return False
        ax, ay, az, slope = ax / end, ay / end, az / end, (slope - r) / end
    along = bx * ax + by * ay + bz * az
    if along < -rb - r or along > end + rb + lamps.radius[lamp]:
        return True
    far = min(max(along + rb, 0.0), end) if slope > 0.0 else min(max(along - rb, 0.0), end)
    lean = sqrt(1.0 + 2.0 * slope * slope)
    allowed = rb + (r + slope * far) * lean
    return bx * bx + by * by + bz * bz - along * along > allowed * allowed


@compiled
def _candidates(low, high, lamps, lamp, instances, near):
    count = 0
    for each in range(len(instances.box)):
        box = instances.box[each]
        if not _apart(low, high, lamps, lamp, box) and not _beside(low, high, lamps, lamp, box):
            near[count] = each
            count += 1
    return count


@inlined
def _outside(box, origin, step):
    """Whether the segment misses a box, by its three slabs."""
    near, far = 0.0, 1.0
    for k in range(3):
        if step[k] == 0.0:
            if origin[k] < box[0, k] or origin[k] > box[1, k]:
                return True
            continue
        scale = 1.0 / step[k]
        t0, t1 = (box[0, k] - origin[k]) * scale, (box[1, k] - origin[k]) * scale
        small, large = (t0, t1) if t0 < t1 else (t1, t0)
        near, far = max(near, small), min(far, large)
    return near > far


@inlined
def _stands_between(geometry, instances, each, origin, step, stack):
    """Where a body blocks the segment, inf for nowhere; the ray goes into the body's own frame."""
    if _outside(instances.box[each], origin, step):
        return np.inf
    m = instances.inverse[each]
    x, y, z = origin
    o = (
        m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3],
        m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3],
        m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3],
    )
    x, y, z = step
    d = (
        m[0, 0] * x + m[0, 1] * y + m[0, 2] * z,
        m[1, 0] * x + m[1, 1] * y + m[1, 2] * z,
        m[2, 0] * x + m[2, 1] * y + m[2, 2] * z,
    )
    root = geometry.root[instances.mesh[each]]
    return blocked(geometry.boxes, geometry.links, geometry.corners, root, o, d, stack)


@inlined
def any_between(geometry, instances, near, count, origin, step, stack):
    """Where one of the first `count` bodies of `near` blocks the segment, in (0, 1); else inf.

    The one that does goes to the front: its neighbours' rays will meet it first.
    """
    for k in range(count):
        t = _stands_between(geometry, instances, near[k], origin, step, stack)
        if t < 1.0:
            near[k], near[0] = near[0], near[k]
            return t
    return np.inf


@inlined
def _disc(direction, radius, spot):
    """Offset of a spot on a disc that faces along a direction (Duff et al. 2017)."""
    x, y, z = direction
    size = sqrt(x * x + y * y + z * z) + 1e-300
    x, y, z = x / size, y / size, z / size
    sign = 1.0 if z >= 0.0 else -1.0
    a = -1.0 / (sign + z)
    b = x * y * a
    p, q = spot[0] * radius, spot[1] * radius
    return (
        p * (1.0 + sign * x * x * a) + q * b,
        p * sign * b + q * (sign + y * y * a),
        -p * sign * x - q * y,
    )


@inlined
def _aim(lamps, lamp, origin, normal, spot, reach):
    """Segment to a spot of a lamp, and the weight of its light there."""
    ax, up, place = lamps.across[lamp], lamps.up[lamp], lamps.place[lamp]
    x, y, z = place[0] - origin[0], place[1] - origin[1], place[2] - origin[2]
    if lamps.kind[lamp] == SUN:
        p, q = spot[0] * lamps.radius[lamp], spot[1] * lamps.radius[lamp]
        x = (place[0] + p * ax[0] + q * up[0]) * reach
        y = (place[1] + p * ax[1] + q * up[1]) * reach
        z = (place[2] + p * ax[2] + q * up[2]) * reach
        return (x, y, z), 1.0
    if lamps.kind[lamp] == BULB:
        dx, dy, dz = _disc((x, y, z), lamps.radius[lamp], spot)
        return (x + dx, y + dy, z + dz), 1.0
    x += spot[0] * ax[0] + spot[1] * up[0]
    y += spot[0] * ax[1] + spot[1] * up[1]
    z += spot[0] * ax[2] + spot[1] * up[2]
    axis = lamps.axis[lamp]
    sent = -(axis[0] * x + axis[1] * y + axis[2] * z)
    met = normal[0] * x + normal[1] * y + normal[2] * z
    squared = x * x + y * y + z * z + 1e-300
    weight = sent * met / (squared * squared) if sent > 0.0 and met > 0.0 else 0.0
    keep = 1.0 - 1e-5  # a panel may lie in the face of a ceiling
    return (x * keep, y * keep, z * keep), weight


@inlined
def _turned_away(points, i, j, step):
    """Whether a surface surely hides the lamp from itself: facet and normal look elsewhere.

    By 15 degrees at least: nearer to the terminator a ray decides, since it begins on the smooth
    surface, above the facet.
    """
    n, m = points.facet[i, j], points.normal[i, j]
    facet = n[0] * step[0] + n[1] * step[1] + n[2] * step[2]
    smooth = m[0] * step[0] + m[1] * step[1] + m[2] * step[2]
    squared = step[0] * step[0] + step[1] * step[1] + step[2] * step[2]
    return facet < 0.0 and smooth < 0.0 and smooth * smooth > 0.067 * squared


@inlined
def _send(sums, scene, points, at, lamp, spot, work, count):
    """Send one ray of a pixel; add its weight and what of it arrived; return the penumbra's width.

    In pixels, by the distances of lamp and blocker (Fernando 2005).
    """
    lamps, spots, geometry, instances, reach = scene
    i, j, p, q = at
    origin = points.origin[i, j, 0], points.origin[i, j, 1], points.origin[i, j, 2]
    step, weight = _aim(lamps, lamp, origin, points.normal[i, j], spots[lamp, spot], reach)
    sums[p, q, 0] += weight
    if weight <= 0.0 or _turned_away(points, i, j, step):
        return 0.0
    t = any_between(geometry, instances, work.near, count, origin, step, work.stack)
    if t == np.inf:
        sums[p, q, 1] += weight
        return 0.0
    size = 2.0 * lamps.radius[lamp] / points.footprint[i, j]
    return size * t * reach if lamps.kind[lamp] == SUN else size * t / (1.0 - t)


@compiled
def _agree(sums, points, tile):
    """Whether all rays of a tile arrived, or none."""
    arrived, lost = False, False
    for i in range(tile[0], tile[1]):
        for j in range(tile[2], tile[3]):
            p, q = i - tile[0], j - tile[2]
            if points.instance[i, j] >= 0 and sums[p, q, 0] > 0.0:
                arrived = arrived or sums[p, q, 1] > 0.0
                lost = lost or sums[p, q, 1] == 0.0
    return not (arrived and lost)


@compiled
def _send_all(scene, points, lamp, tile, work, count):
    """Send the rays of a tile; return the widest penumbra, pixels."""
    widest = 0.0
    samples = scene[1].shape[1] // 16
    for n in range(samples):
        for i in range(tile[0], tile[1]):
            for j in range(tile[2], tile[3]):
                if points.instance[i, j] >= 0:
                    spot = 16 * n + work.rank[i & 3, j & 3]
                    at = i, j, i - tile[0], j - tile[2]
                    width = _send(work.sums, scene, points, at, lamp, spot, work, count)
                    widest = max(widest, width)
        if n == 0 and _agree(work.sums, points, tile):
            break
    return widest


@compiled
def _tile(shares, scene, points, lamp, tile, work):
    lamps, _, _, instances, _ = scene
    low, high = _bounds(points, lamps, lamp, tile)
    if low[0] > high[0]:
        return 0.0
    count = _candidates(low, high, lamps, lamp, instances, work.near)
    if count == 0:
        return 0.0
    sums = work.sums
    for i in range(TILE):
        for j in range(TILE):
            sums[i, j, 0], sums[i, j, 1] = 0.0, 0.0
    widest = _send_all(scene, points, lamp, tile, work, count)
    for i in range(tile[0], tile[1]):
        for j in range(tile[2], tile[3]):
            total, came = sums[i - tile[0], j - tile[2], 0], sums[i - tile[0], j - tile[2], 1]
            if total > 0.0:
                shares[lamp, i, j] = came / total
    return widest


@compiled
def _fill(
    shares: Singles,
    widths: Singles,
    points: Points,
    lamps: Lamps,
    spots: Floats,
    prepared: Any,
    work: Any,
) -> None:
    h, w = points.instance.shape
    geometry, instances = prepared
    scene = lamps, spots, geometry, instances, _reach(instances)
    for i in range(widths.shape[1]):
        for j in range(widths.shape[2]):
            tile = i * TILE, min((i + 1) * TILE, h), j * TILE, min((j + 1) * TILE, w)
            for lamp in range(len(lamps.kind)):
                widths[lamp, i, j] = _tile(shares, scene, points, lamp, tile, work)
