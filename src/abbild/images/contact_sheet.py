"""Many labelled pictures on one sheet, and a few of them as values for a report."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from abbild.core import ShapeError
from abbild.images.annotation import Example
from abbild.images.lettering import fitted, legible, width, write
from abbild.images.overlay import category_color, draw_labels
from abbild.images.png import png_bytes, write_png

__all__ = ["contact_sheet", "png_bytes", "sample_pictures", "write_png"]

Pixels = NDArray[np.uint8]

PAPER, INK, SOFT, LINE = (251, 250, 247), (30, 37, 45), (85, 96, 107), (220, 218, 211)
GAP, EDGE = 14, 20  # pixels between tiles, and around the sheet
CAPTION, SMALL, TITLE = 13, 12, 20  # sizes of letters
LEGEND = 12  # categories that are named in the legend
SHAPE = 1.4  # width to height of a sheet whose columns are not given


@dataclass(frozen=True, slots=True)
class _Tile:
    picture: Pixels
    name: str
    note: str


def contact_sheet(
    pictures: Sequence[tuple[Pixels, Example]],
    columns: int | None = None,
    tile_px: int = 220,
    title: str = "",
    footer: str = "",
) -> Pixels:
    """Return one picture that shows many, each with its labels drawn and a caption below.

    Parameters
    ----------
    pictures : pixels (h, w, 3) uint8, of any sizes, and what is true of them
    columns : pictures side by side; None makes the sheet a little wider than high
    tile_px : the longer side of a picture on the sheet, at least 32; small pictures are enlarged
        by whole factors, so that their pixels stay square
    title, footer : one line each; letters that the font does not have are "?"

    Returns
    -------
    uint8 (height, width, 3)

    Raises
    ------
    ShapeError
        If a size is out of range or something is no picture.
    """
    if tile_px < 32 or (columns is not None and columns < 1):
        raise ShapeError(
            f"a sheet of {columns} columns of {tile_px} pixels",
            hint="at least 1 column and 32 pixels",
        )
    categories = _categories([example for _, example in pictures])
    tiles = [_tile(pixels, example, tile_px, categories) for pixels, example in pictures]
    columns = max(1, min(columns or _columns(tiles, tile_px), len(tiles)))
    wide = max((tile.picture.shape[1] for tile in tiles), default=tile_px)
    wide = max(wide, min(tile_px, 110))  # room for a caption
    sheet = _Sheet(columns, wide, tiles)
    return sheet.drawn(legible(title), legible(footer), categories)


def sample_pictures(
    pictures: Iterable[tuple[Pixels, Example]],
    *,
    categories: Sequence[str] = (),
    limit: int = 24,
    side_px: int = 256,
    budget: int = 2_500_000,
) -> list[dict[str, Any]]:
    """Return pictures with their labels drawn as plain values, for the report on a data set.

    Parameters
    ----------
    pictures : pixels (h, w, 3) uint8 and what is true of them; only the first `limit` are taken
    categories : all of the data set, which decide the colours; none are those of these pictures
    side_px : the longer side of each is at most this
    budget : bytes of all together; when they would be more, pictures are made smaller

    Returns
    -------
    list of {file, label, caption, objects, shown, width, height, png}: the number of labelled
    objects and of those of which something is visible, the size of the original, and the drawn
    picture as a PNG in base 64
    """
    chosen = [pair for pair, _ in zip(pictures, range(limit), strict=False)]
    categories = categories or _categories([example for _, example in chosen])
    while True:
        images = [png_bytes(_drawn(p, e, side_px, categories), small=True) for p, e in chosen]
        if sum(map(len, images)) <= budget or side_px <= 48:
            break
        side_px = max(48, int(side_px * 0.75))
    return [
        {
            "file": example.file,
            "label": example.label,
            "caption": example.caption,
            "objects": len(example.annotations),
            "shown": _shown(example),
            "width": example.width,
            "height": example.height,
            "png": base64.b64encode(image).decode("ascii"),
        }
        for (_, example), image in zip(chosen, images, strict=True)
    ]


def _categories(examples: Iterable[Example]) -> list[str]:
    return sorted({one.label for example in examples for one in example.annotations})


def _shown(example: Example) -> int:
    return sum(one.box is not None for one in example.annotations)


def _drawn(pixels: Pixels, example: Example, side_px: int, categories: Sequence[str]) -> Pixels:
    scale = side_px / max(1, *np.shape(pixels)[:2])
    return draw_labels(pixels, example.annotations, scale=scale, categories=categories)


def _tile(pixels: Pixels, example: Example, tile_px: int, categories: Sequence[str]) -> _Tile:
    picture = _drawn(pixels, example, tile_px, categories)
    if max(picture.shape[:2]) > tile_px:  # enlarged so that names are legible, on a small tile
        small = Image.fromarray(picture)
        small.thumbnail((tile_px, tile_px), Image.Resampling.BOX)
        picture = np.asarray(small)
    count, shown = len(example.annotations), _shown(example)
    note = f"{count} object" + ("" if count == 1 else "s") if count else ""
    if shown < count:
        note += f", {shown} visible"
    named = legible(example.label) or legible(example.caption) or f"image {example.index}"
    return _Tile(picture, named, note)


def _columns(tiles: Sequence[_Tile], tile_px: int) -> int:
    """Return the number of columns that makes the sheet about `SHAPE` times as wide as high."""
    high = max((tile.picture.shape[0] for tile in tiles), default=tile_px) + 40
    wide = max((tile.picture.shape[1] for tile in tiles), default=tile_px) + GAP
    columns = max(1, round(math.sqrt(SHAPE * len(tiles) * high / wide)))
    rows = math.ceil(len(tiles) / columns)
    return math.ceil(len(tiles) / max(1, rows))  # no more empty places than needed


class _Sheet:
    """Places tiles row by row; every row is as high as its highest picture."""

    def __init__(self, columns: int, wide: int, tiles: Sequence[_Tile]) -> None:
        self.wide = wide
        self.rows = [tiles[k : k + columns] for k in range(0, len(tiles), columns)]
        self.width = max(360, 2 * EDGE + columns * wide + (columns - 1) * GAP)
        self.caption = CAPTION + 8 + (SMALL + 4 if any(tile.note for tile in tiles) else 0)

    def drawn(self, title: str, footer: str, categories: Sequence[str]) -> Pixels:
        """Return the sheet."""
        legend = self._legend(categories)
        tops, y = [], EDGE + (TITLE + 16 if title else 0) + len(legend) * (SMALL + 10)
        for row in self.rows:
            tops.append(y)
            y += max(tile.picture.shape[0] for tile in row) + self.caption + GAP
        height = y + (SMALL + 10 if footer else 0) + EDGE - GAP * bool(self.rows)
        height = max(height, 80)
        image = Image.new("RGB", (self.width, height), PAPER)
        canvas = ImageDraw.Draw(image)
        room = self.width - 2 * EDGE
        if title:
            write(canvas, (EDGE, EDGE - 4), fitted(title, TITLE, room), TITLE, INK)
        self._draw_legend(canvas, EDGE + (TITLE + 16 if title else 0), legend)
        if not self.rows:
            write(canvas, (EDGE, y), "No pictures.", CAPTION, SOFT)
        for row, top in zip(self.rows, tops, strict=True):
            self._draw_row(image, canvas, row, top)
        if footer:
            place = (EDGE, height - EDGE - SMALL + 2)
            write(canvas, place, fitted(footer, SMALL, room), SMALL, SOFT)
        return np.asarray(image)

    def _draw_row(
        self, image: Image.Image, canvas: ImageDraw.ImageDraw, row: Sequence[_Tile], top: int
    ) -> None:
        high = max(tile.picture.shape[0] for tile in row)
        for k, tile in enumerate(row):
            left = EDGE + k * (self.wide + GAP)
            h, w = tile.picture.shape[:2]
            x, y = left + (self.wide - w) // 2, top + high - h
            image.paste(Image.fromarray(tile.picture), (x, y))
            canvas.rectangle((x - 1, y - 1, x + w, y + h), outline=LINE)
            place = (x, top + high + 5)
            room = left + self.wide - x
            write(canvas, place, fitted(tile.name, CAPTION, room), CAPTION, INK)
            if tile.note:
                place = (x, place[1] + CAPTION + 4)
                write(canvas, place, fitted(tile.note, SMALL, room), SMALL, SOFT)

    def _legend(self, categories: Sequence[str]) -> list[list[tuple[int, str, tuple[int, ...]]]]:
        """Return lines of (place, name, colour)."""
        lines: list[list[tuple[int, str, tuple[int, ...]]]] = []
        x = self.width
        entries = [(legible(c) or "?", category_color(c, categories)) for c in categories[:LEGEND]]
        rest = len(categories) - LEGEND
        if rest > 0:
            entries.append((f"and {rest} more", PAPER))
        for name, color in entries:
            name = fitted(name, SMALL, 150)
            wide = width(name, SMALL) + 36
            if x + wide > self.width - EDGE + 20:
                lines.append([])
                x = EDGE
            lines[-1].append((x, name, color))
            x += wide
        return lines

    def _draw_legend(
        self,
        canvas: ImageDraw.ImageDraw,
        top: int,
        lines: Sequence[Sequence[tuple[int, str, tuple[int, ...]]]],
    ) -> None:
        for k, line in enumerate(lines):
            y = top + k * (SMALL + 10)
            for x, name, color in line:
                indent = 0 if color == PAPER else 16
                if indent:
                    canvas.rectangle((x, y + 1, x + 10, y + 11), fill=color)
                write(canvas, (x + indent, y - 1), name, SMALL, SOFT)
