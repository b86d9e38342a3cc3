"""Null arms: data of known worth, judged by the same metrics as the synthetic table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from abbild.core import Seed

__all__ = ["Arm", "independent", "null_arms"]

LEAST_HALF = 30  # rows; half of a smaller holdout says nothing


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """A table to judge, and the holdout to judge it against."""

    name: str
    rows: pa.Table
    holdout: pa.Table | None


def independent(train: pa.Table, seed: Seed, n: int | None = None) -> pa.Table:
    """Return `n` rows (as many as `train` has) whose columns are shuffled apart."""
    n = train.num_rows if n is None else n
    columns = [
        train[name].take(pa.array(_order(train.num_rows, n, seed / name)))
        for name in train.column_names
    ]
    return pa.table(columns, names=train.column_names)


def null_arms(train: pa.Table, holdout: pa.Table | None, n: int, seed: Seed) -> list[Arm]:
    """Return the arms beside the synthetic one, of `n` rows where there are as many.

    ``independent``: the columns of the training data shuffled apart. ``copy``: the training rows
    themselves. ``holdout``: one half of the real holdout, judged against its other half.
    """
    copy = train.take(pa.array(_order(train.num_rows, n, seed / "copy")))
    arms = [
        Arm("independent", independent(train, seed / "independent", n), holdout),
        Arm("copy", copy, holdout),
    ]
    if holdout is not None and holdout.num_rows >= 2 * LEAST_HALF:
        order = (seed / "holdout").rng().permutation(holdout.num_rows)
        half = holdout.num_rows // 2
        first, second = (holdout.take(pa.array(np.sort(o))) for o in (order[:half], order[half:]))
        arms.append(Arm("holdout", first, second))
    return arms


def _order(rows: int, n: int, seed: Seed) -> np.ndarray:
    """Return `n` of `rows` numbers, each drawn equally often but for the last round."""
    rng = seed.rng()
    rounds = [rng.permutation(rows) for _ in range(-(-n // rows))] if rows else []
    return np.concatenate([*rounds, np.zeros(0, np.int64)])[:n].astype(np.int64)
