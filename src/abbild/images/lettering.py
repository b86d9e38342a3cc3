"""Words on pictures: one small font that is always there, and how to write with it."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from abbild.images.glyphs import MODULES, glyph_strokes

__all__ = ["fitted", "font", "legible", "width", "write"]

_SPELLED = str.maketrans(
    {"ẞ": "SS", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "Ae"}
    | {"œ": "oe", "Œ": "Oe", "đ": "d", "Đ": "D", "ı": "i", "þ": "th", "ð": "d", "×": "x"}
    | {"–": "-", "—": "-", "−": "-", "’": "'", "‘": "'", "“": '"', "”": '"', "µ": "u", "μ": "u"}
)
_DOTTED = str.maketrans("äöüÄÖÜ", "aouAOU")  # the font has none of them, nor ß: we draw what lacks
_OURS = "äöüÄÖÜß"
_AS_WIDE = "b"  # as ß
_FINER = 8  # times, when ß is drawn

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@cache
def font(size: int) -> Font:
    """Return the font that comes with Pillow; it has the letters of ASCII and "·", "…"."""
    return ImageFont.load_default(size)


def legible(text: str) -> str:
    """Return `text` in letters that can be written: those of ASCII and German, "·" and "…".

    Other accents are left out, foreign scripts are "?". Text without any letter or digit left is
    empty.
    """
    plain = unicodedata.normalize("NFC", " ".join(text.split()).translate(_SPELLED))
    shown = "".join(_letters(c) for c in plain)
    return shown if any(c.isalnum() for c in shown) else ""


def _letters(char: str) -> str:
    if char in _OURS:
        return char
    parts = unicodedata.normalize("NFKD", char)
    kept = (c for c in parts if not unicodedata.combining(c))
    return "".join(c if " " <= c <= "~" or c in "·…" else "?" for c in kept)


def width(text: str, size: int) -> int:
    """Return how many pixels wide `text` is."""
    return round(_length(text, size))


def _length(text: str, size: int) -> float:
    return float(font(size).getlength(text.translate(_DOTTED).replace("ß", _AS_WIDE)))


def fitted(text: str, size: int, room: int) -> str:
    """Return as much of `text` as fits into `room` pixels, with "…" where it is cut; "" if none."""
    text = text[:400]
    if width(text, size) <= room:
        return text
    fits = 0
    low, high = 0, len(text)
    while low <= high:  # wider with every letter, so bisection finds the last that fits
        middle = (low + high) // 2
        if width(text[:middle].rstrip() + "…", size) <= room:
            fits, low = middle, middle + 1
        else:
            high = middle - 1
    return text[:fits].rstrip() + "…" if fits else ""


def write(
    canvas: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    size: int,
    fill: Any,
    anchor: str = "la",
) -> None:
    """Write `text`, as `legible` returns it, in letters `size` pixels high.

    Parameters
    ----------
    anchor : what `place` is: "la" the left upper corner, "lm" the middle of the left side
    """
    letters = font(size)
    if not isinstance(letters, ImageFont.FreeTypeFont) or not set(text) & set(_OURS):
        canvas.text(place, text.translate(_DOTTED), fill=fill, font=letters, anchor=anchor)
        return
    ascent, descent = letters.getmetrics()
    x, base = place[0], place[1] + (ascent if anchor == "la" else (ascent - descent) / 2)
    for k, part in enumerate(text.split("ß")):
        if k:
            _draw_sharp_s(canvas, (x, base), size, fill)
            x += _length("ß", size)
        plain = part.translate(_DOTTED)
        canvas.text((x, base), plain, fill=fill, font=letters, anchor="ls")
        for at, char in enumerate(part):
            if char in _OURS:
                before = letters.getlength(plain[: at + 1]) - letters.getlength(plain[at])
                _draw_dots(canvas, (x + before, base), plain[at], size, fill)
        x += _length(part, size)


def _draw_dots(
    canvas: ImageDraw.ImageDraw, place: tuple[float, float], char: str, size: int, fill: Any
) -> None:
    """Draw the two dots above a letter that stands on the line at `place`."""
    left, top, right, _ = font(size).getbbox(char, anchor="ls")
    side = max(1, round(0.1 * size))
    low = round(place[1] + top - 0.07 * size)
    middle, apart = place[0] + (left + right) / 2, max(0.14 * size, 0.5 + side / 2)
    for x in (round(middle - apart - side / 2), round(middle + apart - side / 2)):
        canvas.rectangle((x, low - side, x + side - 1, low - 1), fill=fill)


def _draw_sharp_s(
    canvas: ImageDraw.ImageDraw, place: tuple[float, float], size: int, fill: Any
) -> None:
    _, top, _, _ = font(size).getbbox("H", anchor="ls")
    mask = _sharp_s(round(-top), round(_length("ß", size)))
    canvas.bitmap((round(place[0]), round(place[1]) - mask.height), mask, fill=fill)


@cache
def _sharp_s(high: int, wide: int) -> Image.Image:
    """Return how much of each pixel an "ß" covers."""
    large = Image.new("L", (wide * _FINER, high * _FINER))
    pen = ImageDraw.Draw(large)
    scale = np.array([high, -high]) * _FINER
    for line in glyph_strokes("ß", 0.85 * MODULES / 3.9 * wide / high):
        points = [tuple(point) for point in (line + np.array([0.07, -1.0])) * scale]
        pen.line(points, fill=255, width=round(high * _FINER / 8), joint="curve")
    return large.resize((wide, high), Image.Resampling.BOX)
