"""Which columns of a wide table are looked at, where looking at all would take hours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from abbild.core import Column, Discretizer, Schema, Seed
from abbild.evaluate.scope import rounded, thinned

__all__ = ["relations", "strongest"]

Floats = NDArray[np.float32]

ROWS = 1_000  # enough to order columns, not to measure them
SHOWN = 2  # most frequent levels of a column that are compared


def relations(table: pa.Table, columns: Sequence[Column], seed: Seed) -> Floats:
    """Return (d, d) how strongly columns are related, 0 to 1, zero on the diagonal.

    The largest absolute correlation between their ranks or, for levels, the flags of their two
    most frequent levels, on at most 1,000 rows. Cost is O(d^2) of matrix algebra: seconds for
    2,000 columns.
    """
    rows = thinned(table, ROWS, seed / "relations")
    blocks = [_features(rows, column) for column in columns]
    starts = np.cumsum([0, *(block.shape[1] for block in blocks)])[:-1]
    x = np.hstack(blocks)
    found = np.abs(x.T @ x)
    found = np.maximum.reduceat(np.maximum.reduceat(found, starts, axis=0), starts, axis=1)
    np.fill_diagonal(found, 0.0)
    return np.asarray(np.clip(found, 0.0, 1.0), np.float32)


def strongest(
    table: pa.Table,
    columns: Sequence[Column],
    most: int,
    seed: Seed,
    target: str | None = None,
) -> list[Column]:
    """Return at most `most` columns, in their order: those most related to any other.

    With a `target`, it is kept, and half of the others are those most related to it.
    """
    if len(columns) <= most:
        return list(columns)
    related = relations(table, columns, seed)
    order = list(np.argsort(-related.max(axis=0), kind="stable"))
    first: list[int] = []
    names = [c.name for c in columns]
    if target in names:
        at = names.index(target)
        first = [at, *(j for j in np.argsort(-related[at], kind="stable") if j != at)]
    # a dictionary keeps the order and names each column once
    chosen = list(dict.fromkeys(int(j) for j in [*first[: 1 + most // 2], *order]))[:most]
    return [columns[j] for j in sorted(chosen)]


def _features(rows: pa.Table, column: Column) -> Floats:
    """Return (n, 1 or 2) features of length one, zero where they do not vary."""
    if column.kind.is_quantity:
        x = rounded(rows, column)
        _, rank = np.unique(np.where(np.isnan(x), np.inf, x), return_inverse=True)
        features = rank.astype(np.float32)[:, None]
        features[np.isnan(x)] = features[~np.isnan(x)].mean() if (~np.isnan(x)).any() else 0.0
    else:
        codes = Discretizer.of(rows, Schema.of([column]), levels=SHOWN).codes(rows)
        features = (codes == np.arange(SHOWN)).astype(np.float32)
    features -= features.mean(axis=0)
    length = np.sqrt(np.square(features).sum(axis=0))
    return np.asarray(features / np.where(length > 1e-6, length, 1.0), np.float32)
