"""Cameras of a scene: where they stand, what they look at, how they take the picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from abbild.images.stage import Sensor

__all__ = ["Camera", "Framed", "LookAt"]


@dataclass(frozen=True)
class LookAt:
    """A place on a shell around a target, looking at it.

    Attributes
    ----------
    target : (3,) metres, or the path of an object, whose middle is meant
    distance : metres
    elevation : degrees above the horizon of the target, [-90, 90]
    azimuth : degrees from +x towards +y at which the camera stands, seen from the target
    roll : degrees, clockwise in the image
    aside : (2,) degrees the view is turned away from the target, right and down
    """

    target: Any = (0.0, 0.0, 0.0)
    distance: Any = 3.0
    elevation: Any = 30.0
    azimuth: Any = 0.0
    roll: Any = 0.0
    aside: Any = (0.0, 0.0)


@dataclass(frozen=True)
class Framed:
    """Cut the picture out around an object, as a detector's crop would be.

    Intrinsics change, the camera stays where it is: perspective is that of the whole photograph.

    Attributes
    ----------
    object : path
    margin : share of the object's larger side that is left free on every side
    shift : (2,) of that side the crop is displaced, right and down
    stretch : width over height of what is cut out, before it is scaled to the image's size
    fit : the cut follows the object's box in both directions, so that it fills the image; else the
        object keeps its proportions
    """

    object: Any
    margin: Any = 0.1
    shift: Any = (0.0, 0.0)
    stretch: Any = 1.0
    fit: Any = False


@dataclass(frozen=True)
class Camera:
    """A camera.

    Attributes
    ----------
    width, height : pixels
    place : `LookAt`, or ((3,) position, (roll, pitch, yaw)) of a camera that at rest looks along
        +x with z up
    vertical_view : degrees from the lower to the upper edge (not used by "orthographic")
    center : (2,) principal point, pixels; None is the middle
    projection : "pinhole", "fisheye" or "orthographic"
    extent : metres from the lower to the upper edge of an orthographic picture
    distortion : see `stage.View`
    frame : `Framed`, or None
    aperture, focus : lens radius and distance of what is sharp, metres
    exposure_time, readout_time : seconds
    near : metres; what is nearer is not seen
    sensor : from radiance to the picture
    bright_field : a colour of the lamp below, for a microscope; None for ordinary light
    brightness : factor on `bright_field`
    """

    width: Any = 256
    height: Any = 256
    place: Any = field(default_factory=LookAt)
    vertical_view: Any = 45.0
    center: Any = None
    projection: Any = "pinhole"
    extent: Any = 1.0
    distortion: Any = ()
    frame: Any = None
    aperture: Any = 0.0
    focus: Any = 1.0
    exposure_time: Any = 0.0
    readout_time: Any = 0.0
    near: Any = 0.001
    sensor: Any = field(default_factory=Sensor)
    bright_field: Any = None
    brightness: Any = 1.0
