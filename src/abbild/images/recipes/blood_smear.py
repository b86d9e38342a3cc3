"""A stained blood smear under the microscope: red cells, white cells and platelets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from abbild.core import Seed
from abbild.images.limits import between, positive, whole
from abbild.images.meshes import transformed
from abbild.images.scene.cameras import Camera, LookAt
from abbild.images.scene.distributions import Choice, LogUniform, Normal, Same, Uniform, Whole
from abbild.images.scene.nodes import Group, Material, Object, Scene
from abbild.images.scene.placements import PoissonDisk
from abbild.images.shapes import Blob, FlatCell, RedCell
from abbild.images.stage import Mesh, Part, Sensor, Surface

__all__ = ["WhiteCell", "blood_smear"]

MICRON = 1e-6
FIELD = (66 * MICRON, 54 * MICRON)  # a little more than is seen, so that cells are cut off


@dataclass(frozen=True)
class WhiteCell:
    """A white blood cell: pale plasma with granules around a dark nucleus of several lobes.

    Attributes
    ----------
    diameter : metres
    lobes : of the nucleus; 1 for a lymphocyte or monocyte
    nucleus : diameter of the nucleus over that of the cell
    lobe : diameter of a lobe over that of the nucleus, where there are several
    bridge : (0, 1], how thick the threads between lobes are; 1 is a band
    bend : degrees of the arc the lobes lie on
    grains : of the granules from side to side
    plasma_absorption, granule_absorption, nucleus_absorption : (3,) per metre
    index_excess : of refraction, see `Material`
    variant : which form
    """

    diameter: float = 13 * MICRON
    lobes: int = 3
    nucleus: float = 0.65
    lobe: float = 0.5
    bridge: float = 0.6
    bend: float = 240.0
    grains: float = 24.0
    plasma_absorption: tuple[float, float, float] = (0.6e5, 1.3e5, 0.2e5)
    granule_absorption: tuple[float, float, float] = (0.4e5, 1.2e5, 0.3e5)
    nucleus_absorption: tuple[float, float, float] = (4.5e5, 8.0e5, 0.2e5)
    index_excess: float = 0.0
    variant: int = 0

    def check(self) -> None:
        """Raise SceneError for lengths not above zero or numbers out of range."""
        positive(self, "diameter", "bridge")
        between(self, 0.1, 0.98, "nucleus")
        between(self, 0.05, 1, "lobe")
        between(self, 0, 1, "bridge")
        between(self, 0, 360, "bend")
        between(self, 1, 64, "grains")
        between(self, 0, 1e9, "plasma_absorption", "granule_absorption", "nucleus_absorption")
        between(self, -1, 1, "index_excess")
        whole(self, 1, 8, "lobes")
        whole(self, 0, 2**62, "variant")

    def parts(self) -> tuple[Part, ...]:
        """Return the plasma, its granules and the nucleus, all flat as on a slide."""
        d, v = self.diameter, self.variant
        several = self.lobes > 1
        plasma = FlatCell(d, 1.6e-6, 1, 0.92, 0.0, 1.0, 0.06, 0.15, 10.0, v)
        granules = FlatCell(0.97 * d, 1.2e-6, 1, 0.92, 0.0, 1.0, 0.06, 0.9, self.grains, v)
        nucleus = FlatCell(
            self.nucleus * d,
            2.2e-6,
            self.lobes,
            self.lobe if several else 0.9,
            self.bend,
            self.bridge,
            0.12,
            0.16,
            9.0,
            v,
        )
        aside = np.eye(4)
        aside[:2, 3] = 0.35 * (1 - self.nucleus) * d * _direction(v)
        return (
            self._part(plasma.mesh(), self.plasma_absorption),
            self._part(granules.mesh(), self.granule_absorption),
            self._part(transformed(nucleus.mesh(), aside), self.nucleus_absorption),
        )

    def _part(self, mesh: Mesh, absorption: tuple[float, float, float]) -> Part:
        color = np.array([0.5, 0.3, 0.5], np.float32)
        stain = np.array(absorption, np.float32)
        return Part(mesh, Surface(color, absorption=stain, index_excess=self.index_excess))


def _direction(variant: int) -> np.ndarray:
    angle = (Seed(variant) / "nucleus-aside").rng().random() * 2 * np.pi
    return np.array([np.cos(angle), np.sin(angle)])


def blood_smear() -> Scene:
    """Cells as boxes: RBC, WBC, Platelets; 640 x 480, 50 micrometres from side to side."""
    return Scene(
        variables={
            "red": Uniform((0.7e5, 1.7e5, 1.2e5), (1.6e5, 3.6e5, 3.0e5)),
            "crowd": LogUniform(4.0 * MICRON, 8 * MICRON),
            "diameter": Uniform(6.8 * MICRON, 8.4 * MICRON),
            "excess": Choice((0.0, LogUniform(0.002, 0.015)), (1, 4)),
        },
        objects={
            "red": Group(_red_cell(), Whole(10, 48), PoissonDisk(FIELD, Same("/variables/crowd"))),
            "white": Group(_white_cell(), Choice((0, 1, 2), (0.1, 0.8, 0.1)), _within()),
            "platelet": Group(_platelet(), Choice((0, 1, 2, 3, 5), (2, 3, 2, 1, 1)), _anywhere(5)),
            "speck": Group(_speck(), Choice((0, Whole(1, 6), Whole(4, 24)), (2, 2, 1)), SPECKS),
            "smudge": Group(_smudge(), Choice((0, 1, 2), (3, 1, 1)), _anywhere(9)),
        },
        cameras={"microscope": _microscope()},
        categories=("RBC", "WBC", "Platelets"),
        licence="Apache-2.0",
    )


def _within() -> PoissonDisk:
    """Place white cells where they are looked for: most are seen whole."""
    return PoissonDisk((42 * MICRON, 32 * MICRON), 16 * MICRON)


def _anywhere(apart: float) -> PoissonDisk:
    return PoissonDisk(FIELD, apart * MICRON)


SPECKS = _anywhere(1.5)


def _red_cell() -> Object:
    return Object(
        shape=RedCell(
            diameter=Same("/variables/diameter"),
            dimple=Choice((Uniform(0.85, 1.2), Uniform(0.0, 0.9)), (3, 2)),
            wobble=Choice((Uniform(0.0, 0.07), Uniform(0.05, 0.16)), (4, 1)),
            variant=Whole(0, 400),
            segments=40,
        ),
        material=Material(
            color="#a86a6a",
            absorption=Same("/variables/red"),
            index_excess=Same("/variables/excess"),
        ),
        scale=(Normal(1, 0.09, 0.75, 1.3), Normal(1, 0.09, 0.75, 1.3), Normal(1, 0.2, 0.4, 1.5)),
        rotation=(Normal(0, 9, -60, 60), Normal(0, 9, -60, 60), Uniform(0, 360)),
        position=(0.0, 0.0, Normal(0, 1.0 * MICRON)),
        label="RBC",
        attributes={"noun": "red cell", "color_name": ""},  # stains say nothing of it
    )


def _white_cell() -> Object:
    return Object(
        shape=WhiteCell(
            diameter=Choice((Uniform(13e-6, 18.5e-6), Uniform(9e-6, 14e-6)), (3, 1)),
            lobes=Choice((1, 2, 3, 4, 5), (3, 3, 3, 3, 2)),
            nucleus=Choice((Uniform(0.6, 0.8), Uniform(0.75, 0.95)), (2, 1)),
            lobe=Uniform(0.42, 0.6),
            bridge=Uniform(0.25, 0.9),
            bend=Uniform(150, 310),
            grains=Uniform(10, 24),
            plasma_absorption=_stain(0.2, 1.5, (0.6e5, 1.3e5, 0.3e5)),
            granule_absorption=Choice(
                (
                    _stain(0.0, 1.0, (0.6e5, 1.2e5, 0.3e5)),
                    _stain(0.6, 2.0, (0.5e5, 2.2e5, 1.0e5)),  # eosin
                ),
                (4, 1),
            ),
            nucleus_absorption=Uniform((3.2e5, 6.0e5, 0.0), (5.0e5, 9.5e5, 0.5e5)),
            index_excess=Same("/variables/excess"),
            variant=Whole(0, 400),
        ),
        material=None,
        rotation=(0.0, 0.0, Uniform(0, 360)),
        position=(0.0, 0.0, Normal(0, 0.5 * MICRON)),
        scale=(Normal(1, 0.06, 0.8, 1.2), Normal(1, 0.06, 0.8, 1.2), 1.0),
        label="WBC",
        attributes={"noun": "white cell", "color_name": ""},
    )


def _stain(weak: float, strong: float, absorption: tuple[float, float, float]) -> Any:
    """Return absorptions between `weak` and `strong` times one, each colour a little by itself."""
    low, high = (tuple(k * a for a in absorption) for k in (weak, strong))
    return Uniform(low, high)


def _platelet() -> Object:
    return Object(
        shape=Choice(
            (
                Blob(
                    size=(Uniform(2.2e-6, 3.6e-6), Uniform(2.2e-6, 3.6e-6), 1.8e-6),
                    bumps=Uniform(0.04, 0.12),
                    variant=Whole(0, 400),
                    segments=24,
                ),
                FlatCell(
                    diameter=Uniform(2.3e-6, 3.8e-6),
                    thickness=1.4e-6,
                    lobes=Choice((1, 2), (4, 1)),
                    lobe=0.75,
                    bumps=Uniform(0.1, 0.4),
                    grain=Uniform(0.2, 0.6),
                    grains=Uniform(3, 8),
                    variant=Whole(0, 400),
                    segments=24,
                ),
            ),
            (2, 1),
        ),
        material=Material(
            color="#7060b0",
            absorption=_stain(0.6, 1.8, (4.0e5, 5.2e5, 0.4e5)),
            index_excess=Same("/variables/excess"),
        ),
        scale=(1.0, Uniform(0.7, 1.0), 1.0),
        rotation=(0.0, 0.0, Uniform(0, 360)),
        position=(0.0, 0.0, Normal(0, 2.0 * MICRON)),  # mostly out of focus
        label="Platelets",
        attributes={"noun": "platelet", "color_name": ""},
    )


def _speck() -> Object:
    """Make drops that bend light and grains of stain, on cells and beside them; nobody's label."""
    return Object(
        shape=Blob(
            size=(LogUniform(0.4e-6, 1.3e-6), LogUniform(0.4e-6, 1.3e-6), 0.7e-6),
            bumps=0.1,
            variant=Whole(0, 40),
            segments=12,
        ),
        material=Material(
            absorption=Choice(
                ((0.0, 0.0, 0.0), _stain(0.3, 1.5, (6e5, 7e5, 2e5)), _stain(0.3, 1.5, (3e5,) * 3)),
                (3, 1, 1),
            ),
            index_excess=Choice((Uniform(-0.12, -0.02), Uniform(0.02, 0.12))),
        ),
        position=(0.0, 0.0, Normal(0, 1.5 * MICRON)),
    )


def _smudge() -> Object:
    """Make a pale veil of stain or a burst cell, far out of focus; nobody's label."""
    return Object(
        shape=FlatCell(
            diameter=LogUniform(2e-6, 14e-6),
            thickness=1e-6,
            bumps=0.5,
            grain=0.8,
            grains=4.0,
            variant=Whole(0, 100),
            segments=32,
        ),
        material=Material(absorption=_stain(0.1, 1.0, (1.6e5, 2.2e5, 0.8e5))),
        position=(0.0, 0.0, Uniform(2 * MICRON, 9 * MICRON)),
    )


def _microscope() -> Camera:
    return Camera(
        width=640,
        height=480,
        place=LookAt(distance=50 * MICRON, elevation=90, azimuth=-90, roll=Uniform(0, 360)),
        projection="orthographic",
        extent=Uniform(30 * MICRON, 40 * MICRON),
        near=1e-7,
        aperture=LogUniform(1 * MICRON, 14 * MICRON),
        focus=Normal(50 * MICRON, 1.0 * MICRON, 46e-6, 54e-6),
        bright_field=(Normal(0.6, 0.05), Normal(0.61, 0.05), Normal(0.58, 0.06)),
        brightness=Uniform(0.8, 1.2),
        sensor=Sensor(
            gain_noise=Uniform(0.002, 0.012),
            vignetting=Uniform(0, 0.25),
            blur=Uniform(0.5, 1.8),
            saturation=Uniform(0.8, 1.2),
            contrast=Uniform(0.85, 1.1),
            jpeg_quality=Whole(60, 95),
        ),
    )
