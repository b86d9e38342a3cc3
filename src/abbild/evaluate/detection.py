"""The detection test: how well a strong classifier tells synthetic rows from real ones."""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats
from sklearn.model_selection import StratifiedKFold

from abbild.core import Discretizer, NotEnoughDataError, Schema, Score, Seed
from abbild.evaluate.intervals import auc_interval, normal, placements
from abbild.evaluate.judgement import Effort, Findings
from abbild.evaluate.scope import all_levels, judged, rounded
from abbild.evaluate.wording import things

__all__ = ["Detected", "detect", "detection"]

Floats = NDArray[np.float64]

FOLDS = 3
LEAST = 30  # rows a side; with fewer no tree can be grown on two thirds of them
LEVELS = 200
MOST_CELLS = 1_000_000  # a side; wider tables are thinned to so many rows
LEAST_WIDE = 1_000  # rows a side that are kept however wide the table is
# the folds share most of the rows they are trained on, so their spread shows too little of that
# luck; measured: without it 91 % of 300 intervals of fresh real data covered the baseline
TRAINING = 1.2

TREES = {
    "objective": "binary",
    "num_leaves": 63,
    "learning_rate": 0.2,
    "min_data_in_leaf": 20,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}
ROUNDS = 100


@dataclass(frozen=True, slots=True, eq=False)
class Detected:
    """What a classifier saw that was trained to tell two sets of rows apart.

    Attributes
    ----------
    auc, error : area under the ROC curve out of fold, mean of the folds, and its standard error
    score : one minus the mean over folds of 2 max(auc, 1/2) - 1; 1 is "cannot tell"
    guess : (n + m,) predicted probability of the first set, out of fold
    gains : (d,) share of each column in what the trees gained
    """

    auc: float
    error: float
    score: float
    guess: Floats
    gains: Floats


def detection(
    train: pa.Table,
    holdout: pa.Table | None,
    synthetic: pa.Table,
    schema: Schema,
    *,
    seed: Seed,
    effort: Effort | None = None,
) -> Findings:
    """How well boosted trees tell synthetic from real rows, unseen ones first.

    Returns
    -------
    Findings
        ``detection.holdout`` (the one that counts), ``detection.train`` and the AUC behind both,
        all against real-vs-real as the baseline; and ``detection.overfit``: the score against
        train minus the score against holdout, by one classifier that saw both. Evidence
        ``detection``, with the columns that give the synthetic rows away.

    Raises
    ------
    NotEnoughDataError
        If a table has fewer than 30 rows.

    Notes
    -----
    The score is one minus the mean over three stratified folds of 2 max(AUC, 1/2) - 1. Both
    sides have equally many rows and numbers of the same format. A score against the training
    rows can be bought by copying them, hence the holdout leads. Were a generator honest, train
    and holdout would be exchangeable: the interval of ``detection.overfit`` comes from
    relabelling them, which is exact for any classifier that did not know which is which.
    """
    effort = effort or Effort()
    schema = judged(schema)
    tables = {"train": train, "synthetic": synthetic}
    if holdout is not None:
        tables["holdout"] = holdout
    encode = _Encoder.of(list(tables.values()), schema)
    rows = {who: encode(table) for who, table in tables.items()}
    d = len(schema.table.columns)
    smallest = min(len(x) for x in rows.values())
    n = min(effort.detected, smallest, max(LEAST_WIDE, MOST_CELLS // d))
    notes = []
    if n < min(effort.detected, smallest):
        notes.append(f"Detection looked at {n:,} rows a side, as there are {d:,} columns.")
    if n < LEAST:
        raise NotEnoughDataError(f"{things(n, 'row')} a side: too few to train a classifier on")
    rows = {who: _thin(x, n, seed / who) for who, x in rows.items()}
    synthetic_rows, train_rows = rows["synthetic"], rows["train"]
    near = detect(synthetic_rows, train_rows, encode.categorical, seed / "near")
    if "holdout" not in rows:
        scores = _scores("train", near, None, n)
        missing = "there is no holdout, so copying cannot be told from likeness"
        scores += [Score.not_computed(f"detection.{s}", missing) for s in ("holdout", "overfit")]
        return Findings(scores, {"detection": _evidence(near, None, "train", encode.names)}, notes)
    unseen = rows["holdout"]
    real = effort.shared(
        f"detection real {n} {holdout.num_rows if holdout is not None else 0}",
        lambda: detect(train_rows, unseen, encode.categorical, seed / "real"),
    )
    far = detect(synthetic_rows, unseen, encode.categorical, seed / "far")
    both = detect(synthetic_rows, np.vstack([train_rows, unseen]), encode.categorical, seed)
    overfit, excess = _overfit(both.guess, n)
    evidence = _evidence(far, real, "holdout", encode.names)
    evidence |= {"train_auc": near.auc, "train_score": near.score, "overfit": excess}
    scores = [*_scores("holdout", far, real, n), *_scores("train", near, real, n), overfit]
    return Findings(scores, {"detection": evidence}, notes)


def detect(first: Floats, second: Floats, categorical: list[int], seed: Seed) -> Detected:
    """Train boosted trees to tell the (n, d) rows `first` from the (m, d) rows `second`."""
    x = np.vstack([first, second])
    y = np.r_[np.ones(len(first)), np.zeros(len(second))]
    number = seed.key() % 2**31
    guess, gains = np.empty(len(y)), np.zeros(x.shape[1])
    aucs, errors = [], []
    for fit, test in StratifiedKFold(FOLDS, shuffle=True, random_state=number).split(x, y):
        data = lgb.Dataset(
            x[fit],
            y[fit],
            categorical_feature=categorical,
            params={"verbose": -1, "num_threads": 1, "max_cat_threshold": 64},
        )
        booster = lgb.train({**TREES, "seed": number}, data, num_boost_round=ROUNDS)
        guess[test] = booster.predict(x[test], num_threads=1)
        gains += booster.feature_importance("gain")
        auc, error, _, _ = auc_interval(guess[test][y[test] == 1], guess[test][y[test] == 0])
        aucs.append(auc)
        errors.append(error)
    score = 1 - float(np.mean([2 * max(0.5, auc) - 1 for auc in aucs]))
    # DeLong's error knows the rows tested; how the folds differ also knows those trained on
    within = float(np.sqrt(np.square(errors).sum()) / FOLDS)
    error = TRAINING * max(within, float(np.std(aucs, ddof=1) / np.sqrt(FOLDS)))
    total = gains.sum()
    return Detected(float(np.mean(aucs)), error, score, guess, gains / (total if total else 1.0))


@dataclass(frozen=True, slots=True, eq=False)
class _Encoder:
    """Rows as floats: quantities in a shared format, levels as codes."""

    schema: Schema
    levels: Discretizer
    categorical: list[int]

    @classmethod
    def of(cls, tables: list[pa.Table], schema: Schema) -> _Encoder:
        # levels of all tables alike: those of one alone would give away that it is another one
        columns = schema.table.columns
        levels = all_levels(tables, [c for c in columns if c.kind.is_level], LEVELS)
        return cls(schema, levels, [j for j, c in enumerate(columns) if c.kind.is_level])

    @property
    def names(self) -> list[str]:
        return self.schema.table.names

    def __call__(self, table: pa.Table) -> Floats:
        out = np.empty((table.num_rows, len(self.names)))
        codes = self.levels.codes(table)
        for j, column in enumerate(self.schema.table.columns):
            if column.kind.is_level:
                out[:, j] = codes[:, self.levels.names.index(column.name)]
            else:
                out[:, j] = rounded(table, column)
        return out


def _thin(x: Floats, n: int, seed: Seed) -> Floats:
    return x if len(x) <= n else x[seed.rng().choice(len(x), n, replace=False)]


def _scores(against: str, found: Detected, real: Detected | None, n: int) -> list[Score]:
    """Return score and AUC; the interval has the luck of the real-vs-real reference in it."""
    error = _error(found, real)
    auc_base = 0.5 if real is None else real.auc
    score_base = 1.0 if real is None else real.score
    low, high = _auc_bounds(found, real)
    bottom, top = normal(found.score, 2 * error)
    name = f"detection.{against}"
    return [
        Score(name, found.score, bottom, top, "higher", n, score_base, method="DeLong"),
        Score(f"{name}.auc", found.auc, low, high, "lower", n, auc_base, method="DeLong"),
    ]


def _error(found: Detected, real: Detected | None) -> float:
    return found.error if real is None else float(np.hypot(found.error, real.error))


def _auc_bounds(found: Detected, real: Detected | None) -> tuple[float, float]:
    return normal(found.auc, _error(found, real))


def _overfit(guess: Floats, n: int) -> tuple[Score, dict[str, float]]:
    """Compare how synthetic training rows and unseen rows look to a classifier that saw both.

    `guess` has n synthetic, n training and n unseen rows, in this order.
    """
    _, above = placements(guess[:n], guess[n:])
    train, unseen = 2 * (1 - above[:n].mean()), 2 * (1 - above[n:].mean())
    gap = float(train - unseen)
    # sampling n of the 2n real rows without replacement, twice the spread of the placements
    error = float(2 * above.std(ddof=1) * np.sqrt(2 / n))
    low, high = normal(gap, error, low=-2.0, high=2.0)
    p = float(stats.norm.sf(gap / error)) if error > 0 else 1.0
    score = Score("detection.overfit", gap, low, high, "baseline", n, 0.0, method="relabelling")
    return score, {"gap": gap, "low": low, "high": high, "p": p}


def _evidence(
    found: Detected, real: Detected | None, against: str, names: list[str]
) -> dict[str, object]:
    low, high = _auc_bounds(found, real)
    order = np.argsort(-found.gains, kind="stable")
    return {
        "auc": found.auc,
        "low": low,
        "high": high,
        "score": found.score,
        "reference_auc": None if real is None else real.auc,
        "against": against,
        "columns": [{"column": names[j], "share": float(found.gains[j])} for j in order],
    }
