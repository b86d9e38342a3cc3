"""One German road sign in each image, cut out as a detector would, in all weathers.

What the randomisers cover was chosen by looking at photographs of real signs: most are dark, small
and soft, seen against trees, houses or a bright sky, some are faded, dirty or half hidden.
"""

from __future__ import annotations

from typing import Any

from abbild.images.atmosphere import Glare, Haze, Rain, Snow
from abbild.images.photos import Window
from abbild.images.scene.cameras import Camera, Framed, LookAt
from abbild.images.scene.distributions import (
    AnyColor,
    AnyRotation,
    Balanced,
    Choice,
    LogUniform,
    Normal,
    Same,
    Uniform,
    Whole,
)
from abbild.images.scene.lights import DaySky
from abbild.images.scene.nodes import Material, Object, Scene
from abbild.images.shapes import Box, Branch, Pole
from abbild.images.signs.scene_nodes import SignFace, SignPlate
from abbild.images.stage import Sensor
from abbild.images.textures import (
    Bricks,
    Clouds,
    Clutter,
    Concrete,
    Dirt,
    Facade,
    Fading,
    Foliage,
    Gradient,
    Noise,
    Rust,
    Scratches,
    SnowCover,
    Stains,
    Stickers,
)

__all__ = ["road_signs"]

CLASSES = 43
HEIGHT = 2.4  # metres from the ground to the middle of the sign
PICTURES = 128  # pixels a side of a background; the crop is 64 wide


def road_signs() -> Scene:
    """One of the 43 German signs of the GTSRB list in each image, 64 x 64."""
    return Scene(
        variables={"class": Balanced(tuple(range(CLASSES))), "form": Whole(0, 11)},
        label=Same("/variables/class"),
        objects={
            "sign": _sign(),
            "pole": _pole(),
            "neighbour": _neighbour(),
            "panel": _panel(),
            "twig": _twig(),
            "tree": _tree(),
        },
        sky=DaySky(
            sun_elevation=Uniform(4, 65),
            sun_azimuth=Uniform(0, 360),
            clouds=Uniform(0, 1),
            cloud_seed=Whole(0, 30),
            strength=LogUniform(0.5, 1.6),
        ),
        backdrop=_backdrop(),
        weather=_weather(),
        cameras={"camera": _camera()},
        licence="Apache-2.0; the signs' designs are official works without copyright",
    )


def _sign() -> Object:
    number, form = Same("/variables/class"), Same("/variables/form")
    return Object(
        shape=SignPlate(number=number, variant=form),
        material=Material(
            color=SignFace(number=number, variant=form, pixels_wide=96),
            roughness=Uniform(0.25, 0.7),
            specular=Uniform(0.1, 0.5),
            wear=_wear(),
            texture_seed=Whole(0, 1_000_000),
        ),
        position=(0.0, 0.0, HEIGHT),
        rotation=(Normal(0, 3, -12, 12), Normal(0, 3.5, -14, 14), Normal(0, 9, -35, 35)),
        label="sign",
        attributes={"class": number},
    )


def _wear() -> Any:
    """Age most signs a little and some a lot."""
    fading = Fading(amount=Choice((0.0, Uniform(0, 0.5), Uniform(0.3, 0.9)), (4, 4, 1)))
    return Choice(
        (
            (fading,),
            (fading, Dirt(amount=Uniform(0, 0.6))),
            (fading, Stains(amount=Uniform(0, 0.6)), Scratches(amount=Uniform(0, 0.6))),
            (fading, Stickers(amount=Uniform(0, 0.4))),
            (fading, Rust(amount=Uniform(0, 0.35))),
            (SnowCover(amount=Uniform(0, 0.35)),),
        ),
        (6, 3, 2, 0.7, 0.7, 0.5),
    )


def _pole() -> Object:
    return Object(
        shape=Pole(radius=0.038, height=3.2),
        material=Material(color="#8a8d8f", roughness=0.5, metallic=0.4),
        position=(0.0, 0.06, 0.0),
    )


def _neighbour() -> Object:
    """Another sign above or below, of which an edge is seen."""
    number = Whole(0, CLASSES - 1)
    return Object(
        shape=SignPlate(number=number),
        material=Material(color=SignFace(number=Same("./shape/number"), pixels_wide=64)),
        position=(0.0, 0.01, Choice((HEIGHT - 0.64, HEIGHT + 0.64))),
        present=Choice((True, False), (1, 3)),
    )


def _panel() -> Object:
    return Object(
        shape=Box((0.6, 0.004, 0.3)),
        material=Material(color=Choice(("#eeeeea", "#f0f0ee", "#e8c81c"), (3, 3, 1))),
        position=(0.0, 0.01, HEIGHT - 0.5),
        present=Choice((True, False), (1, 4)),
    )


def _twig() -> Object:
    """Leaves before a part of the sign."""
    return Object(
        shape=Branch(leaves=Whole(6, 16), leaf_size=Uniform(0.05, 0.1), variant=Whole(0, 40)),
        material=None,
        position=(
            Choice((Uniform(-0.5, -0.22), Uniform(0.1, 0.4))),
            Uniform(-0.35, -0.1),
            Uniform(HEIGHT - 0.35, HEIGHT + 0.35),
        ),
        rotation=AnyRotation(),
        present=Choice((True, False), (1, 7)),
    )


def _tree() -> Object:
    """Leaves that throw their shadow on the sign, out of sight."""
    return Object(
        shape=Branch(length=1.0, leaves=30, leaf_size=0.14, variant=Whole(0, 40)),
        material=None,
        position=(Uniform(-0.9, 0.9), Uniform(-1.6, -0.9), HEIGHT + 0.9),
        rotation=AnyRotation(),
        scale=1.6,
        present=Choice((True, False), (1, 3)),
    )


def _backdrop() -> Any:
    """Trees, houses, sky, colour patches; few are painted, and cut out everywhere."""
    side = PICTURES * 2
    tones = {"first": AnyColor(), "second": AnyColor()}
    autumn = Foliage(dark="#2a2016", light="#b08a4e", size_px=side)
    pictures = Choice(
        (
            Foliage(size_px=side),
            autumn,
            Facade(size_px=side),
            Clutter(size_px=side),
            Clouds(size_px=side),
            Concrete(),
            Bricks(),
            Gradient(),
        ),
        (5, 2, 4, 5, 3, 1, 1, 1),
    )
    window = Window(
        picture=pictures,
        picture_seed=Whole(0, 11),
        zoom=LogUniform(0.12, 0.9),
        place=Uniform((0, 0), (1, 1)),
        flip=Choice((True, False)),
        brightness=Choice((LogUniform(0.3, 2.0), LogUniform(1.0, 6.0)), (7, 3)),
    )
    noise = Window(picture=Noise(**tones, size_px=64), zoom=0.5, brightness=LogUniform(0.3, 1.5))
    return Choice((window, noise, None), (8, 1, 1))


def _weather() -> Any:
    return Choice(
        (
            (),
            (Haze(visibility=LogUniform(20, 400)),),
            (Rain(),),
            (Snow(),),
            (Glare(),),
        ),
        (12, 1, 0.7, 0.5, 1),
    )


def _camera() -> Camera:
    return Camera(
        width=64,
        height=64,
        place=LookAt(
            target="sign",
            distance=LogUniform(4, 25),
            elevation=Normal(-4, 5, -20, 12),
            azimuth=Normal(-90, 10, -125, -55),
            roll=Normal(0, 3, -10, 10),
        ),
        frame=Framed(
            "sign",
            margin=LogUniform(0.07, 0.26),
            shift=(Normal(0, 0.035, -0.12, 0.12), Normal(0, 0.035, -0.12, 0.12)),
            stretch=Normal(1, 0.06, 0.8, 1.25),
            fit=True,  # as the photographs of this list are cut: triangles are as high as wide
        ),
        sensor=Sensor(
            exposure=Choice((LogUniform(0.35, 1.7), LogUniform(0.12, 2.6)), (5, 1)),
            gain_noise=LogUniform(0.0004, 0.006),
            shot_noise=LogUniform(0.001, 0.03),
            blur=Choice((0.0, Uniform(0.3, 1.0), Uniform(0.9, 1.8)), (3, 4, 1)),
            motion=(Normal(0, 0.9, -4, 4), Normal(0, 0.5, -3, 3)),
            saturation=Uniform(0.45, 1.5),
            contrast=Uniform(0.75, 1.3),
            gamma=Uniform(0.75, 1.4),
            downscale=Choice((1.0, LogUniform(1.0, 2.4), LogUniform(2.0, 3.6)), (3, 4, 1)),
            white_balance=Uniform((0.82, 0.92, 0.82), (1.18, 1.08, 1.22)),
            sharpen=Choice((0.0, Uniform(0.3, 1.5))),
            jpeg_quality=Choice((0, Whole(40, 95)), (3, 1)),
        ),
    )
