"""Backgrounds: a window of a picture or texture, and the user's own photographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.colors import decode_srgb, encode_srgb
from abbild.images.errors import AssetError, SceneError
from abbild.images.limits import between, whole
from abbild.images.pictures import read_picture

__all__ = ["Photos", "Window", "forget_photos", "picture_files"]

Pixels = NDArray[np.uint8]
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class Window:
    """A part of a texture or photograph, so that one picture gives many backgrounds.

    Attributes
    ----------
    picture : a texture node
    picture_seed : which pixels of a random texture; few seeds are painted once and kept
    zoom : share of the picture's side that is seen, (0, 1]
    place : (2,) in [0, 1], where the window lies
    flip : mirrored left to right
    brightness : factor on the light
    """

    picture: Any
    picture_seed: Any = 0
    zoom: Any = 0.6
    place: Any = (0.5, 0.5)
    flip: Any = False
    brightness: Any = 1.0

    def check(self) -> None:
        """Raise SceneError for what is no texture or numbers out of range."""
        if not hasattr(self.picture, "pixels"):
            raise SceneError("Window.picture is no texture", hint="use a texture node")
        whole(self, 0, 2**62, "picture_seed")
        between(self, 1e-3, 1, "zoom")
        between(self, 0, 1, "place")
        between(self, 0, 1e6, "brightness")

    def pixels(self, seed: Seed) -> Pixels:
        """Return (h, w, 3) uint8 sRGB; only `picture_seed` decides what is random."""
        self.check()
        whole_picture = _painted(self.picture, self.picture_seed)
        height, width = whole_picture.shape[:2]
        rows, columns = (max(1, round(self.zoom * side)) for side in (height, width))
        top, left = (
            round(share * (side - part))
            for share, side, part in zip(
                (self.place[1], self.place[0]), (height, width), (rows, columns), strict=True
            )
        )
        seen = whole_picture[top : top + rows, left : left + columns]
        seen = seen[:, ::-1] if self.flip else seen
        if self.brightness == 1:
            return np.ascontiguousarray(seen)
        light = encode_srgb(decode_srgb(seen) * np.float32(self.brightness))
        return np.rint(255 * light).astype(np.uint8)


@lru_cache(maxsize=128)
def _painted(picture: Any, picture_seed: int) -> Pixels:
    pixels: Pixels = picture.pixels(Seed(picture_seed) / "picture")
    return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)


@dataclass(frozen=True)
class Photos:
    """One of the photographs in a folder.

    Attributes
    ----------
    path : folder; its pictures are taken in the order of their names
    pick : [0, 1), which one; uniform(0, 1) takes each equally often
    part : "all", or "train" and "held-out": a fixed fifth of the photographs, by name, is held out
    longest_px : larger pictures are shrunk so that the longer edge has this many
    """

    path: str
    pick: float = 0.0
    part: str = "all"
    longest_px: int = 1024

    def check(self) -> None:
        """Raise SceneError for numbers out of range."""
        between(self, 0, 1, "pick")
        whole(self, 1, 16384, "longest_px")
        if self.part not in ("all", "train", "held-out"):
            raise SceneError(f"Photos.part is {self.part!r}", hint="all, train or held-out")

    def pixels(self, seed: Seed) -> Pixels:
        """Return (h, w, 3) uint8 sRGB; nothing of it is random.

        Raises
        ------
        AssetError
            If the folder is not there, or holds no picture of this part.
        """
        self.check()
        files = _of_part(picture_files(self.path), self.part)
        if not files:
            raise AssetError(f"no photograph of part {self.part!r} in {self.path}")
        chosen = files[min(int(self.pick * len(files)), len(files) - 1)]
        return read_picture(chosen, self.longest_px)


def forget_photos() -> None:
    """Look into folders anew, since their photographs may have changed."""
    _painted.cache_clear()
    picture_files.cache_clear()


def _of_part(files: Sequence[Path], part: str) -> list[Path]:
    if part == "all":
        return list(files)
    return [file for file in files if _is_held_out(file.name) == (part == "held-out")]


def _is_held_out(name: str) -> bool:
    """Return whether a picture belongs to the fifth that is held out; by its name alone."""
    return (Seed(0) / "held-out" / name).key() % 5 == 0


@lru_cache(maxsize=16)
def picture_files(folder: str) -> tuple[Path, ...]:
    """Return the pictures in a folder in the order of their names.

    Raises
    ------
    AssetError
        If it is no folder, or has no picture.
    """
    place = Path(str(folder))
    if not place.is_dir():
        raise AssetError(f"{folder} is no folder", hint="name a folder with photographs")
    files = sorted(p for p in place.iterdir() if p.suffix.lower() in ENDINGS and p.is_file())
    if not files:
        raise AssetError(f"{folder} holds no picture", hint=f"endings: {' '.join(ENDINGS)}")
    return tuple(files)
