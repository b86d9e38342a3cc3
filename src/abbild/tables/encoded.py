"""What every table engine sees: one learned column after another, as codes or normal scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Encoded", "Levels", "Scores"]


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """A column of levels (category, boolean, ordinal).

    Attributes
    ----------
    name : of the column
    codes : (n,) int32 in [0, size). A code of -1 is a rare level: its cell is hidden from the
        engine, which must learn the column from the other rows and may never draw -1
    size : number of levels an engine may draw; a missing value is one of them, the last, if the
        column has any
    ordered : whether neighbouring codes are neighbouring levels
    """

    name: str
    codes: NDArray[np.int32]
    size: int
    ordered: bool


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """A column of quantities (number, date, coordinate) as normal scores.

    The codec maps a value to the standard normal quantile of its rank, by a monotone piecewise
    linear map whose knots are shared by at least k people, so ``decode(encode(x)) == x`` but for
    the outermost values. Engines work on scores and never see a value.

    Attributes
    ----------
    name : of the column
    z : (n,) float64 normal scores, NaN where the value is missing
    atoms : (a,) float64, sorted: scores that are point masses (0, a cap, a round salary). An
        engine must be able to draw exactly these; between atoms it must draw new scores
    """

    name: str
    z: NDArray[np.float64]
    atoms: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """An encoded table: `n` rows, one entry per learned column, in the order of the schema.

    `target` is the name of the column to be predicted, if the user named one.
    """

    n: int
    columns: tuple[Levels | Scores, ...]
    target: str | None = None
