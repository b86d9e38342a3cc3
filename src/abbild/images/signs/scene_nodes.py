"""Road signs as a shape and a texture of a scene."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.drawing import Drawing, rasterise
from abbild.images.limits import positive, whole
from abbild.images.meshes import transformed
from abbild.images.shapes.extrusions import extrude
from abbild.images.signs import SIGN_NAMES, sign, variants
from abbild.images.stage import Mesh

__all__ = ["SignFace", "SignPlate"]


def _form(number: int, variant: int) -> int:
    return variant % variants(number)  # a recipe may draw from more forms than a sign has


@dataclass(frozen=True)
class SignPlate:
    """The metal plate of a road sign, upright, centred, seen from -y.

    Attributes
    ----------
    number : 0 to 42, see `signs.SIGN_NAMES`
    variant : which form; beyond the last it begins again
    size : width of the plate, metres; German signs have 0.42 to 1.26
    thickness : metres
    """

    number: int = 0
    variant: int = 0
    size: float = 0.6
    thickness: float = 0.003

    def check(self) -> None:
        """Raise SceneError for no such sign, or lengths not above zero."""
        whole(self, 0, len(SIGN_NAMES) - 1, "number")
        whole(self, 0, 1000, "variant")
        positive(self, "size", "thickness")

    def mesh(self) -> Mesh:
        """Return the plate; the texture of a `SignFace` fits once over its bounds."""
        flat = _plate(self.number, _form(self.number, self.variant), self.thickness / self.size)
        upright = np.zeros((4, 4))
        upright[0, 0], upright[1, 2], upright[2, 1], upright[3, 3] = 1, -1, 1, 1
        upright[:3, :3] *= self.size / 2
        return transformed(flat, upright)


@lru_cache(maxsize=256)
def _plate(number: int, variant: int, thickness: float) -> Mesh:
    drawing = sign(number, variant)
    return extrude(drawing.outline, 2 * thickness, bounds=drawing.bounds)


@dataclass(frozen=True)
class SignFace:
    """The printed face of a road sign.

    Attributes
    ----------
    number, variant : as of the `SignPlate` it is put on
    pixels_wide : pixels a side
    """

    number: int = 0
    variant: int = 0
    pixels_wide: int = 128

    def check(self) -> None:
        """Raise SceneError for no such sign or a size out of range."""
        whole(self, 0, len(SIGN_NAMES) - 1, "number")
        whole(self, 0, 1000, "variant")
        whole(self, 8, 2048, "pixels_wide")

    def pixels(self, seed: Seed) -> NDArray[np.uint8]:
        """Return (h, w, 3) uint8 sRGB; nothing of it is random."""
        return _face(self.number, _form(self.number, self.variant), self.pixels_wide)


@lru_cache(maxsize=256)
def _face(number: int, variant: int, size: int) -> NDArray[np.uint8]:
    drawing = _squared(sign(number, variant))
    rgba = rasterise(drawing, size, size).astype(np.float32)
    alpha = rgba[..., 3:] / 255
    edge = np.array([236.0, 236.0, 230.0], np.float32)  # the rim, so that filtering meets no seam
    return np.rint(rgba[..., :3] * alpha + edge * (1 - alpha)).astype(np.uint8)


def _squared(drawing: Drawing) -> Drawing:
    """Return the drawing stretched so that its bounds are -1..1 both ways."""
    x0, y0, x1, y1 = drawing.bounds
    return drawing.moved(-(x0 + x1) / 2, -(y0 + y1) / 2).scaled(2 / (x1 - x0), 2 / (y1 - y0))
