"""What strangers' files hold, looked at before it is believed.

Each function takes `where`, the place that an error names ("labels/7.txt, line 3"), and raises
`FileFormatError` in one sentence if the value is not what the format says.
"""

from __future__ import annotations

import json
import math
import reprlib
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from abbild.core import FileFormatError
from abbild.images.annotation import Box

__all__ = [
    "IMAGE_SUFFIXES",
    "LARGEST_IMAGE",
    "beside",
    "box",
    "broken",
    "decimal",
    "image_size",
    "inside",
    "known_size",
    "load_json",
    "mapping",
    "matrix",
    "number",
    "numbers",
    "parse_json",
    "read_text",
    "said",
    "sequence",
    "text",
    "whole",
]

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".gif"}
)
LARGEST_IMAGE = 1 << 27  # pixels
_LARGEST = 1e9  # of a coordinate, in pixels or metres
_LONGEST_NAME = 255  # bytes of a file's or folder's name, on most file systems
_LARGEST_TEXT = 1 << 31  # bytes of a file read whole
_DAMAGE = (OSError, ValueError, SyntaxError, EOFError, TypeError, struct.error)


def broken(where: str | Path, what: str, *, hint: str = "") -> FileFormatError:
    """Return the error for a file that is not what its format says."""
    return FileFormatError(f"{where}: {what}", hint=hint)


def said(error: Exception) -> str:
    """Return what another package's error says, on one line."""
    return " ".join(str(error).split())[:200]


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file, with or without a byte order mark."""
    try:
        if path.stat().st_size > _LARGEST_TEXT:
            raise broken(path, "more than 2 GiB of text", hint="split the data set")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise broken(path, "the text is not UTF-8", hint="convert it first") from error
    except OSError as error:
        raise broken(path, f"cannot be read ({error.strerror or error})") from error


def load_json(path: Path) -> Any:
    """Return what a JSON file holds; NaN and infinities are no JSON."""
    return parse_json(read_text(path), str(path))


def parse_json(content: str, where: str) -> Any:
    """Return what a JSON text holds."""
    if not content.strip():
        raise broken(where, "the file is empty")
    try:
        return json.loads(content, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise broken(where, f"no valid JSON ({said(error)})", hint="is the file whole?") from error


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    """Return `value` if it is a JSON object."""
    if not isinstance(value, Mapping):
        raise broken(where, f"an object is wanted, not {_short(value)}")
    return value


def sequence(entry: Mapping[str, Any], key: str, where: str) -> list[Any]:
    """Return the list that `entry` holds under `key`."""
    value = _present(entry, key, where)
    if not isinstance(value, list):
        raise broken(where, f"{key} is a list, not {_short(value)}")
    return value


def text(entry: Mapping[str, Any], key: str, where: str, default: str | None = None) -> str:
    """Return the string that `entry` holds under `key`."""
    value = _present(entry, key, where) if default is None else entry.get(key, default)
    if not isinstance(value, str):
        raise broken(where, f"{key} is text, not {_short(value)}")
    return value


def _present(entry: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in entry:
        raise broken(where, f"{key} is missing")
    return entry[key]


def whole(
    entry: Mapping[str, Any], key: str, where: str, *, low: int = 0, default: int | None = None
) -> int:
    """Return the whole number in [low, 2^53] that `entry` holds under `key`."""
    value = _present(entry, key, where) if default is None else entry.get(key, default)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= 1 << 53:
        raise broken(where, f"{key} is a whole number from {low}, not {_short(value)}")
    return value


def number(value: Any, key: str, where: str) -> float:
    """Return a finite number of at most 10^9 in size."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise broken(where, f"{key} is a number, not {_short(value)}")
    if not abs(value) <= _LARGEST:  # NaN too
        raise broken(where, f"{key} is a number between -1e9 and 1e9, not {_short(value)}")
    return float(value)


def decimal(word: str, key: str, where: str) -> float:
    """Return the number a word of a text file stands for."""
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not abs(value) <= _LARGEST:
        raise broken(where, f"{key} is a number between -1e9 and 1e9, not {_short(word)}")
    return value


def numbers(value: Any, count: int, key: str, where: str) -> NDArray[np.float64]:
    """Return `count` finite numbers, (count,) float64."""
    if not isinstance(value, list | tuple) or len(value) != count:
        raise broken(where, f"{key} is a list of {count} numbers, not {_short(value)}")
    return np.array([number(one, key, where) for one in value], np.float64)


def matrix(value: Any, size: int, key: str, where: str) -> NDArray[np.float64] | None:
    """Return a (size, size) float64 matrix from its rows one after the other; None from None."""
    if value is None:
        return None
    return numbers(value, size * size, key, where).reshape(size, size)


def box(corners: tuple[float, float, float, float], where: str) -> Box:
    """Return a box with finite corners, the first of them not beyond the second."""
    x0, y0, x1, y1 = (number(v, "a corner of the box", where) for v in corners)
    if x1 < x0 or y1 < y0:
        raise broken(where, f"the box ends before it begins: {x0:g} {y0:g} {x1:g} {y1:g}")
    return x0, y0, x1, y1


def known_size(width: int, height: int, where: str) -> tuple[int, int]:
    """Return the size of an image if it is one."""
    if width < 1 or height < 1 or width * height > LARGEST_IMAGE:
        raise broken(where, f"an image of {width} x {height} pixels cannot be")
    return width, height


def image_size(source: Path | IO[bytes], where: str | Path) -> tuple[int, int]:
    """Return width and height of an image file from its header; the pixels are not decoded.

    The orientation that a photograph's EXIF data asks for is not applied.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # we have a limit of our own
            with Image.open(source) as image:
                width, height = image.size
    except FileNotFoundError as error:
        raise broken(where, "there is no such image") from error
    except Image.DecompressionBombError as error:
        raise broken(where, f"an image has at most {LARGEST_IMAGE:,} pixels") from error
    except _DAMAGE as error:
        raise broken(where, "no readable image", hint="is the file whole?") from error
    return known_size(width, height, str(where))


def inside(name: str, where: str | Path) -> str:
    """Return a relative path with "/" that stays below the folder it starts from.

    Backslashes, as Windows writes them, are taken as separators.

    Raises
    ------
    FileFormatError
        If the path is absolute, names a drive, climbs with ``..`` or holds control characters.
    """
    path = name.replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    outside = path.startswith("/") or ".." in parts or (parts and ":" in parts[0])
    if outside or not parts or any(ord(letter) < 32 for letter in path):
        raise broken(
            where,
            f"the file name {_short(name)} leads out of the data set",
            hint="names must be relative to the folder of the data set, without ..",
        )
    if any(len(part.encode("utf-8", "replace")) > _LONGEST_NAME for part in parts):
        raise broken(where, f"the file name {_short(name)} is too long")
    return "/".join(parts)


def beside(root: Path, name: str, where: str | Path) -> str:
    """Return `inside` of a file that exists below `root`, also after links are followed."""
    relative = inside(name, where)
    try:
        real = (root / relative).resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise broken(where, f"the file {_short(relative)} is not there") from error
    if not real.is_relative_to(root.resolve()):
        raise broken(
            where,
            f"the file {_short(relative)} is a link that leads out of the data set",
            hint="copy the file in its place",
        )
    if not real.is_file():
        raise broken(where, f"{_short(relative)} is no file")
    return relative


_shallow = reprlib.Repr()  # lists of lists that YAML repeats would have no end of a repr
_shallow.maxlevel = 2


def _short(value: Any) -> str:
    try:
        shown = _shallow.repr(value) if isinstance(value, list | dict) else repr(value)
    except ValueError:  # whole numbers of thousands of digits have no repr
        shown = "a huge number"
    return shown if len(shown) <= 60 else shown[:57] + "..."
