"""Photographs as textures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.errors import SceneError
from abbild.images.limits import whole
from abbild.images.pictures import read_picture

__all__ = ["Image"]


@dataclass(frozen=True)
class Image:
    """A picture from a file: PNG, JPEG and what else Pillow reads.

    Attributes
    ----------
    path : file
    longest_px : larger pictures are shrunk so that the longer edge has this many
    """

    path: str
    longest_px: int = 1024

    def check(self) -> None:
        """Raise SceneError for a path that is no text or a size out of range."""
        whole(self, 1, 16384, "longest_px")
        if not isinstance(self.path, str) or not self.path:
            raise SceneError(f"Image.path must be the name of a file, not {self.path!r}")

    def pixels(self, seed: Seed) -> NDArray[np.uint8]:
        """(h, w, 3) sRGB; the seed does not matter.

        Raises
        ------
        AssetError
            If the file is missing, empty, damaged or not a picture.
        """
        self.check()
        return read_picture(self.path, self.longest_px)
