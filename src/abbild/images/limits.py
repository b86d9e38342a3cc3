"""What a field of a shape or a texture may be, each with one sentence when it is not."""

from __future__ import annotations

import math
from numbers import Real

from abbild.images.colors import linear_color
from abbild.images.errors import SceneError

__all__ = ["MAX_EXTENT", "between", "choice", "colors", "points", "positive", "whole"]

MAX_EXTENT = 1e6  # metres; single precision has centimetres left there


def positive(thing: object, *fields: str) -> None:
    """Refuse fields (numbers or tuples of numbers) that are not above zero and at most 1000 km.

    Raises
    ------
    SceneError
        Naming class, field and value.
    """
    for field in fields:
        for value in _numbers(thing, field):
            if value <= 0:
                raise _wrong(thing, field, "must be above zero")
            if value > MAX_EXTENT:
                raise _wrong(thing, field, f"must be at most {MAX_EXTENT:g} metres")


def between(thing: object, low: float, high: float, *fields: str) -> None:
    """Refuse fields (numbers or tuples of numbers) outside of [low, high]."""
    for field in fields:
        for value in _numbers(thing, field):
            if not low <= value <= high:
                raise _wrong(thing, field, f"must lie in [{low:g}, {high:g}]")


def whole(thing: object, low: int, high: int, *fields: str) -> None:
    """Refuse fields that are not whole numbers in [low, high]."""
    for field in fields:
        for value in _numbers(thing, field):
            if value != int(value):
                raise _wrong(thing, field, "must be a whole number")
            if not low <= value <= high:
                raise _wrong(thing, field, f"must lie in [{low}, {high}]")


def choice(thing: object, field: str, known: tuple[str, ...]) -> None:
    """Refuse a field that is none of the `known` words."""
    if getattr(thing, field) not in known:
        raise _wrong(thing, field, f"must be one of {', '.join(known)}")


def colors(thing: object, *fields: str) -> None:
    """Refuse fields that are no colour, see `abbild.images.colors.linear_color`."""
    for field in fields:
        linear_color(getattr(thing, field), f"{type(thing).__name__}.{field}")


def points(thing: object, field: str, width: int, least: int) -> None:
    """Refuse a field that is not a tuple of at least `least` tuples of `width` finite numbers."""
    value = getattr(thing, field)
    if not isinstance(value, (tuple, list)) or len(value) < least:
        raise _wrong(thing, field, f"must be at least {least} points")
    for point in value:
        if not isinstance(point, (tuple, list)) or len(point) != width:
            raise _wrong(thing, field, f"must be points of {width} numbers")
        for number in point:
            _finite(thing, field, number)


def _numbers(thing: object, field: str) -> tuple[float, ...]:
    value = getattr(thing, field)
    several = value if isinstance(value, (tuple, list)) else (value,)
    return tuple(_finite(thing, field, one) for one in several)


def _finite(thing: object, field: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise _wrong(thing, field, "must be a number")
    number = float(value)
    if not math.isfinite(number):
        raise _wrong(thing, field, "must be finite")
    return number


def _wrong(thing: object, field: str, rule: str) -> SceneError:
    shown = repr(getattr(thing, field))
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    return SceneError(f"{type(thing).__name__}.{field} {rule}, not {shown}")
