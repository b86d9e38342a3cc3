"""Textures: frozen dataclasses of numbers that make pixels from a seed.

Each has ``pixels(seed)``, (h, w, 3) uint8 sRGB with row 0 on top, or (h, w) uint8 for scalar
maps; and ``check()``, which raises a SceneError with one sentence for numbers out of range. The
same fields and the same seed give the same bytes. Wear (`Dirt`, `Rust`, ...) has
``worn(pixels, seed)`` instead.
"""

from abbild.images.textures.aging import (
    Dirt,
    Fading,
    Rust,
    Scratches,
    SnowCover,
    Stains,
    Stickers,
)
from abbild.images.textures.cardboard import Cardboard
from abbild.images.textures.image import Image
from abbild.images.textures.maps import Engraving, Patches, Relief
from abbild.images.textures.materials import (
    Asphalt,
    Bricks,
    Concrete,
    Fabric,
    Grass,
    Marble,
    Tiles,
    Wood,
)
from abbild.images.textures.patterns import Checker, Gradient, Noise, Speckle, Stripes
from abbild.images.textures.roads import RoadSurface
from abbild.images.textures.views import Clouds, Clutter, Facade, Foliage

__all__ = [
    "Asphalt",
    "Bricks",
    "Cardboard",
    "Checker",
    "Clouds",
    "Clutter",
    "Concrete",
    "Dirt",
    "Engraving",
    "Fabric",
    "Facade",
    "Fading",
    "Foliage",
    "Gradient",
    "Grass",
    "Image",
    "Marble",
    "Noise",
    "Patches",
    "Relief",
    "RoadSurface",
    "Rust",
    "Scratches",
    "SnowCover",
    "Speckle",
    "Stains",
    "Stickers",
    "Stripes",
    "Tiles",
    "Wood",
]
