"""Procedural shapes: frozen dataclasses of numbers that make meshes.

Each has ``mesh()`` or, with several materials of its own, ``parts()``; and ``check()``, which
raises a SceneError with one sentence for numbers that make no shape. Solids are centred on the
origin, what stands on the ground begins at z = 0.
"""

from abbild.images.shapes.boxes import Box, Prism, RoundedBox
from abbild.images.shapes.cartons import CardboardBox
from abbild.images.shapes.cells import Blob, FlatCell, Lobes, RedCell
from abbild.images.shapes.cracks import Crack, Scratch
from abbild.images.shapes.extrusions import Extrusion, Text
from abbild.images.shapes.places import Pole, Road, Room, Terrain
from abbild.images.shapes.plants import Branch, Leaf
from abbild.images.shapes.rounds import (
    Capsule,
    Cone,
    Cylinder,
    Disc,
    Ellipsoid,
    Sphere,
    Torus,
)
from abbild.images.shapes.sheets import Plane
from abbild.images.shapes.sweeps import TorusKnot, Tube

__all__ = [
    "Blob",
    "Box",
    "Branch",
    "Capsule",
    "CardboardBox",
    "Cone",
    "Crack",
    "Cylinder",
    "Disc",
    "Ellipsoid",
    "Extrusion",
    "FlatCell",
    "Leaf",
    "Lobes",
    "Plane",
    "Pole",
    "Prism",
    "RedCell",
    "Road",
    "Room",
    "RoundedBox",
    "Scratch",
    "Sphere",
    "Terrain",
    "Text",
    "Torus",
    "TorusKnot",
    "Tube",
]
