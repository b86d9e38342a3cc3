"""Cars, lorries and bicycles as pictograms, in the colour that is asked for."""

from __future__ import annotations

import numpy as np

from abbild.images.drawing import (
    Drawing,
    circle,
    filled,
    over,
    paths,
    polygon,
    rectangle,
    rounded,
    smooth,
    stroke,
)

__all__ = ["bicycle", "car_from_behind", "lorry_from_behind", "lorry_from_the_side", "skid_marks"]


def car_from_behind(colour: str) -> Drawing:
    """Return a car 1 wide and 0.68 high that stands on the origin."""
    cabin = rounded([(-0.43, 0.36), (-0.34, 0.68), (0.34, 0.68), (0.43, 0.36)], 0.05)
    window = rounded([(-0.345, 0.42), (-0.285, 0.61), (0.285, 0.61), (0.345, 0.42)], 0.02)
    return over(
        filled(colour, cabin, window),
        filled(colour, rounded(rectangle(0.92, 0.24, (0, 0.26)), 0.05)),
        filled(colour, rectangle(1, 0.075, (0, 0.2))),
        filled(colour, rounded(rectangle(0.17, 0.2, (-0.36, 0.1)), 0.03)),
        filled(colour, rounded(rectangle(0.17, 0.2, (0.36, 0.1)), 0.03)),
    )


def lorry_from_behind(colour: str) -> Drawing:
    """Return a lorry 1 wide and 1.25 high that stands on the origin."""
    return over(
        filled(colour, rectangle(1, 1.02, (0, 0.74))),
        filled(colour, rectangle(0.1, 0.12, (-0.22, 0.18))),
        filled(colour, rectangle(0.1, 0.12, (0.22, 0.18))),
        filled(colour, rectangle(1, 0.09, (0, 0.115))),
        filled(colour, rounded(rectangle(0.16, 0.2, (-0.38, 0.1)), 0.03)),
        filled(colour, rounded(rectangle(0.16, 0.2, (0.38, 0.1)), 0.03)),
    )


def lorry_from_the_side(colour: str, bonnet: bool = False) -> Drawing:
    """Return a lorry 1.2 long and 0.55 high, heading left, round the origin.

    The older drawing has its engine under a bonnet before the cab.
    """
    if bonnet:
        cab = polygon(
            [
                (-0.62, -0.16),
                (-0.6, -0.07),
                (-0.38, 0.0),
                (-0.3, 0.17),
                (-0.16, 0.17),
                (-0.16, -0.16),
            ]
        )
        window = polygon([(-0.31, 0.0), (-0.27, 0.11), (-0.21, 0.11), (-0.21, 0.0)])
        box = polygon([(-0.13, -0.1), (-0.13, 0.25), (0.58, 0.29), (0.58, -0.1)])
    else:
        cab = polygon(
            [
                (-0.6, -0.16),
                (-0.59, -0.03),
                (-0.52, 0.02),
                (-0.47, 0.19),
                (-0.28, 0.19),
                (-0.28, -0.16),
            ]
        )
        window = polygon([(-0.5, 0.01), (-0.45, 0.14), (-0.34, 0.14), (-0.34, 0.01)])
        box = polygon([(-0.24, -0.1), (-0.24, 0.25), (0.59, 0.3), (0.59, -0.1)])
    wheels = [circle(0.1, (x, -0.19)) for x in (-0.44, 0.35)]
    return over(
        filled(colour, cab, window),
        filled(colour, rectangle(0.86, 0.07, (0.15, -0.125))),
        filled(colour, box),
        *(filled(colour, wheel) for wheel in wheels),
    )


def bicycle(colour: str) -> Drawing:
    """Return a bicycle 1.3 long and 0.8 high, heading left, its wheels' centres on y = 0."""
    wheels = [stroke(circle(0.255, (x, 0), 48), 0.06, closed=True) for x in (-0.38, 0.38)]
    frame = (
        "M -0.38 0 L -0.23 0.45 M -0.27 0.3 L 0.16 0.3 M -0.26 0.3 L 0 -0.03 M 0.2 0.42 L 0 -0.03"
        " M 0 -0.03 L 0.38 0 M 0.16 0.31 L 0.38 0 M -0.23 0.43 L -0.4 0.43 M 0.09 0.43 L 0.33 0.43"
    )
    parts = [filled(colour, *rings) for rings in wheels]
    for line, _ in paths(frame):
        parts += [filled(colour, *stroke(line, 0.06, "round"))]
    return over(*parts, filled(colour, circle(0.06, (0, -0.03))))


def skid_marks(colour: str) -> Drawing:
    """Return the two winding tracks behind a car that slides, 1 wide, below y = 0."""
    left = smooth(
        [
            (-0.2, 0.02),
            (-0.3, -0.08),
            (-0.3, -0.16),
            (-0.13, -0.24),
            (-0.11, -0.32),
            (-0.24, -0.42),
            (-0.5, -0.46),
        ],
        closed=False,
        n=8,
    )
    right = left * np.array([1, 0.9]) + np.array([0.44, -0.04])
    return over(*(filled(colour, *stroke(line, 0.05)) for line in (left, right)))
