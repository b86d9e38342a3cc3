"""Small target models on standard estimators: linear, forest, naive Bayes, nearest neighbours."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from abbild.core import ColumnTypeError, Dataset, NotEnoughDataError, Seed
from abbild.targets.encoding import Encoding, Labels

__all__ = ["Forest", "Linear", "NaiveBayes", "Nearest", "Tree"]


@dataclass(frozen=True, slots=True, eq=False)
class _Trained:
    encoding: Encoding
    labels: Labels
    estimator: Any

    def predict(self, table: pa.Table) -> pa.Table:
        """Return probabilities of the classes, or the value, one row for each row of `table`."""
        x = self.encoding.dense(table)
        if not len(x):
            return self.labels.nothing()
        if self.labels.classes is None:
            return self.labels.predictions(np.asarray(self.estimator.predict(x)))
        return self.labels.predictions(np.asarray(self.estimator.predict_proba(x)))


@dataclass(frozen=True, slots=True)
class Linear:
    """Logistic regression of a level, ridge regression of a quantity.

    Attributes
    ----------
    penalty : weight of the squared coefficients; features are standardised
    """

    penalty: float = 1.0

    def train(self, dataset: Dataset, *, seed: Seed) -> _Trained:
        """Train on the rows whose target is known."""
        # on standardised features the order of predictions settles long before the coefficients
        logistic = LogisticRegression(C=1 / self.penalty, max_iter=60)
        return _train(dataset, logistic, Ridge(self.penalty), seed)


@dataclass(frozen=True, slots=True)
class Forest:
    """Forest of randomised trees.

    Attributes
    ----------
    trees : number of trees
    leaf : least rows of a leaf
    """

    trees: int = 25
    leaf: int = 5

    def train(self, dataset: Dataset, *, seed: Seed) -> _Trained:
        """Train on the rows whose target is known."""
        settings: dict[str, Any] = {
            "n_estimators": self.trees,
            "min_samples_leaf": self.leaf,
            "random_state": seed.key() % 2**32,
            "n_jobs": 1,
        }
        return _train(
            dataset, ExtraTreesClassifier(**settings), ExtraTreesRegressor(**settings), seed
        )


@dataclass(frozen=True, slots=True)
class Tree:
    """A single decision tree, as an analyst draws it.

    Attributes
    ----------
    depth : most questions before an answer
    """

    depth: int = 5

    def train(self, dataset: Dataset, *, seed: Seed) -> _Trained:
        """Train on the rows whose target is known."""
        settings: dict[str, Any] = {
            "max_depth": self.depth,
            "min_samples_leaf": 5,
            "random_state": seed.key() % 2**32,
        }
        return _train(
            dataset, DecisionTreeClassifier(**settings), DecisionTreeRegressor(**settings), seed
        )


@dataclass(frozen=True, slots=True)
class NaiveBayes:
    """Naive Bayes with normal densities, for levels only."""

    def train(self, dataset: Dataset, *, seed: Seed) -> _Trained:
        """Train on the rows whose target is known.

        Raises
        ------
        ColumnTypeError
            If the target is a quantity.
        """
        return _train(dataset, GaussianNB(var_smoothing=1e-3), None, seed)


@dataclass(frozen=True, slots=True)
class Nearest:
    """Vote of the nearest neighbours.

    Attributes
    ----------
    neighbours : how many vote
    rows : most training rows; more are thinned at random, as every prediction visits all
    """

    neighbours: int = 15
    rows: int = 2_000

    def train(self, dataset: Dataset, *, seed: Seed) -> _Trained:
        """Train on the rows whose target is known."""
        settings: dict[str, Any] = {"algorithm": "brute", "n_jobs": 1}
        classifier = KNeighborsClassifier(self.neighbours, **settings)
        return _train(
            dataset, classifier, KNeighborsRegressor(self.neighbours, **settings), seed, self.rows
        )


def _train(
    dataset: Dataset, classifier: Any, regressor: Any | None, seed: Seed, most: int | None = None
) -> _Trained:
    labels = Labels.of(dataset)
    keep = np.flatnonzero(labels.known(dataset.table))
    if most is not None and len(keep) > most:
        keep = np.sort((seed / "rows").rng().choice(keep, most, replace=False))
    rows = dataset.table.take(pa.array(keep))
    if labels.classes is not None:
        present = np.unique(labels.codes(rows))
        labels = Labels(labels.name, tuple(labels.classes[c] for c in present))
    estimator = regressor if labels.classes is None else classifier
    if estimator is None:
        raise ColumnTypeError(f"target {labels.name!r} is a quantity, this model predicts levels")
    needed = getattr(estimator, "n_neighbors", 2)
    if rows.num_rows < needed:
        raise NotEnoughDataError(f"{rows.num_rows} rows are too few, {needed} are needed")
    encoding = Encoding.of(rows, dataset.schema)
    y = labels.values(rows) if labels.classes is None else labels.codes(rows)
    with warnings.catch_warnings():
        # stopped early, a linear model is still the model a user would have got
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(encoding.dense(rows), y)
    return _Trained(encoding, labels, estimator)
