"""What a data set was made of: files, their licences, versions of what made it."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from abbild.images.asset_files import files_beside, licence_of
from abbild.images.scene.document import to_document
from abbild.images.scene.nodes import Scene

__all__ = ["file_hashes", "file_names", "licences", "versions"]

_PACKAGES = ("numpy", "numba", "pillow", "trimesh", "embreex", "mujoco-core", "mitsuba", "pyoidn")


def file_hashes(scene: Scene) -> dict[str, str]:
    """Return a hash of every file a scene can use, by name: if one changes, it is another run.

    These are what it names, also as options of a choice, all pictures of a folder, and what a mesh
    refers to (materials, textures).
    """
    found: dict[str, str] = {}
    for path in sorted(set(file_names(to_document(scene)))):
        for file in _files_at(Path(path)):
            with file.open("rb") as content:
                found[str(file)] = hashlib.file_digest(content, "sha256").hexdigest()
    return found


def _files_at(place: Path) -> list[Path]:
    if place.is_dir():
        return sorted(file for file in place.iterdir() if file.is_file())
    return [place, *files_beside(place)] if place.is_file() else []


def file_names(document: Any, named: bool = False) -> Iterator[str]:
    """Yield every name of a file in a scene's document: what stands at "path", but for references.

    Parameters
    ----------
    named : whether `document` itself stands at "path"
    """
    if isinstance(document, str):
        if named:
            yield document
    elif isinstance(document, Mapping):
        refers = document.get("kind") in ("same", "given")
        for key, value in document.items():
            is_word = key == "kind" or (refers and key == "path")
            yield from file_names(value, not is_word and (named or key == "path"))
    elif isinstance(document, list):
        for item in document:
            yield from file_names(item, named)


def licences(scene: Scene, files: Iterable[str]) -> dict[str, str]:
    """Return the licence of the recipe and of every file, by name."""
    found = {"recipe": scene.licence} if scene.licence else {}
    return found | {file: licence_of(file) or "not stated" for file in files}


def versions() -> dict[str, str]:
    """Return the versions the bytes of a run depend on, without our own."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
