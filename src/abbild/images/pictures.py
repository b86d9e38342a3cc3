"""Photographs from files: PNG, JPEG and what else Pillow reads, and Radiance .hdr."""

from __future__ import annotations

import math
import re
import warnings
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from abbild.images.errors import AssetError

__all__ = [
    "channels",
    "decode_picture",
    "is_picture",
    "read_file",
    "read_hdr",
    "read_picture",
    "resized",
]

Pixels = NDArray[np.uint8]
Singles = NDArray[np.float32]
MOST_PIXELS = 100_000_000
MOST_BYTES = 1_000_000_000
MAGIC = re.compile(rb"#\?(RADIANCE|RGBE)")


def read_file(path: str | Path, most: int = MOST_BYTES) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    AssetError
        Missing, a folder, not readable, empty, or larger than `most` bytes.
    """
    place = Path(path)
    try:
        size = place.stat().st_size
        if place.is_dir():
            raise AssetError(f"{place} is a folder, not a file")
        if size == 0:
            raise AssetError(f"{place} is empty")
        if size > most:
            raise AssetError(f"{place} has {size:,} bytes, more than {most:,}")
        return place.read_bytes()
    except FileNotFoundError as error:
        raise AssetError(
            f"there is no file {place}", hint="paths are relative to the recipe"
        ) from error
    except (OSError, ValueError) as error:
        raise AssetError(f"{place} cannot be read: {error}") from error


def read_picture(path: str | Path, longest_px: int = 0) -> Pixels:
    """Read a photograph as it is meant to be seen, (h, w, 3) uint8 sRGB; kept while unchanged.

    Transparent parts are laid on white, the camera's orientation is applied, 16 bits become 8,
    of an animation the first picture counts.

    Parameters
    ----------
    longest_px : larger pictures are shrunk so that the longer edge has this many; 0 leaves them

    Raises
    ------
    AssetError
        Missing, empty, not a picture, damaged, over 100 million pixels.
    """
    return _cached(Path(path), longest_px, *_stamp(Path(path)))


def decode_picture(content: bytes, name: str, longest_px: int = 0) -> Pixels:
    """Like `read_picture`, from the bytes of a file called `name`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(content)) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise AssetError(
                        f"{name} has {image.width} x {image.height} pixels, "
                        f"more than {MOST_PIXELS:,}",
                        hint="shrink it first",
                    )
                image.load()
                return _plain(ImageOps.exif_transpose(image), longest_px)
    except UnidentifiedImageError as error:
        raise AssetError(f"{name} is not a picture", hint="PNG and JPEG always work") from error
    except Image.DecompressionBombError as error:
        raise AssetError(f"{name} has more than {MOST_PIXELS:,} pixels") from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError) as error:
        raise AssetError(f"{name} is damaged: {error}") from error


def read_hdr(path: str | Path) -> Singles:
    """Read a Radiance picture (.hdr, .pic), (h, w, 3) float32 linear.

    Raises
    ------
    AssetError
        Not such a file, cut off, in XYZ colours, or turned rows.

    References
    ----------
    Ward (1991), "Real pixels", Graphics Gems II; the file format of Radiance 3.
    """
    content = read_file(path)
    head, _, _ = content[:65536].partition(b"\n\n")
    if not MAGIC.match(head) or b"\n\n" not in content[:65536]:
        raise AssetError(f"{path} is not a Radiance picture (.hdr)")
    if b"FORMAT=32-bit_rle_xyze" in head:
        raise AssetError(f"{path} holds XYZ colours", hint="save it as RGBE")
    start = len(head) + 2
    end = content.find(b"\n", start)
    size = re.fullmatch(rb"-Y (\d{1,6}) \+X (\d{1,6})", content[start:end].strip())
    if end < 0 or not size:
        shown = content[start : max(end, start)][:40].decode("ascii", "replace")
        raise AssetError(f"{path} has the size line {shown!r}, not '-Y height +X width'")
    height, width = int(size[1]), int(size[2])
    if not 0 < height * width <= MOST_PIXELS:
        raise AssetError(f"{path} has {width} x {height} pixels")
    data = np.frombuffer(content, np.uint8, offset=end + 1)
    coded = np.zeros((height, width, 4), np.uint8)
    if _decode_rows(data, coded) < 0:
        raise AssetError(f"{path} is cut off or damaged")
    exposure = math.prod(_exposures(head)) or 1.0
    return _from_rgbe(coded) / np.float32(exposure)


def is_picture(content: bytes) -> bool:
    """Return whether the head of a file is that of a picture Pillow reads."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Image.open(BytesIO(content)).close()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
    return True


def channels(image: Any, longest_px: int) -> Pixels:
    """Return red, green and blue of a Pillow image as they are stored, (h, w, 3) uint8.

    Raises
    ------
    AssetError
        Damaged, or over 100 million pixels.
    """
    if image.width * image.height > MOST_PIXELS:
        raise AssetError(f"a picture of {image.width} x {image.height} pixels is too large")
    try:
        image.load()
        plain = image.convert("RGBA" if image.has_transparency_data else "RGB")
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise AssetError(f"a picture is damaged: {error}") from error
    return np.ascontiguousarray(np.asarray(_shrunk(plain, longest_px), np.uint8)[..., :3])


def resized(values: Singles, height: int, width: int) -> Singles:
    """Average or interpolate a float picture (h, w, 3) to another size; the mean stays."""
    if values.shape[:2] == (height, width):
        return values
    shrinks = height <= values.shape[0] and width <= values.shape[1]
    how = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    planes = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(values[..., k])).resize((width, height), how)
        )
        for k in range(3)
    ]
    return np.stack(planes, axis=-1).astype(np.float32)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return 0, 0
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=64)
def _cached(path: Path, longest_px: int, time: int, size: int) -> Pixels:
    pixels = decode_picture(read_file(path), str(path), longest_px)
    pixels.setflags(write=False)
    return pixels


def _plain(image: Any, longest_px: int) -> Pixels:
    if image.mode.startswith(("I", "F")):
        deep = np.asarray(image, np.float64)
        top = 65535.0 if image.mode.startswith("I") else 1.0
        grey = np.rint(np.clip(np.nan_to_num(deep) / top, 0, 1) * 255).astype(np.uint8)
        image = Image.fromarray(grey)
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        image = Image.new("RGBA", clear.size, "white")
        image.alpha_composite(clear)
    return np.array(_shrunk(image.convert("RGB"), longest_px), np.uint8)


def _shrunk(image: Any, longest_px: int) -> Any:
    longest = max(image.size)
    if not 0 < longest_px < longest:
        return image
    width, height = (max(round(edge * longest_px / longest), 1) for edge in image.size)
    return image.resize((width, height), Image.Resampling.BOX)


def _exposures(head: bytes) -> list[float]:
    values = []
    for text in re.findall(rb"EXPOSURE=\s*([0-9.eE+-]+)", head):
        try:
            values.append(float(text))
        except ValueError:
            continue
    return [value for value in values if math.isfinite(value) and value > 0]


def _from_rgbe(coded: Pixels) -> Singles:
    scale = np.ldexp(np.float32(1), coded[..., 3].astype(np.int32) - 136)
    scale[coded[..., 3] == 0] = 0
    result: Singles = coded[..., :3].astype(np.float32) * scale[..., None].astype(np.float32)
    return result


@njit(cache=True)
def _decode_rows(data: Pixels, out: Pixels) -> int:  # pragma: no cover
    """Unpack rows of either kind; the number of bytes read, or -1 if they do not suffice."""
    height, width = out.shape[0], out.shape[1]
    at, size = 0, len(data)
    for row in range(height):
        if at + 4 > size:
            return -1
        packed = (
            8 <= width < 32768
            and data[at] == 2
            and data[at + 1] == 2
            and (int(data[at + 2]) << 8) + int(data[at + 3]) == width
        )
        at = _packed_row(data, at + 4, out[row]) if packed else _plain_row(data, at, out[row])
        if at < 0:
            return -1
    return at


@njit(cache=True)
def _packed_row(data: Pixels, at: int, row: Pixels) -> int:  # pragma: no cover
    width, size = len(row), len(data)
    for channel in range(4):
        column = 0
        while column < width:
            if at >= size:
                return -1
            count = int(data[at])
            at += 1
            run = count > 128
            count = count - 128 if run else count
            if count == 0 or column + count > width or at + (1 if run else count) > size:
                return -1
            for k in range(count):
                row[column + k, channel] = data[at] if run else data[at + k]
            at += 1 if run else count
            column += count
    return at


@njit(cache=True)
def _plain_row(data: Pixels, at: int, row: Pixels) -> int:  # pragma: no cover
    width, size = len(row), len(data)
    column, shift = 0, 0
    while column < width:
        if at + 4 > size:
            return -1
        if data[at] == 1 and data[at + 1] == 1 and data[at + 2] == 1:
            count = int(data[at + 3]) << shift
            if column == 0 or column + count > width:
                return -1
            for k in range(4 * count):
                row[column + k // 4, k % 4] = row[column - 1, k % 4]
            column += count
            shift += 8
            if shift > 24:
                return -1
        else:
            for k in range(4):
                row[column, k] = data[at + k]
            column += 1
            shift = 0
        at += 4
    return at
