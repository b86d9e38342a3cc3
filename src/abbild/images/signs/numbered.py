"""The 43 signs, each from a plate and a pictogram."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from abbild.images.drawing import (
    Drawing,
    arc,
    circle,
    curve,
    filled,
    over,
    polygon,
    rectangle,
    rounded,
    smooth,
    stroke,
)
from abbild.images.glyphs import text
from abbild.images.signs.arrows import Head, arrow
from abbild.images.signs.living import children, deer, pedestrian, snow_crystal, worker
from abbild.images.signs.plates import (
    BLACK,
    GREEN,
    GREY,
    RED,
    WHITE,
    YELLOW,
    danger_plate,
    diamond_plate,
    end_plate,
    end_stripes,
    entry_plate,
    mandatory_plate,
    octagon_plate,
    prohibition_plate,
    yield_plate,
)
from abbild.images.signs.vehicles import (
    bicycle,
    car_from_behind,
    lorry_from_behind,
    lorry_from_the_side,
    skid_marks,
)

__all__ = ["FORMS"]

Form = Callable[[], Drawing]


def _figures(limit: int, colour: str, bold: bool) -> Drawing:
    narrow = limit >= 100
    weight = 0.18 if bold else 0.15
    return text(str(limit), 0.8, 0.78 if narrow else 1.0, weight, colour)


def limit(kmh: int, bold: bool = False) -> Drawing:
    """Return a speed limit."""
    return over(prohibition_plate(), _figures(kmh, BLACK, bold))


def end_of_limit(kmh: int, colour: str) -> Drawing:
    """Return the end of a speed limit."""
    return over(end_plate(), _figures(kmh, colour, False), end_stripes())


def no_overtaking(left: Drawing, right: Drawing) -> Drawing:
    """Return two vehicles side by side in the red ring."""
    return over(prohibition_plate(), left, right)


def _pair(colour: str, other: str, lorry: bool) -> tuple[Drawing, Drawing]:
    if lorry:
        left = lorry_from_behind(colour).scaled(0.5).moved(-0.27, -0.28)
        return left, car_from_behind(other).scaled(0.53).moved(0.35, -0.28)
    left = car_from_behind(colour).scaled(0.6).moved(-0.33, -0.21)
    return left, car_from_behind(other).scaled(0.6).moved(0.33, -0.21)


def _on_a_line() -> Drawing:
    line = filled(BLACK, rectangle(1.14, 0.05, (0.06, -0.27)))
    return over(no_overtaking(*_pair(RED, BLACK, lorry=True)), line)


def danger(*pictogram: Drawing) -> Drawing:
    """Return a pictogram in the red triangle."""
    return over(danger_plate(), *pictogram)


def _crossing() -> Drawing:
    half = [(0.0, 0.22), (0.22, -0.06), (0.155, -0.06), (0.155, -0.42), (0.2, -0.58), (0.0, -0.47)]
    way = polygon(half + [(-x, y) for x, y in half[-2:0:-1]])
    return over(filled(BLACK, way), filled(BLACK, rectangle(0.68, 0.09, (0, -0.21))))


def _exclamation() -> Drawing:
    bar = rounded([(-0.085, 0.3), (0.085, 0.3), (0.05, -0.3), (-0.05, -0.3)], 0.04)
    return over(filled(BLACK, bar), filled(BLACK, circle(0.085, (0, -0.48))))


def _bend_left() -> Drawing:
    corner = curve((0.17, -0.3), (0.17, -0.18), (0.1, -0.11), (-0.03, -0.1))
    line = np.concatenate([[(0.17, -0.58)], corner, [(-0.31, -0.08)]])
    return filled(BLACK, *stroke(line, 0.17))


def _double_bend() -> Drawing:
    line = [(-0.07, 0.17), (-0.1, -0.3), (0.18, -0.23), (0.18, -0.6)]
    return filled(BLACK, *stroke(line, 0.15))


def _bumps() -> Drawing:
    slope = [
        (-0.46, -0.58),
        (-0.46, -0.58),
        (-0.37, -0.5),
        (-0.25, -0.34),
        (-0.16, -0.34),
        (-0.04, -0.48),
    ]
    hills = smooth(slope + [(-x, y) for x, y in slope[::-1]])
    return filled(BLACK, hills)


def _slippery() -> Drawing:
    car = car_from_behind(BLACK).scaled(0.56).rotated(-11).moved(-0.02, -0.36)
    return over(car, skid_marks(BLACK).scaled(0.7, 0.62).moved(-0.02, -0.36))


def _narrows() -> Drawing:
    left = stroke([(-0.12, -0.58), (-0.12, 0.2)], 0.1)
    right = stroke([(0.2, -0.58), (0.2, -0.28), (0.07, -0.05), (0.07, 0.2)], 0.1)
    return over(filled(BLACK, *left), filled(BLACK, *right))


def _lights() -> Drawing:
    colours = ((RED, 0.16), (YELLOW, -0.15), (GREEN, -0.46))
    return over(*(filled(colour, circle(0.125, (0, y))) for colour, y in colours))


def _turn(head: Head, colour: str = WHITE) -> Drawing:
    bend = np.concatenate(
        [
            [(-0.3, -0.72), (-0.3, -0.1)],
            curve((-0.3, 0.0), (-0.3, 0.28), (-0.12, 0.38), (0.1, 0.38)),
            [(0.68, 0.38)],
        ]
    )
    return over(mandatory_plate(), arrow(colour, bend, 0.24, 0.4, head))


def _straight(head: Head) -> Drawing:
    return over(mandatory_plate(), arrow(WHITE, [(0, -0.76), (0, 0.82)], 0.22, 0.42, head))


def _straight_or_right(head: Head) -> Drawing:
    branch = np.concatenate(
        [curve((-0.2, -0.5), (-0.2, -0.25), (-0.1, -0.14), (0.1, -0.14)), [(0.76, -0.14)]]
    )
    return over(
        mandatory_plate(),
        arrow(WHITE, [(-0.2, -0.76), (-0.2, 0.82)], 0.2, 0.32, head),
        arrow(WHITE, branch, 0.2, 0.32, head),
    )


def _keep_right(head: Head) -> Drawing:
    return over(mandatory_plate(), arrow(WHITE, [(-0.55, 0.5), (0.56, -0.56)], 0.24, 0.42, head))


def _round(turn: float) -> Drawing:
    one = arrow(WHITE, arc(0.57, -60, 36), 0.125, 0.26)
    return over(*(one.rotated(120.0 * i + turn) for i in range(3)))


def _roundabout() -> Drawing:
    return over(mandatory_plate(), _round(40.0))


def _no_lorries(bonnet: bool) -> Form:
    return lambda: over(prohibition_plate(), lorry_from_the_side(BLACK, bonnet))


def _both(draw: Callable[[Head], Drawing], mirrored: bool = False) -> tuple[Form, ...]:
    def form(head: Head) -> Form:
        return lambda: draw(head).mirrored() if mirrored else draw(head)

    return form("barbed"), form("solid")


def _limits(kmh: int) -> tuple[Form, ...]:
    return lambda: limit(kmh), lambda: limit(kmh, bold=True)


# one tuple of forms per number of the GTSRB list; the first is the common one
FORMS: tuple[tuple[Form, ...], ...] = (
    *(_limits(kmh) for kmh in (20, 30, 50, 60, 70, 80)),
    (lambda: end_of_limit(80, BLACK), lambda: end_of_limit(80, GREY)),
    *(_limits(kmh) for kmh in (100, 120)),
    (lambda: no_overtaking(*_pair(RED, BLACK, lorry=False)),),
    (lambda: no_overtaking(*_pair(RED, BLACK, lorry=True)), _on_a_line),
    (lambda: danger(_crossing()),),
    (diamond_plate,),
    (yield_plate,),
    (lambda: over(octagon_plate(), text("STOP", 0.66, 0.78, 0.16, WHITE)),),
    (prohibition_plate,),
    tuple(_no_lorries(bonnet) for bonnet in (False, True)),
    (entry_plate,),
    (lambda: danger(_exclamation()),),
    (lambda: danger(_bend_left()),),
    (lambda: danger(_bend_left().mirrored()),),
    (lambda: danger(_double_bend()),),
    (lambda: danger(_bumps()),),
    (lambda: danger(_slippery()),),
    (lambda: danger(_narrows()),),
    (lambda: danger(worker(BLACK).scaled(0.84).moved(0.02, -0.62)),),
    (lambda: danger(_lights()),),
    (lambda: danger(pedestrian(BLACK).scaled(0.88).moved(0, -0.6)),),
    (lambda: danger(children(BLACK).scaled(0.74).moved(-0.01, -0.59)),),
    (lambda: danger(bicycle(BLACK).scaled(0.76).moved(0, -0.44)),),
    (lambda: danger(snow_crystal(BLACK).scaled(0.36).moved(0, -0.2)),),
    (
        lambda: danger(deer(BLACK).rotated(-5).scaled(0.72).moved(-0.02, -0.23)),
        lambda: danger(deer(BLACK).rotated(4).scaled(0.7).moved(-0.01, -0.25)),
    ),
    (lambda: over(end_plate(), end_stripes()),),
    _both(_turn),
    _both(_turn, mirrored=True),
    _both(_straight),
    _both(_straight_or_right),
    _both(_straight_or_right, mirrored=True),
    _both(_keep_right),
    _both(_keep_right, mirrored=True),
    (_roundabout, lambda: over(mandatory_plate(), _round(100.0))),
    (lambda: over(end_plate(), *_pair(BLACK, BLACK, lorry=False), end_stripes()),),
    (lambda: over(end_plate(), *_pair(BLACK, BLACK, lorry=True), end_stripes()),),
)
