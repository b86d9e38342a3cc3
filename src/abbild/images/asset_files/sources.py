"""Bytes of a mesh file and of what it refers to, never from outside of its folder or archive."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from trimesh.resolvers import Resolver

from abbild.images.errors import AssetError
from abbild.images.pictures import is_picture, read_file

__all__ = ["KINDS", "Neighbours", "Source", "files_beside", "open_source"]

KINDS = ("obj", "ply", "stl", "glb", "gltf")
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tga", ".tif", ".tiff", ".webp", ".gif")
MOST_BYTES = 4_000_000_000
MOST_TEXTURE_BYTES = 500_000_000
_BOMB, _DENSEST = 100_000_000, 200  # bytes; times that an archive may shrink a file so large
_MATERIALS = re.compile(rb"^\s*mtllib\s+(.+?)\s*$", re.MULTILINE)
_MAPS = re.compile(rb"^\s*(?:map_\w+|bump|disp|decal|norm|refl)\s+(.+?)\s*$", re.MULTILINE | re.I)
_URIS = re.compile(rb'"uri"\s*:\s*"([^"]{1,1000})"')
REMOTE = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")  # a drive letter or a web address


@dataclass(eq=False)
class Neighbours(Resolver):
    """Hands a loader the files it asks for by name, and remembers what it could not.

    Attributes
    ----------
    read : bytes of a cleaned relative name, None if there is no such file
    refused : names that lead out of the folder
    missing : names of files that are not there
    damaged : names of textures that are no pictures
    """

    read: Callable[[PurePosixPath], bytes | None]
    refused: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    def get(self, key: str) -> bytes:
        """Return the bytes of a file beside the mesh.

        Raises
        ------
        OSError
            For what is not there and what lies outside; loaders expect this kind.
        """
        for name in _spellings(key):
            place = _cleaned(name)
            if place is None:
                self.refused.append(key)
                raise OSError(f"{key!r} lies outside")
            content = self._content(key, place)
            if content is not None:
                return content
        self.missing.append(key)
        raise FileNotFoundError(key)

    def _content(self, key: str, place: PurePosixPath) -> bytes | None:
        try:
            content = self.read(place)
        except PermissionError:  # a link that leads outside
            self.refused.append(key)
            raise
        except AssetError as error:
            self.damaged.append(key)
            raise OSError(str(error)) from error
        if content is not None and place.suffix.lower() in PICTURES and not is_picture(content):
            self.damaged.append(key)
            raise OSError(f"{key!r} is no picture")
        return content

    def keys(self) -> list[str]:
        """Return nothing: names are asked for, not listed."""
        return []

    def write(self, name: str, data: bytes) -> None:
        """Refuse: assets are only read."""
        raise OSError("assets are only read")

    def namespaced(self, namespace: str) -> Neighbours:
        """Return the same files."""
        return self


@dataclass(frozen=True, eq=False)
class Source:
    """A mesh file.

    Attributes
    ----------
    name : for messages
    kind : one of `KINDS`
    content : its bytes
    neighbours : the files it may refer to
    """

    name: str
    kind: str
    content: bytes
    neighbours: Neighbours


def open_source(path: Path) -> Source:
    """Read a mesh file, or the one mesh within a .zip archive.

    Raises
    ------
    AssetError
        Missing, empty, of an unknown kind, damaged, or an archive with names that lead out of it.
    """
    content = read_file(path, MOST_BYTES)
    kind = path.suffix.lower().lstrip(".")
    if kind == "zip":
        return _from_archive(path, content)
    if kind not in KINDS:
        raise AssetError(
            f"{path} is no mesh file that is read", hint=f"read are: {', '.join(KINDS)}, zip"
        )
    return Source(str(path), kind, content, Neighbours(_folder_reader(path.parent)))


def files_beside(path: Path) -> list[Path]:
    """Return the files a mesh file refers to, as far as they are there: materials, pictures, data.

    What only looks like a mesh file, or is none, refers to nothing.
    """
    kind, root = path.suffix.lower(), path.parent.resolve()
    patterns = {".obj": (_MATERIALS, _MAPS), ".gltf": (_URIS,)}.get(kind, ())
    found, texts = [], [path]
    for pattern in patterns:
        for text in texts:
            names = dict.fromkeys(pattern.findall(text.read_bytes()))
            found += _named_files([name.decode("utf-8", "replace") for name in names], root)
        texts = list(found)
    return list(dict.fromkeys(found))


def _named_files(names: list[str], root: Path) -> list[Path]:
    places = (_cleaned(name) for given in names for name in _spellings(given))
    files = (_found(root, place) for place in places if place is not None and place.parts)
    return [f for f in files if f is not None and f.resolve().is_relative_to(root)]


def _from_archive(path: Path, content: bytes) -> Source:
    try:
        archive = zipfile.ZipFile(BytesIO(content))
        infos = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as error:
        raise AssetError(f"{path} is no zip archive or is damaged: {error}") from error
    for info in infos:
        if _cleaned(info.filename) is None:
            raise AssetError(f"{path} holds {info.filename!r}, which leads out of the archive")
    for info in infos:
        if info.file_size > _BOMB and info.file_size > _DENSEST * max(info.compress_size, 1):
            raise AssetError(
                f"{info.filename} in {path} unpacks to {info.file_size:,} bytes, more than "
                f"{_DENSEST} times what it takes there",
                hint="unpack it and name the mesh file, if it is one",
            )
    total = sum(info.file_size for info in infos)
    if total > MOST_BYTES:
        raise AssetError(f"{path} unpacks to {total:,} bytes, more than {MOST_BYTES:,}")
    members = {str(_cleaned(info.filename)): info for info in infos}
    meshes = [name for name in members if PurePosixPath(name).suffix.lower()[1:] in KINDS]
    if len(meshes) != 1:
        listed = ", ".join(sorted(meshes)[:5]) or "none"
        raise AssetError(
            f"{path} must hold one mesh file, but holds {len(meshes)} ({listed})",
            hint="unpack it and name one",
        )
    read = _archive_reader(archive, members, PurePosixPath(meshes[0]).parent)
    inner = PurePosixPath(PurePosixPath(meshes[0]).name)
    try:
        mesh = read(inner)
    except AssetError as error:
        raise AssetError(f"{error.args[0]} in {path}") from error
    if not mesh:
        raise AssetError(f"{meshes[0]} in {path} is empty")
    kind = inner.suffix.lower()[1:]
    return Source(f"{meshes[0]} in {path}", kind, mesh, Neighbours(read))


def _folder_reader(folder: Path) -> Callable[[PurePosixPath], bytes | None]:
    root = folder.resolve()

    def read(name: PurePosixPath) -> bytes | None:
        place = _found(root, name)
        if place is None:
            return None
        if not place.resolve().is_relative_to(root):
            raise PermissionError(f"{name} is a link that leads outside")
        return read_file(place, MOST_TEXTURE_BYTES)

    return read


def _found(root: Path, name: PurePosixPath) -> Path | None:
    """Return a file by its name, upper or lower case if there is no exact one."""
    place = root.joinpath(*name.parts)
    if place.is_file():
        return place
    folder = place.parent
    if not folder.is_dir():
        return None
    wanted = place.name.lower()
    return next((one for one in sorted(folder.iterdir()) if one.name.lower() == wanted), None)


def _archive_reader(
    archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], folder: PurePosixPath
) -> Callable[[PurePosixPath], bytes | None]:
    def read(name: PurePosixPath) -> bytes | None:
        info = members.get(str(folder / name))
        if info is None:
            return None
        try:
            return archive.read(info)
        except (zipfile.BadZipFile, OSError, RuntimeError, EOFError) as error:
            raise AssetError(f"{info.filename} is damaged ({error})") from error

    return read


def _spellings(key: str) -> list[str]:
    """Return a name as it stands, decoded, and without the options of .mtl files before it."""
    plain = str(key).strip().strip('"')
    names = [plain, unquote(plain)]
    if plain.startswith("-") and " " in plain:
        names = [plain.split()[-1]]
    return list(dict.fromkeys(names))


def _cleaned(name: str) -> PurePosixPath | None:
    """Return a relative path without "..", or None if the name leads outside."""
    plain = name.replace("\\", "/")
    if plain.startswith("/") or REMOTE.match(plain) or "\0" in plain:
        return None
    parts: list[str] = []
    for part in plain.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return PurePosixPath(*parts)
