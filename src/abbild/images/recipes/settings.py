"""A recipe with the values that a command line puts into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from abbild.core import AbbildError
from abbild.images.recipes.loading import load_recipe
from abbild.images.scene.building import forget_files
from abbild.images.scene.document import parse_value
from abbild.images.scene.nodes import Scene
from abbild.images.scene.paths import change

__all__ = ["scene_of"]


def scene_of(recipe: Any, size: Any, settings: Any) -> tuple[str, Scene]:
    """Return the name and the scene of a recipe with the values somebody put into it.

    Parameters
    ----------
    recipe : see `load_recipe`
    size : width and height of all cameras, (640, 480) or "640x480"; None leaves them
    settings : path to value or distribution, or texts "path=value"

    Raises
    ------
    AbbildError
        For what cannot be read, and paths that are not there, with the nearest that is.
    """
    forget_files()
    name, scene = load_recipe(recipe)
    if size is not None:
        width, height = _size(size)
        scene = change(scene, "/cameras/*/width", width)
        scene = change(scene, "/cameras/*/height", height)
    for path, value in _settings(settings):
        scene = change(scene, path, value)
    return name, scene


def _size(size: Any) -> tuple[int, int]:
    try:
        parts = size.lower().split("x") if isinstance(size, str) else list(size)
        width, height = (int(part) for part in parts)
    except (TypeError, ValueError) as error:
        raise AbbildError(f"size {size!r} cannot be read", hint="write it as 640x480") from error
    if not (1 <= width <= 16384 and 1 <= height <= 16384):
        raise AbbildError(f"size {size!r} is out of range", hint="from 1 to 16384 pixels a side")
    return width, height


def _settings(settings: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(settings, Mapping):
        yield from settings.items()
        return
    for text in [settings] if isinstance(settings, str) else settings:
        if not isinstance(text, str):
            raise AbbildError(f"set holds {text!r}", hint="write it as path=value, or as a dict")
        path, equals, value = text.partition("=")
        while equals and path.count("[") > path.count("]"):  # an "=" within [label=cup]
            more, equals, value = value.partition("=")
            path = f"{path}={more}"
        if not equals or not path:
            raise AbbildError(f"--set {text!r} cannot be read", hint="write it as path=value")
        yield path.strip(), parse_value(value)
