"""Rays of every kind of camera, drawn within pixels, lens and shutter."""

from __future__ import annotations

from math import ceil, sqrt
from typing import Any

import drjit as dr
import mitsuba as mi
import numpy as np

from abbild.core import Seed
from abbild.images.labels import cast_pixels
from abbild.images.stage import Floats, View

__all__ = ["cast", "footprint"]


def cast(view: View, samples: int, sampler: Any, seed: Seed) -> tuple[Any, Any]:
    """Return one ray for each sample of each pixel, pixel after pixel, and which of them exist.

    The place within a pixel is the sampler's first pair of numbers, the place on the lens its
    second. A lens that distorts is inverted by the label engine, so that pictures and labels
    share it.
    """
    inside = sampler.next_2d()
    disc = mi.warp.square_to_uniform_disk_concentric(sampler.next_2d())
    if view.projection == "fisheye" or any(view.distortion):
        origin, direction, exists = _bent(view, samples, seed)
    else:
        origin, direction = _straight(view, samples, inside)
        exists = mi.Bool(True)
    across, down, axis = (_opaque(view.matrix[:3, k]) for k in range(3))
    along = dr.dot(direction, axis)
    # where everything is sharp; behind a fisheye's own plane the lens has no such place
    sharp = dr.opaque(mi.Float, view.focus) / dr.maximum(along, 1e-3)
    on_lens = (across * disc.x + down * disc.y) * dr.opaque(mi.Float, view.aperture)
    from_lens = dr.normalize(direction * sharp - on_lens)
    has_lens = dr.opaque(mi.Float, view.aperture) > 0
    direction = dr.select(has_lens, from_lens, direction)
    near = dr.opaque(mi.Float, max(view.near, 0.0))
    if view.projection != "fisheye":
        near = near / dr.maximum(dr.dot(direction, axis), 1e-6)
    start = mi.Point3f(origin + dr.select(has_lens, on_lens, 0.0) + direction * near)
    return mi.RayDifferential3f(start, direction, 0.0, mi.Color0f()), exists


def footprint(view: View, samples: int) -> tuple[float, float]:
    """Return the width one sample covers: constant, and for each metre of distance."""
    width = 1 / (max(abs(view.fx), abs(view.fy)) * sqrt(samples))
    return (width, 0.0) if view.projection == "orthographic" else (0.0, width)


def _opaque(vector: Floats) -> Any:
    """Return three numbers that Dr.Jit does not write into its kernels."""
    return mi.Vector3f(*[dr.opaque(mi.Float, float(x)) for x in vector])


def _straight(view: View, samples: int, inside: Any) -> tuple[Any, Any]:
    index = dr.arange(mi.UInt32, view.width * view.height * samples)
    pixel = index // dr.opaque(mi.UInt32, samples)
    width = dr.opaque(mi.UInt32, view.width)
    row = pixel // width
    column = pixel - row * width
    fx, fy, cx, cy = (dr.opaque(mi.Float, x) for x in (view.fx, view.fy, view.cx, view.cy))
    x, y = (mi.Float(column) + inside.x - cx) / fx, (mi.Float(row) + inside.y - cy) / fy
    across, down, axis, eye = (_opaque(view.matrix[:3, k]) for k in range(4))
    if view.projection == "orthographic":
        return eye + across * x + down * y, axis
    return eye, dr.normalize(across * x + down * y + axis)


def _bent(view: View, samples: int, seed: Seed) -> tuple[Any, Any, Any]:
    """Likewise through a lens that distorts; places are jittered on a grid within each pixel."""
    count = view.width * view.height
    side = ceil(sqrt(samples))
    cell = np.arange(samples)
    grid = np.stack([cell % side, cell * side // samples], axis=-1) / side  # (samples, 2)
    jitter = (seed / "lens").rng().random((count, samples, 2)) / side
    row, column = np.divmod(np.arange(count), view.width)
    corners = np.stack([column, row], axis=-1)[:, None]
    origins, directions = cast_pixels(view, (corners + grid + jitter).reshape(-1, 2))
    exists = np.isfinite(directions).all(axis=-1)
    directions[~exists] = view.matrix[:3, 2]
    as_floats = [mi.Float(d) for d in np.ascontiguousarray(directions.T, np.float32)]
    eye = _opaque(origins[0])
    return eye, mi.Vector3f(*as_floats), mi.Bool(exists)
