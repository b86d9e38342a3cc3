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
from abbild.images.scene.document import from_document, parse_value, to_document
from abbild.images.scene.nodes import Scene

__all__ = ["load_recipe"]

LARGEST = 50_000_000  # bytes of a recipe file; a scene is a page, not a database
MOST_NODES = 500_000
_MERGE = "tag:yaml.org,2002:merge"
_CALL = re.compile(r"[a-z][a-z-]*\(.*", re.DOTALL)


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
    if not isinstance(recipe, (str, Path)):
        raise SceneError(
            f"a recipe is a name, a file or a Scene, not {recipe!r}"[:200],
            hint="put an object into Scene({...})",
        )
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
        is_json = path.suffix.lower() == ".json"
        found = json.loads(text) if is_json else yaml.load(text, _Yaml)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise FileFormatError(
            f"{path} cannot be read: {_problem(error)}", hint="correct that line"
        ) from error
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


class _Yaml(yaml.SafeLoader):
    """YAML 1.2's plain values: only true and false are truth values, 1e-3 is a number.

    YAML 1.1 takes the key ``on`` for true, and 1:30 for ninety. A name that stands twice in one
    mapping is refused: the first would be lost without a word.
    """

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping of a node whose keys differ."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE and key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"{key.value!r} stands there twice", problem_mark=key.start_mark
                )
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else "")
        return super().construct_mapping(node, deep)


_Yaml.yaml_implicit_resolvers = {}  # not those of YAML 1.1
for _tag, _pattern, _first in (
    ("bool", "true|false|True|False|TRUE|FALSE", "tfTF"),
    ("int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+."),
    ("null", "~|null|Null|NULL|", "~nN"),
    ("merge", "<<", "<"),
):
    _Yaml.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), [*_first, ""]
    )


def _problem(error: Exception) -> str:
    """Return in one line what is wrong and in which line."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    mark = getattr(error, "problem_mark", None)
    text = getattr(error, "problem", None) or str(error).strip().splitlines()[0]
    return f"{text} (line {mark.line + 1}, column {mark.column + 1})" if mark else text


def _beside(name: Any, folder: Path) -> Any:
    """Return a file's name, or a distribution of names, as found from `folder`."""
    if isinstance(name, str):
        found = parse_value(name) if _CALL.fullmatch(name.strip()) else name
        if not isinstance(found, str):
            return _beside(to_document(found), folder)
        return name if Path(name).is_absolute() else str(folder / name)
    if isinstance(name, Mapping):
        plain = {"kind", "weights"} | ({"path"} if name.get("kind") in ("same", "given") else set())
        return {key: item if key in plain else _beside(item, folder) for key, item in name.items()}
    return [_beside(item, folder) for item in name] if isinstance(name, list) else name


def _with_calls(value: Any, file: Path, room: list[int]) -> Any:
    """Return `value` with "uniform(0, 1)" made a distribution and files found beside the recipe."""
    room[0] -= 1  # aliases of YAML may repeat one part a million times
    if room[0] < 0:
        raise SceneError(f"{file} is too large for a scene", hint=f"at most {MOST_NODES:,} values")
    if isinstance(value, Mapping):
        refers = value.get("kind") in ("same", "given")
        return {
            str(key): _beside(item, file.parent)
            if key == "path" and not refers
            else _with_calls(item, file, room)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_with_calls(item, file, room) for item in value]
    if isinstance(value, str) and _CALL.fullmatch(value.strip()):
        found = parse_value(value)
        return found if isinstance(found, str) else _with_calls(to_document(found), file, room)
    return value
