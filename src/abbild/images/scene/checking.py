"""Whether a scene is made of the parts it should be made of, said before anything is built."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from abbild.images.errors import SceneError
from abbild.images.scene.nodes import Material, Motion, Object, Require, Scene, Settle
from abbild.images.scene.numbers import number
from abbild.images.stage import Sensor

__all__ = ["MOST_ATTEMPTS", "attempts_of", "check_look", "check_object", "check_scene"]

MOST_ATTEMPTS = 1000
LONGEST_LABEL = 200  # bytes; it may become the name of a folder
MAX_TIME = 600.0  # seconds of the world before a picture
PHYSICS = ("none", "fixed", "falls", "driven")
_SENSOR = {  # lowest and highest value
    "vignetting": (0, 1), "saturation": (0, 100), "contrast": (0, 100), "gamma": (0.01, 100),
    "sharpen": (0, 100), "downscale": (1, 16384), "jpeg_quality": (0, 100), "blur": (0, 1000),
    "motion": (-16384, 16384),
}  # fmt: skip
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_NO_FILE = re.compile(r'[\\:*?"<>|]|^[. ]|[. ]$')  # what some file system cannot hold


def check_scene(scene: Scene) -> None:
    """Refuse a drawn scene whose parts are not of the kind they must be.

    Raises
    ------
    SceneError
        With the path, what stands there, and what may stand there.
    """
    for name in ("objects", "cameras", "lights", "variables"):
        _mapping(getattr(scene, name), f"/{name}")
    if not scene.cameras:
        raise SceneError("the scene has no camera", hint="add one under /cameras")
    _check_cameras(list(scene.cameras))
    attempts_of(scene)
    number(scene.time, "/time", 0, MAX_TIME)
    check_text(scene.label, "/label")
    _check_categories(scene.categories)
    if scene.physics is not None and not isinstance(scene.physics, Settle):
        raise SceneError(f"/physics is {_named(scene.physics)}", hint="use settle, or leave it out")
    for k, rule in enumerate(_several(scene.require, "/require")):
        _check_rule(rule, f"/require/{k}")
    for k, node in enumerate(_several(scene.weather, "/weather")):
        if not hasattr(node, "apply"):
            raise SceneError(
                f"/weather/{k} is {_named(node)}",
                hint="use haze, rain, snow, drops, glare or bloom",
            )
        _checked(node, f"/weather/{k}")
    for k, motion in enumerate(_several(scene.motions, "/motions")):
        if not isinstance(motion, Motion) or not hasattr(motion.behaviour, "move"):
            raise SceneError(f"/motions/{k} is no motion", hint="use a motion with a behaviour")


def attempts_of(scene: Scene) -> int:
    """Return how often a scene is drawn at most.

    Raises
    ------
    SceneError
        If that is no whole number from 1 to `MOST_ATTEMPTS`.
    """
    attempts = number(scene.attempts, "/attempts", 1, MOST_ATTEMPTS)
    if attempts != int(attempts):
        raise SceneError(f"/attempts is {scene.attempts}", hint="a whole number")
    return int(attempts)


def check_object(item: Any, path: str) -> None:
    """Refuse what stands among the objects and is none, or has parts that cannot be.

    Raises
    ------
    SceneError
        With the path.
    """
    where = f"/objects/{path}"
    if not isinstance(item, Object):
        raise SceneError(f"{where} is {_named(item)}", hint="use an object or a group of them")
    if item.physics not in PHYSICS:
        raise SceneError(
            f"{where}/physics is {item.physics!r}", hint=f"one of: {', '.join(PHYSICS)}"
        )
    check_text(item.label, f"{where}/label")
    _mapping(item.attributes, f"{where}/attributes")
    _mapping(item.keypoints, f"{where}/keypoints")
    if item.material is not None:
        _check_material(item.material, f"{where}/material")


def check_look(sensor: Any, where: str) -> Sensor:
    """Return the sensor of a camera, whose numbers can be.

    Raises
    ------
    SceneError
        With the path.
    """
    if not isinstance(sensor, Sensor):
        raise SceneError(f"{where} is {_named(sensor)}", hint="use a sensor node")
    sizes = {"motion": 2, "white_balance": 3}
    for part in fields(sensor):
        value, place = getattr(sensor, part.name), f"{where}/{part.name}"
        low, high = _SENSOR.get(part.name, (0, 1e9))
        if part.name not in sizes:
            number(value, place, low, high)
            continue
        if not isinstance(value, (tuple, list)) or len(value) != sizes[part.name]:
            raise SceneError(f"{place} is {value!r}", hint=f"give {sizes[part.name]} numbers")
        for one in value:
            number(one, place, low, high)
    return sensor


def check_text(value: Any, where: str) -> None:
    """Refuse a label that is neither text nor a number, or that no file could hold."""
    if not isinstance(value, (str, int, float)):
        raise SceneError(f"{where} is {value!r}"[:200], hint="a label is text or a number")
    if _UNPRINTABLE.search(str(value)) or (str(value) and not str(value).strip()):
        raise SceneError(f"{where} is {value!r}"[:200], hint="a label is printable text")
    if len(str(value).encode()) > LONGEST_LABEL:
        raise SceneError(
            f"{where} is {value!r}"[:200] + "...", hint=f"a label has at most {LONGEST_LABEL} bytes"
        )


def _named(value: Any) -> str:
    """Return what stands at a place, in few words."""
    plain = value is None or isinstance(value, (str, int, float, tuple, list))
    return repr(value)[:100] if plain else f"a {type(value).__name__}"


def _mapping(value: Any, where: str) -> None:
    if not isinstance(value, Mapping):
        raise SceneError(f"{where} is {_named(value)}", hint="give it names, each with its part")
    for name in value:
        plain = isinstance(name, str) and name.strip() == name != "" and "/" not in name
        if not plain or _UNPRINTABLE.search(name):
            raise SceneError(
                f"{name!r} in {where} is no name"[:200], hint='a name is printable, without "/"'
            )


def _check_cameras(names: list[str]) -> None:
    """Refuse names that cannot be part of a file's name, on any system."""
    for name in names:
        if _NO_FILE.search(name) or len(name.encode()) > 100:
            raise SceneError(
                f"the camera {name!r} cannot name a picture"[:200], hint="use letters and digits"
            )
    if len({name.lower() for name in names}) < len(names):
        raise SceneError("two cameras differ in upper and lower case alone", hint="rename one")


def _check_categories(categories: Any) -> None:
    for name in _several(categories, "/categories"):
        check_text(name, "/categories")
        if not isinstance(name, str) or not name or categories.count(name) > 1:
            raise SceneError(
                f"/categories holds {name!r}", hint="it lists every label once, as text"
            )


def _check_rule(rule: Any, where: str) -> None:
    if not isinstance(rule, Require):
        raise SceneError(f"{where} is {_named(rule)}", hint="use a require node")
    if not isinstance(rule.objects, str):
        raise SceneError(f"{where}/objects is {rule.objects!r}"[:200], hint="a path or pattern")
    number(rule.visible, f"{where}/visible", 0, 1)
    number(rule.area_px, f"{where}/area_px", 0)
    if rule.count is not None:
        number(rule.count, f"{where}/count", 0)


def _check_material(material: Any, where: str) -> None:
    if not isinstance(material, Material):
        raise SceneError(f"{where} is {_named(material)}", hint="use a material node")
    for k, node in enumerate(_several(material.wear, f"{where}/wear")):
        if not hasattr(node, "worn"):
            raise SceneError(
                f"{where}/wear/{k} is {_named(node)}", hint="use dirt, fading, scratches, rust ..."
            )
        _checked(node, f"{where}/wear/{k}")


def _several(value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, (tuple, list)):
        raise SceneError(f"{where} is {_named(value)}", hint="it is a list")
    return tuple(value)


def _checked(node: Any, where: str) -> None:
    """Let a node say what is wrong with it, with its path before."""
    try:
        getattr(node, "check", lambda: None)()
    except SceneError as error:
        raise SceneError(f"{where}: {error.args[0]}", hint=error.hint) from error
