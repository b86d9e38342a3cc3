"""A recipe by its name or from a file."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from abbild.core import FileFormatError, names, resolve, unknown_name
from abbild.images.errors import SceneError
from abbild.images.scene.document import from_document, parse_value
from abbild.images.scene.nodes import Scene

__all__ = ["load_recipe"]

LARGEST = 50_000_000  # bytes of a recipe file; a scene is a page, not a database
MOST_NODES = 500_000
_CALL = re.compile(r"[a-z][a-z-]*\(.*\)", re.DOTALL)


def load_recipe(recipe: str | Path | Scene) -> tuple[str, Scene]:
    """Return the name of a recipe and its scene.

    Parameters
    ----------
    recipe : name from ``abbild list``, path of a YAML or JSON file, or a `Scene`. Files within
        the scene (meshes, textures) are looked for beside the recipe file

    Raises
    ------
    UnknownNameError
        If there is neither such a recipe nor such a file.
    FileFormatError
        If the file is neither YAML nor JSON.
    SceneError
        If it describes no scene; with the path within the file.
    """
    if isinstance(recipe, Scene):
        return "scene", recipe
    path = Path(recipe)
    if path.suffix.lower() in {".yaml", ".yml", ".json"}:
        return path.stem, _from_file(path)
    known = names("recipes")
    if str(recipe) not in known:
        error = unknown_name("recipe", str(recipe), known)
        if path.exists():
            error = FileFormatError(f"{path} is no recipe", hint="a recipe ends in .yaml or .json")  # type: ignore[assignment]
        elif not difflib.get_close_matches(str(recipe), known, n=1):
            error.hint = f"known: {', '.join(known)}; or name a .yaml or .json file"
        raise error
    scene: Scene = resolve("recipes", str(recipe))()
    return str(recipe), scene


def _from_file(path: Path) -> Scene:
    try:
        if path.stat().st_size > LARGEST:
            raise FileFormatError(f"{path} is too large for a recipe", hint="a scene is a page")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise FileFormatError(f"there is no file {path}", hint="check the name") from error
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path} is not UTF-8 text", hint="save it as UTF-8") from error
    except OSError as error:
        raise FileFormatError(f"cannot read {path}: {error.strerror}", hint="check it") from error
    try:
        found = json.loads(text) if path.suffix.lower() == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        line = str(error).strip().splitlines()[-1].strip()
        raise FileFormatError(f"{path} cannot be read: {line}", hint="correct that line") from error
    if not isinstance(found, Mapping):
        raise SceneError(f"{path} describes no scene", hint="it needs objects: at least")
    room = [MOST_NODES]
    try:
        scene = from_document({"kind": "scene", **_with_calls(found, path, room)})
    except RecursionError as error:
        raise SceneError(f"{path} is nested without end", hint="no part may hold itself") from error
    if not isinstance(scene, Scene):
        raise SceneError(f"{path} is a {found.get('kind')}, not a scene", hint="remove its kind")
    return scene


def _with_calls(value: Any, file: Path, room: list[int]) -> Any:
    """Return `value` with "uniform(0, 1)" made a distribution and files found beside the recipe."""
    room[0] -= 1  # aliases of YAML may repeat one part a million times
    if room[0] < 0:
        raise SceneError(f"{file} is too large for a scene", hint=f"at most {MOST_NODES:,} values")
    if isinstance(value, Mapping):
        return {
            str(key): str(file.parent / item)
            if key == "path" and isinstance(item, str) and not Path(item).is_absolute()
            else _with_calls(item, file, room)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_with_calls(item, file, room) for item in value]
    if isinstance(value, str) and _CALL.fullmatch(value.strip()):
        return parse_value(value)
    return value
