"""Which rays are worth asking a mesh about: whole blocks by cone and ball, then each by its box."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from abbild.images.labels.draws import Geometry
from abbild.images.stage import Floats, Singles

__all__ = ["Bundle", "bound_blocks", "cull_rays"]

BLOCK = 32  # rays that are culled together

Bundle = tuple[Floats, Floats, Floats]  # origins, directions, bounds of blocks


def cull_rays(
    geometry: Geometry, inverse: Floats, bundle: Bundle, left: Floats
) -> tuple[NDArray[np.int64], Singles, Singles, Floats]:
    """Pick the rays that may meet a mesh, and carry them into its frame and to its box.

    Returns
    -------
    picked : (m,) their numbers
    starts, ways : (m, 3) float32, in the frame of the mesh
    enter : (m,) how far along each ray starts, in lengths of its direction
    """
    origins, directions, blocks = bundle
    size = len(origins)
    picked, enter = np.empty(size, np.int64), np.empty(size)
    starts, ways = np.empty((size, 3), np.float32), np.empty((size, 3), np.float32)
    ball = _ball_of(geometry, inverse)
    out = (picked, starts, ways, enter)
    count = enter_box(geometry.bounds, ball, inverse, (origins, directions, blocks, left), out)
    return picked[:count], starts[:count], ways[:count], enter[:count]


def _ball_of(geometry: Geometry, inverse: Floats) -> Floats:
    """Return centre and radius in the world of a ball around the body's box, (4,)."""
    forward = np.linalg.inv(inverse[:, :3])
    low, high = geometry.bounds
    middle = forward @ ((low + high) / 2 - inverse[:, 3])
    signs = np.array([[1, 1, 1], [1, 1, -1], [1, -1, 1], [-1, 1, 1]])
    radius = np.linalg.norm((signs * (high - low) / 2) @ forward.T, axis=1).max()
    return np.array([*middle, radius * (1 + 1e-9)])


@njit(cache=True)
def measure_rays(origins: Floats, directions: Floats, left: Floats) -> Floats:
    """Return the lengths of directions; a ray that is not finite has nothing `left`: -1."""
    length = np.empty(left.size)
    for n in range(left.size):
        far, at = 0.0, 0.0
        for k in range(3):
            far += directions[n, k] ** 2
            at += origins[n, k]
        length[n] = math.sqrt(far)
        if not (0.0 < far < math.inf and -math.inf < at < math.inf and left[n] >= 0.0):
            left[n] = -1.0
    return length


@njit(cache=True)
def bound_blocks(origins: Floats, directions: Floats, left: Floats) -> Floats:
    """Bound every `BLOCK` rays: ball of origins (4), axis (3), cos and sin of the cone, (m, 9).

    Rays with nothing left do not count; where none counts or they look all around, cos is 2 or
    not above 0.
    """
    length = measure_rays(origins, directions, left)
    out = np.zeros(((left.size + BLOCK - 1) // BLOCK, 9))
    for m in range(out.shape[0]):
        first, last = m * BLOCK, min(left.size, (m + 1) * BLOCK)
        count = 0
        for n in range(first, last):
            if left[n] >= 0.0:
                count += 1
                for k in range(3):
                    out[m, k] += origins[n, k]
                    out[m, 4 + k] += directions[n, k] / length[n]
        axis = math.sqrt(out[m, 4] ** 2 + out[m, 5] ** 2 + out[m, 6] ** 2)
        if count == 0 or axis == 0.0:
            out[m, 7] = 2.0 if count == 0 else -1.0
            continue
        for k in range(3):
            out[m, k] /= count
            out[m, 4 + k] /= axis
        widen(out[m], origins[first:last], directions[first:last], left[first:last])
    return out


@njit(cache=True)
def widen(block: Floats, origins: Floats, directions: Floats, left: Floats) -> None:
    """Widen one block's ball and cone to hold its rays."""
    cosine = 1.0
    for n in range(left.size):
        if left[n] < 0.0:
            continue
        apart, along, far = 0.0, 0.0, 0.0
        for k in range(3):
            apart += (origins[n, k] - block[k]) ** 2
            along += directions[n, k] * block[4 + k]
            far += directions[n, k] ** 2
        block[3] = max(block[3], math.sqrt(apart))
        cosine = min(cosine, along / math.sqrt(far))
    block[7] = cosine
    # 1 - cos^2 of a narrow cone is rounding: what it loses must not lose rays
    block[8] = math.sqrt(max(1.0 - cosine * cosine, 0.0)) + 1e-7


@njit(cache=True)
def may_meet(block: Floats, ball: Floats) -> bool:
    """Whether the cone of rays, widened by the ball of its origins, may touch `ball`."""
    if block[7] > 1.5:
        return False
    x, y, z = ball[0] - block[0], ball[1] - block[1], ball[2] - block[2]
    far = x * x + y * y + z * z
    radius = ball[3] + block[3]
    if far <= radius * radius or block[7] <= 0.0:
        return True
    along = x * block[4] + y * block[5] + z * block[6]
    # signed distance of the centre from the cone's line in their common plane: never above its
    # true distance from the cone
    across = math.sqrt(max(far - along * along, 0.0))
    apart = across * block[7] - along * block[8]
    return bool(apart <= radius * (1.0 + 1e-9) + 1e-9)


@njit(cache=True)
def enter_box(
    bounds: Floats,
    ball: Floats,
    inverse: Floats,
    rays_in: tuple[Floats, Floats, Floats, Floats],
    out: tuple[NDArray[np.int64], Singles, Singles, Floats],
) -> int:
    """Pick the rays that may meet a body's box, and move them into its frame and to its side.

    Writes the ray's number, its start and direction in the body's frame and how far along it
    starts; returns how many were picked.
    """
    origins, directions, blocks, left = rays_in
    picked, starts, ways, enter = out
    slack = 1e-5 * max(
        bounds[1, 0] - bounds[0, 0], bounds[1, 1] - bounds[0, 1], bounds[1, 2] - bounds[0, 2]
    )
    o, d = np.empty(3), np.empty(3)
    count = 0
    for m in range(blocks.shape[0]):
        if not may_meet(blocks[m], ball):
            continue
        for n in range(m * BLOCK, min(origins.shape[0], (m + 1) * BLOCK)):
            low, high = 0.0, left[n]
            for k in range(3):
                o[k] = inverse[k, 3]
                d[k] = 0.0
                for c in range(3):
                    o[k] += inverse[k, c] * origins[n, c]
                    d[k] += inverse[k, c] * directions[n, c]
                near, far = bounds[0, k] - slack - o[k], bounds[1, k] + slack - o[k]
                if d[k] == 0.0:
                    if near > 0.0 or far < 0.0:
                        low = math.inf
                    continue
                near, far = near / d[k], far / d[k]
                low, high = max(low, min(near, far)), min(high, max(near, far))
            if low <= high and low < left[n]:
                picked[count], enter[count] = n, low
                for k in range(3):
                    starts[count, k], ways[count, k] = o[k] + low * d[k], d[k]
                count += 1
    return count
