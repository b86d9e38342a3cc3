"""Which columns tell something about which: normalised mutual information."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from abbild.core import Discretizer, NotEnoughDataError, Schema, Score, Seed
from abbild.evaluate.intervals import jackknife, normal
from abbild.evaluate.judgement import Effort, Findings
from abbild.evaluate.scope import judged, thinned
from abbild.evaluate.screening import strongest

__all__ = ["dependence", "information"]

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

GROUPS = 20  # left out one at a time to see how much the draw of the rows matters
LEVELS = 50
MOST_COLUMNS = 60  # compared two by two


def dependence(
    train: pa.Table,
    holdout: pa.Table | None,
    synthetic: pa.Table,
    schema: Schema,
    *,
    seed: Seed,
    effort: Effort | None = None,
) -> Findings:
    """Agreement of the mutual information between columns, strong pairs counting most.

    Returns
    -------
    Findings
        ``fidelity.dependence`` in [0, 1]: one minus the mean difference of the normalised mutual
        information of pairs, weighted by its sum in both tables. Baseline: the holdout. Evidence
        ``dependence``: the matrices, of the 60 columns most related to any other.

    Raises
    ------
    NotEnoughDataError
        If there are fewer than two columns.

    Notes
    -----
    Ten bins of equal width, edges from the training data; every table is thinned to the same
    number of rows, because mutual information grows with noise. Normalised by the mean of both
    entropies. Interval by a grouped jackknife over rows of the synthetic table and the holdout.
    """
    effort = effort or Effort()
    schema = judged(schema)
    d = len(schema.table.names)
    if d < 2:
        raise NotEnoughDataError("there is only one column, so there is no dependence to compare")
    every = schema.table.columns
    chosen = effort.shared(
        f"dependence columns {train.num_rows}",
        lambda: strongest(train, every, MOST_COLUMNS, seed / "columns"),
    )
    names = [c.name for c in chosen]
    schema = Schema.of(chosen)
    n = min(t.num_rows for t in (train, holdout, synthetic) if t is not None)
    bins = Discretizer.of(train, schema, levels=LEVELS, widths="width")

    def seen(table: pa.Table, who: str) -> Floats:
        return information(bins.codes(thinned(table, n, seed / who)), bins.sizes)

    real = effort.shared(f"dependence train {n}", lambda: seen(train, "train"))
    made = seen(synthetic, "made")
    value, error = _agreement(real, made)
    baseline = float("nan")
    if holdout is not None:
        baseline, more = _agreement(real, seen(holdout, "fresh"))
        error = float(np.hypot(error, more))
    low, high = normal(value, error)
    score = Score(
        "fidelity.dependence", value, low, high, "baseline", n, baseline, method="jackknife"
    )
    evidence = {"columns": names, "real": _square(real[0], len(names))}
    evidence["synthetic"] = _square(made[0], len(names))
    note = f"Dependence was compared between {len(names)} of {d:,} columns, the most related ones."
    return Findings([score], {"dependence": evidence}, [note] if d > len(names) else [])


def information(codes: Codes, sizes: list[int]) -> Floats:
    """Return normalised mutual information of every pair, whole and with groups left out.

    Parameters
    ----------
    codes : (n, d), column j in [0, sizes[j])

    Returns
    -------
    (1 + groups, pairs) in [0, 1]; the first row is of all rows, each other one leaves out every
    20th row. Pairs as in ``itertools.combinations(range(d), 2)``.
    """
    n = len(codes)
    groups = max(2, min(GROUPS, n))
    group = np.arange(n) % groups
    pairs = list(combinations(range(codes.shape[1]), 2))
    out = np.empty((1 + groups, len(pairs)))
    for at, (i, j) in enumerate(pairs):
        cells = sizes[i] * sizes[j]
        flat = group * cells + codes[:, i] * sizes[j] + codes[:, j]
        parts = np.bincount(flat, minlength=groups * cells).reshape(groups, sizes[i], sizes[j])
        whole = parts.sum(axis=0)
        out[:, at] = _normalised(np.concatenate([whole[None], whole - parts]))
    return out


def _normalised(tables: NDArray[np.int64]) -> Floats:
    p = tables / np.maximum(tables.sum(axis=(1, 2), keepdims=True), 1)
    a, b, both = _entropy(p.sum(2)), _entropy(p.sum(1)), _entropy(p.reshape(len(p), -1))
    mean = (a + b) / 2
    return np.clip((a + b - both) / np.where(mean > 1e-12, mean, 1.0), 0.0, 1.0)


def _entropy(p: Floats) -> Floats:
    parts: Floats = p * np.log(np.where(p > 0, p, 1.0))
    return -np.asarray(parts.sum(axis=1))


def _agreement(real: Floats, other: Floats) -> tuple[float, float]:
    """Return the agreement of `other` with `real` and its jackknife error."""
    weights = real[0] + other
    total = weights.sum(axis=1)
    gap = (weights * np.abs(real[0] - other)).sum(axis=1)
    values = 1 - gap / np.where(total > 0, total, 1.0)
    return float(values[0]), jackknife(values[1:])


def _square(pairs: Floats, d: int) -> list[list[float]]:
    out = np.eye(d)
    out[np.triu_indices(d, 1)] = pairs
    out = np.maximum(out, out.T)
    return [[round(float(v), 4) for v in row] for row in out]
