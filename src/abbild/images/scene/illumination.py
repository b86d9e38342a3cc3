"""Lights and skies of a drawn scene to the lamps and the environment of the stage."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.colors import linear_color
from abbild.images.errors import SceneError
from abbild.images.scene.lights import (
    BulbLight,
    DaySky,
    NightSky,
    PanelLight,
    PhotoSky,
    PlainSky,
    Studio,
    SunLight,
)
from abbild.images.scene.numbers import number, vector
from abbild.images.scene.poses import look_along
from abbild.images.skies import load_environment, night, sky, studio
from abbild.images.stage import Bulb, Environment, Lamp, Panel, Sun

__all__ = ["backdrop_of", "environment_of", "forget_skies", "lamps_of"]


def lamps_of(lights: Mapping[str, Any]) -> tuple[Lamp, ...]:
    """Return the lamps for the nodes of ``/lights``, in order."""
    return tuple(_lamp(light, f"/lights/{name}") for name, light in lights.items())


def _lamp(light: Any, where: str) -> Lamp:
    if not isinstance(light, (SunLight, PanelLight, BulbLight)):
        raise SceneError(f"{where} is no light", hint="use sun-light, panel-light or bulb-light")
    power = np.float64(number(light.strength, f"{where}/strength", 0)) * linear_color(
        light.color, f"{where}/color"
    ).astype(np.float64)
    if isinstance(light, SunLight):
        toward = _direction(light.elevation, light.azimuth, where)
        angle = math.radians(number(light.angle, f"{where}/angle", 0, 90))
        return Sun(toward, power, angle)
    position = vector(light.position, f"{where}/position")
    forward = vector(light.target, f"{where}/target") - position
    if not np.linalg.norm(forward) > 1e-9:
        forward = np.array([0.0, 0.0, -1.0])
    if isinstance(light, BulbLight):
        cone = math.radians(number(light.cone, f"{where}/cone", 0.1, 180))
        radius = number(light.radius, f"{where}/radius", 0)
        return Bulb(position, power, radius, forward / np.linalg.norm(forward), cone)
    sides = vector(light.size, f"{where}/size", 2)
    if not (sides > 0).all():
        raise SceneError(f"{where}/size is {light.size}", hint="both numbers must be above 0")
    matrix = look_along(position, forward)
    matrix[:3, :2] *= sides
    return Panel(matrix, power)


def _direction(elevation: Any, azimuth: Any, where: str) -> NDArray[np.float64]:
    e = math.radians(number(elevation, f"{where}/elevation", -90, 90))
    a = math.radians(number(azimuth, f"{where}/azimuth", -1e6, 1e6))
    return np.array([math.cos(e) * math.cos(a), math.cos(e) * math.sin(a), math.sin(e)])


def environment_of(node: Any, where: str) -> tuple[Environment, tuple[Sun, ...]]:
    """Return the environment of a sky node, and the suns it brings.

    Equal skies give the same objects.

    Raises
    ------
    SceneError
        For what is no sky, or values out of range.
    """
    kinds = (PlainSky, DaySky, NightSky, Studio, PhotoSky)
    if not isinstance(node, kinds):
        raise SceneError(f"{where} is no sky", hint="use plain-sky, day-sky, studio or photo-sky")
    return _environment(node, where)


@lru_cache(maxsize=16)
def _environment(node: Any, where: str) -> tuple[Environment, tuple[Sun, ...]]:
    strength = number(node.strength, f"{where}/strength", 0)
    if isinstance(node, PlainSky):
        above = linear_color(node.color, f"{where}/color") * np.float32(strength)
        below = linear_color(node.ground, f"{where}/ground") * np.float32(strength)
        radiance = np.empty((16, 32, 3), np.float32)
        radiance[:8], radiance[8:] = above, below
        return Environment(radiance), ()
    if isinstance(node, DaySky):
        return _day(node, where, strength)
    if isinstance(node, Studio):
        radiance = studio(
            boxes=int(number(node.boxes, f"{where}/boxes", 0, 100)),
            strength=strength,
            fill=number(node.fill, f"{where}/fill", 0),
            seed=Seed(int(number(node.studio_seed, f"{where}/studio_seed", 0, 2**62))),
        )
        return Environment(radiance), ()
    if isinstance(node, NightSky):
        return Environment(night() * np.float32(strength / 0.02)), ()
    radiance = load_environment(node.path)
    turn = round(number(node.rotation, f"{where}/rotation", -1e6, 1e6) / 360 * radiance.shape[1])
    return Environment(np.roll(radiance, -turn, axis=1) * np.float32(strength)), ()


def forget_skies() -> None:
    """Make every sky anew, since a picture it was made from may have changed."""
    _environment.cache_clear()


def _day(day: DaySky, where: str, strength: float) -> tuple[Environment, tuple[Sun, ...]]:
    radiance, sun = sky(
        sun_elevation=number(day.sun_elevation, f"{where}/sun_elevation", -10, 90),
        sun_azimuth=number(day.sun_azimuth, f"{where}/sun_azimuth", -1e6, 1e6),
        turbidity=number(day.turbidity, f"{where}/turbidity", 1.5, 20),
        cloudiness=number(day.clouds, f"{where}/clouds", 0, 1),
        ground=linear_color(day.ground, f"{where}/ground"),
        seed=Seed(int(number(day.cloud_seed, f"{where}/cloud_seed", 0, 2**62))),
    )
    lit = Sun(sun.direction, sun.irradiance * strength, sun.angle)
    suns = (lit,) if lit.irradiance.max() > 0 else ()
    return Environment(radiance * np.float32(strength)), suns


def backdrop_of(backdrop: Any, seed: Seed) -> NDArray[np.uint8] | None:
    """Return the pixels of the texture behind everything, or None."""
    if backdrop is None:
        return None
    if not hasattr(backdrop, "pixels"):
        raise SceneError("/backdrop is no texture", hint="use a texture node")
    if hasattr(backdrop, "check"):
        backdrop.check()
    pixels: NDArray[np.uint8] = backdrop.pixels(seed / "backdrop")
    return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
