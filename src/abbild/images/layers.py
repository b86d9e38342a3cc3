"""Layers: one array a quantity, one exact sample a pixel, taken through the pixel's centre.

Nothing here is averaged or filtered: a pixel belongs to the one body its centre sees, and every
other layer is measured at that same point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Hits", "Layers", "Silhouette"]


@dataclass(frozen=True, eq=False)
class Hits:
    """Where the rays through the pixel centres ended.

    Attributes
    ----------
    body : (h, w) int32, id of the body, 0 for none
    part : (h, w) int32, index of the part within the body, -1 for none
    face : (h, w) int32, index of the triangle within the part's mesh, -1 for none
    weights : (h, w, 2) float32, barycentric weights of the triangle's second and third corner
    z : (h, w) float32, metres along the optical axis, inf for none
    """

    body: NDArray[np.int32]
    part: NDArray[np.int32]
    face: NDArray[np.int32]
    weights: NDArray[np.float32]
    z: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Layers:
    """What is seen at every pixel's centre.

    Attributes
    ----------
    hits : body, part, face, barycentric weights, z
    distance : (h, w) float32, metres along the ray, inf for none
    position : (h, w, 3) float32, world, NaN for none
    normal : (h, w, 3) float32, shading normal, world, unit, towards the camera's side; 0 for none
    facet_normal : (h, w, 3) float32, normal of the triangle, likewise
    uv : (h, w, 2) float32
    object_coordinates : (h, w, 3) float32 in [0, 1], place within the body's own bounds (NOCS)
    """

    hits: Hits
    distance: NDArray[np.float32]
    position: NDArray[np.float32]
    normal: NDArray[np.float32]
    facet_normal: NDArray[np.float32]
    uv: NDArray[np.float32]
    object_coordinates: NDArray[np.float32]

    @property
    def body(self) -> NDArray[np.int32]:
        """Instance ids, (h, w), 0 for none."""
        return self.hits.body

    @property
    def z(self) -> NDArray[np.float32]:
        """Planar distance, metres, (h, w), inf for none."""
        return self.hits.z


@dataclass(frozen=True, eq=False)
class Silhouette:
    """The whole outline of one body, as if nothing stood before it (amodal).

    Attributes
    ----------
    body : id
    left, top : pixel of the image where `mask` begins; negative if it reaches outside
    mask : (h, w) bool; it covers also what lies outside of the image, within the limit of the
        engine (three times the image in each direction)
    front, back : (h, w) float32, z of the nearest and farthest surface, inf and -inf for none;
        for thickness under a microscope and for order of depth
    """

    body: int
    left: int
    top: int
    mask: NDArray[np.bool_]
    front: NDArray[np.float32]
    back: NDArray[np.float32]
