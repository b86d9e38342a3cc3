"""Materials of a drawn scene to surfaces of the stage, with their textures painted."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.images.colors import encode_srgb, linear_color
from abbild.images.errors import SceneError
from abbild.images.scene.nodes import Material
from abbild.images.scene.numbers import number, vector
from abbild.images.stage import Surface

__all__ = ["forget_surfaces", "surface_of"]

PLAIN = 128  # pixels a side of a plain colour that is to be worn


def surface_of(material: Material, where: str) -> Surface:
    """Return the surface of `material`; equal materials give the same object, painted once.

    Raises
    ------
    SceneError
        With `where`, for values out of range and what is neither colour nor texture.
    """
    try:
        return _surface(material, where)
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        raise SceneError(f"{where} holds a list or mapping", hint="use tuples") from error


@lru_cache(maxsize=512)
def _surface(material: Material, where: str) -> Surface:
    seed = Seed(int(number(material.texture_seed, f"{where}/texture_seed", 0, 2**62))) / "texture"
    return Surface(
        color=_color(material, where, seed),
        roughness=_share(material.roughness, f"{where}/roughness", seed),
        metallic=_share(material.metallic, f"{where}/metallic", seed),
        specular=number(material.specular, f"{where}/specular", 0, 1),
        emission=linear_color(material.emission, f"{where}/emission")
        * np.float32(number(material.glow, f"{where}/glow", 0)),
        normal_map=None
        if material.normals is None
        else _pixels(material.normals, f"{where}/normals", seed),
        absorption=vector(material.absorption, f"{where}/absorption").astype(np.float32),
        index_excess=number(material.index_excess, f"{where}/index_excess", -1, 1),
    )


def forget_surfaces() -> None:
    """Paint every material anew, since a picture it was painted from may have changed."""
    _surface.cache_clear()


def _color(material: Material, where: str, seed: Seed) -> Any:
    textured = hasattr(material.color, "pixels")
    if not textured and not material.wear:
        color = linear_color(material.color, f"{where}/color")
        if (color > 1).any():
            raise SceneError(
                f"{where}/color reflects more than it gets: {material.color!r}",
                hint="keep its three numbers within 0 and 1; use glow for light",
            )
        return color
    if textured:
        pixels = _pixels(material.color, f"{where}/color", seed)
    else:
        plain = np.rint(255 * encode_srgb(linear_color(material.color, f"{where}/color")))
        pixels = np.tile(plain.astype(np.uint8), (PLAIN, PLAIN, 1))
    for k, wear in enumerate(material.wear):
        pixels = wear.worn(pixels, seed / "wear" / k)
    return pixels


def _share(value: Any, where: str, seed: Seed) -> Any:
    if not hasattr(value, "pixels"):
        return number(value, where, 0, 1)
    pixels = _pixels(value, where, seed)
    if pixels.ndim == 2:
        return pixels
    return np.rint(pixels.astype(np.float32).mean(axis=2)).astype(np.uint8)


def _pixels(texture: Any, where: str, seed: Seed) -> NDArray[np.uint8]:
    if not hasattr(texture, "pixels"):
        raise SceneError(f"{where} is no texture", hint="use a texture node")
    if hasattr(texture, "check"):
        texture.check()
    pixels: NDArray[np.uint8] = texture.pixels(seed)
    return pixels
