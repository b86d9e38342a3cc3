"""Columns as one byte per cell: what trees split on and what they are judged by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abbild.core import ShapeError
from abbild.tables.ascent import ascends, climbs
from abbild.tables.encoded import Levels, Scores

__all__ = ["MISSING", "ColumnBins", "fit_bins", "group_levels"]

MISSING = 255  # bin of a missing score and of a level that is hidden
MOST = 254  # bins of what is there

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ColumnBins:
    """How one column becomes bins, and what else a model must know of it to draw it.

    Attributes
    ----------
    is_levels : levels, else scores
    size : number of levels; 0 for scores
    ordered : whether neighbouring codes are neighbouring levels
    atoms : (a,) float64 scores that are point masses
    edges : (b,) float64 ascending scores between bins
    lookup : (size,) uint8 bin of each level
    """

    name: str
    is_levels: bool
    size: int
    ordered: bool
    atoms: Floats
    edges: Floats
    lookup: NDArray[np.uint8]

    def check(self) -> None:
        """Refuse values that do not fit together; called when a model is loaded."""
        if self.is_levels:
            numbers = self.atoms.shape == self.edges.shape == (0,)
            right = self.size > 0 and self.lookup.shape == (self.size,) and numbers
        else:
            right = (
                self.size == 0
                and self.lookup.shape == (0,)
                and climbs(self.atoms)
                and ascends(self.edges)
                and len(self.edges) <= MOST
            )
        if not right:
            raise ShapeError(f"the bins of column {self.name!r} contradict each other")

    @property
    def is_nominal(self) -> bool:
        """Whether the order of the bins means nothing."""
        return self.is_levels and not self.ordered and self.size > 2

    def of(self, cells: NDArray[np.int32] | Floats) -> NDArray[np.uint8]:
        """Return the (n,) bins of codes or scores."""
        if self.is_levels:
            codes = cells.astype(np.int64)
            if not self.size:
                return np.full(len(codes), MISSING, np.uint8)
            return np.where(codes < 0, np.uint8(MISSING), self.lookup[np.maximum(codes, 0)])
        bins = np.searchsorted(self.edges, cells, side="right").astype(np.uint8)
        bins[np.isnan(cells)] = MISSING
        return bins

    def cells(self, code: NDArray[np.int32], z: Floats) -> NDArray[np.int32] | Floats:
        """Return drawn codes, or scores with the atoms among them; writes into `z`."""
        if self.is_levels:
            return code
        exact = code < len(self.atoms)
        z[exact] = self.atoms[code[exact]]
        return z

    @property
    def codes(self) -> int:
        """Number of codes a cell may have: levels, or atoms, missing and free."""
        return self.size if self.is_levels else len(self.atoms) + 2

    @property
    def free_code(self) -> int:
        """Code of a score that is neither an atom nor missing; -1 for levels."""
        return -1 if self.is_levels else len(self.atoms) + 1

    def cell_codes(self, cells: NDArray[np.int32] | Floats) -> NDArray[np.int32]:
        """Return (n,) codes: the level (-1 if hidden); or the atom, missing, or free."""
        if self.is_levels:
            return cells.astype(np.int32)
        a = len(self.atoms)
        code = np.full(len(cells), a + 1, np.int32)
        if a:
            at = np.minimum(np.searchsorted(self.atoms, cells), a - 1)
            exact = self.atoms[at] == cells
            code[exact] = at[exact]
        code[np.isnan(cells)] = a
        return code


def fit_bins(column: Levels | Scores, others: NDArray[np.uint8] | None = None) -> ColumnBins:
    """Choose the bins of `column`.

    Up to 254 distinct scores or levels have a bin of their own. More scores share bins of equal
    mass, but for those that would fill one alone; more levels share bins with those that meet
    similar bins of `others` (f, n) uint8.
    """
    none = np.zeros(0)
    if isinstance(column, Scores):
        z = column.z[~np.isnan(column.z)]
        lookup = np.zeros(0, np.uint8)
        return ColumnBins(column.name, False, 0, True, column.atoms, _edges(z), lookup)
    if column.size <= MOST:
        lookup = np.arange(column.size).astype(np.uint8)
    else:
        lookup = group_levels(column.codes, column.size, others, MOST // 2, MOST).astype(np.uint8)
    return ColumnBins(column.name, True, column.size, column.ordered, none, none, lookup)


def _edges(z: Floats) -> Floats:
    """Return scores between bins of equal mass; frequent scores get a bin alone."""
    u, counts = np.unique(z, return_counts=True)
    if len(u) <= MOST:
        return (u[1:] + u[:-1]) / 2
    n = len(z)
    alone = counts >= max(30, n / MOST)
    spare = max(MOST - 2 * int(alone.sum()), MOST // 4)
    share = max(counts[~alone].sum() / spare, 1.0)
    run = np.cumsum(np.where(alone, 0, counts))
    cell = np.floor(run / share)
    ends = alone[:-1] | alone[1:] | (cell[1:] != cell[:-1])
    after = np.flatnonzero(ends)
    if len(after) > MOST - 1:
        after = after[np.unique(np.linspace(0, len(after) - 1, MOST - 1).astype(np.int64))]
    return (u[after] + u[after + 1]) / 2


def group_levels(
    codes: NDArray[np.int32],
    size: int,
    others: NDArray[np.uint8] | None,
    alone: int,
    groups: int,
) -> NDArray[np.int64]:
    """Map levels to `groups` groups: the `alone` most frequent ones stay, like join like.

    What levels have in common is measured by the first principal component of the mean bins of
    `others` (f, n).
    """
    seen = codes >= 0
    counts = np.bincount(codes[seen], minlength=size).astype(np.float64)
    by_count = np.argsort(-counts, kind="stable")
    out = np.empty(size, np.int64)
    out[by_count[:alone]] = np.arange(min(alone, size))
    rest = np.sort(by_count[alone:])
    position = rest.astype(np.float64)
    if others is not None and len(others) and seen.any():
        sums = [_centred_sums(codes[seen], bins[seen], size) for bins in others]
        means = np.stack(sums, axis=1) / np.maximum(counts, 1)[:, None]
        scatter = (means * counts[:, None]).T @ means
        position = (means @ np.linalg.eigh(scatter)[1][:, -1])[rest]
    ordered = rest[np.argsort(position, kind="stable")]
    weight = np.cumsum(counts[ordered] + 1e-9)
    places = groups - alone
    out[ordered] = alone + np.minimum(weight / weight[-1] * places, places - 1).astype(np.int64)
    return out


def _centred_sums(codes: NDArray[np.int32], bins: NDArray[np.uint8], size: int) -> Floats:
    """Return the (size,) sums of standardised bins per level."""
    x = bins.astype(np.float64)
    return np.asarray(np.bincount(codes, (x - x.mean()) / (x.std() + 1e-9), size), np.float64)
