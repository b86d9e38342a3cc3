"""People, a deer and a snow crystal as pictograms."""

from __future__ import annotations

from collections.abc import Iterable

from abbild.images.drawing import (
    Drawing,
    circle,
    filled,
    limb,
    over,
    polygon,
    rounded,
    smooth,
    stroke,
)

__all__ = ["children", "deer", "pedestrian", "snow_crystal", "worker"]

Point = tuple[float, float]
Limb = tuple[Point, Point, float, float]  # from, to, both widths


def _figure(colour: str, head: tuple[Point, float], limbs: Iterable[Limb]) -> Drawing:
    parts = [filled(colour, circle(head[1], head[0], 36))]
    parts += [filled(colour, limb(a, b, wa, wb)) for a, b, wa, wb in limbs]
    return over(*parts)


def pedestrian(colour: str) -> Drawing:
    """Return a man walking to the left, 1 high, standing on the origin."""
    return _figure(
        colour,
        ((-0.02, 0.905), 0.085),
        [
            ((0.0, 0.72), (0.02, 0.47), 0.2, 0.17),
            ((-0.06, 0.73), (-0.17, 0.55), 0.085, 0.07),
            ((-0.17, 0.55), (-0.27, 0.44), 0.07, 0.06),
            ((0.07, 0.73), (0.17, 0.56), 0.085, 0.07),
            ((0.17, 0.56), (0.15, 0.4), 0.07, 0.06),
            ((-0.01, 0.45), (-0.09, 0.24), 0.14, 0.1),
            ((-0.09, 0.24), (-0.2, 0.03), 0.1, 0.07),
            ((0.04, 0.45), (0.12, 0.25), 0.14, 0.1),
            ((0.12, 0.25), (0.25, 0.04), 0.1, 0.07),
            ((-0.2, 0.03), (-0.28, 0.03), 0.06, 0.05),
            ((0.25, 0.04), (0.2, 0.0), 0.06, 0.05),
        ],
    )


def children(colour: str) -> Drawing:
    """Return a girl and a boy running to the left hand in hand, 1 high, 1.2 wide."""
    boy = _figure(
        colour,
        ((0.12, 0.9), 0.09),
        [
            ((0.17, 0.73), (0.2, 0.47), 0.19, 0.17),
            ((0.11, 0.74), (-0.05, 0.62), 0.08, 0.07),
            ((-0.05, 0.62), (-0.2, 0.54), 0.07, 0.06),
            ((0.24, 0.74), (0.4, 0.62), 0.08, 0.07),
            ((0.4, 0.62), (0.52, 0.68), 0.07, 0.06),
            ((0.16, 0.45), (0.06, 0.22), 0.13, 0.1),
            ((0.06, 0.22), (0.02, 0.02), 0.1, 0.07),
            ((0.24, 0.45), (0.4, 0.25), 0.13, 0.1),
            ((0.4, 0.25), (0.62, 0.17), 0.1, 0.06),
            ((0.02, 0.02), (-0.08, 0.02), 0.07, 0.05),
        ],
    )
    girl = _figure(
        colour,
        ((-0.36, 0.7), 0.085),
        [
            ((-0.33, 0.55), (-0.31, 0.42), 0.14, 0.14),
            ((-0.38, 0.57), (-0.54, 0.47), 0.07, 0.06),
            ((-0.28, 0.57), (-0.19, 0.53), 0.07, 0.06),
            ((-0.36, 0.28), (-0.46, 0.12), 0.09, 0.07),
            ((-0.46, 0.12), (-0.5, 0.0), 0.07, 0.06),
            ((-0.26, 0.28), (-0.16, 0.14), 0.09, 0.07),
            ((-0.16, 0.14), (-0.02, 0.12), 0.07, 0.05),
        ],
    )
    skirt = polygon([(-0.39, 0.47), (-0.25, 0.47), (-0.17, 0.24), (-0.46, 0.24)])
    return over(boy, girl, filled(colour, skirt))


def worker(colour: str) -> Drawing:
    """Return a man with a shovel in a heap, 1 high, 1.2 wide, standing on the origin."""
    figure = _figure(
        colour,
        ((-0.07, 0.9), 0.085),
        [
            ((-0.17, 0.74), (-0.32, 0.46), 0.19, 0.18),
            ((-0.13, 0.74), (-0.14, 0.54), 0.09, 0.08),
            ((-0.14, 0.54), (0.05, 0.45), 0.08, 0.07),
            ((-0.11, 0.76), (-0.0, 0.62), 0.08, 0.07),
            ((-0.35, 0.44), (-0.4, 0.24), 0.14, 0.1),
            ((-0.4, 0.24), (-0.56, 0.03), 0.1, 0.08),
            ((-0.28, 0.43), (-0.17, 0.25), 0.14, 0.1),
            ((-0.17, 0.25), (-0.2, 0.03), 0.1, 0.08),
            ((-0.2, 0.03), (-0.1, 0.03), 0.06, 0.05),
            ((-0.56, 0.03), (-0.47, 0.03), 0.06, 0.05),
        ],
    )
    heap = rounded([(0.04, 0), (0.36, 0.36), (0.48, 0.36), (0.72, 0)], 0.06)
    shovel = stroke([(-0.16, 0.58), (0.26, 0.12)], 0.05)
    return over(figure, filled(colour, heap), filled(colour, *shovel))


def deer(colour: str) -> Drawing:
    """Return a deer leaping to the left, 0.9 wide and 0.95 high, its chest near the origin."""
    body = smooth(
        [
            (-0.27, 0.28),
            (-0.2, 0.35),
            (-0.12, 0.36),
            (-0.07, 0.27),
            (0.0, 0.12),
            (0.1, 0.04),
            (0.26, -0.01),
            (0.38, -0.09),
            (0.41, -0.19),
            (0.33, -0.25),
            (0.2, -0.2),
            (0.06, -0.15),
            (-0.08, -0.11),
            (-0.16, -0.02),
            (-0.17, 0.12),
            (-0.19, 0.23),
            (-0.27, 0.24),
        ]
    )
    legs: list[Limb] = [
        ((0.34, -0.16), (0.42, -0.3), 0.17, 0.075),
        ((0.42, -0.3), (0.56, -0.46), 0.075, 0.045),
        ((0.27, -0.15), (0.33, -0.3), 0.15, 0.075),
        ((0.33, -0.3), (0.48, -0.5), 0.075, 0.045),
        ((-0.08, -0.02), (-0.25, -0.08), 0.15, 0.065),
        ((-0.25, -0.08), (-0.34, -0.02), 0.065, 0.04),
        ((-0.06, -0.07), (-0.22, -0.15), 0.12, 0.06),
        ((-0.22, -0.15), (-0.31, -0.11), 0.06, 0.04),
        ((0.36, -0.06), (0.43, -0.04), 0.06, 0.03),
        ((-0.12, 0.34), (-0.04, 0.37), 0.06, 0.025),
    ]
    antlers = [
        [(-0.16, 0.34), (-0.15, 0.44), (-0.2, 0.52)],
        [(-0.2, 0.34), (-0.26, 0.42), (-0.25, 0.5)],
    ]
    return over(
        filled(colour, body),
        *(filled(colour, limb(*leg)) for leg in legs),
        *(filled(colour, *stroke(line, 0.045, "round")) for line in antlers),
    )


def snow_crystal(colour: str) -> Drawing:
    """Return a six-armed crystal of radius 1."""
    arm = over(
        filled(colour, *stroke([(0, 0), (0, 1)], 0.19)),
        filled(colour, *stroke([(-0.34, 0.96), (0, 0.62), (0.34, 0.96)], 0.18)),
        filled(colour, *stroke([(-0.2, 0.5), (0, 0.3), (0.2, 0.5)], 0.12)),
    )
    return over(*(arm.rotated(60.0 * i) for i in range(6)))
