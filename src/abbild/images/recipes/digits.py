"""One numeral in each image: cut from a plate, or written with a pen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from abbild.images.glyphs import glyph_strokes
from abbild.images.limits import between, choice, positive, whole
from abbild.images.meshes import merge
from abbild.images.scene.cameras import Camera, Framed, LookAt
from abbild.images.scene.distributions import (
    AnyColor,
    Balanced,
    Choice,
    LogUniform,
    Normal,
    Same,
    Uniform,
    Whole,
)
from abbild.images.scene.lights import PlainSky, SunLight
from abbild.images.scene.nodes import Material, Object, Scene
from abbild.images.shapes import Plane, Text, Tube
from abbild.images.stage import Mesh, Sensor
from abbild.images.textures import Noise, Stripes

__all__ = ["WrittenDigit", "digits"]


@dataclass(frozen=True)
class WrittenDigit:
    """A numeral as a hand writes it: a round stroke along a line that is never quite the same.

    Attributes
    ----------
    digit : "0" to "9"
    height : metres
    pen : radius of the stroke, metres
    shake : how far the hand strays, share of the height
    slant : how far the top leans to the right, share of the height
    variant : which writing
    """

    digit: str = "0"
    height: float = 0.1
    pen: float = 0.007
    shake: float = 0.03
    slant: float = 0.1
    variant: int = 0

    def check(self) -> None:
        """Raise SceneError for lengths not above zero or numbers out of range."""
        choice(self, "digit", tuple("0123456789"))
        positive(self, "height", "pen")
        between(self, 0, 0.3, "shake")
        between(self, -1, 1, "slant")
        whole(self, 0, 2**62, "variant")

    def mesh(self) -> Mesh:
        """Upright, standing on z = 0, read from -y, as `Text`."""
        lines = [np.asarray(line, float) for line in glyph_strokes(self.digit)]
        rng = np.random.default_rng(
            np.random.SeedSequence(self.variant, spawn_key=(ord(self.digit),))
        )
        wave = rng.normal(0, self.shake, (2, 3, 2))
        middle = np.concatenate(lines)[:, 0].mean()
        return merge(self._stroke(_thinned(line), wave, middle).mesh() for line in lines)

    def _stroke(self, line: Any, wave: Any, middle: float) -> Tube:
        x, y = line[:, 0] - middle, line[:, 1]
        order = np.arange(1, 4)
        phase = np.pi * order * y[:, None]  # one smooth bend for all strokes keeps them joined
        sway = np.cos(phase) @ wave[0] + np.sin(phase) @ wave[1]
        x = x + sway[:, 0] + self.slant * (y - 0.5)
        y = y + 0.5 * sway[:, 1]
        points = self.height * np.column_stack([x, np.zeros(len(x)), y])
        return Tube(tuple(map(tuple, points.tolist())), self.pen, bends=2, segments=8)


def _thinned(line: Any) -> Any:
    """Return a line without repeated points."""
    keep = np.append(True, np.abs(np.diff(line, axis=0)).sum(axis=1) > 1e-6)
    return line[keep]


def digits() -> Scene:
    """Numerals 0 to 9 on a wall, extruded or written; 32 x 32, label is the numeral."""
    return Scene(
        variables={"digit": Balanced(tuple("0123456789"))},
        label=Same("/variables/digit"),
        objects={"digit": _digit(), "wall": _wall()},
        lights={
            "sun": SunLight(
                elevation=Uniform(15, 75),
                azimuth=Uniform(-150, -30),
                strength=LogUniform(0.8, 4),
                angle=Uniform(0.5, 12),
            )
        },
        sky=PlainSky(strength=LogUniform(0.2, 1.0)),
        cameras={"camera": _camera()},
        licence="Apache-2.0",
    )


def _digit() -> Object:
    cut = Text(
        string=Same("/variables/digit"), height=0.1, depth=Uniform(0.008, 0.03),
        weight=Uniform(0.09, 0.2),
    )  # fmt: skip
    written = WrittenDigit(
        digit=Same("/variables/digit"), pen=Uniform(0.004, 0.009), shake=Uniform(0, 0.05),
        slant=Normal(0.08, 0.12, -0.3, 0.4), variant=Whole(0, 100_000),
    )  # fmt: skip
    return Object(
        shape=Choice((cut, written)),
        material=Material(color=AnyColor(), roughness=Uniform(0.3, 0.9)),
        rotation=(0.0, Normal(0, 8, -20, 20), 0.0),
        scale=(Uniform(0.75, 1.25), 1.0, 1.0),
        label="digit",
        attributes={"digit": Same("/variables/digit")},
    )


def _wall() -> Object:
    paint = Choice(
        (
            AnyColor(),
            Noise(first=AnyColor(), second=AnyColor(), frequency=Whole(2, 8), size_px=128),
            Stripes(first=AnyColor(), second=AnyColor()),
        )
    )
    return Object(
        shape=Plane((1.2, 1.2)),
        material=Material(color=paint, roughness=0.9, texture_seed=Whole(0, 300)),
        position=(0.0, 0.03, 0.05),
        rotation=(90.0, 0.0, 0.0),
    )


def _camera() -> Camera:
    return Camera(
        width=32,
        height=32,
        place=LookAt(
            target="digit",
            distance=Uniform(0.5, 1.2),
            elevation=Normal(0, 10, -30, 30),
            azimuth=Normal(-90, 14, -130, -50),
            roll=Normal(0, 4, -12, 12),
        ),
        frame=Framed("digit", margin=Uniform(0.05, 0.25), shift=Uniform((-0.1, -0.1), (0.1, 0.1))),
        sensor=Sensor(
            exposure=LogUniform(0.4, 1.6),
            gain_noise=LogUniform(0.001, 0.02),
            blur=Uniform(0, 0.8),
            contrast=Uniform(0.7, 1.2),
        ),
    )
