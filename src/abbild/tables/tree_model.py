"""Rows from fitted forests: free, with given cells, or within what is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbild.core import Seed, ShapeError, unknown_name
from abbild.tables.counter import mix, row_numbers, uniform
from abbild.tables.encoded import Encoded, Levels, Scores
from abbild.tables.forest import Forest
from abbild.tables.forest_draw import draw_cells, draw_within, weigh
from abbild.tables.model import Allowed, Given, Within
from abbild.tables.tree_bins import ColumnBins
from abbild.tables.tree_checks import check_model
from abbild.tables.tree_corrector import Corrector

__all__ = ["TreesModel"]

Floats = NDArray[np.float64]
Rows = NDArray[np.uint64]
Cells = list[Any]  # per column (n,) int32 codes or float64 scores


@dataclass(frozen=True, slots=True, eq=False)
class TreesModel:
    """Fitted sequential trees. Every field is about one column or a small tree; none holds rows.

    Attributes
    ----------
    columns : how each column is binned, in the order of the schema
    forests : one per column, in the order they are drawn
    corrector : log odds by which drawn rows are accepted, or None
    candidates : how many rows may be tried for one
    target : column to be predicted, if the user named one
    """

    columns: tuple[ColumnBins, ...]
    forests: tuple[Forest, ...]
    corrector: Corrector | None
    candidates: int
    target: str | None

    def check(self) -> None:
        """Refuse forests that point outside themselves; called when a model is loaded."""
        check_model(self)

    def draw(
        self,
        rows: range,
        *,
        seed: Seed,
        given: Given | None = None,
        within: Within | None = None,
    ) -> tuple[Encoded, Floats]:
        """Draw ``len(rows)`` encoded rows and the natural logarithm of a weight for each.

        A row is a function of the seed and its absolute number alone.

        Parameters
        ----------
        given : column to (n,) codes or scores each row must have; a code of -1 is no evidence
        within : column to what is allowed in all rows

        Returns
        -------
        The rows, and (n,) log weights: the log probability (density, for given free scores) of
        what was given or allowed, given the columns drawn before. They are equal, so the rows
        follow the conditional distribution, if the conditions are on the first columns.

        Raises
        ------
        UnknownNameError
            If a condition names no learned column.
        ShapeError
            If the given cells are not as many as the rows.
        """
        numbers = row_numbers(rows)
        self._check(len(rows), given or {}, within or {})
        if given or within:
            cells, log = self._draw_given(numbers, seed.key(), given or {}, within or {})
        else:
            cells, log = self._draw_accepted(numbers, seed.key()), np.zeros(len(rows))
        return self._encoded(len(rows), cells), log

    def draw_free(self, rows: Rows, key: int) -> tuple[Cells, NDArray[np.uint8]]:
        """Draw rows from the forests alone: cells and (d, n) bins. `key` is of 64 bits."""
        cells, bins, _ = self._draw_forests(rows, key, {}, {})
        return cells, bins

    def _draw_forests(
        self, rows: Rows, key: int, given: Given, within: Within
    ) -> tuple[Cells, NDArray[np.uint8], Floats]:
        n, d = len(rows), len(self.columns)
        bins = np.zeros((d, n), np.uint8)
        cells: Cells = [None] * d
        log = np.zeros(n)
        missing = np.full(n, np.nan)
        for forest in self.forests:
            j = forest.column
            column = self.columns[j]
            parent = cells[forest.parent] if forest.parent >= 0 else missing
            place = _Place(forest, column, bins, parent, rows, _derive(key, j))
            if column.name in given:
                cells[j] = _given_cells(place, given[column.name], log)
            elif column.name in within:
                cells[j] = _allowed_cells(place, within[column.name], log)
            else:
                cells[j] = _free_cells(place)
            bins[j] = column.of(cells[j])
        return cells, bins, log

    def _draw_accepted(self, rows: Rows, key: int) -> Cells:
        """Draw rows by rejection; who is refused to the end takes the best of all candidates."""
        out, bins = self.draw_free(rows, key)
        if self.corrector is None:
            return out
        top = float(np.log(self.corrector.limit))
        best = np.full(len(rows), -np.inf)
        still = np.arange(len(rows))
        cells = out
        for number in range(self.candidates):
            own = _derive(key, -1 - number)
            if number:
                cells, bins = self.draw_free(rows[still], own)
            log = self.corrector.log_odds(bins)
            u = np.maximum(uniform(rows[still], own), 1e-300)
            accepted = np.log(u) < log - top
            # an exponential race: the smallest of -log u / odds wins with probability ~ odds
            score = np.where(accepted, np.inf, log - np.log(-np.log(u)))
            better = score > best[still]
            for whole, part in zip(out, cells, strict=True):
                whole[still[better]] = part[better]
            best[still] = np.maximum(best[still], score)
            still = still[~accepted]
            if not len(still):
                break
        return out

    def _draw_given(
        self, rows: Rows, key: int, given: Given, within: Within
    ) -> tuple[Cells, Floats]:
        """Choose each row among candidates by probability of the evidence times odds."""
        out, bins, log = self._draw_forests(rows, key, given, within)
        if self.corrector is None:
            return out, log
        logs = [log]
        best = _race(log, self.corrector.log_odds(bins), rows, key)
        for number in range(1, self.candidates):
            own = _derive(key, -1 - number)
            cells, bins, log = self._draw_forests(rows, own, given, within)
            score = _race(log, self.corrector.log_odds(bins), rows, own)
            better = score > best
            for whole, part in zip(out, cells, strict=True):
                whole[better] = part[better]
            best = np.maximum(best, score)
            logs.append(log)
        stacked = np.stack(logs)
        top = np.maximum(stacked.max(axis=0), -1e300)
        mean = np.exp(stacked - top).mean(axis=0)
        with np.errstate(divide="ignore"):
            return out, np.log(mean) + top

    def _check(self, n: int, given: Given, within: Within) -> None:
        known = [column.name for column in self.columns]
        for name in (*given, *within):
            if name not in known:
                raise unknown_name("column", name, known)
        for name, values in given.items():
            if len(values) != n:
                raise ShapeError(f"{len(values)} cells of column {name!r} given for {n} rows")

    def _encoded(self, n: int, cells: Cells) -> Encoded:
        columns = tuple(
            Levels(c.name, v, c.size, c.ordered) if c.is_levels else Scores(c.name, v, c.atoms)
            for c, v in zip(self.columns, cells, strict=True)
        )
        return Encoded(n, columns, self.target)


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """One column of a block of rows that is about to be drawn."""

    forest: Forest
    column: ColumnBins
    bins: NDArray[np.uint8]
    parent: Floats
    rows: Rows
    key: int

    @property
    def context(self) -> tuple[Any, int, NDArray[np.uint8], Floats]:
        """What every kernel takes first."""
        return self.forest.nodes, self.column.free_code, self.bins, self.parent

    def blank(self) -> tuple[NDArray[np.int32], Floats]:
        """Return codes and scores to be written."""
        return np.zeros(len(self.rows), np.int32), np.full(len(self.rows), np.nan)


def _derive(key: int, number: int) -> int:
    """Return a 64-bit key for a column (from 0 up) or a candidate (from -1 down)."""
    return int(mix(np.array([number % 2**64], np.uint64), key)[0])


def _race(log: Floats, odds: Floats, rows: Rows, key: int) -> Floats:
    u = np.maximum(uniform(rows, key), 1e-300)
    return log + odds - np.log(np.maximum(-np.log(u), 1e-300))


def _free_cells(place: _Place) -> Any:
    code, z = place.blank()
    draw_cells(*place.context, np.uint64(place.key), place.rows, code, z)
    return place.column.cells(code, z)


def _given_cells(place: _Place, values: Any, log: Floats) -> Any:
    """Return the given cells, drawn where there is no evidence; add their log probability."""
    column = place.column
    kind = np.int32 if column.is_levels else np.float64
    values = np.ascontiguousarray(values, kind)
    code = column.cell_codes(values)
    z = values if not column.is_levels else np.full(len(values), np.nan)
    weigh(*place.context, code, z, log)
    unknown = code < 0
    return np.where(unknown, _free_cells(place), values) if unknown.any() else values.copy()


def _allowed_cells(place: _Place, allowed: Allowed, log: Floats) -> Any:
    """Draw cells that are allowed; add the log probability that a cell is."""
    column = place.column
    code, z = place.blank()
    mask, spans = _mask(column, allowed)
    draw_within(*place.context, np.uint64(place.key), place.rows, mask, spans, code, z, log)
    lost = code < 0
    if lost.any():  # the weight is zero; the cell only has to be a legal one
        code[lost] = np.flatnonzero(mask)[0] if mask.any() else 0
        if not mask.any() and len(spans):
            code[lost] = column.free_code
            z[lost] = np.clip(0.0, spans[0, 0], spans[0, 1])
    return column.cells(code, z)


def _mask(column: ColumnBins, allowed: Allowed) -> tuple[NDArray[np.bool_], Floats]:
    """Return (codes,) whether a code other than the free one is allowed, and (s, 2) intervals."""
    if column.is_levels:
        codes = np.ones(column.size, bool) if allowed.codes is None else allowed.codes
        return np.ascontiguousarray(codes, bool), np.zeros((0, 2))
    spans = np.zeros((0, 2)) if allowed.intervals is None else allowed.intervals
    spans = np.ascontiguousarray(spans, np.float64).reshape(-1, 2)
    mask = np.zeros(column.codes, bool)
    for low, high in spans:
        mask[: len(column.atoms)] |= (column.atoms >= low) & (column.atoms <= high)
    mask[len(column.atoms)] = allowed.missing
    return mask, spans
