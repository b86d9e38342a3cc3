"""Things dropped on a floor, seen from all sides: the recipe of the BOP challenge.

After Hodan et al. (2020), "BOP Challenge 2020 on 6D object localization", section 3: a room with
random materials, a shining ceiling, a lamp on a shell, targets and distractors that fall and come
to rest, cameras on a shell around them.
"""

from __future__ import annotations

from typing import Any

from abbild.images.scene.cameras import Camera, LookAt
from abbild.images.scene.distributions import (
    AnyColor,
    AnyRotation,
    Choice,
    LogUniform,
    Normal,
    Uniform,
    Whole,
)
from abbild.images.scene.lights import BulbLight, PanelLight, PlainSky
from abbild.images.scene.nodes import Group, Material, Object, Require, Scene, Settle
from abbild.images.scene.placements import Grid
from abbild.images.shapes import (
    Blob,
    Box,
    Capsule,
    Cone,
    Cylinder,
    Prism,
    Room,
    RoundedBox,
    Sphere,
    Torus,
)
from abbild.images.stage import Sensor
from abbild.images.textures import (
    Bricks,
    Checker,
    Concrete,
    Fabric,
    Marble,
    Noise,
    Speckle,
    Tiles,
    Wood,
)

__all__ = ["tabletop"]

TARGETS = ("box", "ball", "cylinder", "cone", "ring", "brick")


def tabletop() -> Scene:
    """Boxes, balls, cylinders, cones, rings and bricks among distractors, settled by physics."""
    return Scene(
        objects={
            "floor": _side("floor"),
            "walls": _side("walls"),
            "targets": Group(_target(), Whole(5, 12), Grid((0.16, 0.16), (0, 0, 0.22), 0.2)),
            "distractors": Group(_distractor(), Whole(0, 6), Grid((0.22, 0.22), (0, 0, 0.55), 0.3)),
        },
        lights={
            "ceiling": PanelLight(
                position=(0, 0, 2.55),
                target=(0, 0, 0),
                size=(3.0, 3.0),
                strength=LogUniform(0.6, 3),
                color=AnyColor(saturation=(0, 0.3), value=(0.8, 1)),
            ),
            "lamp": BulbLight(
                position=Uniform((-1.2, -1.2, 0.8), (1.2, 1.2, 2.2)),
                strength=LogUniform(0.3, 4),
                radius=Uniform(0.03, 0.2),
                color=AnyColor(saturation=(0, 0.4), value=(0.8, 1)),
            ),
        },
        sky=PlainSky(strength=Uniform(0.05, 0.3)),
        physics=Settle(seconds=5.0),
        cameras={"camera": _camera()},
        categories=TARGETS,
        require=(Require("targets/*", visible=0.1, count=1),),
        licence="Apache-2.0",
    )


def _side(sides: str) -> Object:
    return Object(
        shape=Room((4.0, 4.0, 2.6), sides, tile=Choice((0.5, 1.0, 2.0))),
        material=Material(color=_paint(), roughness=Uniform(0.2, 1.0), texture_seed=Whole(0, 60)),
        physics="fixed" if sides == "floor" else "none",
        collides_as="plane" if sides == "floor" else "auto",
    )


def _paint() -> Any:
    two = {"first": AnyColor(), "second": AnyColor()}
    return Choice(
        (
            AnyColor(),
            Noise(**two),
            Checker(**two),
            Speckle(),
            Wood(),
            Marble(),
            Bricks(),
            Tiles(),
            Concrete(),
            Fabric(),
        )
    )


def _target() -> Object:
    size = Uniform(0.8, 1.25)
    pattern = (
        ("box", Box((0.09, 0.07, 0.06))),
        ("ball", Sphere(0.04)),
        ("cylinder", Cylinder(0.03, 0.1)),
        ("cone", Cone(0.045, 0.1)),
        ("ring", Torus(0.045, 0.014)),
        ("brick", RoundedBox((0.12, 0.06, 0.04), 0.008)),
    )
    return Choice(tuple(_thing(shape, label, size) for label, shape in pattern))


def _thing(shape: Any, label: str, size: Any) -> Object:
    return Object(
        shape=shape,
        material=Material(
            color=Choice(
                (AnyColor(saturation=(0.3, 1)), Noise(first=AnyColor(), second=AnyColor())), (3, 1)
            ),
            roughness=Uniform(0.05, 1.0),
            metallic=Choice((0.0, 1.0), (4, 1)),
            texture_seed=Whole(0, 60),
        ),
        rotation=AnyRotation(),
        scale=size,
        label=label,
        physics="falls",
    )


def _distractor() -> Object:
    shapes = (
        Blob((0.1, 0.08, 0.07), 0.12, variant=3),
        Capsule(0.02, 0.1),
        Prism(0.05, 0.08),
    )
    return _thing(Choice(shapes), "", Uniform(0.6, 1.4))


def _camera() -> Camera:
    return Camera(
        width=256,
        height=256,
        vertical_view=45,
        place=LookAt(
            target=(Normal(0, 0.08), Normal(0, 0.08), 0.04),
            distance=Uniform(0.6, 1.2),
            elevation=Uniform(8, 85),
            azimuth=Uniform(0, 360),
            roll=Normal(0, 8),
        ),
        sensor=Sensor(exposure=0.0, gain_noise=LogUniform(0.0005, 0.008), blur=Uniform(0, 0.6)),
    )
