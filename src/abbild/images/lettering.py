"""Words on pictures: one small font that is always there, and how to write with it."""

from __future__ import annotations

import unicodedata
from functools import cache

from PIL import ImageFont

__all__ = ["fitted", "font", "legible", "width"]

_SPELLED = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "Ae"}
    | {"œ": "oe", "Œ": "Oe", "đ": "d", "Đ": "D", "ı": "i", "þ": "th", "ð": "d", "×": "x"}
    | {"–": "-", "—": "-", "−": "-", "’": "'", "‘": "'", "“": '"', "”": '"', "µ": "u", "μ": "u"}
)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@cache
def font(size: int) -> Font:
    """Return the font that comes with Pillow; it has the letters of ASCII and "·", "…"."""
    return ImageFont.load_default(size)


def legible(text: str) -> str:
    """Return `text` in letters the font has: accents are left out, foreign scripts are "?".

    Text without any letter or digit left is empty.
    """
    plain = unicodedata.normalize("NFKD", " ".join(text.split()).translate(_SPELLED))
    kept = "".join(c for c in plain if not unicodedata.combining(c))
    shown = "".join(c if " " <= c <= "~" or c in "·…" else "?" for c in kept)
    return shown if any(c.isalnum() for c in shown) else ""


def width(text: str, size: int) -> int:
    """Return how many pixels wide `text` is."""
    return round(font(size).getlength(text))


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
