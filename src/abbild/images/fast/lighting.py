"""What arrives from a lamp at a point that sees all of it."""

# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

from math import acos, sqrt

from abbild.images.fast.compiled import compiled, inlined
from abbild.images.fast.lamps import BULB, SUN

__all__ = ["arrival", "cross", "dot", "unit"]

_GAUSS = 0.5 / sqrt(3.0)  # nodes of Gauss and Legendre in [-0.5, 0.5]


@inlined
def dot(a, b):
    """Return the scalar product of two triples."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@inlined
def cross(a, b):
    """Return the vector product of two triples."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@inlined
def unit(a):
    """Return a triple at length one, or zeros."""
    scale = 1.0 / (sqrt(dot(a, a)) + 1e-300)
    return a[0] * scale, a[1] * scale, a[2] * scale


@inlined
def _on_panel(lamps, lamp, at, x, y):
    """Vector to a place of a panel, x and y in [-0.5, 0.5]."""
    c, a, u = lamps.place[lamp], lamps.across[lamp], lamps.up[lamp]
    return (
        c[0] - at[0] + x * a[0] + y * u[0],
        c[1] - at[1] + x * a[1] + y * u[1],
        c[2] - at[2] + x * a[2] + y * u[2],
    )


@inlined
def _corner(lamps, lamp, at, k):
    return _on_panel(lamps, lamp, at, -0.5 if k in (0, 3) else 0.5, -0.5 if k < 2 else 0.5)


@inlined
def _edge(a, b, n):
    """Share of the edge between two unit vectors in the irradiance of a polygon (Lambert)."""
    c = cross(a, b)
    size = sqrt(dot(c, c))
    if size == 0.0:
        return 0.0
    return acos(min(max(dot(a, b), -1.0), 1.0)) * dot(c, n) / size


@compiled
def _near(lamps, lamp, at, n):
    """Irradiance of a panel of unit radiance, exactly, cut off at the horizon."""
    total, count = 0.0, 0
    first, before = (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)
    for k in range(4):
        a, b = _corner(lamps, lamp, at, k), _corner(lamps, lamp, at, (k + 1) % 4)
        above, next_above = dot(a, n), dot(b, n)
        for crossing in range(2):
            if crossing == 1:
                if (above > 0.0) == (next_above > 0.0):
                    continue
                s = above / (above - next_above)
                a = a[0] + s * (b[0] - a[0]), a[1] + s * (b[1] - a[1]), a[2] + s * (b[2] - a[2])
            elif above <= 0.0:
                continue
            point = unit(a)
            if count == 0:
                first = point
            else:
                total += _edge(before, point, n)
            before = point
            count += 1
    return 0.5 * abs(total + _edge(before, first, n))


@inlined
def _far(lamps, lamp, at, n, area):
    """Likewise by 2 x 2 places; from twice the panel's size on, better than 1 in 1,000."""
    total = 0.0
    axis = lamps.axis[lamp]
    for k in range(4):
        d = _on_panel(lamps, lamp, at, _GAUSS if k & 1 else -_GAUSS, _GAUSS if k & 2 else -_GAUSS)
        met, sent, squared = dot(d, n), -dot(d, axis), dot(d, d)
        if met > 0.0 and sent > 0.0:
            total += met * sent / (squared * squared)
    return 0.25 * area * total


@inlined
def _panel(lamps, lamp, at, n, r):
    centre = _on_panel(lamps, lamp, at, 0.0, 0.0)
    axis = lamps.axis[lamp]
    behind = dot(centre, axis)
    if behind >= 0.0:
        return 0.0, centre, 0.0, 0.0
    across, up = lamps.across[lamp], lamps.up[lamp]
    side = cross(across, up)
    area, squared = sqrt(dot(side, side)), dot(centre, centre)
    radius = lamps.radius[lamp]
    is_near = squared < 16.0 * radius * radius
    met = _near(lamps, lamp, at, n) if is_near else _far(lamps, lamp, at, n, area)
    aim = centre
    towards = dot(r, axis)
    if towards < -1e-6:  # the mirror direction meets the panel's plane
        t = behind / towards
        q = r[0] * t - centre[0], r[1] * t - centre[1], r[2] * t - centre[2]
        x = min(max(dot(q, across) / dot(across, across), -0.5), 0.5)
        y = min(max(dot(q, up) / dot(up, up), -0.5), 0.5)
        aim = _on_panel(lamps, lamp, at, x, y)
    distance = sqrt(squared)
    full = area * -behind / (squared * distance)
    return met, unit(aim), full, sqrt(area / 3.141592653589793) / distance


@inlined
def _bent(centre, r, radius):
    """Point of a sphere nearest to the mirror direction (Karis 2013)."""
    along = dot(centre, r)
    q = along * r[0] - centre[0], along * r[1] - centre[1], along * r[2] - centre[2]
    size = sqrt(dot(q, q)) + 1e-300
    s = min(radius / size, 1.0)
    return unit((centre[0] + s * q[0], centre[1] + s * q[1], centre[2] + s * q[2]))


@inlined
def _bulb(lamps, lamp, at, n, r):
    place, radius = lamps.place[lamp], lamps.radius[lamp]
    centre = place[0] - at[0], place[1] - at[1], place[2] - at[2]
    squared = max(dot(centre, centre), radius * radius) + 1e-300
    distance = sqrt(squared)
    full = 1.0 / squared
    begins, ends = lamps.cone[lamp, 0], lamps.cone[lamp, 1]
    if ends >= -1.0:
        cosine = -dot(centre, lamps.axis[lamp]) / distance
        full *= min(max((cosine - ends) / max(begins - ends, 1e-9), 0.0), 1.0)
    met = max(dot(centre, n), 0.0) / distance * full
    return met, _bent(centre, r, radius), full, radius / distance


@inlined
def arrival(lamps, lamp, at, n, r):
    """Light of one lamp, per unit of its `light`.

    Returns
    -------
    irradiance on a surface with normal `n`; unit direction of the lamp's point nearest to the
    mirror direction `r`; irradiance on a surface that faces the lamp; its radius over its distance
    """
    if lamps.kind[lamp] == SUN:
        d = lamps.place[lamp, 0], lamps.place[lamp, 1], lamps.place[lamp, 2]
        return max(dot(d, n), 0.0), _bent(d, r, lamps.radius[lamp]), 1.0, lamps.radius[lamp]
    if lamps.kind[lamp] == BULB:
        return _bulb(lamps, lamp, at, n, r)
    return _panel(lamps, lamp, at, n, r)
