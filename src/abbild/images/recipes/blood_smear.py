"""A stained blood smear under the microscope: red cells, white cells and platelets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from abbild.images.limits import between, positive, whole
from abbild.images.meshes import transformed
from abbild.images.scene.cameras import Camera, LookAt
from abbild.images.scene.distributions import Choice, LogUniform, Normal, Same, Uniform, Whole
from abbild.images.scene.nodes import Group, Material, Object, Scene
from abbild.images.scene.placements import PoissonDisk
from abbild.images.shapes import Blob, Lobes, RedCell
from abbild.images.stage import Part, Sensor, Surface

__all__ = ["WhiteCell", "blood_smear"]

MICRON = 1e-6
FIELD = (66 * MICRON, 54 * MICRON)  # a little more than is seen, so that cells are cut off


@dataclass(frozen=True)
class WhiteCell:
    """A white blood cell: pale plasma around a dark nucleus of several lobes.

    Attributes
    ----------
    diameter : metres
    lobes : of the nucleus; 1 for a lymphocyte or monocyte
    nucleus : diameter of the nucleus over that of the cell
    plasma_absorption, nucleus_absorption : (3,) per metre, at a path through the whole cell
    variant : which form
    """

    diameter: float = 13 * MICRON
    lobes: int = 3
    nucleus: float = 0.65
    plasma_absorption: tuple[float, float, float] = (4e4, 7e4, 2e4)
    nucleus_absorption: tuple[float, float, float] = (4.5e5, 6e5, 6e4)
    variant: int = 0

    def check(self) -> None:
        """Raise SceneError for lengths not above zero or numbers out of range."""
        positive(self, "diameter")
        between(self, 0.1, 0.95, "nucleus")
        between(self, 0, 1e9, "plasma_absorption", "nucleus_absorption")
        whole(self, 1, 8, "lobes")
        whole(self, 0, 2**62, "variant")

    def parts(self) -> tuple[Part, ...]:
        """Return the plasma, flattened as on a slide, and the nucleus within it."""
        d = self.diameter
        plasma = Blob((d, d, 0.4 * d), 0.03, 2.5, variant=self.variant).mesh()
        wide = self.nucleus * d
        if self.lobes == 1:
            core = Blob((wide, 0.9 * wide, 0.3 * d), 0.06, 2.0, variant=self.variant).mesh()
        else:
            radius = 0.5 * wide / (1.2 + 0.25 * self.lobes)
            lobes = Lobes(
                self.lobes, 1.25 * radius, 0.5 * wide - radius, 60.0 * (self.lobes + 1),
                variant=self.variant,
            )  # fmt: skip
            core = transformed(lobes.mesh(), np.diag([1.0, 1.0, 0.8, 1.0]))
        return (
            Part(plasma, _stained(self.plasma_absorption)),
            Part(core, _stained(self.nucleus_absorption)),
        )


def _stained(absorption: tuple[float, float, float]) -> Surface:
    color = np.array([0.5, 0.3, 0.5], np.float32)
    return Surface(color=color, absorption=np.array(absorption, np.float32))


def blood_smear() -> Scene:
    """Cells as boxes: RBC, WBC, Platelets; 640 x 480, 50 micrometres from side to side."""
    return Scene(
        variables={
            "red": Uniform((0.5e5, 2.2e5, 2.0e5), (1.6e5, 4.6e5, 4.2e5)),
            "dimple": Uniform(0.2, 1.0),
            "crowd": LogUniform(4.4 * MICRON, 9 * MICRON),
            "diameter": Uniform(6.4 * MICRON, 8.6 * MICRON),
        },
        objects={
            "red": Group(_red_cell(), Whole(14, 60), PoissonDisk(FIELD, Same("/variables/crowd"))),
            "white": Group(_white_cell(), Choice((0, 1, 2), (0.1, 0.8, 0.1)), _anywhere(12)),
            "platelet": Group(_platelet(), Choice((0, 1, 2, 3, 5), (2, 3, 2, 1, 1)), _anywhere(5)),
        },
        cameras={"microscope": _microscope()},
        categories=("RBC", "WBC", "Platelets"),
        licence="Apache-2.0",
    )


def _anywhere(apart: float) -> PoissonDisk:
    return PoissonDisk(FIELD, apart * MICRON)


def _red_cell() -> Object:
    return Object(
        shape=RedCell(
            diameter=Same("/variables/diameter"),
            dimple=Same("/variables/dimple"),
            wobble=Uniform(0.0, 0.08),
            variant=Whole(0, 400),
            segments=40,
        ),
        material=Material(color="#a86a6a", absorption=Same("/variables/red")),
        scale=(Normal(1, 0.07, 0.8, 1.25), Normal(1, 0.07, 0.8, 1.25), Uniform(0.7, 1.3)),
        rotation=(Normal(0, 14, -60, 60), Normal(0, 14, -60, 60), Uniform(0, 360)),
        position=(0.0, 0.0, Normal(0, 1.2 * MICRON)),
        label="RBC",
        attributes={"noun": "red cell", "color_name": ""},  # stains say nothing of it
    )


def _white_cell() -> Object:
    return Object(
        shape=WhiteCell(
            diameter=Uniform(10 * MICRON, 17 * MICRON),
            lobes=Choice((1, 2, 3, 4, 5), (3, 2, 3, 2, 1)),
            nucleus=Uniform(0.55, 0.85),
            plasma_absorption=_violet(0.5, 1.6, (4e4, 8e4, 2e4)),
            nucleus_absorption=_violet(0.7, 1.5, (3.6e5, 5.5e5, 6e4)),
            variant=Whole(0, 400),
        ),
        material=None,
        rotation=(0.0, 0.0, Uniform(0, 360)),
        scale=(Normal(1, 0.06, 0.8, 1.2), Normal(1, 0.06, 0.8, 1.2), 1.0),
        label="WBC",
        attributes={"noun": "white cell", "color_name": ""},  # stains say nothing of it
    )


def _violet(weak: float, strong: float, absorption: tuple[float, float, float]) -> Any:
    return Uniform(tuple(weak * a for a in absorption), tuple(strong * a for a in absorption))


def _platelet() -> Object:
    return Object(
        shape=Blob(
            size=(Uniform(1.8e-6, 4.2e-6), Uniform(1.8e-6, 4.2e-6), 1.6e-6),
            bumps=Uniform(0.05, 0.2),
            variant=Whole(0, 400),
            segments=24,
        ),
        material=Material(color="#7060b0", absorption=_violet(0.6, 1.8, (3.5e5, 4.5e5, 0.5e5))),
        rotation=(0.0, 0.0, Uniform(0, 360)),
        label="Platelets",
        attributes={"noun": "platelet", "color_name": ""},  # stains say nothing of it
    )


def _microscope() -> Camera:
    return Camera(
        width=640,
        height=480,
        place=LookAt(distance=50 * MICRON, elevation=90, azimuth=-90, roll=Uniform(0, 360)),
        projection="orthographic",
        extent=Uniform(32 * MICRON, 42 * MICRON),
        near=1e-7,
        aperture=Uniform(0, 4 * MICRON),
        focus=Normal(50 * MICRON, 1.0 * MICRON, 46e-6, 54e-6),
        bright_field=(Normal(0.5, 0.06), Normal(0.56, 0.05), Normal(0.55, 0.08)),
        brightness=Uniform(0.7, 1.2),
        sensor=Sensor(
            gain_noise=Uniform(0.002, 0.012),
            vignetting=Uniform(0, 0.25),
            blur=Uniform(0.5, 1.8),
            saturation=Uniform(0.8, 1.2),
            contrast=Uniform(0.85, 1.1),
            jpeg_quality=Whole(60, 95),
        ),
    )
