"""Labels drawn over a picture, so that people can check them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from abbild.core import ShapeError
from abbild.images.annotation import Annotation, Box, Keypoint
from abbild.images.lettering import fitted, legible, width, write

__all__ = ["category_color", "draw_labels"]

Pixels = NDArray[np.uint8]
Color = tuple[int, int, int]

LEGIBLE_PX = 192  # a picture whose longer side is below half of it is enlarged first
TINT = 0.22  # opacity of a mask that covers little of the picture
LITTLE = 0.08  # share of the picture; larger masks are tinted less, or they hide what they cover
RIM = 0.85  # opacity of its outermost pixels
WORDS = 0.15  # share of the picture that names may cover
# Okabe and Ito (2008), without black: eight-colour palette told apart with any colour vision.
PALETTE: tuple[Color, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)


def category_color(label: str, categories: Sequence[str] = ()) -> Color:
    """Return the sRGB colour of a category.

    Parameters
    ----------
    label : the category
    categories : all of the data set; the first seven have the seven colours. A category that is
        not among them has the colour its name hashes to, the same in every picture
    """
    if label in categories:
        place = list(categories).index(label)
    else:
        place = hashlib.blake2b(label.encode("utf-8", "replace"), digest_size=4).digest()[0]
    color, turn = PALETTE[place % len(PALETTE)], place // len(PALETTE) % 3
    if turn == 0 or label not in categories:
        return color
    # beyond seven: lighter, then darker
    target, part = ((255, 255, 255), 0.45) if turn == 1 else ((0, 0, 0), 0.4)
    mixed = [round(a + part * (b - a)) for a, b in zip(color, target, strict=True)]
    return (mixed[0], mixed[1], mixed[2])


def draw_labels(
    pixels: Pixels,
    annotations: Sequence[Annotation],
    *,
    scale: float = 1,
    categories: Sequence[str] = (),
) -> Pixels:
    """Return the picture with boxes, masks, keypoints and names of its objects drawn over it.

    The box of what is visible is solid, and just outside of the object where there is room; the
    box of the whole silhouette is dashed, where it differs. Masks are a tint with a firm rim,
    keypoints are discs, hollow if hidden. Names are left out where they would cover another
    object, another name, or together more than 15 % of the picture.

    Parameters
    ----------
    pixels : (h, w, 3) uint8
    annotations : in pixels of `pixels`
    scale : factor on the size before anything is drawn; rounded down to a whole number above 1.
        A picture below 96 pixels is enlarged to at most 192 in any case
    categories : see `category_color`

    Returns
    -------
    uint8 (h * factor, w * factor, 3)

    Raises
    ------
    ShapeError
        If `pixels` is no picture or `scale` not above 0.

    Notes
    -----
    About 1 ms for each object and 3 ms for each megapixel of the result.
    """
    base, factor = _enlarged(pixels, scale)
    if not annotations:
        return base
    color = {one.label: category_color(one.label, categories) for one in annotations}
    for one in annotations:
        if one.mask is not None:
            _tint(base, one.mask, factor, color[one.label])
    image = Image.fromarray(base)
    pen = _Pen(ImageDraw.Draw(image), image.width, image.height, factor)
    for one in annotations:
        pen.boxes(one, color[one.label])
    for one in annotations:
        for point in one.keypoints:
            pen.keypoint(point, color[one.label])
    pen.names(annotations, color)
    return np.asarray(image)


def _enlarged(pixels: Pixels, scale: float) -> tuple[Pixels, float]:
    pixels = np.asarray(pixels)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise ShapeError(
            f"a picture of shape {pixels.shape} and type {pixels.dtype}",
            hint="give (height, width, 3) as uint8",
        )
    if not (math.isfinite(scale) and scale > 0):
        raise ShapeError(f"scale is {scale}", hint="give a number above 0")
    height, width = pixels.shape[:2]
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = Image.fromarray(pixels).resize(size, Image.Resampling.BOX)
        return np.array(small), size[0] / width
    factor = max(int(scale), LEGIBLE_PX // max(height, width))
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1), float(factor)


def _tint(base: Pixels, mask: NDArray[np.bool_], factor: float, color: Color) -> None:
    """Blend a colour into `base` where `mask` is, in place."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return
    height, width = base.shape[:2]
    top, left = int(rows[0] * factor), int(columns[0] * factor)
    bottom = min(height, math.ceil((rows[-1] + 1) * factor))
    right = min(width, math.ceil((columns[-1] + 1) * factor))
    # the pixel of the mask that lies under the centre of each pixel of the picture
    i = np.minimum(((np.arange(top, bottom) + 0.5) / factor).astype(int), mask.shape[0] - 1)
    j = np.minimum(((np.arange(left, right) + 0.5) / factor).astype(int), mask.shape[1] - 1)
    inside = np.pad(mask[np.ix_(i, j)], 1)
    core = inside[1:-1, 1:-1]
    deep = core & inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    tint = TINT * min(1.0, LITTLE / float(mask.mean()))
    opacity = np.where(deep, tint, np.where(core, RIM, 0.0))[..., None]
    patch = base[top:bottom, left:right]
    patch[...] = np.rint(patch * (1 - opacity) + np.array(color) * opacity).astype(np.uint8)


@dataclass(frozen=True)
class _Pen:
    canvas: ImageDraw.ImageDraw
    width: int
    height: int
    factor: float

    @property
    def line(self) -> int:
        """Thickness of a line, pixels."""
        return 1 if max(self.width, self.height) < 160 else 2

    @property
    def letter(self) -> int:
        """Size of letters, pixels."""
        return int(min(16, max(11, max(self.width, self.height) / 48)))

    def boxes(self, one: Annotation, color: Color) -> None:
        """Draw the boxes of one object."""
        visible, amodal = one.box, one.amodal_box
        if amodal is not None and (visible is None or _differs(visible, amodal)):
            self._dashed(self._place(amodal, 0), color)
        if visible is not None:
            corners = self._place(visible, self.line)
            self._outline(corners, self.line, color)

    def _place(self, box: Box, margin: int) -> tuple[int, int, int, int]:
        """Return the first and last column and row of a frame around `box`, inside the picture."""
        x0, y0, x1, y1 = (float(v) * self.factor for v in box)
        left, top = math.floor(x0 + 0.5) - margin, math.floor(y0 + 0.5) - margin
        right, bottom = math.ceil(x1 - 0.5) - 1 + margin, math.ceil(y1 - 0.5) - 1 + margin
        left, right = (min(max(v, 0), self.width - 1) for v in (left, right))
        top, bottom = (min(max(v, 0), self.height - 1) for v in (top, bottom))
        return left, top, max(left, right), max(top, bottom)

    def _outline(self, corners: tuple[int, int, int, int], line: int, color: Color) -> None:
        left, top, right, bottom = corners
        if max(self.width, self.height) >= 300:  # a dark edge keeps light colours visible
            dark = tuple(c // 3 for c in color)
            self.canvas.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=dark)
        self.canvas.rectangle(corners, outline=color, width=line)

    def _dashed(self, corners: tuple[int, int, int, int], color: Color) -> None:
        left, top, right, bottom = corners
        dash = 4 if max(self.width, self.height) < 300 else 7
        for start in range(left, right + 1, 2 * dash):
            end = min(start + dash - 1, right)
            self.canvas.line([(start, top), (end, top)], fill=color)
            self.canvas.line([(start, bottom), (end, bottom)], fill=color)
        for start in range(top, bottom + 1, 2 * dash):
            end = min(start + dash - 1, bottom)
            self.canvas.line([(left, start), (left, end)], fill=color)
            self.canvas.line([(right, start), (right, end)], fill=color)

    def keypoint(self, point: Keypoint, color: Color) -> None:
        """Draw a keypoint that is in the picture."""
        x, y = point.x * self.factor, point.y * self.factor
        if point.visibility == 0 or not (math.isfinite(x) and math.isfinite(y)):
            return
        radius = 2 * self.line
        around = (x - radius - 0.5, y - radius - 0.5, x + radius - 0.5, y + radius - 0.5)
        if point.visibility == 1:
            self.canvas.ellipse(around, outline=color, width=self.line)
        else:
            self.canvas.ellipse(around, fill=color, outline="white")

    def names(self, annotations: Sequence[Annotation], colors: dict[str, Color]) -> None:
        """Write names beside boxes, the largest objects first."""
        seen = [one for one in annotations if one.box is not None]
        places = np.array([self._place(one.box, 0) for one in seen if one.box is not None])
        taken: list[tuple[int, int, int, int]] = []
        budget = WORDS * self.width * self.height
        order = sorted(range(len(seen)), key=lambda k: -_area(places[k]))
        for k in order[:200]:
            chip = self._chip(legible(seen[k].label), k, places, taken)
            if chip is None or (budget := budget - _area(chip[1])) < 0:
                continue
            taken.append(chip[1])
            self._write(chip, colors[seen[k].label])

    def _chip(
        self,
        name: str,
        k: int,
        places: NDArray[np.int64],
        taken: list[tuple[int, int, int, int]],
    ) -> tuple[str, tuple[int, int, int, int]] | None:
        """Return the name as it is written and its place; None if there is none."""
        name = fitted(name, self.letter, int(0.45 * self.width))
        if not name:
            return None
        wide, high = width(name, self.letter) + 6, self.letter + 4
        left, top, right, bottom = (int(v) for v in places[k])
        x = min(max(left - self.line, 0), self.width - wide)
        above, below = top - self.line - high, bottom + self.line + 1
        options = [(x, above), (x, below)]
        if 4 * wide * high < (right - left) * (bottom - top):
            options.append((max(left, 0), max(top, 0)))
        others = np.delete(places, k, axis=0)
        for column, row in options:
            chip = (column, row, column + wide - 1, row + high - 1)
            if self._free(chip, others, taken):
                return name, chip
        return None

    def _free(
        self,
        chip: tuple[int, int, int, int],
        others: NDArray[np.int64],
        taken: list[tuple[int, int, int, int]],
    ) -> bool:
        left, top, right, bottom = chip
        if left < 0 or top < 0 or right >= self.width or bottom >= self.height:
            return False
        if taken and _common(chip, np.array(taken)).any():
            return False
        sizes = (others[:, 2] - others[:, 0] + 1) * (others[:, 3] - others[:, 1] + 1)
        return not bool((4 * _common(chip, others) > sizes).any())  # a quarter may be covered

    def _write(self, chip: tuple[str, tuple[int, int, int, int]], color: Color) -> None:
        name, place = chip
        self.canvas.rectangle(place, fill=color)
        bright = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] > 110
        ink = "black" if bright else "white"
        middle = (place[0] + 3, (place[1] + place[3] + 1) / 2)
        write(self.canvas, middle, name, self.letter, ink, "lm")


def _differs(one: Box, other: Box) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) > 1


def _area(place: Sequence[int] | NDArray[np.int64]) -> int:
    return int((place[2] - place[0] + 1) * (place[3] - place[1] + 1))


def _common(chip: tuple[int, int, int, int], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the area that a rectangle has in common with each of `places`, (n, 4) inclusive."""
    wide = np.minimum(chip[2], places[:, 2]) - np.maximum(chip[0], places[:, 0]) + 1
    high = np.minimum(chip[3], places[:, 3]) - np.maximum(chip[1], places[:, 1]) + 1
    common: NDArray[np.int64] = np.maximum(wide, 0) * np.maximum(high, 0)
    return common
