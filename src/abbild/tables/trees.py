"""The default table engine: sequential histogram trees, corrected by a discriminator."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from abbild.core import Dataset, NotEnoughDataError, Seed
from abbild.tables.codecs import fit_codec
from abbild.tables.encoded import Encoded, Levels, Scores
from abbild.tables.forest import Forest, Growth, fit_forest, target_of
from abbild.tables.sampler import TableSampler
from abbild.tables.tree_bins import MOST, ColumnBins, fit_bins
from abbild.tables.tree_corrector import Boosting, fit_corrector
from abbild.tables.tree_model import TreesModel
from abbild.tables.tree_order import column_order, dependence, predictors

__all__ = ["Trees", "TreesModel"]

Preset = Literal["conservative", "default", "quality"]
Floats = NDArray[np.float64]

_LOOK = 50_000  # rows looked at where a part of them is enough
_WORK = 2e9  # cells of predictors all trees together may look at
_ROWS_A_ROUND = 75  # more rounds than this allows only learn the rows by heart
_LEAST = 200  # rows from which on a discriminator can learn anything

_PRESETS: dict[str, dict[str, Any]] = {
    "conservative": {"rounds": 0, "min_leaf": 20},
    "default": {},
    "quality": {"rounds": 800, "candidates": 24},
}


@dataclass(frozen=True)
class Trees:
    """Sequential histogram trees, corrected by a discriminator.

    Columns are learned one after another, each from those before it, by a forest (`forest`), in
    the order of their mutual information (`tree_order`). Rows drawn this way are accepted by
    what a classifier still tells them from real ones by (`tree_corrector`).

    Attributes
    ----------
    preset : "conservative" leaves the discriminator out and asks for larger leaves; "quality"
        lets it learn and choose for longer. Every other field that is None is set by it
    trees : per column
    share : of the rows each tree sees, in (0, 1]
    penalty_scores, penalty_levels : a split of a column of scores (of levels) must gain so many
        times what it would gain by chance: the knob between detail and smoothness
    min_leaf : rows in a leaf
    most_predictors : earlier columns a column is learned from
    rows, leaf_rows : at most so many rows decide on the splits (fill the leaves) of a tree
    rounds : trees of the discriminator, at most one for 75 rows; 0 for none
    boosting : the rest of its knobs
    pool : drawn rows it learns from, as a multiple of the real ones
    candidates : rows that may be drawn to find one that is accepted
    limit : greatest odds it may give
    k : least number of people behind any value that is kept

    Notes
    -----
    Cost is linear in rows up to `rows` and constant above, but for filling leaves and one pass
    per column; quadratic in columns up to `most_predictors` and linear above. Not
    differentially private: a leaf tells the values of one column for at least `min_leaf` rows
    that agree on a few others, and no more.

    References
    ----------
    Reiter (2005), "Using CART to generate partially synthetic public use microdata", Journal of
    Official Statistics 21(3); Azadi et al. (2019), "Discriminator rejection sampling", ICLR.
    """

    preset: Preset = "default"
    trees: int = 10
    share: float = 0.7
    penalty_scores: float = 5.0
    penalty_levels: float = 4.0
    min_leaf: int | None = None
    most_predictors: int = 30
    rows: int = 100_000
    leaf_rows: int = 200_000
    rounds: int | None = None
    boosting: Boosting = field(default_factory=Boosting)
    pool: float = 4.0
    candidates: int | None = None
    limit: float = 8.0
    k: int = 5

    def fit(self, data: Dataset, *, seed: Seed) -> TableSampler:
        """Learn the single table of `data`.

        Raises
        ------
        NotEnoughDataError
            If it has no rows.
        """
        codec = fit_codec(data, k=self.k, seed=seed / "codec")
        return TableSampler(codec, self.learn(codec.encode(data.table), seed=seed), "trees")

    def learn(self, encoded: Encoded, *, seed: Seed) -> TreesModel:
        """Learn an encoded table; the engine proper.

        Raises
        ------
        NotEnoughDataError
            If it has no rows.
        """
        if not encoded.n:
            raise NotEnoughDataError("there is no row to learn from", hint="check the filters")
        table = _Table.of(encoded, (seed / "look").rng())
        numbers = range(len(table.columns))
        order = column_order(table.information)
        growth = self._growth(encoded.n, len(table.columns))

        def fit_one(position: int) -> Forest:
            rng = (seed / "forest" / int(order[position])).rng()
            before = predictors(table.information, order, position, self.most_predictors)
            return table.forest(int(order[position]), before, growth, rng)

        with ThreadPoolExecutor(_workers()) as pool:
            forests = tuple(pool.map(fit_one, numbers))
        model = TreesModel(table.columns, forests, None, 1, encoded.target)
        rounds = min(self._knob("rounds", 300), encoded.n // _ROWS_A_ROUND)
        if rounds == 0 or len(numbers) < 2 or encoded.n < _LEAST:
            return model
        return self._correct(model, table, replace(self.boosting, rounds=rounds), seed)

    def _knob(self, name: str, default: int) -> int:
        value = getattr(self, name)
        return int(_PRESETS[self.preset].get(name, default) if value is None else value)

    def _growth(self, n: int, d: int) -> Growth:
        rows = min(self.share * n, self.rows)
        pairs = sum(min(j, self.most_predictors) for j in range(d))
        trees = int(min(self.trees, max(2, _WORK // max(pairs * rows, 1))))
        return Growth(
            trees,
            self.share,
            self.penalty_scores,
            self.penalty_levels,
            self._knob("min_leaf", 10),
            self.rows,
            self.leaf_rows,
        )

    def _correct(
        self, model: TreesModel, table: _Table, boosting: Boosting, seed: Seed
    ) -> TreesModel:
        """Train the discriminator on real rows and on rows of `model`."""
        n = min(table.bins.shape[1], self.rows)
        rng = (seed / "corrector").rng()
        real = table.bins[:, np.sort(rng.permutation(table.bins.shape[1])[:n])]
        numbers = np.arange(int(n * self.pool), dtype=np.uint64)
        drawn = model.draw_free(numbers, (seed / "pool").key())[1]
        nominal = np.array([column.is_nominal for column in model.columns])
        corrector = fit_corrector(real, drawn, nominal, boosting, self.limit, rng)
        return replace(model, corrector=corrector, candidates=self._knob("candidates", 8))


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """What fitting looks at.

    Attributes
    ----------
    cells : per column (n,) codes or scores
    bins : (d, n) uint8
    information : (d, d) mutual information
    sample : sorted rows looked at where a part of them is enough
    """

    columns: tuple[ColumnBins, ...]
    cells: tuple[Any, ...]
    bins: NDArray[np.uint8]
    information: Floats
    sample: NDArray[np.int64]

    @classmethod
    def of(cls, encoded: Encoded, rng: np.random.Generator) -> _Table:
        columns = _bin_columns(encoded)
        cells = tuple(c.codes if isinstance(c, Levels) else c.z for c in encoded.columns)
        bins = np.empty((len(columns), encoded.n), np.uint8)
        for j, (column, values) in enumerate(zip(columns, cells, strict=True)):
            bins[j] = column.of(values)
        sample = rng.permutation(encoded.n)[:_LOOK]
        information = dependence(np.ascontiguousarray(bins[:, sample]), columns)
        return cls(columns, cells, bins, information, np.sort(sample))

    def forest(
        self, j: int, before: NDArray[np.int64], growth: Growth, rng: np.random.Generator
    ) -> Forest:
        column = self.columns[j]
        best = before[np.argsort(-self.information[j, before], kind="stable")[:8]]
        target = target_of(self.cells[j], self.bins[j], column, self.bins[best])
        at = self._parent(j, before)
        missing = np.full(len(self.cells[j]), np.nan)
        parent = (at, self.cells[at] if at >= 0 else missing)
        return fit_forest(j, target, self.bins, self.columns, before, parent, growth, rng)

    def _parent(self, j: int, before: NDArray[np.int64]) -> int:
        """Return the earlier column of many scores that correlates most with scores of j."""
        best, at = 0.3, -1
        if self.columns[j].is_levels:
            return at
        y = self.cells[j][self.sample]
        for q in before:
            if self.columns[q].is_levels or len(self.columns[q].edges) < 100:
                continue
            x = self.cells[q][self.sample]
            both = ~(np.isnan(x) | np.isnan(y))
            r = _correlation(x[both], y[both])
            if r > best:
                best, at = r, int(q)
        return at


def _correlation(x: Floats, y: Floats) -> float:
    if len(x) < 20 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(abs(np.corrcoef(x, y)[0, 1]))


def _bin_columns(encoded: Encoded) -> tuple[ColumnBins, ...]:
    """Bin every column; columns of few levels tell which of very many levels are alike."""
    plain = [c for c in encoded.columns if isinstance(c, Scores) or c.size <= MOST]
    few = [fit_bins(c).of(c.codes if isinstance(c, Levels) else c.z) for c in plain[:16]]
    many = any(isinstance(c, Levels) and c.size > MOST for c in encoded.columns)
    others = np.stack(few) if few and many else np.zeros((0, encoded.n), np.uint8)
    return tuple(fit_bins(column, others) for column in encoded.columns)


def _workers() -> int:
    """Return the number of threads; nothing that is fitted depends on it."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
