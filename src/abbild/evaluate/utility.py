"""Usefulness: how well models trained on synthetic data work on real people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from abbild.core import (
    AbbildError,
    Column,
    ColumnTypeError,
    Dataset,
    Discretizer,
    Model,
    NotEnoughDataError,
    Schema,
    Score,
    Seed,
    as_floats,
    names,
    resolve,
)
from abbild.evaluate.arms import independent
from abbild.evaluate.intervals import clopper_pearson, normal, placements
from abbild.evaluate.judgement import Effort, Findings
from abbild.evaluate.rules import fixed_pairs
from abbild.evaluate.scope import judged, needed, rounded, thinned
from abbild.evaluate.screening import relations, strongest

__all__ = ["Performance", "performance", "utility"]

Floats = NDArray[np.float64]

LEAST_ROWS = 50  # of the holdout
LEAST_CLASS = 10  # people of a class in the holdout, else its curve is left out
MOST_CLASSES = 20
PROBE = 3_000  # rows to see whether a column can be predicted at all
LARGEST = 1e150  # so that squares do not overflow
STRONG = "gradient-boosting"
MOST_COLUMNS = 100  # predicted from, and at once predicted
MOST_TARGETS = 30  # tried out on the real data


@dataclass(frozen=True, slots=True, eq=False)
class Performance:
    """How well a model predicts real people.

    Attributes
    ----------
    value : AUC, mean of one-against-rest AUCs, or R2
    influence : (n,) how much each person of the holdout moves `value`, times n
    """

    value: float
    influence: Floats


def utility(
    train: pa.Table,
    holdout: pa.Table | None,
    synthetic: pa.Table,
    schema: Schema,
    *,
    seed: Seed,
    effort: Effort | None = None,
) -> Findings:
    """How well models trained on synthetic rows predict unseen real people.

    The declared target first, then the columns real data predicts best: trained on synthetic
    against trained on real rows, and against independent columns.

    Returns
    -------
    Findings
        For each target ``utility.<target>`` (AUC, or R2 of a quantity; baseline: trained on real
        data) and ``utility.<target>.gap``, synthetic minus real, baseline 0. For the first
        target ``utility.ranking``, Kendall's tau between the models' order when trained on
        synthetic and on real data, over pairs of models that real data can tell apart. Evidence
        ``utility`` and ``ranking``.

    Raises
    ------
    NotEnoughDataError
        If there is no holdout of 50 rows, or no column that real data predicts.

    Notes
    -----
    Intervals hold the luck of the people tested (paired, linearised) and of the training seed.
    """
    effort = effort or Effort()
    test = needed(holdout, LEAST_ROWS)
    whole = judged(schema)
    tag = f"{train.num_rows} {test.num_rows}"
    part = effort.shared(f"utility columns {train.num_rows}", lambda: _narrowed(train, whole, seed))
    notes = [*_thinned(whole, part), *_merged(train, part)]
    if part.table.target is not None:
        declared = part.table[part.table.target]
        train, synthetic = (_common(t, train, declared) for t in (train, synthetic))
    targets = effort.shared(
        f"targets {train.num_rows}", lambda: _targets(train, test, part, seed / "targets")
    )[: effort.targets]
    if not targets:
        told = "no column can be predicted from the others, even on real data"
        raise NotEnoughDataError(". ".join([told, *notes]))
    study = _Study(train, test, synthetic, part, seed, effort, tag)
    scores: list[Score] = []
    evidence: list[dict[str, Any]] = []
    for target in targets:
        found = study.target(target)
        evidence.append(found)
        scores.extend(_scores(found, test.num_rows))
    ranking = study.ranking(targets[0])
    scores.append(_ranking_score(ranking, test.num_rows))
    return Findings(scores, {"utility": evidence, "ranking": ranking}, notes)


def performance(predicted: pa.Table, test: pa.Table, column: Column) -> Performance:
    """Compare predictions with the truth of `test`.

    Raises
    ------
    NotEnoughDataError
        If the truth does not vary enough to say anything.
    """
    if column.kind.is_quantity:
        return _explained(rounded(test, column), as_floats(predicted["value"]))
    truth = np.asarray(test[column.name].cast(pa.string()).to_pylist(), dtype=object)
    parts = []
    for level in predicted.column_names:
        positive = truth == level
        if min(positive.sum(), (~positive).sum()) >= LEAST_CLASS:
            parts.append(_curve(np.asarray(predicted[level]), positive))
        if len(predicted.column_names) == 2 and parts:
            break  # the curve of the other class is its mirror image
    if not parts:
        raise NotEnoughDataError(
            f"no level of {column.name!r} has {LEAST_CLASS} people in the holdout"
        )
    value = float(np.mean([p.value for p in parts]))
    return Performance(value, np.mean([p.influence for p in parts], axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class _Study:
    """Trains models on synthetic, real and independent rows and tests them on the holdout."""

    train: pa.Table
    test: pa.Table
    synthetic: pa.Table
    schema: Schema
    seed: Seed
    effort: Effort
    tag: str

    def target(self, name: str) -> dict[str, Any]:
        """Compare the strong model trained on each of the three."""
        column = self.schema.table[name]
        repeats = range(self.effort.repeats)
        real = [self.real(STRONG, name, r) for r in repeats]
        made = [self.run(STRONG, self.synthetic, name, r) for r in repeats]
        floor = self.effort.shared(
            f"floor {name} {self.tag}",
            lambda: self.run(STRONG, independent(self.train, self.seed / "floor"), name, 0),
        )
        gap, low, high = _gap(made, real)
        return {
            "target": name,
            "task": _task(self.train, column),
            "metric": "R2" if column.kind.is_quantity else "AUC",
            "real": float(np.mean([p.value for p in real])),
            "synthetic": float(np.mean([p.value for p in made])),
            "gap": gap,
            "low": low,
            "high": high,
            "floor": floor.value,
            "interval": _interval(made, column.kind.is_quantity),
            "n": self.test.num_rows,
        }

    def ranking(self, name: str) -> dict[str, Any]:
        """Order all installed models by how well they do on real people."""
        models, skipped = [], []
        for model in names("targets"):
            try:
                real = self.real(model, name, 0)
                made = self.run(model, self.synthetic, name, 0)
            except AbbildError as error:
                skipped.append({"name": model, "reason": str(error).splitlines()[0]})
                continue
            models.append((model, real, made))
        agree = pairs = 0
        for (_, real_a, made_a), (_, real_b, made_b) in combinations(models, 2):
            apart = real_a.value - real_b.value
            if abs(apart) <= 1.96 * _error(real_a.influence - real_b.influence):
                continue
            pairs += 1
            agree += apart * (made_a.value - made_b.value) > 0
        return {
            "target": name,
            "models": [
                {"name": m, "real": real.value, "synthetic": made.value} for m, real, made in models
            ],
            "skipped": skipped,
            "pairs": pairs,
            "agree": agree,
            "kendall": 2 * agree / pairs - 1 if pairs else None,
        }

    def real(self, model: str, name: str, repeat: int) -> Performance:
        """Train `model` on real rows, once for all arms, and test it once for each holdout."""

        def tested() -> Performance:
            key = f"trained {model} {name} {repeat} {self.train.num_rows}"
            trained = self.effort.shared(key, lambda: self.trained(model, self.train, name, repeat))
            return performance(trained.predict(self.test), self.test, self.schema.table[name])

        return self.effort.shared(f"real {model} {name} {repeat} {self.tag}", tested)

    def run(self, model: str, rows: pa.Table, name: str, repeat: int) -> Performance:
        """Train `model` on `rows` and test it on the holdout."""
        trained = self.trained(model, rows, name, repeat)
        return performance(trained.predict(self.test), self.test, self.schema.table[name])

    def trained(self, model: str, rows: pa.Table, name: str, repeat: int) -> Model:
        return _trained(model, rows, self.schema, name, self.seed / model / name / repeat)


def _trained(model: str, rows: pa.Table, schema: Schema, target: str, seed: Seed) -> Model:
    described = Schema.of(schema.table.columns, target=target)
    data = Dataset.of(rows.select(schema.table.names), described)
    maker = resolve("targets", model)
    found: Model = (maker() if isinstance(maker, type) else maker).train(data, seed=seed)
    return found


def _targets(train: pa.Table, test: pa.Table, schema: Schema, seed: Seed) -> list[str]:
    """Choose what to predict: the declared target, then what real data predicts best."""
    rows = thinned(train, PROBE, seed / "rows")
    people = thinned(test, PROBE, seed / "people")
    found: list[tuple[float, str]] = []
    candidates = _candidates(rows, schema, seed)
    # a column that another one fixes would be no test of a model
    fixed = {b for _, b in fixed_pairs(train, schema)}
    for column in candidates:
        if column.name != schema.table.target and column.name in fixed:
            continue
        try:
            model = _trained(STRONG, rows, schema, column.name, seed / column.name)
            seen = performance(model.predict(people), people, column)
        except (NotEnoughDataError, ColumnTypeError):
            continue
        skill = seen.value if column.kind.is_quantity else 2 * seen.value - 1
        if column.name == schema.table.target:
            found.append((np.inf, column.name))
        elif skill > 0.1:
            found.append((skill, column.name))
    found.sort(key=lambda pair: -pair[0])
    return [name for _, name in found]


def _candidates(rows: pa.Table, schema: Schema, seed: Seed) -> list[Column]:
    """Return the declared target and the columns worth a try, the most related to others."""
    table = schema.table
    plausible = [c for c in table.columns if c.name == table.target or _plausible(rows, c)]
    if len(plausible) <= MOST_TARGETS:
        return plausible
    strength = relations(rows, table.columns, seed / "candidates").max(axis=0)
    related = dict(zip(table.names, strength, strict=True))
    plausible.sort(key=lambda c: (c.name != table.target, -related[c.name]))
    kept = {c.name for c in plausible[:MOST_TARGETS]}
    return [c for c in table.columns if c.name in kept]


def _narrowed(train: pa.Table, schema: Schema, seed: Seed) -> Schema:
    table = schema.table
    kept = strongest(train, table.columns, MOST_COLUMNS, seed / "columns", table.target)
    return Schema.of(kept, target=table.target)


def _common(table: pa.Table, train: pa.Table, target: Column) -> pa.Table:
    """Blank all but the most frequent levels of `target`, so that no model has too many classes.

    A row that is blank is not trained on; people tested keep their level and count as "not it".
    """
    counts = train[target.name].drop_null().value_counts()
    if target.kind.is_quantity or len(counts) <= MOST_CLASSES:
        return table
    levels = _top_levels(train, target)
    values = table[target.name]
    kept = pc.if_else(pc.is_in(values, levels), values, pa.scalar(None, values.type))
    return table.set_column(table.column_names.index(target.name), target.name, kept)


def _top_levels(train: pa.Table, target: Column) -> pa.Array:
    return Discretizer.of(train, Schema.of([target]), levels=MOST_CLASSES).bins[0].levels


def _thinned(whole: Schema, part: Schema) -> Iterator[str]:
    d, kept = len(whole.table.columns), len(part.table.columns)
    if kept < d:
        yield f"Models predict from {kept} of {d:,} columns, those most related to others."
    if kept > MOST_TARGETS:
        yield f"At most {MOST_TARGETS} columns, the most related ones, were tried as targets."


def _merged(train: pa.Table, part: Schema) -> Iterator[str]:
    target = part.table.target
    if target is None or part.table[target].kind.is_quantity:
        return
    levels = len(pc.unique(train[target].drop_null()))
    if levels > MOST_CLASSES:
        yield f"Of {levels:,} levels of {target!r} models learn the {MOST_CLASSES} most frequent."


def _plausible(rows: pa.Table, column: Column) -> bool:
    counts = sorted(pc.value_counts(rows[column.name].drop_null()).field("counts").to_pylist())
    if column.kind.is_quantity:
        return len(counts) > MOST_CLASSES or (len(counts) >= 2 and counts[-2] >= 0.05 * sum(counts))
    return 2 <= len(counts) <= MOST_CLASSES and counts[-2] >= 0.05 * sum(counts)


def _task(train: pa.Table, column: Column) -> str:
    if column.kind.is_quantity:
        return "regression"
    return "binary" if len(pc.unique(train[column.name].drop_null())) == 2 else "multiclass"


def _curve(guess: Floats, positive: NDArray[np.bool_]) -> Performance:
    up, down = placements(guess[positive], guess[~positive])
    n, value = len(guess), float(up.mean())
    influence = np.empty(n)
    influence[positive] = (up - value) * n / len(up)
    influence[~positive] = (down - value) * n / len(down)
    return Performance(value, influence)


def _explained(truth: Floats, guess: Floats) -> Performance:
    truth = np.clip(truth, -LARGEST, LARGEST)
    known = np.isfinite(truth)
    scale = truth[known].std() if known.sum() > 1 else 0.0
    if known.sum() < LEAST_ROWS or not scale > 0:
        raise NotEnoughDataError("the target hardly varies in the holdout")
    y, error = (truth - truth[known].mean()) / scale, (truth - guess) / scale
    lost = float(np.square(error[known]).mean())
    value = 1 - lost
    influence = np.zeros(len(truth))
    share = known.mean()
    influence[known] = (lost * np.square(y[known]) - np.square(error[known])) / share
    return Performance(value, influence)


def _error(influence: Floats) -> float:
    return float(influence.std(ddof=1) / np.sqrt(len(influence)))


def _seed_variance(runs: list[Performance]) -> float:
    return float(np.var([r.value for r in runs], ddof=1)) / len(runs) if len(runs) > 1 else 0.0


def _gap(made: list[Performance], real: list[Performance]) -> tuple[float, float, float]:
    """Return synthetic minus real and the bounds of its interval."""
    mean = [np.mean([r.influence for r in runs], axis=0) for runs in (made, real)]
    value = float(np.mean([r.value for r in made]) - np.mean([r.value for r in real]))
    variance = _error(mean[0] - mean[1]) ** 2 + _seed_variance(made) + _seed_variance(real)
    low, high = normal(value, float(np.sqrt(variance)), low=-np.inf, high=np.inf)
    return value, low, high


def _interval(runs: list[Performance], quantity: bool) -> list[float]:
    value = float(np.mean([r.value for r in runs]))
    error = _error(np.mean([r.influence for r in runs], axis=0))
    total = float(np.sqrt(error**2 + _seed_variance(runs)))
    return list(normal(value, total, low=-np.inf if quantity else 0.0))


def _scores(found: dict[str, Any], n: int) -> list[Score]:
    name = f"utility.{found['target']}"
    low, high = found["interval"]
    gap, worst, best = (float(found[key]) for key in ("gap", "low", "high"))
    method = "linearised, paired, over seeds"
    return [
        Score(name, found["synthetic"], low, high, "higher", n, found["real"], method=method),
        Score(f"{name}.gap", gap, worst, best, "higher", n, 0.0, method=method),
    ]


def _ranking_score(ranking: dict[str, Any], n: int) -> Score:
    name, pairs = "utility.ranking", ranking["pairs"]
    if not pairs:
        reason = "real data cannot tell any two of the models apart"
        return Score.not_computed(name, reason, "higher")
    low, high = clopper_pearson(ranking["agree"], pairs)
    tau = ranking["kendall"]
    return Score(name, tau, 2 * low - 1, 2 * high - 1, "higher", n, 1.0, method="Clopper-Pearson")
