"""Letters, digits and signs as strokes, in the manner of German road lettering (DIN 1451).

Every glyph is drawn here as centre lines on a grid of 7 modules of cap height, where the stroke
is one module wide, lower case is 5 modules high and descenders reach 2 modules below the line.
"""

from __future__ import annotations

import unicodedata

import numpy as np

from abbild.images.drawing import Cap, Drawing, Ring, filled, paths, stroke
from abbild.images.errors import AssetError

__all__ = ["GLYPHS", "glyph_strokes", "text"]

MODULES = 7  # of cap height
SPACING = 0.9  # modules between two glyphs
LOWER_CASE = 5.0  # modules of height

_BOWL = "A 1.9 3.1 1.4 1.4 0 180 A 1.9 1.9 1.4 1.4 180 360 Z"

# character: (width in modules, centre lines for strokes of one module)
_DATA: dict[str, tuple[float, str]] = {
    " ": (2.0, ""),
    "0": (4.2, "A 2.1 4.9 1.6 1.6 0 180 A 2.1 2.1 1.6 1.6 180 360 Z"),
    "1": (2.6, "M 2.1 0 L 2.1 7 M 0.2 4.7 L 1.9 6.3"),
    "2": (4.2, "A 2.05 4.85 1.6 1.65 172 -28 L 0.85 0.5 3.9 0.5"),
    "3": (
        4.2,
        "A 2.05 5.05 1.5 1.45 160 -90 L 1.4 3.6 M 1.4 3.6 L 2.05 3.6 A 2.05 2.05 1.65 1.55 90 -163",
    ),
    "4": (4.4, "M 2.55 7 L 0.65 1.85 4.3 1.85 M 3.1 3.5 L 3.1 0"),
    "5": (4.2, "M 3.75 6.5 L 0.95 6.5 0.75 2.9 | A 2.05 2.15 1.65 1.65 142 -160"),
    "6": (
        4.2,
        "A 2.1 2.15 1.6 1.65 0 360 Z M 2.75 7 L 2.55 6.6 C 1.9 5.2 0.5 3.9 0.5 2.15",
    ),
    "7": (4.0, "M 0.3 6.5 L 3.45 6.5 1.35 0"),
    "8": (4.2, "A 2.1 5.1 1.4 1.4 0 360 Z A 2.1 2.1 1.6 1.6 0 360 Z"),
    "9": (
        4.2,
        "A 2.1 4.85 1.6 1.65 0 360 Z M 1.45 0 L 1.65 0.4 C 2.3 1.8 3.7 3.1 3.7 4.85",
    ),
    "A": (4.8, "M 0.5 0 L 2.15 7 M 4.3 0 L 2.65 7 M 1.1 1.9 L 3.7 1.9"),
    "B": (
        4.4,
        "M 2 0.5 L 0.5 0.5 0.5 6.5 2 6.5 M 0.5 3.7 L 2.3 3.7 A 2.3 2.1 1.6 1.6 90 -90 L 2 0.5"
        " M 2 6.5 L 2.4 6.5 A 2.4 5.1 1.4 1.4 90 -90 L 2.2 3.7",
    ),
    "C": (4.2, "A 2.1 4.9 1.6 1.6 12 180 A 2.1 2.1 1.6 1.6 180 348"),
    "D": (4.4, "M 0.5 0.5 L 0.5 6.5 1.9 6.5 A 1.9 4.5 2 2 90 0 A 1.9 2.5 2 2 0 -90 Z"),
    "E": (3.8, "M 3.7 0.5 L 0.5 0.5 0.5 6.5 3.7 6.5 M 0.5 3.6 L 3.3 3.6"),
    "F": (3.7, "M 0.5 0 L 0.5 6.5 3.6 6.5 M 0.5 3.5 L 3.2 3.5"),
    "G": (4.3, "A 2.1 4.9 1.6 1.6 12 180 A 2.1 2.1 1.6 1.6 180 360 L 3.7 3.4 2.2 3.4"),
    "H": (4.4, "M 0.5 0 L 0.5 7 M 3.9 0 L 3.9 7 M 0.5 3.6 L 3.9 3.6"),
    "I": (1.0, "M 0.5 0 L 0.5 7"),
    "J": (3.2, "M 2.7 7 L 2.7 1.9 A 1.3 1.9 1.4 1.4 0 -150"),
    "K": (4.5, "M 0.5 0 L 0.5 7 M 3.9 7 L 0.6 2.5 M 1.75 4 L 4 0"),
    "L": (3.7, "M 0.5 7 L 0.5 0.5 3.6 0.5"),
    "M": (5.4, "M 0.5 0 L 0.5 7 M 4.9 0 L 4.9 7 M 0.6 7 L 2.7 2 4.8 7"),
    "N": (4.5, "M 0.5 0 L 0.5 7 M 4 0 L 4 7 M 0.6 7 L 3.9 0"),
    "O": (4.4, "A 2.2 4.8 1.7 1.7 0 180 A 2.2 2.2 1.7 1.7 180 360 Z"),
    "P": (4.2, "M 0.5 0 L 0.5 6.5 2 6.5 M 2 6.5 L 2.2 6.5 A 2.2 4.85 1.5 1.65 90 -90 L 0.5 3.2"),
    "Q": (4.4, "A 2.2 4.8 1.7 1.7 0 180 A 2.2 2.2 1.7 1.7 180 360 Z M 2.4 1.9 L 4.1 0"),
    "R": (
        4.4,
        "M 0.5 0 L 0.5 6.5 2 6.5 M 2 6.5 L 2.3 6.5 A 2.3 4.95 1.5 1.55 90 -90 L 0.5 3.4"
        " M 2.3 3.4 L 3.9 0",
    ),
    "S": (4.2, "A 2.1 5.05 1.5 1.45 10 270 A 2.1 2.05 1.6 1.55 90 -168"),
    "T": (4.2, "M 0.1 6.5 L 4.1 6.5 M 2.1 6.5 L 2.1 0"),
    "U": (4.2, "M 0.5 7 L 0.5 2.1 A 2.1 2.1 1.6 1.6 180 360 L 3.7 7"),
    "V": (4.6, "M 0.5 7 L 2.1 0 M 4.1 7 L 2.5 0"),
    "W": (6.6, "M 0.5 7 L 1.75 0 M 2 0 L 3.15 7 M 3.45 7 L 4.6 0 M 4.85 0 L 6.1 7"),
    "X": (4.6, "M 0.6 0 L 4 7 M 4 0 L 0.6 7"),
    "Y": (4.6, "M 0.55 7 L 2.2 3.1 M 4.05 7 L 2.4 3.1 M 2.3 3.6 L 2.3 0"),
    "Z": (4.0, "M 0.2 6.5 L 3.3 6.5 0.7 0.5 3.8 0.5"),
    "a": (
        3.8,
        "M 3.3 0 A 1.95 3.15 1.35 1.35 0 158"
        " M 3.3 2.7 L 1.7 2.7 A 1.7 1.6 1.2 1.1 90 270 L 3.3 0.5",
    ),
    "b": (3.8, "M 0.5 0 L 0.5 7 | " + _BOWL),
    "c": (3.6, "A 1.9 3.1 1.4 1.4 15 180 A 1.9 1.9 1.4 1.4 180 345"),
    "d": (3.8, "M 3.3 0 L 3.3 7 | " + _BOWL),
    "e": (
        3.8,
        "M 0.5 2.35 L 3.8 2.35"
        " M 3.3 1.85 L 3.3 3.1 A 1.9 3.1 1.4 1.4 0 180 A 1.9 1.9 1.4 1.4 180 335",
    ),
    "f": (2.8, "M 1.2 0 L 1.2 5.2 A 2.4 5.3 1.2 1.2 180 90 L 2.8 6.5 M 0.1 4.5 L 2.6 4.5"),
    "g": (3.8, _BOWL + " M 3.3 5 A 1.9 -0.1 1.4 1.4 0 -155"),
    "h": (3.8, "M 0.5 0 L 0.5 7 M 0.5 2.9 L 0.5 3.1 A 1.9 3.1 1.4 1.4 180 0 L 3.3 0"),
    "i": (1.0, "M 0.5 0 L 0.5 5 M 0.5 6 L 0.5 7"),
    "j": (2.4, "M 1.9 5 A 0.5 -0.4 1.4 1.1 0 -90 L 0 -1.5 M 1.9 6 L 1.9 7"),
    "k": (3.8, "M 0.5 0 L 0.5 7 M 3.2 5 L 0.6 1.9 M 1.6 3.1 L 3.3 0"),
    "l": (2.4, "M 0.5 7 A 1.9 1.6 1.4 1.1 180 270 L 2.4 0.5"),
    "m": (
        6.0,
        "M 0.5 0 L 0.5 5 M 0.5 3.2 A 1.75 3.25 1.25 1.25 180 0 L 3 0"
        " M 3 3.2 A 4.25 3.25 1.25 1.25 180 0 L 5.5 0",
    ),
    "n": (3.8, "M 0.5 0 L 0.5 5 M 0.5 3 A 1.9 3.1 1.4 1.4 180 0 L 3.3 0"),
    "o": (3.8, _BOWL),
    "p": (3.8, "M 0.5 -2 L 0.5 5 | " + _BOWL),
    "q": (3.8, "M 3.3 -2 L 3.3 5 | " + _BOWL),
    "r": (2.8, "M 0.5 0 L 0.5 5 M 0.5 3.1 A 1.9 3.1 1.4 1.4 180 85 L 2.6 4.5"),
    "s": (3.5, "A 1.75 3.5 1.2 1 15 270 A 1.75 1.5 1.25 1 90 -165"),
    "t": (2.8, "M 1.2 6.6 L 1.2 1.6 A 2.3 1.6 1.1 1.1 180 270 L 2.7 0.5 M 0.1 4.5 L 2.6 4.5"),
    "u": (3.8, "M 0.5 5 L 0.5 1.9 A 1.9 1.9 1.4 1.4 180 360 L 3.3 2.1 M 3.3 5 L 3.3 0"),
    "v": (3.8, "M 0.5 5 L 1.75 0 M 3.3 5 L 2.05 0"),
    "w": (5.6, "M 0.5 5 L 1.55 0 M 1.8 0 L 2.7 5 M 2.9 5 L 3.8 0 M 4.05 0 L 5.1 5"),
    "x": (3.8, "M 0.6 0 L 3.2 5 M 3.2 0 L 0.6 5"),
    "y": (3.8, "M 0.5 5 L 1.85 0.2 M 3.3 5 L 1.95 0 C 1.6 -1.2 1.2 -1.5 0.3 -1.5"),
    "z": (3.4, "M 0.2 4.5 L 2.75 4.5 0.65 0.5 3.2 0.5"),
    "ß": (
        3.9,
        "M 0.5 0 A 1.8 5.2 1.3 1.3 180 -90 L 1.5 3.9"
        " M 1.5 3.9 L 1.9 3.9 A 1.9 2.2 1.5 1.7 90 -90 L 1.3 0.5",
    ),
    ".": (1.0, "M 0.5 0 L 0.5 1"),
    ",": (1.0, "M 0.5 1 L 0.5 0.2 0.3 -0.9"),
    ":": (1.0, "M 0.5 0 L 0.5 1 M 0.5 3.6 L 0.5 4.6"),
    ";": (1.0, "M 0.5 1 L 0.5 0.2 0.3 -0.9 M 0.5 3.6 L 0.5 4.6"),
    "!": (1.0, "M 0.5 0 L 0.5 1 M 0.5 2.2 L 0.5 7"),
    "?": (3.7, "A 1.85 5.1 1.4 1.4 165 -35 L 1.9 3.1 1.8 2.1 M 1.8 0 L 1.8 1"),
    "-": (2.6, "M 0.2 3 L 2.4 3"),
    "–": (3.6, "M 0.2 3 L 3.4 3"),
    "_": (3.6, "M 0 -1 L 3.6 -1"),
    "+": (3.8, "M 0.2 3.3 L 3.6 3.3 M 1.9 1.6 L 1.9 5"),
    "=": (3.8, "M 0.2 2.4 L 3.6 2.4 M 0.2 4.4 L 3.6 4.4"),
    "*": (2.8, "M 1.4 4 L 1.4 7 M 0.1 4.75 L 2.7 6.25 M 0.1 6.25 L 2.7 4.75"),
    "/": (3.2, "M 0.5 0 L 2.7 7"),
    "(": (2.0, "M 1.7 7.2 C 0.1 5 0.1 2 1.7 -0.2"),
    ")": (2.0, "M 0.3 7.2 C 1.9 5 1.9 2 0.3 -0.2"),
    "'": (1.0, "M 0.5 5 L 0.5 7"),
    '"': (2.6, "M 0.5 5 L 0.5 7 M 2.1 5 L 2.1 7"),
    "°": (3.0, "A 1.5 5.5 1 1 0 360 Z"),
    "%": (
        6.0,
        "A 1.5 5.3 1 1.2 0 360 Z A 4.5 1.7 1 1.2 0 360 Z M 1.2 0 L 4.8 7",
    ),
    "&": (
        4.8,
        "M 4.3 0 L 1.2 4.7 C 0.6 5.7 1.2 6.5 1.9 6.5 C 2.9 6.5 3.2 5.4 2.6 4.6"
        " M 2.75 4.8 L 2.6 4.6 C 2 3.9 0.5 3.3 0.5 2 C 0.5 0.9 1.2 0.5 2 0.5 C 3.2 0.5 4 1.6 4.2 3",
    ),
    "€": (4.6, "A 2.7 4.7 1.8 1.8 30 180 A 2.7 2.3 1.8 1.8 180 330 M 0 4 L 3.2 4 M 0 2.7 L 3 2.7"),
}
_UMLAUTS = {"Ä": "A", "Ö": "O", "Ü": "U", "ä": "a", "ö": "o", "ü": "u"}

GLYPHS: tuple[str, ...] = tuple(sorted((*_DATA, *_UMLAUTS)))


def _centre_lines(char: str) -> tuple[float, tuple[tuple[Ring, bool], ...]]:
    """Return width and lines in modules."""
    base = _UMLAUTS.get(char, char)
    if base not in _DATA:
        name = unicodedata.name(char, f"U+{ord(char):04X}")
        raise AssetError(
            f"there is no glyph for {char!r} ({name})", hint=f"drawn are: {''.join(GLYPHS)}"
        )
    width, line = _DATA[base]
    if base != char:
        low = 6.0 if base.islower() else 7.7
        middle = width / 2
        line += "".join(f" M {middle + x} {low} L {middle + x} {low + 1}" for x in (-1.05, 1.05))
    return width, paths(line)


def _cap(end: Ring) -> Cap:
    """Return how a stroke ends: flat on the lines that letters stand between, else square to it."""
    return "level" if end[1] in (0.0, LOWER_CASE, MODULES) else "butt"


def _fitted(points: Ring, width: float, wide: float, weight: float, lower: bool) -> Ring:
    """Return centre lines moved so that strokes `weight` modules wide keep the outer box."""
    half = weight / 2
    x = _bent(points[:, 0], [0, 0.5, width - 0.5, width], [0, half, wide - half, wide])
    if lower:
        knots, heights = [0, 0.5, 4.5, 5, 6.5, 7], [0, half, 5 - half, 5, 7 - half, 7]
    else:
        knots, heights = [0, 0.5, 6.5, 7], [0, half, 7 - half, 7]
    return np.stack([x, _bent(points[:, 1], knots, heights)], axis=1)


def _bent(values: Ring, knots: list[float], images: list[float]) -> Ring:
    """Return values mapped piecewise linearly, and shifted beyond the last knots."""
    inside = np.interp(values, knots, images)
    return np.asarray(inside + np.minimum(values - knots[0], 0) + np.maximum(values - knots[-1], 0))


def glyph_strokes(char: str, width_scale: float = 1.0) -> tuple[Ring, ...]:
    """Return the centre lines (n, 2) a pen follows to write a glyph of height 1.

    The glyph stands on y = 0 with its box starting at x = 0 (strokes one seventh wide, inside of
    the box). A closed line repeats its first point. The space has no lines.
    """
    width, lines = _centre_lines(char)
    wide = width * width_scale
    result = []
    for line, closed in lines:
        points = _fitted(line, width, wide, 1.0, char.islower())
        result.append(np.concatenate([points, points[:1]]) if closed else points)
    return tuple(points / MODULES for points in result)


def text(
    string: str,
    height: float = 1.0,
    width_scale: float = 1.0,
    weight: float = 1 / MODULES,
    colour: str = "#000000",
) -> Drawing:
    """Return one line of lettering, centred on the origin by its width and its cap height.

    Parameters
    ----------
    height : of the capitals, drawing units.
    width_scale : width of the glyphs over the normal; 0.75 is like the narrow road lettering.
    weight : stroke width over cap height; the outer size of the glyphs stays.

    Returns
    -------
    Drawing
        One fill per stroke (they overlap where strokes meet); the outline has the same rings.

    Raises
    ------
    AssetError
        If a character has no glyph, or the weight leaves no counter open (above 0.25).
    """
    if not 0 < weight <= 0.25:
        raise AssetError(f"weight {weight} is not within 0..0.25", hint="normal is 1/7")
    modules, at, parts = weight * MODULES, 0.0, []
    for char in string:
        width, lines = _centre_lines(char)
        wide = max(width * width_scale, modules)
        for line, closed in lines:
            points = _fitted(line, width, wide, modules, char.islower())
            caps = (_cap(line[0]), _cap(line[-1]))
            rings = stroke(points + np.array([at, 0.0]), modules, caps, closed)
            parts.append(filled(colour, *rings))
        at += wide + SPACING * width_scale
    middle = (at - SPACING * width_scale) / 2
    drawing = Drawing(
        tuple(ring for part in parts for ring in part.outline),
        tuple(fill for part in parts for fill in part.fills),
    )
    return drawing.moved(-middle, -MODULES / 2).scaled(height / MODULES)
