"""Pictures as PNG: quickly, the same bytes every time, marked as synthetic."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.core import FileFormatError, ShapeError, atomically

__all__ = ["SYNTHETIC", "png_bytes", "write_png"]

SYNTHETIC = {"abbild": "synthetic"}  # text chunk of every picture we make

Pixels = NDArray[np.uint8]


def png_bytes(
    pixels: Pixels, text: Mapping[str, str] | None = None, *, small: bool = False
) -> bytes:
    """Return a picture as a PNG file that says it is synthetic.

    Parameters
    ----------
    pixels : (h, w, 3) sRGB or (h, w) grey, uint8, at least 1 x 1
    text : further text chunks, by keyword; a keyword has 1 to 79 Latin-1 characters
    small : search for repetitions too, for pictures with flat areas such as diagrams

    Raises
    ------
    ShapeError
        If `pixels` are no such array.
    FileFormatError
        If a keyword cannot stand in a PNG.

    Notes
    -----
    Each row takes the filter (left, above or their mean) with the smallest sum of absolute
    residuals, as the PNG specification recommends. In pictures with sensor noise the residuals
    hardly repeat, so they are only run-length and Huffman coded: measured on 256 x 256 with noise
    of 2 levels 2 ms and 87 kB, where the usual compression level 6 takes 28 ms for 90 kB; without
    any noise 2 ms and 32 kB against 9 ms and 21 kB. The bytes hold no time and no path, and
    depend on nothing but the picture, the text and the version of zlib.
    """
    pixels = _checked(pixels)
    height, width = pixels.shape[:2]
    color = 2 if pixels.ndim == 3 else 0
    strategy = (6, zlib.Z_FILTERED) if small else (1, zlib.Z_RLE)
    packer = zlib.compressobj(strategy[0], zlib.DEFLATED, 15, 9, strategy[1])
    body = packer.compress(_filtered(pixels)) + packer.flush()
    chunks = [_chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, color, 0, 0, 0))]
    chunks += [_text_chunk(key, value) for key, value in {**SYNTHETIC, **(text or {})}.items()]
    chunks += [_chunk(b"IDAT", body), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def write_png(
    pixels: Pixels, path: Path | str, text: Mapping[str, str] | None = None, *, small: bool = False
) -> None:
    """Write `png_bytes` to `path`, whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written there.
    """
    content = png_bytes(pixels, text, small=small)
    with atomically(Path(path)) as part:
        part.write_bytes(content)


def _checked(pixels: Any) -> Pixels:
    array = np.asarray(pixels)
    whole = array.dtype == np.uint8 and array.size > 0
    if not whole or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)):
        raise ShapeError(
            f"a picture of shape {array.shape} and type {array.dtype}",
            hint="give (height, width, 3) or (height, width) as uint8",
        )
    return array


def _filtered(pixels: Pixels) -> bytes:
    """Return the rows as PNG stores them: the number of the filter, then the residuals."""
    height = len(pixels)
    left, above = np.zeros_like(pixels), np.zeros_like(pixels)
    left[:, 1:] = pixels[:, :-1]
    above[1:] = pixels[:-1]
    mean = (left & above) + ((left ^ above) >> 1)  # rounded down, without a wider type
    residuals = np.stack([(pixels - guess).reshape(height, -1) for guess in (left, above, mean)])
    # the residual 255 is a step of -1
    cost = np.minimum(residuals, 0 - residuals).sum(axis=2, dtype=np.int64)
    best = cost.argmin(axis=0)
    rows = np.empty((height, 1 + residuals.shape[2]), np.uint8)
    rows[:, 0] = best + 1
    rows[:, 1:] = residuals[best, np.arange(height)]
    return rows.tobytes()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return (
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
    )


def _text_chunk(key: str, value: str) -> bytes:
    try:
        name = key.encode("latin-1")
    except UnicodeEncodeError:
        name = b""
    if not 1 <= len(name) <= 79 or not key.isprintable() or key != key.strip():
        raise FileFormatError(
            f"{key!r} cannot name a text of a PNG", hint="use 1 to 79 Latin-1 characters"
        )
    try:
        return _chunk(b"tEXt", name + b"\0" + value.replace("\0", "").encode("latin-1"))
    except UnicodeEncodeError:
        content = value.replace("\0", "").encode("utf-8", "replace")
        return _chunk(b"iTXt", name + b"\0\0\0\0\0" + content)
