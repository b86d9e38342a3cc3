"""Arrows along lines, with the two heads seen on German signs."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from abbild.images.drawing import Drawing, Ring, filled, over, polygon, stroke

__all__ = ["Head", "arrow"]

Head = Literal["barbed", "solid"]


def arrow(
    colour: str, line: ArrayLike, width: float, size: float, head: Head = "barbed"
) -> Drawing:
    """Return an arrow whose tip is the end of the line.

    Parameters
    ----------
    width : of the shaft.
    size : how far the head reaches to either side.
    head : "barbed" is open with two swept arms, "solid" a filled triangle.
    """
    points = np.asarray(line, np.float64)
    tip = points[-1]
    along = tip - _shortened(points, size)[-1]  # the chord: on a bend the head leans with the shaft
    along = along / np.linalg.norm(along)
    turn = np.array([along, (-along[1], along[0])])
    if head == "solid":
        rings: tuple[Ring, ...] = (polygon([(0, 0), (-1.5 * size, size), (-1.5 * size, -size)]),)
        back = 1.4 * size
    else:
        arm = width * 0.95
        reach = size - arm * math.sqrt(0.125)
        inset = arm / math.sqrt(2)  # the mitre of a right angle reaches this far past its bend
        rings = stroke([(-inset - reach, reach), (-inset, 0), (-inset - reach, -reach)], arm)
        back = 1.5 * inset
    shaft = stroke(_shortened(points, back), width)
    return over(filled(colour, *shaft), filled(colour, *(ring @ turn + tip for ring in rings)))


def _shortened(points: Ring, length: float) -> Ring:
    """Return the line without its last stretch of that length."""
    step = np.linalg.norm(np.diff(points, axis=0), axis=1)
    run = np.concatenate([[0], np.cumsum(step)])
    end = run[-1] - length
    keep = points[run < end - 1e-6]
    last = [np.interp(end, run, points[:, axis]) for axis in (0, 1)]
    return np.concatenate([keep, [last]])
