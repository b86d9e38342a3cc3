"""What the head of a mesh file says, read before anything large is unpacked."""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass
from typing import Any

from abbild.images.asset_files.sources import Source
from abbild.images.errors import AssetError

__all__ = ["Head", "read_head"]

MOST_VALUES = 200_000_000  # of one accessor
PLY_FACES = re.compile(rb"element\s+face\s+(\d+)")
PLY_VERTICES = re.compile(rb"element\s+vertex\s+(\d+)")
OBJ_NORMALS = re.compile(rb"^f\s+-?\d+/-?\d*/-?\d+", re.MULTILINE)
OBJ_FACE = re.compile(rb"^f[ \t]", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class Head:
    """What is known of a mesh file.

    Attributes
    ----------
    faces : at least so many
    has_normals : whether every vertex brings its normal
    materials : as written in glTF, else empty
    content : the file, in which glTF materials are named by their number
    """

    faces: int
    has_normals: bool
    materials: tuple[dict[str, Any], ...]
    content: bytes


def read_head(source: Source) -> Head:
    """Look at a mesh file without unpacking it.

    Raises
    ------
    AssetError
        Not such a file, cut off, or with sizes no file has.
    """
    if source.kind in ("glb", "gltf"):
        return _gltf_head(source)
    content = source.content
    if source.kind == "stl":
        return _stl_head(source)
    if source.kind == "ply":
        return _ply_head(source)
    faces = sum(1 for _ in OBJ_FACE.finditer(content))
    if faces == 0:
        raise AssetError(f"{source.name} has no faces", hint="points and curves are not rendered")
    return Head(faces, OBJ_NORMALS.search(content) is not None, (), content)


def _stl_head(source: Source) -> Head:
    content = source.content
    count = int(struct.unpack_from("<I", content, 80)[0]) if len(content) >= 84 else 0
    size = 84 + 50 * count
    if count and len(content) == size:
        return Head(count, False, (), content)
    if content[:1000].lstrip()[:5].lower() == b"solid":
        written = content.count(b"endfacet") or content.count(b"ENDFACET")
        if written:
            return Head(written, False, (), content)
    if count == 0:
        raise AssetError(f"{source.name} has no faces", hint="is it an STL file?")
    if len(content) < size:
        raise AssetError(
            f"{source.name} says {count:,} faces, which take {size:,} bytes, but has only "
            f"{len(content):,}",
            hint="is the file whole, and an STL file?",
        )
    return Head(count, False, (), content[:size])  # some programs write notes behind the faces


def _ply_head(source: Source) -> Head:
    head, found, _ = source.content.partition(b"end_header")
    if not head.lstrip().startswith(b"ply") or not found:
        raise AssetError(f"{source.name} is not a PLY file or is cut off in its head")
    faces, vertices = PLY_FACES.search(head), PLY_VERTICES.search(head)
    count = int(faces[1]) if faces else 0
    if count == 0 or not vertices or int(vertices[1]) == 0:
        raise AssetError(
            f"{source.name} has {int(vertices[1]) if vertices else 0} vertices and {count} faces",
            hint="point clouds are not rendered",
        )
    if count + int(vertices[1]) > len(source.content):
        raise AssetError(
            f"{source.name} says {count:,} faces and {int(vertices[1]):,} vertices, "
            f"but has only {len(source.content):,} bytes"
        )
    return Head(count, re.search(rb"property\s+\w+\s+nx\s", head) is not None, (), source.content)


def _gltf_head(source: Source) -> Head:
    tree, rest = _gltf_json(source)
    accessors, meshes = tree.get("accessors", []), tree.get("meshes", [])
    try:
        counts = [int(one["count"]) for one in accessors]
        primitives = [part for mesh in meshes for part in mesh["primitives"]]
        sizes = [
            counts[part["indices"] if "indices" in part else part["attributes"]["POSITION"]]
            for part in primitives
        ]
        normals = all("NORMAL" in part["attributes"] for part in primitives)
        materials = tuple(dict(one) for one in tree.get("materials", []))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise AssetError(f"{source.name} is not valid glTF: {error!r}") from error
    if max(counts, default=0) > MOST_VALUES or min(counts, default=0) < 0:
        raise AssetError(f"{source.name} says it has arrays of {max(counts):,} values")
    if not primitives:
        raise AssetError(f"{source.name} has no meshes")
    for number, material in enumerate(tree.get("materials", [])):
        material["name"] = str(number)  # names need not be unique, numbers are
    return Head(sum(sizes) // 3, normals, materials, _gltf_bytes(source.kind, tree, rest))


def _gltf_json(source: Source) -> tuple[dict[str, Any], bytes]:
    """Return the JSON of a glTF file, and the chunks behind it."""
    content, text, rest = source.content, source.content, b""
    if source.kind == "glb":
        if content[:4] != b"glTF" or len(content) < 20:
            raise AssetError(f"{source.name} is not a GLB file")
        version, total, size, kind = struct.unpack_from("<IIII", content, 4)
        if version != 2:
            raise AssetError(f"{source.name} is glTF {version}, only glTF 2 is read")
        if total > len(content) or 20 + size > len(content):
            raise AssetError(
                f"{source.name} is cut off: it says {total:,} bytes and has {len(content):,}"
            )
        if kind != 0x4E4F534A:
            raise AssetError(f"{source.name} does not begin with its JSON chunk")
        text, rest = content[20 : 20 + size], content[20 + size : total]
    try:
        tree = json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise AssetError(f"{source.name} holds no valid JSON: {error}") from error
    if not isinstance(tree, dict):
        raise AssetError(f"{source.name} is not valid glTF: its JSON is no object")
    return tree, rest


def _gltf_bytes(kind: str, tree: dict[str, Any], rest: bytes) -> bytes:
    text = json.dumps(tree).encode()
    if kind == "gltf":
        return text
    text += b" " * (-len(text) % 4)
    total = 20 + len(text) + len(rest)
    return struct.pack("<4sIIII", b"glTF", 2, total, len(text), 0x4E4F534A) + text + rest
