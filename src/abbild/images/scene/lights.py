"""Lights and skies of a scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = [
    "BulbLight",
    "DaySky",
    "NightSky",
    "PanelLight",
    "PhotoSky",
    "PlainSky",
    "Studio",
    "SunLight",
]


@dataclass(frozen=True)
class SunLight:
    """A distant light.

    Attributes
    ----------
    elevation, azimuth : degrees, azimuth from +x towards +y
    strength : irradiance on a surface that faces it; the noon sun is about 3
    color : a colour
    angle : angular diameter, degrees; the real sun has 0.53, more is softer
    """

    elevation: Any = 45.0
    azimuth: Any = 0.0
    strength: Any = 3.0
    color: Any = "#ffffff"
    angle: Any = 0.53


@dataclass(frozen=True)
class PanelLight:
    """A shining rectangle.

    Attributes
    ----------
    position, target : (3,) metres: where it is and where it faces
    size : (2,) metres
    strength : radiance
    color : a colour
    """

    position: Any = (0.0, 0.0, 3.0)
    target: Any = (0.0, 0.0, 0.0)
    size: Any = (1.0, 1.0)
    strength: Any = 5.0
    color: Any = "#ffffff"


@dataclass(frozen=True)
class BulbLight:
    """A small shining sphere, or a spot.

    Attributes
    ----------
    position : (3,) metres
    strength : radiant intensity
    radius : metres
    target : (3,) metres where a spot points
    cone : half angle of a spot, degrees; 180 shines everywhere
    """

    position: Any = (0.0, 0.0, 3.0)
    strength: Any = 5.0
    color: Any = "#ffffff"
    radius: Any = 0.05
    target: Any = (0.0, 0.0, 0.0)
    cone: Any = 180.0


@dataclass(frozen=True)
class PlainSky:
    """The same light from everywhere, with another colour from below."""

    color: Any = "#ffffff"
    ground: Any = "#808080"
    strength: Any = 0.5


@dataclass(frozen=True)
class DaySky:
    """A clear to overcast sky with its sun.

    Attributes
    ----------
    sun_elevation, sun_azimuth : degrees
    clouds : [0, 1]; overcast at 1, the sun is then gone
    turbidity : haze, 2 (clear) to 10
    ground : colour below the horizon
    strength : factor on everything
    cloud_seed : which clouds
    """

    sun_elevation: Any = 40.0
    sun_azimuth: Any = 0.0
    clouds: Any = 0.3
    turbidity: Any = 3.0
    ground: Any = "#5a5448"
    strength: Any = 1.0
    cloud_seed: Any = 0


@dataclass(frozen=True)
class NightSky:
    """A dark sky, for headlights and street lamps."""

    strength: Any = 0.02


@dataclass(frozen=True)
class Studio:
    """Soft boxes around, as for products.

    Attributes
    ----------
    boxes : how many
    strength : radiance of a box
    fill : radiance of everything else
    studio_seed : where they are
    """

    boxes: Any = 3
    strength: Any = 3.0
    fill: Any = 0.3
    studio_seed: Any = 0


@dataclass(frozen=True)
class PhotoSky:
    """A panorama from a file (.hdr, .png, .jpg), lat-long, z up.

    Attributes
    ----------
    path : file
    rotation : degrees about z
    strength : factor
    """

    path: Any
    rotation: Any = 0.0
    strength: Any = 1.0
