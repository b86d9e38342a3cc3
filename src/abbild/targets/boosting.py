"""Gradient-boosted trees, the target model to beat on tables."""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pyarrow as pa

from abbild.core import Dataset, Seed
from abbild.targets.encoding import Encoding, Labels

__all__ = ["GradientBoosting"]


@dataclass(frozen=True, slots=True, eq=False)
class _Boosted:
    encoding: Encoding
    labels: Labels
    booster: lgb.Booster
    centre: float
    scale: float

    def predict(self, table: pa.Table) -> pa.Table:
        """Return probabilities of the classes, or the value, one row for each row of `table`."""
        if not table.num_rows:
            return self.labels.nothing()
        guess = np.asarray(self.booster.predict(self.encoding.plain(table), num_threads=1))
        if self.labels.classes is None:
            guess = self.centre + self.scale * guess
        elif guess.ndim == 1:
            guess = np.column_stack([1 - guess, guess])
        return self.labels.predictions(guess)


@dataclass(frozen=True, slots=True)
class GradientBoosting:
    """Gradient-boosted trees (LightGBM), one thread.

    Attributes
    ----------
    rounds : trees; from four classes on fewer rounds are made, as each costs a tree a class
    leaves : leaves of a tree; half as many from four classes on
    rate : step of a round
    """

    rounds: int = 100
    leaves: int = 31
    rate: float = 0.1

    def train(self, dataset: Dataset, *, seed: Seed) -> _Boosted:
        """Train on the rows whose target is known."""
        labels = Labels.of(dataset)
        rows = dataset.table.filter(pa.array(labels.known(dataset.table)))
        encoding = Encoding.of(rows, dataset.schema)
        classes = len(labels.classes) if labels.classes is not None else 0
        task = "regression" if not classes else "binary" if classes == 2 else "multiclass"
        y = labels.codes(rows).astype(np.float64) if classes else labels.values(rows)
        # labels are single precision in the trees, so a quantity is brought to order one
        centre, scale = (0.0, 1.0) if classes else (float(y.mean()), float(y.std()))
        settings = {
            "objective": task,
            "num_leaves": self.leaves if classes < 4 else max(2, self.leaves // 2),
            "learning_rate": self.rate,
            "min_data_in_leaf": max(1, min(20, len(y) // 20)),
            "feature_fraction": 0.8,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "seed": seed.key() % 2**31,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbose": -1,
            **({"num_class": classes} if task == "multiclass" else {}),
        }
        data = lgb.Dataset(
            encoding.plain(rows),
            (y - centre) / scale,
            categorical_feature=encoding.categorical,
            params={"verbose": -1, "num_threads": 1},
        )
        rounds = self.rounds if classes < 4 else max(20, 2 * self.rounds // classes)
        booster = lgb.train(settings, data, num_boost_round=rounds)
        return _Boosted(encoding, labels, booster, centre, scale)
