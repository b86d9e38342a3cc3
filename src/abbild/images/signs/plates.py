"""The plates of the signs, without pictograms: what shape and colour alone say.

Each fills -1..1: a disc by its radius, a triangle by its width.
"""

from __future__ import annotations

import math

import numpy as np

from abbild.images.drawing import (
    Drawing,
    Ring,
    circle,
    filled,
    over,
    rectangle,
    regular_polygon,
    rounded,
)

__all__ = [
    "BLACK",
    "BLUE",
    "GREEN",
    "GREY",
    "RED",
    "WHITE",
    "YELLOW",
    "danger_plate",
    "diamond_plate",
    "end_plate",
    "end_stripes",
    "entry_plate",
    "mandatory_plate",
    "octagon_plate",
    "prohibition_plate",
    "yield_plate",
]

# traffic colours of the RAL register, as sRGB
WHITE = "#f1f0ea"  # 9016
BLACK = "#2a2b2d"  # 9017
RED = "#bb1e10"  # 3020
BLUE = "#0e4c96"  # 5017, the deeper tone of retroreflective sheeting
YELLOW = "#f7b500"  # 1023
GREEN = "#007243"  # 6024
GREY = "#8d9295"  # 7042

RIM = 0.035  # white edge round the coloured areas
TRIANGLE_BORDER = 0.2
TRIANGLE_ROUNDING = 0.09
RING_INSIDE = 0.725  # inner radius of the red ring


def _triangle(inset: float) -> Ring:
    """Return an upright triangle 2 wide, rounded, or the one `inset` inside of it."""
    corner = 1 - TRIANGLE_ROUNDING  # x of the centre of a lower corner's arc
    inradius = corner / math.sqrt(3) + TRIANGLE_ROUNDING
    height = corner * math.sqrt(3) + 2 * TRIANGLE_ROUNDING
    centre = np.array([0, inradius - height / 2])
    sharp = centre + regular_polygon(3, 2 * (inradius - inset))
    return rounded(sharp, max(TRIANGLE_ROUNDING - inset, 0.02))


def danger_plate() -> Drawing:
    """Return the red triangle, point up, of a danger sign."""
    return over(
        filled(WHITE, _triangle(0)),
        filled(RED, _triangle(RIM), _triangle(TRIANGLE_BORDER)),
    )


def yield_plate() -> Drawing:
    """Return the red triangle, point down."""
    return danger_plate().scaled(1, -1)


def prohibition_plate() -> Drawing:
    """Return the red ring on white of a prohibition."""
    return over(
        filled(WHITE, circle(1)),
        filled(RED, circle(1 - RIM), circle(RING_INSIDE)),
    )


def mandatory_plate() -> Drawing:
    """Return the blue disc of a command."""
    return over(filled(WHITE, circle(1)), filled(BLUE, circle(1 - RIM)))


def entry_plate() -> Drawing:
    """Return the red disc with a white bar."""
    return over(
        filled(WHITE, circle(1)),
        filled(RED, circle(1 - RIM)),
        filled(WHITE, rectangle(1.66, 0.29)),
    )


def end_plate() -> Drawing:
    """Return the white disc with a thin black edge on which a restriction ends."""
    return over(filled(WHITE, circle(1)), filled(BLACK, circle(0.975), circle(0.945)))


def end_stripes(count: int = 5, width: float = 0.065, pitch: float = 0.09) -> Drawing:
    """Return the slanting black stripes that end a restriction."""
    first = -(count - 1) / 2 * pitch
    return over(*(filled(BLACK, _chord(first + i * pitch, width)) for i in range(count)))


def _chord(offset: float, width: float) -> Ring:
    """Return a strip of the disc inside of the black edge, rising at 45 degrees."""
    across = np.linspace(offset - width / 2, offset + width / 2, 5)
    along = np.sqrt(0.945**2 - across**2)
    ends = np.concatenate([np.stack([along, across], 1), np.stack([-along, across], 1)[::-1]])
    half = math.sqrt(0.5)
    return np.asarray(ends @ np.array([[half, half], [-half, half]]))


def octagon_plate() -> Drawing:
    """Return the red octagon with a white edge."""
    radius = 1 / math.cos(math.pi / 8)
    return over(
        filled(WHITE, rounded(regular_polygon(8, radius, 22.5), 0.04)),
        filled(RED, regular_polygon(8, radius * 0.945, 22.5)),
    )


def diamond_plate() -> Drawing:
    """Return the yellow square on its point, framed white, of a priority road."""
    side = math.sqrt(2)

    def square(share: float, corner: float) -> Ring:
        return rounded(rectangle(side * share, side * share), corner)

    upright = over(
        filled(WHITE, square(1.06, 0.14)),
        filled(BLACK, square(1.03, 0.12), square(1.0, 0.11)),
        filled(BLACK, square(0.68, 0.02)),
        filled(YELLOW, square(0.645, 0.01)),
    )
    turned = upright.rotated(45)
    return turned.scaled(1 / turned.bounds[2])
