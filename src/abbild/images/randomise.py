"""Domain randomisation as changes of a scene: full, structured, and ranges that grow by themselves.

Each takes a scene and returns a scene; what is random in it is data like everything else, so it
can be looked at, changed by path and written to a file.

References
----------
Tobin et al. (2017), arXiv 1703.06907: full randomisation, realism not needed. Tremblay et al.
(2018), arXiv 1804.06516: flying distractors; fixed light costs most. Prakash et al. (2019), arXiv
1810.10093: structured randomisation, the context is kept. OpenAI (2019), arXiv 1910.07113,
algorithm 1: automatic ranges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal

from abbild.core import unknown_name
from abbild.images.errors import SceneError
from abbild.images.photos import Photos, Window
from abbild.images.scene.distributions import (
    AnyColor,
    AnyRotation,
    Choice,
    LogUniform,
    Uniform,
    Whole,
)
from abbild.images.scene.lights import BulbLight, PlainSky
from abbild.images.scene.nodes import Group, Material, Object, Scene
from abbild.images.scene.paths import change, find
from abbild.images.shapes import Blob, Box, Capsule, Cone, Cylinder, Prism, Sphere, Torus
from abbild.images.stage import Sensor
from abbild.images.textures import Bricks, Checker, Clutter, Marble, Noise, Speckle, Stripes, Wood

__all__ = [
    "AutomaticRanges",
    "Range",
    "any_material",
    "any_sensor",
    "flying_distractors",
    "full",
    "photo_background",
    "structured",
]

Vector = tuple[float, float, float]


def any_material() -> Material:
    """Return a material with any colour or pattern, rough or smooth, now and then metal."""
    two = {"first": AnyColor(), "second": AnyColor()}
    patterns = (Noise(**two), Checker(**two), Stripes(**two), Speckle(), Marble(), Wood(), Bricks())
    return Material(
        color=Choice((AnyColor(), Choice(patterns)), (1, 2)),
        roughness=Uniform(0.03, 1.0),
        metallic=Choice((0.0, 1.0), (5, 1)),
        texture_seed=Whole(0, 200),
    )


def any_sensor() -> Sensor:
    """Return a camera sensor that is exposed, noisy and unsharp in many ways."""
    return Sensor(
        exposure=LogUniform(0.4, 2.0),
        gain_noise=Uniform(0, 0.03),
        blur=Uniform(0, 1.0),
        saturation=Uniform(0.6, 1.3),
        contrast=Uniform(0.7, 1.3),
        white_balance=Uniform((0.85, 0.95, 0.85), (1.15, 1.05, 1.15)),
        jpeg_quality=Choice((0, Whole(40, 95))),
    )


def flying_distractors(low: Vector, high: Vector, size: float, most: int = 10) -> Group:
    """Return up to `most` shapes without a label anywhere in a box.

    Parameters
    ----------
    low, high : corners of the box, metres
    size : metres, about as large as the objects they shall be mistaken for
    """
    shapes = (
        Box((size, size, 0.6 * size)),
        Sphere(0.5 * size),
        Cylinder(0.3 * size, size),
        Cone(0.5 * size, size),
        Torus(0.4 * size, 0.12 * size),
        Capsule(0.25 * size, size),
        Prism(0.4 * size, size),
        Blob((size, size, size), 0.15),
    )
    member = Object(
        shape=Choice(shapes),
        material=any_material(),
        position=Uniform(low, high),
        rotation=AnyRotation(),
        scale=LogUniform(0.4, 1.6),
    )
    return Group(member, Whole(0, most))


def photo_background(folder: str, part: str = "train") -> Window:
    """Return a backdrop that shows a window of one of the user's photographs."""
    return Window(
        picture=Photos(folder, Uniform(0, 1), part),
        zoom=LogUniform(0.3, 1.0),
        place=Uniform((0, 0), (1, 1)),
        flip=Choice((True, False)),
        brightness=LogUniform(0.5, 1.6),
    )


def full(
    scene: Scene,
    *,
    distractors: Group | None = None,
    photographs: str | None = None,
    keep: Sequence[str] = (),
) -> Scene:
    """Give everything any look: materials, light, background and sensor.

    Parameters
    ----------
    distractors : see `flying_distractors`; None adds none
    photographs : folder with the user's own backgrounds; patterns without
    keep : names of objects whose material stays (what is told by its colour)
    """
    objects = {
        name: item if name in keep else _recoloured(item) for name, item in scene.objects.items()
    }
    if unknown := [name for name in keep if name not in scene.objects]:
        raise unknown_name("object", unknown[0], scene.objects)
    if distractors is not None:
        objects["distractors"] = distractors
    lamps = {
        f"any{k}": BulbLight(
            position=Uniform((-4, -4, 1), (4, 4, 5)),
            strength=LogUniform(2, 40),
            color=AnyColor(saturation=(0, 0.5), value=(0.7, 1.0)),
            radius=Uniform(0.02, 0.5),
        )
        for k in range(2)
    }
    clutter = Window(
        picture=Choice((Clutter(), Noise(first=AnyColor(), second=AnyColor()))),
        picture_seed=Whole(0, 60),
        zoom=LogUniform(0.2, 1.0),
        place=Uniform((0, 0), (1, 1)),
        flip=Choice((True, False)),
    )
    cameras = {name: replace(camera, sensor=any_sensor()) for name, camera in scene.cameras.items()}
    return replace(
        scene,
        objects=objects,
        lights=lamps,
        sky=PlainSky(strength=LogUniform(0.1, 1.0)),
        backdrop=photo_background(photographs) if photographs else clutter,
        cameras=cameras,
    )


def _recoloured(item: Any) -> Any:
    """Return an object, group or choice of objects with any material."""
    if isinstance(item, Group):
        return replace(item, member=_recoloured(item.member))
    if isinstance(item, Choice):
        return replace(item, options=tuple(_recoloured(option) for option in item.options))
    return replace(item, material=any_material()) if isinstance(item, Object) else item


# What may vary around its value while the context stays; factors unless they are in [0, 1].
_FACTORS = ("strength", "distance", "vertical_view", "brightness", "scale")
_SHARES = ("roughness", "metallic", "specular", "clouds")


def structured(scene: Scene, amount: float = 0.25) -> Scene:
    """Let every constant vary around its value, so that things stay where they belong.

    Light, distance and scale vary by a factor within 1 / (1 + amount) to 1 + amount, roughness and
    the like by +-amount within [0, 1]. What is random already, and every place, stays as it is.

    Parameters
    ----------
    amount : 0 changes nothing

    Raises
    ------
    SceneError
        For an amount that is negative or above 10.
    """
    if not 0 <= amount <= 10:
        raise SceneError(f"amount is {amount}", hint="from 0 to 10")
    varied: Scene = _varied(scene, amount)
    return varied


def _varied(node: Any, amount: float) -> Any:
    if isinstance(node, Mapping):
        return {key: _varied(item, amount) for key, item in node.items()}
    if isinstance(node, (tuple, list)):
        return tuple(_varied(item, amount) for item in node)
    if not is_dataclass(node) or isinstance(node, type) or hasattr(node, "draw"):
        return node
    made = {
        part.name: _around(part.name, getattr(node, part.name), amount) for part in fields(node)
    }
    return type(node)(**made)


def _around(name: str, value: Any, amount: float) -> Any:
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    if plain and name in _SHARES:
        return Uniform(max(0.0, value - amount), min(1.0, value + amount))
    if plain and name in _FACTORS and value > 0:
        return LogUniform(value / (1 + amount), value * (1 + amount))
    return value if plain else _varied(value, amount)


@dataclass(frozen=True)
class Range:
    """A range that may grow.

    Attributes
    ----------
    low, high : where it is now
    least, most : how far it may grow
    step : how much a border moves at a time
    """

    low: float
    high: float
    least: float
    most: float
    step: float


@dataclass(frozen=True)
class AutomaticRanges:
    """Ranges that widen where the target model is good, and narrow where it fails.

    Attributes
    ----------
    ranges : path in the scene to its `Range`
    good, bad : performance in [0, 1] from which a border moves out, and below which it moves in
    needed : results at a border before it moves
    results : (path, side) to the results since it last moved

    Examples
    --------
    >>> grow = AutomaticRanges({"/sky/clouds": Range(0.4, 0.5, 0.0, 1.0, 0.1)}, needed=2)
    >>> for _ in range(2):
    ...     grow = grow.learned("/sky/clouds", "high", 0.95)
    >>> grow.ranges["/sky/clouds"].high
    0.6
    """

    ranges: Mapping[str, Range]
    good: float = 0.8
    bad: float = 0.5
    needed: int = 50
    results: Mapping[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)

    def applied(self, scene: Scene) -> Scene:
        """Return `scene` with the present ranges.

        Raises
        ------
        SceneError
            For a path that is not in the scene.
        """
        for path, now in self.ranges.items():
            scene = change(scene, path, Uniform(now.low, now.high))
        return scene

    def at_border(self, scene: Scene, path: str, side: Literal["low", "high"]) -> Scene:
        """Return `scene` with the present ranges and one value held at a border, to be tested."""
        now = self._range(path)
        return change(self.applied(scene), path, now.low if side == "low" else now.high)

    def learned(self, path: str, side: str, performance: float) -> AutomaticRanges:
        """Return the ranges after one more result at a border."""
        now, key = self._range(path), (path, side)
        if side not in ("low", "high"):
            raise unknown_name("side", side, ("low", "high"))
        seen = (*self.results.get(key, ()), float(performance))
        if len(seen) < self.needed:
            return replace(self, results={**self.results, key: seen})
        mean = sum(seen) / len(seen)
        way = 1 if mean >= self.good else -1 if mean < self.bad else 0
        return replace(
            self,
            ranges={**self.ranges, path: _moved(now, side, way)},
            results={**self.results, key: ()},
        )

    def _range(self, path: str) -> Range:
        if path not in self.ranges:
            raise unknown_name("range", path, self.ranges)
        return self.ranges[path]

    def check(self, scene: Scene) -> None:
        """Refuse paths that name nothing, or several values, in `scene`."""
        for path in self.ranges:
            if len(found := find(scene, path)) != 1:
                raise SceneError(f"{path} names {len(found)} values", hint="name one value")


def _moved(now: Range, side: str, way: int) -> Range:
    """Return a range with one border moved outwards (1), inwards (-1) or not at all."""
    if side == "low":
        low = min(max(now.low - way * now.step, now.least), now.high)
        return replace(now, low=round(low, 12))
    high = max(min(now.high + way * now.step, now.most), now.low)
    return replace(now, high=round(high, 12))
