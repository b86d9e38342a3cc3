"""From pixels to rays and from points to pixels, for every lens of a `View`.

Lenses: pinhole; pinhole with the distortion of Brown (1966) and Conrady (1919), five coefficients
in the order of OpenCV; fisheye by Kannala and Brandt (2006), equation 6; orthographic. A lens maps
one to one only out to where its polynomial turns back; what lies beyond has no pixel, and pixels
that nothing maps to have no ray: both are NaN.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from abbild.images.errors import SceneError
from abbild.images.stage import Floats, View

__all__ = ["cast_pixels", "check_view", "project", "rays"]

STEPS = 60  # of Newton's method; four are usual, many only at the edge of a strong lens
NEGLIGIBLE = 1e-12  # a coefficient of distortion
EXACT = 1e-13  # in units of the focal length: below 1e-9 pixels for any sensor


def rays(view: View) -> tuple[Floats, Floats]:
    """Return origins and unit directions of the rays through all pixel centres, in the world.

    Returns
    -------
    origins, directions : (h, w, 3) float64; directions are NaN where the lens sees nothing
    """
    local = _grid(_lens_key(view), view.width, view.height)
    return _place(view, local.reshape(view.height, view.width, 3))


def cast_pixels(view: View, pixels: Floats) -> tuple[Floats, Floats]:
    """Return origins and unit directions of the rays through `pixels` (..., 2), in the world.

    Pixels need not be inside of the image.
    """
    flat = np.ascontiguousarray(np.reshape(pixels, (-1, 2)), np.float64)
    local = _unproject(_lens_key(view), flat)
    return _place(view, local.reshape(*np.shape(pixels)[:-1], 3))


def project(view: View, points: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Map points of the world to pixels.

    Parameters
    ----------
    points : (n, 3), metres

    Returns
    -------
    pixels : (n, 2) float64, NaN where the lens has no place for the point
    z : (n,) metres along the optical axis
    in_front : (n,) bool, whether the lens maps the point at all: in front of the camera and
        within the reach of its distortion. The pixel may still be outside of the image.
    """
    lens, kind, reach = _lens_key(view)
    points = np.ascontiguousarray(np.reshape(points, (-1, 3)), np.float64)
    pixels, z = np.full((len(points), 2), np.nan), np.empty(len(points))
    in_front = np.zeros(len(points), np.bool_)
    bend(points, view.camera_from_world, (np.array(lens), kind, reach), pixels, z, in_front)
    return pixels, z, in_front


PINHOLE, FISHEYE, ORTHOGRAPHIC = 0, 1, 2
_KINDS = {"pinhole": (PINHOLE, 5), "fisheye": (FISHEYE, 4), "orthographic": (ORTHOGRAPHIC, 0)}

LensKey = tuple[tuple[float, ...], int, float]


def check_view(view: View) -> None:
    """Refuse a view that no engine can look through.

    Raises
    ------
    SceneError
        an image without pixels, numbers that are not finite, a focal length of 0, a near plane
        that is not in front, more coefficients than the lens has
    """
    if view.width < 1 or view.height < 1:
        raise SceneError(f"an image of {view.width} x {view.height} pixels has no pixels")
    numbers = (view.fx, view.fy, view.cx, view.cy, view.near, *view.distortion)
    if not all(map(math.isfinite, numbers)) or not np.isfinite(view.matrix).all():
        raise SceneError("the pose or the lens of a view has numbers that are not finite")
    if view.fx == 0 or view.fy == 0:
        raise SceneError(f"a view has focal lengths {view.fx} and {view.fy}; neither may be 0")
    if not view.near > 0:
        raise SceneError(f"a view sees from {view.near} m on; near must be above 0")
    most = _KINDS[view.projection][1]
    if len(view.distortion) > most:
        raise SceneError(
            f"a {view.projection} view has {len(view.distortion)} distortion coefficients, "
            f"at most {most} are known"
        )


def _lens_key(view: View) -> LensKey:
    """Return fx, fy, cx, cy and five coefficients; the kind of lens; how far it reaches."""
    check_view(view)
    given = tuple(map(float, view.distortion))
    kind, padded = _KINDS[view.projection][0], given + (0.0,) * (5 - len(given))
    return (view.fx, view.fy, view.cx, view.cy, *padded), kind, _reach(kind, padded)


@lru_cache(maxsize=256)
def _reach(kind: int, k: tuple[float, ...]) -> float:
    """Return the radius (pinhole) or angle (fisheye) at which the lens polynomial turns back."""
    # derivative of r (1 + k1 r^2 + k2 r^4 + ...), as a polynomial in r^2
    if kind == FISHEYE:
        slope, most = [9 * k[3], 7 * k[2], 5 * k[1], 3 * k[0], 1.0], math.pi
    else:
        slope, most = [7 * k[4], 5 * k[1], 3 * k[0], 1.0], math.inf
    # companion matrices overflow on coefficients that change no pixel
    roots = np.roots([c if abs(c) > NEGLIGIBLE else 0.0 for c in slope])
    turns = [math.sqrt(r.real) for r in roots if abs(r.imag) < 1e-12 and r.real > 0]
    return min([most, *turns])


def _place(view: View, local: Floats) -> tuple[Floats, Floats]:
    """Carry rays of the camera into the world."""
    turn, at = np.ascontiguousarray(view.matrix[:3, :3]), view.matrix[:3, 3]
    if view.projection == "orthographic":
        origins = local @ turn.T + at
        return origins, np.broadcast_to(turn[:, 2], origins.shape).copy()
    return np.broadcast_to(at, local.shape).copy(), local @ turn.T


@lru_cache(maxsize=4)
def _grid(key: LensKey, width: int, height: int) -> Floats:
    row, column = np.mgrid[:height, :width] + 0.5
    found = _unproject(key, np.stack([column.ravel(), row.ravel()], axis=1))
    found.flags.writeable = False
    return found


def _unproject(key: LensKey, pixels: Floats) -> Floats:
    """Return unit directions in the camera's frame, or starting points if orthographic, (n, 3)."""
    lens, kind, reach = key
    found = np.full((len(pixels), 3), np.nan)
    straighten(pixels, np.array(lens), kind, reach, found)
    return found


@njit(cache=True)
def brown(x: float, y: float, k: Floats) -> tuple[float, float, float, float, float]:
    """Distort a point of the plane z = 1; return it and its derivatives xx, xy = yx, yy."""
    k1, k2, p1, p2, k3 = k[4], k[5], k[6], k[7], k[8]
    r = x * x + y * y
    radial = 1.0 + r * (k1 + r * (k2 + r * k3))
    slope = 2.0 * (k1 + r * (2.0 * k2 + r * 3.0 * k3))
    u = x * radial + 2.0 * p1 * x * y + p2 * (r + 2.0 * x * x)
    v = y * radial + p1 * (r + 2.0 * y * y) + 2.0 * p2 * x * y
    ux = radial + x * x * slope + 2.0 * p1 * y + 6.0 * p2 * x
    uy = x * y * slope + 2.0 * p1 * x + 2.0 * p2 * y
    vy = radial + y * y * slope + 6.0 * p1 * y + 2.0 * p2 * x
    return u, v, ux, uy, vy


@njit(cache=True)
def unbrown(u: float, v: float, k: Floats, reach: float, x: float, y: float) -> tuple[float, float]:
    """Invert `brown` by Newton's method from (x, y); NaN if it does not converge in reach."""
    for _ in range(STEPS):
        at_u, at_v, ux, uy, vy = brown(x, y, k)
        du, dv = u - at_u, v - at_v
        if abs(du) + abs(dv) < EXACT * (1.0 + abs(u) + abs(v)):
            if x * x + y * y <= reach * reach:
                return x, y
            break
        det = ux * vy - uy * uy
        if det == 0.0:
            break
        x, y = x + (vy * du - uy * dv) / det, y + (ux * dv - uy * du) / det
        r = math.sqrt(x * x + y * y)
        if r > reach:  # a step over the turning point would find the wrong branch
            x, y = x * reach / r * 0.999, y * reach / r * 0.999
    return math.nan, math.nan


@njit(cache=True)
def kannala(angle: float, k: Floats) -> tuple[float, float]:
    """Return the image radius of `angle` and its derivative."""
    t = angle * angle
    k1, k2, k3, k4 = k[4], k[5], k[6], k[7]
    radius = angle * (1.0 + t * (k1 + t * (k2 + t * (k3 + t * k4))))
    slope = 1.0 + t * (3.0 * k1 + t * (5.0 * k2 + t * (7.0 * k3 + t * 9.0 * k4)))
    return radius, slope


@njit(cache=True)
def unkannala(radius: float, k: Floats, reach: float) -> float:
    """Invert `kannala` within [0, reach], by Newton's method held in a shrinking interval."""
    low, high = 0.0, reach
    if radius > kannala(reach, k)[0]:
        return math.nan
    angle = min(radius, reach)
    for _ in range(STEPS):
        at, slope = kannala(angle, k)
        if abs(at - radius) < EXACT:
            return angle
        if at > radius:
            high = angle
        else:
            low = angle
        angle = angle - (at - radius) / slope if slope > 0.0 else -1.0
        if not low <= angle <= high:
            angle = 0.5 * (low + high)
    return angle


@njit(cache=True)
def straighten(pixels: Floats, lens: Floats, kind: int, reach: float, out: Floats) -> None:
    """Write the ray of every pixel, in the camera's frame."""
    for n in range(pixels.shape[0]):
        u, v = (pixels[n, 0] - lens[2]) / lens[0], (pixels[n, 1] - lens[3]) / lens[1]
        if kind == ORTHOGRAPHIC:
            out[n, 0], out[n, 1], out[n, 2] = u, v, 0.0
            continue
        if kind == FISHEYE:
            radius = math.sqrt(u * u + v * v)
            angle = unkannala(radius, lens, reach)
            across = math.sin(angle) / radius if radius > 0.0 else 1.0
            out[n, 0], out[n, 1], out[n, 2] = u * across, v * across, math.cos(angle)
            continue
        x, y = unbrown(u, v, lens, reach, u, v)
        if math.isnan(x) and reach < math.inf:
            x, y = unbrown(u, v, lens, reach, 0.0, 0.0)
        length = math.sqrt(x * x + y * y + 1.0)
        out[n, 0], out[n, 1], out[n, 2] = x / length, y / length, 1.0 / length


@njit(cache=True)
def bend(
    points: Floats,
    inverse: Floats,
    lens: tuple[Floats, int, float],
    pixels: Floats,
    depth: Floats,
    seen: NDArray[np.bool_],
) -> None:
    """Write the pixel and z of every point of the world, and whether it has a pixel."""
    k, kind, reach = lens
    at = np.empty(3)
    for n in range(points.shape[0]):
        for c in range(3):
            at[c] = inverse[c, 3]
            for m in range(3):
                at[c] += inverse[c, m] * points[n, m]
        depth[n] = at[2]
        x, y, seen[n] = bend_one(at, k, kind, reach)
        if seen[n]:
            pixels[n, 0], pixels[n, 1] = k[0] * x + k[2], k[1] * y + k[3]


@njit(cache=True)
def bend_one(at: Floats, k: Floats, kind: int, reach: float) -> tuple[float, float, bool]:
    """Return where a point of the camera's frame falls at focal length 1, and whether it does."""
    x, y, z = at[0], at[1], at[2]
    if kind == FISHEYE:
        across = math.sqrt(x * x + y * y)
        angle = math.atan2(across, z)
        if angle > reach or (across == 0.0 and z <= 0.0):
            return x, y, False
        scale = kannala(angle, k)[0] / across if across > 0.0 else 1.0
        return x * scale, y * scale, True
    if not z > 0.0:
        return x, y, False
    if kind == PINHOLE:
        x, y = x / z, y / z
        if x * x + y * y > reach * reach:
            return x, y, False
        x, y = brown(x, y, k)[:2]
    return x, y, True
