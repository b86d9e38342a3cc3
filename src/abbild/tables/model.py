"""What an engine is asked, and what it answers, in codes and scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed
from abbild.tables.encoded import Encoded, Levels, Scores

__all__ = ["BLOCK", "Allowed", "Given", "Model", "Within", "join", "take"]

BLOCK = 4096  # rows drawn together; part of what makes a seed give the same bytes


@dataclass(frozen=True, slots=True, eq=False)
class Allowed:
    """The part of a column a condition allows.

    Attributes
    ----------
    codes : (size,) bool for `Levels`: codes that may be drawn (the missing level is one of
        them); None for `Scores`
    intervals : (m, 2) float64 for `Scores`: closed, disjoint, ascending intervals of scores, the
        outer ends of which may be infinite; an atom is allowed as an interval of no width; None
        for `Levels`
    missing : whether a `Scores` cell may be missing (NaN)
    """

    codes: NDArray[np.bool_] | None = None
    intervals: NDArray[np.float64] | None = None
    missing: bool = False

    def accepts(self, column: Levels | Scores) -> NDArray[np.bool_]:
        """Return (n,) whether each cell of `column` is allowed."""
        if isinstance(column, Levels):
            if self.codes is None:
                return np.ones(len(column.codes), bool)
            return (column.codes >= 0) & self.codes[np.maximum(column.codes, 0)]
        ok = np.isnan(column.z) & self.missing
        for low, high in self.intervals if self.intervals is not None else ():
            ok |= (column.z >= low) & (column.z <= high)
        return np.asarray(ok)


Given = Mapping[str, NDArray[np.int32] | NDArray[np.float64]]
Within = Mapping[str, Allowed]


class Model(Protocol):
    """An engine that has learned an encoded table."""

    def draw(
        self,
        rows: range,
        *,
        seed: Seed,
        given: Given | None = None,
        within: Within | None = None,
    ) -> tuple[Encoded, NDArray[np.float64]]:
        """Draw ``len(rows)`` encoded rows, and the natural logarithm of a weight for each.

        Every column the model learned is in the result. `seed` already names the block, so a
        generator of its own is enough; rows are never cut out of a longer draw.

        Parameters
        ----------
        given : column to (n,) codes or scores each row must have. A code of -1 is no evidence:
            the cell is drawn freely. A score of NaN is a missing value
        within : column to what is allowed in all rows; the result holds nothing else

        Returns
        -------
        The rows, and (n,) log weights: the logarithm of the probability (or density) of what
        was given or allowed, given the columns the model drew before it. Rows drawn with these
        weights follow the model's conditional distribution; equal weights mean that they do so
        already. All zero without `given` and `within`. ``-inf`` for a row that is impossible.
        """
        ...


def take(encoded: Encoded, index: NDArray[np.int64]) -> Encoded:
    """Return the rows of `encoded` at (m,) `index`."""
    columns = tuple(
        Levels(c.name, c.codes[index], c.size, c.ordered)
        if isinstance(c, Levels)
        else Scores(c.name, c.z[index], c.atoms)
        for c in encoded.columns
    )
    return Encoded(len(index), columns, encoded.target)


def join(parts: list[Encoded]) -> Encoded:
    """Concatenate encoded rows of the same columns."""
    columns: list[Levels | Scores] = []
    for same in zip(*(part.columns for part in parts), strict=True):
        first = same[0]
        if isinstance(first, Levels):
            codes = np.concatenate([c.codes for c in same if isinstance(c, Levels)])
            columns.append(Levels(first.name, codes, first.size, first.ordered))
        else:
            z = np.concatenate([c.z for c in same if isinstance(c, Scores)])
            columns.append(Scores(first.name, z, first.atoms))
    return Encoded(sum(part.n for part in parts), tuple(columns), parts[0].target)
