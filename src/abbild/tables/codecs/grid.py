"""The grid values lie on, and the bounds nature sets them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abbild.core import Column, Kind
from abbild.tables.codecs.knots import Limits, Values

__all__ = ["EXACT", "FLOATS", "Grid", "count_decimals", "find_grid", "find_limits"]

EXACT = 2.0**53  # whole numbers below it are exact as floats
FLOATS = (Kind.NUMBER, Kind.LATITUDE, Kind.LONGITUDE)

_FULL = 9  # decimals from which on a float has no grid
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_YEARS = (-719_162, 2_932_896)  # days from 1970 to 0001-01-01 and to 9999-12-31


@dataclass(frozen=True, slots=True)
class Grid:
    """Values are ``(index * step + phase) / scale``; as they are if `scale` is 0."""

    scale: int
    step: int
    phase: int


def count_decimals(distinct: NDArray[np.float64]) -> int:
    """Return the smallest number of decimals that reproduces every value, `_FULL` if above 8."""
    rest = distinct
    for decimals in range(_FULL):
        scale = 10.0**decimals
        if np.any(np.abs(rest) >= EXACT / scale):
            return _FULL
        rest = rest[np.rint(rest * scale) / scale != rest]
        if not len(rest):
            return decimals if np.all(np.abs(distinct) < EXACT / scale) else _FULL
    return _FULL


def find_grid(
    column: Column, x: Values, decimals: int, common: int, k: int, *, joined: bool
) -> tuple[Grid, Values]:
    """Return the grid of (d,) ascending distinct `x`, and `x` as indices (or as they are).

    `decimals` were counted, `common` divides all differences of whole numbers; both only count
    for their type. With `joined` neighbours differences of `x` mean nothing.
    """
    if x.dtype == np.int64:
        step = _step(column, common, len(x), k)
        phase = int(x[0]) % step if len(x) else 0
        return Grid(1, step, phase), x // step
    decimals = decimals if column.decimals is None else column.decimals
    fits = not len(x) or float(np.abs(x).max()) < EXACT / 10.0**decimals
    if decimals >= _FULL or not fits:
        return Grid(0, 1, 0), x
    whole = np.rint(x * 10.0**decimals).astype(np.int64)
    step = 1
    if not joined and len(whole) > 1:
        step = _step(column, int(np.gcd.reduce(np.diff(whole))), len(whole), k)
    phase = int(whole[0]) % step if len(whole) else 0
    return Grid(10**decimals, step, phase), whole // step


def _step(column: Column, common: int, distinct: int, k: int) -> int:
    """Return the step of the grid, of the greatest `common` divisor of all differences.

    With few distinct values the divisor may be the distance of one person from the others, so
    that only steps anyone would guess count: powers of ten, minutes, hours, days.
    """
    if not 0 < common < 2**62:
        return 1
    if distinct >= 4 * k:
        return common
    second = _PER_SECOND[column.unit or "us"]
    clock = column.kind in (Kind.DATETIME, Kind.TIME, Kind.DURATION)
    times = [second * n for n in (86_400, 3_600, 60)] if clock else []
    guesses: list[int] = sorted([*times, *(10**n for n in range(19))], reverse=True)
    return next(guess for guess in guesses if common % guess == 0)


def find_limits(column: Column, x: Values, grid: Grid) -> Limits:
    """Return the natural bounds of the column, as far as the data lie inside them."""
    if not len(x):
        return Limits(None, None, False, False)
    low, high = x[0].item(), x[-1].item()
    bounds: tuple[int, int] | None = None
    if column.kind in FLOATS or column.kind in (Kind.INTEGER, Kind.DURATION):
        if column.kind is Kind.LATITUDE:
            bounds = (-90, 90)
        elif column.kind is Kind.LONGITUDE:
            bounds = (-180, 180)
        else:
            return _sign_limits(column, low, high, grid)
    elif column.kind is Kind.DATE:
        bounds = _YEARS
    else:
        second = _PER_SECOND[column.unit or "us"]
        day = 86_400 * second
        years = _YEARS[0] * day, (_YEARS[1] + 1) * day - 1
        bounds = (0, day - 1) if column.kind is Kind.TIME else years
    inside = bounds[0] <= low and high <= bounds[1]
    if not inside:
        return Limits(None, None, False, False)
    return Limits(
        _as_index(bounds[0], grid, up=True),
        _as_index(bounds[1], grid, up=False),
        False,
        False,
    )


def _sign_limits(column: Column, low: float, high: float, grid: Grid) -> Limits:
    """Zero bounds what never crosses it, and one bounds shares."""
    share = column.kind is Kind.NUMBER and grid.scale != 1 and low >= 0 and high <= 1
    floor = _as_index(0, grid, up=True) if low >= 0 else None
    top = _as_index(1 if share else 0, grid, up=False) if high <= 0 or share else None
    if grid.scale == 0:
        return Limits(floor, top, low > 0, high < 0)
    # on a grid the first step beside zero is the bound of what never touches zero
    floor = -grid.phase // grid.step + 1 if low > 0 else floor
    return Limits(floor, -1 if high < 0 else top, False, False)


def _as_index(bound: int, grid: Grid, *, up: bool) -> float | int:
    """Return the grid index of `bound`, rounded inwards, within int64."""
    if grid.scale == 0:
        return float(bound)
    away = bound * grid.scale - grid.phase
    index = -(-away // grid.step) if up else away // grid.step
    return max(-(2**63), min(index, 2**63 - 1))
