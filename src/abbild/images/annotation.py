"""What is true of one image, ready for any format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Annotation", "Box", "Example", "Keypoint"]

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels; covers whole pixels


@dataclass(frozen=True, slots=True)
class Keypoint:
    """A named point of a body in the image.

    Attributes
    ----------
    x, y : pixels, as K maps (the centre of the first pixel is 0.5, 0.5)
    visibility : 0 outside of the image or behind the camera, 1 hidden, 2 seen (COCO)
    """

    name: str
    x: float
    y: float
    visibility: int


@dataclass(frozen=True, eq=False)
class Annotation:
    """One labelled body in one image.

    Attributes
    ----------
    instance : its id in the instance mask, >= 1
    name : its name in the scene
    label : category
    box : tight around the visible pixels; None if none is visible
    amodal_box : around the whole silhouette, also outside of the image; None if unknown
    mask : (height, width) bool, visible pixels; None if unknown
    amodal_mask : (height, width) bool, silhouette inside the image; None if unknown
    area_px : visible pixels
    visible : share of the whole silhouette that is inside the image and not hidden, [0, 1]
        (BOP's visib_fract)
    truncated : share of the whole silhouette that lies outside of the image, [0, 1]
    occluded : share of the silhouette inside the image that other bodies hide, [0, 1]
    pose : (4, 4) camera from body, rigid; None if unknown
    size : (3,) metres, extent of the body's own box (scaled); None if unknown
    center : (3,) metres, centre of that box in the body's (rotated, scaled) frame
    z : metres, nearest visible point
    keypoints : in the order of the body
    attributes : free values
    """

    instance: int
    name: str
    label: str
    box: Box | None
    amodal_box: Box | None = None
    mask: NDArray[np.bool_] | None = None
    amodal_mask: NDArray[np.bool_] | None = None
    area_px: int = 0
    visible: float = 1.0
    truncated: float = 0.0
    occluded: float = 0.0
    pose: NDArray[np.float64] | None = None
    size: NDArray[np.float64] | None = None
    center: NDArray[np.float64] | None = None
    z: float = float("nan")
    keypoints: tuple[Keypoint, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Example:
    """One image with everything known about it.

    Attributes
    ----------
    index : number of the image in its data set
    file : path of the image relative to the data set's folder, with "/" ("images/000007.png")
    width, height : pixels
    label : class of the whole image, "" if it has none
    annotations : labelled bodies
    caption : one true sentence, "" if there is none
    intrinsics : (3, 3) K with pixel centres at +0.5; None if unknown
    camera : (4, 4) world from camera; None if unknown
    parameters : every drawn value by its path
    """

    index: int
    file: str
    width: int
    height: int
    label: str = ""
    annotations: tuple[Annotation, ...] = ()
    caption: str = ""
    intrinsics: NDArray[np.float64] | None = None
    camera: NDArray[np.float64] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
