"""Distances between tables in one, two and three columns at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from abbild.core import Discretizer, Schema, Score, Seed
from abbild.evaluate.intervals import normal
from abbild.evaluate.judgement import Effort, Findings
from abbild.evaluate.scope import judged

__all__ = ["Overlap", "accuracy", "floor", "overlap"]

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

MOST_PAIRS = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """How far two tables agree on sets of columns.

    Attributes
    ----------
    values : (sets,) one minus the total variation distance of each set of columns
    influence : (n,) how much each row of the second table moves the mean of `values`, times n
    expected : (sets,) what `values` would be for two samples of the first table's distribution
    """

    values: Floats
    influence: Floats
    expected: Floats

    @property
    def variance(self) -> float:
        """Variance of the mean of `values` from the draw of the second table."""
        n = len(self.influence)
        return float(self.influence.var(ddof=1)) / n if n > 1 else 0.25


def accuracy(
    train: pa.Table,
    holdout: pa.Table | None,
    synthetic: pa.Table,
    schema: Schema,
    *,
    seed: Seed,
    effort: Effort | None = None,
) -> Findings:
    """Agreement of all one-, two- and three-column tables with the training data.

    One minus the total variation distance on deciles of the training data and its ten most
    frequent levels, averaged over columns, pairs, and up to `Effort.triples` sampled triples.

    Returns
    -------
    Findings
        ``fidelity.accuracy.1``, ``.2`` and ``.3`` in [0, 1]. The goal is the baseline: the same
        for the holdout, thinned to the same number of rows, or what sampling theory expects
        where there is no holdout. More than the baseline means that rows are nearer to the
        training data than fresh people are. Evidence ``columns``: agreement column by column.

    Notes
    -----
    Intervals are linear in the rows of the synthetic table and the holdout, hence up to 1.6
    times too wide where the agreement is as good as sampling allows. Cost is O(n) a set.

    References
    ----------
    .. [1] Platzer, Reutterer (2021), doi:10.3389/fdata.2021.679939.
    """
    effort = effort or Effort()
    schema = judged(schema)
    bins = Discretizer.of(train, schema)
    real, made = bins.codes(train), bins.codes(synthetic)
    fresh = None if holdout is None else bins.codes(holdout)
    if fresh is not None:
        n = min(len(fresh), len(made))
        fresh, made = (_thin(x, n, seed / who) for who, x in (("fresh", fresh), ("made", made)))
    scores, pairs = [], None
    for order in (1, 2, 3):
        name = f"fidelity.accuracy.{order}"
        if len(bins.names) < order:
            scores.append(Score.not_computed(name, f"there are fewer than {order} columns"))
            continue
        sets = _sets(len(bins.names), order, effort.triples, seed)
        found = overlap(real, made, bins.sizes, sets)
        other = None if fresh is None else overlap(real, fresh, bins.sizes, sets)
        scores.append(_score(name, found, other, len(made)))
        if order <= 2:
            pairs = (*(pairs or ()), (sets, found, other))
    return Findings(scores, {"columns": _columns(bins.names, pairs or ())})


def overlap(real: Codes, other: Codes, sizes: list[int], sets: list[tuple[int, ...]]) -> Overlap:
    """Compare two tables of codes on each of `sets`.

    Parameters
    ----------
    real, other : (n, d) and (m, d) codes, column j in [0, sizes[j])
    sets : positions of the columns compared together
    """
    values, expected = np.empty(len(sets)), np.empty(len(sets))
    influence = np.zeros(len(other))
    for s, columns in enumerate(sets):
        shape = tuple(sizes[j] for j in columns)
        a = np.ravel_multi_index(tuple(real[:, j] for j in columns), shape)
        b = np.ravel_multi_index(tuple(other[:, j] for j in columns), shape)
        p = np.bincount(a, minlength=math.prod(shape)) / len(a)
        q = np.bincount(b, minlength=math.prod(shape)) / len(b)
        values[s] = 1 - 0.5 * np.abs(p - q).sum()
        expected[s] = 1 - floor(p, len(a), len(b))
        influence -= 0.5 * np.sign(q - p)[b]
    return Overlap(values, influence / len(sets), expected)


def floor(shares: Floats, n: int, m: int) -> float:
    """Return the distance two samples of `n` and `m` rows of one distribution would have.

    Half the sum of the means of folded normals, one for each of the (k,) `shares`.
    """
    variance = shares * (1 - shares) * (1 / n + 1 / m)
    return float(0.5 * np.sqrt(2 * variance / np.pi).sum())


def _thin(codes: Codes, n: int, seed: Seed) -> Codes:
    if len(codes) <= n:
        return codes
    return codes[np.sort(seed.rng().choice(len(codes), n, replace=False))]


def _sets(d: int, order: int, most: int, seed: Seed) -> list[tuple[int, ...]]:
    most = {1: d, 2: MOST_PAIRS, 3: most}[order]
    if math.comb(d, order) <= most:
        return list(combinations(range(d), order))
    rng = (seed / "sets" / order).rng()
    drawn: set[tuple[int, ...]] = set()
    while len(drawn) < most:
        drawn.add(tuple(sorted(int(j) for j in rng.choice(d, order, replace=False))))
    return sorted(drawn)


def _score(name: str, found: Overlap, other: Overlap | None, n: int) -> Score:
    value = float(found.values.mean())
    baseline = float((found.expected if other is None else other.values).mean())
    error = math.sqrt(found.variance + (0.0 if other is None else other.variance))
    low, high = normal(value, error)
    return Score(name, value, low, high, "baseline", n, baseline, method="linearised")


def _columns(
    names: list[str], orders: tuple[tuple[list[tuple[int, ...]], Overlap, Overlap | None], ...]
) -> list[dict[str, object]]:
    """Average, for each column, the distances of the sets it is part of."""
    rows = []
    for j, name in enumerate(names):
        row: dict[str, object] = {"column": name}
        for key, (sets, found, other) in zip(("alone", "with_others"), orders, strict=False):
            at = [s for s, columns in enumerate(sets) if j in columns]
            if not at:
                continue
            reference = found.expected if other is None else other.values
            row[key] = float(1 - found.values[at].mean())
            row[f"{key}_floor"] = float(1 - reference[at].mean())
        rows.append(row)
    rows.sort(key=lambda row: _excess(row), reverse=True)
    return rows


def _excess(row: dict[str, object]) -> float:
    gaps = [
        float(row[key]) - float(row[f"{key}_floor"])  # type: ignore[arg-type]
        for key in ("alone", "with_others")
        if key in row
    ]
    return max(gaps, default=0.0)
