"""Each column alone: from a uniform number to a cell and back.

The cells of a column share out the unit interval. A level owns the interval of its cumulative
share, so does an atom; a score between atoms owns the point that is its rank. Missing scores
are told apart from it and have a share of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from abbild.core import ShapeError
from abbild.tables.ascent import ascends, climbs
from abbild.tables.encoded import Encoded, Levels, Scores
from abbild.tables.model import Allowed

__all__ = ["LevelMarginal", "ScoreMarginal", "build", "fit_marginals"]

_TINY = 1e-15  # keeps normal scores finite

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LevelMarginal:
    """A column of levels.

    Attributes
    ----------
    order : (size,) int64 codes in the order in which they share out the unit interval
    edges : (size + 1,) their ends, from 0 to 1
    """

    name: str
    size: int
    ordered: bool
    order: NDArray[np.int64]
    edges: Floats

    def check(self) -> None:
        """Refuse values that do not fit together; called when a model is loaded."""
        right = (
            self.size > 0
            and self.order.shape == (self.size,)
            and np.array_equal(np.sort(self.order), np.arange(self.size))
            and self.edges.shape == (self.size + 1,)
            and self.edges[0] == 0
            and self.edges[-1] == 1
            and ascends(self.edges)
        )
        if not right:
            raise ShapeError(f"the shares of column {self.name!r} contradict each other")

    @classmethod
    def of(cls, column: Levels, order: NDArray[np.int64] | None = None) -> LevelMarginal:
        """Count the codes of `column`; hidden ones do not count."""
        order = np.arange(column.size) if order is None else order
        counts = np.bincount(column.codes[column.codes >= 0], minlength=column.size)[order]
        total = counts.sum()
        shares = counts / total if total else np.full(column.size, 1 / column.size)
        edges = np.concatenate([[0.0], np.cumsum(shares)])
        edges[-1] = 1.0
        return cls(column.name, column.size, column.ordered, order, edges)

    @property
    def place(self) -> NDArray[np.int64]:
        """(size,) place of each code in `order`."""
        return np.argsort(self.order)

    def cells(self, u: Floats) -> Levels:
        """Return the cells of (n,) uniform numbers."""
        at = np.searchsorted(self.edges[1:-1], u, side="right")
        return Levels(self.name, self.order[at].astype(np.int32), self.size, self.ordered)

    def spans(self, codes: NDArray[np.int32]) -> tuple[Floats, Floats]:
        """Return the intervals of (n,) codes; the whole of [0, 1] for -1."""
        at = self.place[np.maximum(codes, 0)]
        free = codes < 0
        return np.where(free, 0.0, self.edges[at]), np.where(free, 1.0, self.edges[at + 1])

    def allowed(self, allowed: Allowed) -> Floats:
        """Return the (m, 2) intervals of the codes that are allowed."""
        codes = allowed.codes if allowed.codes is not None else np.ones(self.size, bool)
        at = np.flatnonzero(codes[self.order])
        return np.column_stack([self.edges[at], self.edges[at + 1]])


@dataclass(frozen=True, slots=True, eq=False)
class ScoreMarginal:
    """A column of normal scores, where it is not missing.

    Attributes
    ----------
    atoms, low, high : (a,) scores that are point masses, and the ends of their intervals
    missing : share of missing cells
    """

    name: str
    atoms: Floats
    low: Floats
    high: Floats
    missing: float

    def check(self) -> None:
        """Refuse values that do not fit together; called when a model is loaded."""
        right = (
            climbs(self.atoms)
            and self.low.shape == self.high.shape == self.atoms.shape
            and ascends(ends := np.column_stack([self.low, self.high]).ravel())
            and ((ends >= 0) & (ends <= 1)).all()
            and 0 <= self.missing <= 1
        )
        if not right:
            raise ShapeError(f"the shares of column {self.name!r} contradict each other")

    @classmethod
    def of(cls, column: Scores) -> ScoreMarginal:
        """Measure the point masses of `column`."""
        z = np.sort(column.z[~np.isnan(column.z)])
        n, total = max(len(z), 1), max(len(column.z), 1)
        low = np.searchsorted(z, column.atoms, side="left") / n
        high = np.searchsorted(z, column.atoms, side="right") / n
        return cls(column.name, column.atoms, low, high, 1 - len(z) / total)

    def cells(self, u: Floats) -> Floats:
        """Return the scores of (n,) uniform numbers."""
        z = ndtri(np.clip(u, _TINY, 1 - _TINY))
        if len(self.atoms):
            at = np.minimum(np.searchsorted(self.high, u, side="right"), len(self.atoms) - 1)
            z = np.where((u >= self.low[at]) & (u < self.high[at]), self.atoms[at], z)
        return np.asarray(z)

    def spans(self, z: Floats) -> tuple[Floats, Floats]:
        """Return the intervals of (n,) scores: points but for atoms; all of [0, 1] for NaN."""
        low, high = self._ranks(np.where(np.isnan(z), 0.0, z))
        return np.where(np.isnan(z), 0.0, low), np.where(np.isnan(z), 1.0, high)

    def allowed(self, allowed: Allowed) -> Floats:
        """Return the (m, 2) intervals of the scores that are allowed."""
        if allowed.intervals is None:
            return np.array([[0.0, 1.0]])
        low, _ = self._ranks(allowed.intervals[:, 0])
        _, high = self._ranks(allowed.intervals[:, 1])
        return np.column_stack([low, np.maximum(low, high)])

    def _ranks(self, z: Floats) -> tuple[Floats, Floats]:
        """Return the rank just below and just above each score; atoms push others aside."""
        low = high = ndtr(z)
        if not len(self.atoms):
            return low, high
        at = np.minimum(np.searchsorted(self.high, low, side="right"), len(self.atoms) - 1)
        inside = (low >= self.low[at]) & (low < self.high[at])
        aside = np.where(z < self.atoms[at], self.low[at], self.high[at])
        low, high = np.where(inside, aside, low), np.where(inside, aside, high)
        at = np.minimum(np.searchsorted(self.atoms, z), len(self.atoms) - 1)
        on = self.atoms[at] == z
        return np.where(on, self.low[at], low), np.where(on, self.high[at], high)


def fit_marginals(encoded: Encoded) -> tuple[LevelMarginal | ScoreMarginal, ...]:
    """Return the marginal of each column."""
    return tuple(
        LevelMarginal.of(c) if isinstance(c, Levels) else ScoreMarginal.of(c)
        for c in encoded.columns
    )


def build(
    marginal: LevelMarginal | ScoreMarginal, u: Floats, lost: NDArray[np.bool_]
) -> Levels | Scores:
    """Return the cells of (n,) uniform numbers; scores are missing where `lost`."""
    if isinstance(marginal, LevelMarginal):
        return marginal.cells(u)
    return Scores(marginal.name, np.where(lost, np.nan, marginal.cells(u)), marginal.atoms)
