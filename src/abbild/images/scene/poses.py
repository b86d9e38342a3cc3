"""Rotations and places: Euler angles, quaternions, looking at something."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.images.errors import SceneError
from abbild.images.scene.numbers import number, vector

__all__ = ["euler", "look_along", "placed", "quaternion", "rotation_of", "shell"]

Floats = NDArray[np.float64]


def euler(roll: float, pitch: float, yaw: float) -> Floats:
    """Return the (3, 3) rotation about x, then y, then z of the world; degrees."""
    (a, b, c), (s, t, u) = (
        [f(math.radians(v)) for v in (roll, pitch, yaw)] for f in (math.cos, math.sin)
    )
    x = np.array([[1, 0, 0], [0, a, -s], [0, s, a]])
    y = np.array([[b, 0, t], [0, 1, 0], [-t, 0, b]])
    z = np.array([[c, -u, 0], [u, c, 0], [0, 0, 1.0]])
    return np.asarray(z @ y @ x)


def quaternion(w: float, x: float, y: float, z: float) -> Floats:
    """Return the (3, 3) rotation of a quaternion of any length but 0."""
    q = np.array([w, x, y, z], float)
    w, x, y, z = q / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def rotation_of(value: Any, where: str) -> Floats:
    """Return the (3, 3) rotation of three angles or a quaternion.

    Raises
    ------
    SceneError
        For anything else, and for the quaternion 0.
    """
    if isinstance(value, (tuple, list)) and len(value) == 4:
        q = vector(value, where, 4)
        if not np.linalg.norm(q) > 1e-12:
            raise SceneError(f"{where} is the quaternion 0", hint="give (1, 0, 0, 0) for none")
        return quaternion(*q)
    return euler(*vector(value, where))


def placed(position: Any, rotation: Any, scale: Any, where: str) -> Floats:
    """Return the (4, 4) matrix that scales, rotates and then moves.

    Raises
    ------
    SceneError
        For a scale that is not above 0, or what is no number.
    """
    factors = [scale] * 3 if not isinstance(scale, (tuple, list)) else scale
    sizes = [number(v, f"{where}/scale", 1e-9, 1e9) for v in factors]
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_of(rotation, f"{where}/rotation") * vector(sizes, where)
    matrix[:3, 3] = vector(position, f"{where}/position")
    return matrix


def look_along(eye: Floats, forward: Floats, roll: float = 0.0) -> Floats:
    """Return world-from-camera (4, 4) of a camera at `eye` that looks along `forward`.

    The image stands upright with respect to +z; looking straight up or down, +y is up. `roll`
    turns the camera clockwise, degrees.
    """
    z = forward / np.linalg.norm(forward)
    up = np.array([0.0, 0.0, 1.0]) if abs(z[2]) < 1 - 1e-9 else np.array([0.0, 1.0, 0.0])
    x = np.cross(z, up)
    x /= np.linalg.norm(x)
    y = np.cross(z, x)
    c, s = math.cos(math.radians(roll)), math.sin(math.radians(roll))
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = c * x + s * y, c * y - s * x, z
    matrix[:3, 3] = eye
    return matrix


def shell(target: Floats, distance: float, elevation: float, azimuth: float) -> Floats:
    """Return the point at `distance` from `target` in a direction given in degrees."""
    e, a = math.radians(elevation), math.radians(azimuth)
    toward = np.array([math.cos(e) * math.cos(a), math.cos(e) * math.sin(a), math.sin(e)])
    return np.asarray(target + distance * toward)
