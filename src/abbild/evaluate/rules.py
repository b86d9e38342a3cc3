"""Rules that hold in the real rows: declared ones, and ones found in the training data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from abbild.core import Column, Discretizer, Schema, Score, Seed
from abbild.evaluate.intervals import wilson
from abbild.evaluate.judgement import Effort, Findings
from abbild.evaluate.scope import judged, rounded

__all__ = ["Rule", "fixed_pairs", "kept_by_sql", "mined", "rules"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

KEPT = 0.999  # share of training rows a rule must hold in
CHANCE = 0.98  # a rule that rows shuffled apart keep as often says nothing
LEAST = 100  # training rows a rule must speak of
MOST_COLUMNS = 60  # compared two by two, of each sort; more are thinned at random
MOST_RULES = 60
LEVELS = 1_000
COUNTABLE = 50  # values of a whole number that still counts as levels
FEW = 5  # rows of a level that must agree before it is said to fix another


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A sentence about rows.

    Attributes
    ----------
    text : the rule as a user reads it
    holds : table -> (n,) 1.0 where it holds, 0.0 where not, NaN where it says nothing
    """

    text: str
    holds: Callable[[pa.Table], Floats]


def rules(
    train: pa.Table,
    holdout: pa.Table | None,
    synthetic: pa.Table,
    schema: Schema,
    *,
    seed: Seed,
    effort: Effort | None = None,
) -> Findings:
    """Share of rows that keep every rule, declared or found in the training data.

    Found are: one quantity never above another, never negative, missing whenever another is, and
    levels that fix a level; each must hold in 99.9 % of the training rows and would not if
    columns were independent.

    Returns
    -------
    Findings
        ``rules.declared`` and ``rules.mined`` in [0, 1]; baseline: the holdout, or the training
        data where there is none. Evidence ``rules``, one entry a rule, the worst kept first.
    """
    real = train if holdout is None or not holdout.num_rows else holdout
    scores: list[Score] = []
    evidence: list[dict[str, Any]] = []
    declared, broken = _declared(real, synthetic, schema)
    part = judged(schema)
    effort = effort or Effort()
    found = effort.shared(f"rules {train.num_rows}", lambda: mined(train, part, seed))
    checked = [(rule.text, rule.holds(real), rule.holds(synthetic), "mined") for rule in found]
    for kind, entries, absent in (
        ("declared", declared, broken or "the schema declares no constraints"),
        ("mined", checked, "no rule was found in the training data"),
    ):
        scores.append(_score(f"rules.{kind}", entries, absent))
        for text, truth, made, origin in entries:
            entry = {"rule": text, "real": _mean(truth), "synthetic": _mean(made)}
            evidence.append({**entry, "origin": origin, "n": int((~np.isnan(made)).sum())})
    evidence.sort(key=lambda e: (e["synthetic"] or 0.0) - (e["real"] or 0.0))
    d = len(part.table.columns)
    note = f"Rules between columns were sought among {MOST_COLUMNS} of each sort, of {d:,} in all."
    return Findings(scores, {"rules": evidence}, [note] if d > MOST_COLUMNS else [])


def kept_by_sql(table: pa.Table, condition: str) -> Floats:
    """Return (n,) whether an SQL condition over columns holds, NaN where it is unknown.

    The engine may not reach files or the network.

    Raises
    ------
    duckdb.Error
        If the condition cannot be read.
    """
    with duckdb.connect(config={"enable_external_access": "false", "threads": "1"}) as connection:
        connection.register("rows_judged", table)
        connection.execute(f"SELECT CAST(({condition}) AS BOOLEAN) AS kept FROM rows_judged")
        found = np.ma.MaskedArray(connection.fetchnumpy()["kept"])
    unknown = np.ma.getmaskarray(found)
    return np.asarray(np.where(unknown, np.nan, found.data.astype(np.float64)))


def mined(train: pa.Table, schema: Schema, seed: Seed) -> list[Rule]:
    """Find rules that hold in `train` and would not if its columns were independent."""
    if train.num_rows < LEAST:
        return []
    view = _View(train, schema)
    found = [
        *_orders(view, seed),
        *_signs(view),
        *_absences(view, seed),
        *_dependencies(view, seed),
    ]
    return found[:MOST_RULES]


def fixed_pairs(train: pa.Table, schema: Schema) -> list[tuple[str, str]]:
    """Return pairs (a, b) of columns such that the value of a fixes that of b."""
    if train.num_rows < LEAST:
        return []
    view = _View(train, schema)
    return [(a.name, b.name) for a, b, _ in _fixed(view, _few(view))]


class _View:
    """Columns of the training data as arrays, each made once."""

    def __init__(self, table: pa.Table, schema: Schema) -> None:
        self.columns = schema.table.columns
        self.quantities = [c for c in self.columns if c.kind.is_quantity]
        self.levels = [c for c in self.columns if c.kind.is_level]
        self.table = table
        self.numbers = {c.name: rounded(table, c) for c in self.quantities}


def _some(columns: list[Column], seed: Seed) -> list[Column]:
    """Return at most `MOST_COLUMNS` columns, drawn at random and kept in order."""
    if len(columns) <= MOST_COLUMNS:
        return columns
    drawn = seed.rng().choice(len(columns), MOST_COLUMNS, replace=False)
    return [columns[j] for j in sorted(drawn)]


def _orders(view: _View, seed: Seed) -> list[Rule]:
    out: list[Rule] = []
    some = _some(view.quantities, seed / "some quantities")
    for a in some:
        for b in some:
            comparable = a.kind == b.kind or {a.kind.value, b.kind.value} == {"integer", "number"}
            same = view.table.schema.field(a.name).type == view.table.schema.field(b.name).type
            if a is b or not comparable or (a.kind.value.startswith("date") and not same):
                continue
            x, y = view.numbers[a.name], view.numbers[b.name]
            if _holds(x <= y, x, y) and _surprising(x, y, seed / a.name / b.name):
                out.append(Rule(f"{a.name} <= {b.name}", _order(a, b)))
    return out


def _order(a: Column, b: Column) -> Callable[[pa.Table], Floats]:
    def holds(table: pa.Table) -> Floats:
        x, y = rounded(table, a), rounded(table, b)
        return np.where(np.isnan(x) | np.isnan(y), np.nan, x <= y)

    return holds


def _holds(kept: Flags, x: Floats, y: Floats) -> bool:
    known = ~(np.isnan(x) | np.isnan(y))
    return bool(known.sum() >= LEAST and kept[known].mean() >= KEPT)


def _surprising(x: Floats, y: Floats, seed: Seed) -> bool:
    known = ~(np.isnan(x) | np.isnan(y))
    shuffled = seed.rng().permutation(y[known])
    return bool((x[known] <= shuffled).mean() < CHANCE)


def _signs(view: _View) -> list[Rule]:
    out = []
    for column in view.quantities:
        x = view.numbers[column.name]
        known = x[~np.isnan(x)]
        plain = column.kind.value in {"integer", "number", "duration"}
        if plain and len(known) >= LEAST and known.min() >= 0:
            out.append(Rule(f"{column.name} >= 0", _sign(column)))
    return out


def _sign(column: Column) -> Callable[[pa.Table], Floats]:
    def holds(table: pa.Table) -> Floats:
        x = rounded(table, column)
        return np.where(np.isnan(x), np.nan, x >= 0)

    return holds


def _absences(view: _View, seed: Seed) -> list[Rule]:
    n, nulls = view.table.num_rows, view.table
    partly = [c for c in view.columns if LEAST / 2 <= nulls[c.name].null_count < n]
    columns = _some(partly, seed / "some absent")
    some = {c.name: _null(view.table, c.name) for c in columns}
    return [
        Rule(f"{b} is missing where {a} is", _absence(a, b))
        for a, x in some.items()
        for b, y in some.items()
        if a != b and y[x].mean() >= KEPT and y.mean() < CHANCE
    ]


def _absence(a: str, b: str) -> Callable[[pa.Table], Floats]:
    def holds(table: pa.Table) -> Floats:
        return np.where(_null(table, a), _null(table, b), np.nan).astype(np.float64)

    return holds


def _null(table: pa.Table, name: str) -> Flags:
    return np.asarray(table[name].is_null(), dtype=bool)


def _dependencies(view: _View, seed: Seed) -> list[Rule]:
    return [
        Rule(f"{a.name} fixes {b.name}", _dependency(view.table, a, b, fixed))
        for a, b, fixed in _fixed(view, _some(_few(view), seed / "some levels"))
    ]


def _fixed(
    view: _View, columns: list[Column]
) -> Iterator[tuple[Column, Column, NDArray[np.int64]]]:
    """Find levels of A that fix the level of B, both of `columns`.

    Yields A, B, and the code of B for each code of A, -1 where too few rows say.
    """
    codes = {c: _codes(view.table, view.table, c) for c in columns}
    n = view.table.num_rows
    for (a, (x, size)), (b, (y, values)) in permutations(codes.items(), 2):
        if not 2 <= size <= min(LEVELS, n / 20) or not 2 <= values <= LEVELS:
            continue
        table = np.bincount(x * (values + 2) + y, minlength=(size + 2) * (values + 2))
        table = table.reshape(size + 2, values + 2)
        if table.max(1).sum() / n >= KEPT and table.sum(0).max() / n < CHANCE:
            yield a, b, np.where(table.sum(1) >= FEW, table.argmax(1), -1)


def _few(view: _View) -> list[Column]:
    """Return the columns of not too many values; whole numbers of few values count as levels."""
    most = view.table.num_rows / 2  # a level a person, or two, fixes nothing and is costly to code
    levels = [c for c in view.levels if pc.count_distinct(view.table[c.name]).as_py() <= most]
    return levels + [
        c
        for c in view.quantities
        if c.kind.value == "integer" and len(np.unique(view.numbers[c.name])) <= COUNTABLE
    ]


def _dependency(
    train: pa.Table, a: Column, b: Column, fixed: NDArray[np.int64]
) -> Callable[[pa.Table], Floats]:
    def holds(table: pa.Table) -> Floats:
        x, y = _codes(table, train, a)[0], _codes(table, train, b)[0]
        return np.where(fixed[x] < 0, np.nan, fixed[x] == y)

    return holds


def _codes(table: pa.Table, train: pa.Table, column: Column) -> tuple[NDArray[np.int64], int]:
    """Return codes by the values of `train`, "other" and missing last, and their number."""
    if column.kind.is_level:
        bins = Discretizer.of(train, Schema.of([column]), levels=2**31)
        return bins.codes(table)[:, 0], bins.sizes[0] - 2
    known = rounded(train, column)
    values = np.unique(known[~np.isnan(known)])
    x = rounded(table, column)
    at = np.clip(np.searchsorted(values, x), 0, max(0, len(values) - 1))
    other = np.where(np.isnan(x), len(values) + 1, len(values))
    return np.where(values[at] == x, at, other) if len(values) else other, len(values)


Entry = tuple[str, Floats, Floats, str]


def _declared(real: pa.Table, synthetic: pa.Table, schema: Schema) -> tuple[list[Entry], str]:
    entries: list[Entry] = []
    broken = ""
    for condition in schema.constraints:
        try:
            truth, made = kept_by_sql(real, condition), kept_by_sql(synthetic, condition)
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            broken = f"the constraint {condition!r} cannot be read: {reason}"
            continue
        entries.append((condition, truth, made, "declared"))
    return entries, broken


def _mean(kept: Floats) -> float | None:
    return float(np.nanmean(kept)) if (~np.isnan(kept)).any() else None


def _score(name: str, entries: list[Entry], absent: str) -> Score:
    if not entries:
        return Score.not_computed(name, absent, "higher")
    truth = ~(np.array([entry[1] for entry in entries]) == 0).any(axis=0)
    kept = ~(np.array([entry[2] for entry in entries]) == 0).any(axis=0)
    n = len(kept)
    if not n:
        return Score.not_computed(name, "there are no synthetic rows", "higher")
    low, high = wilson(int(kept.sum()), n)
    baseline = float(truth.mean()) if len(truth) else float("nan")
    return Score(name, float(kept.mean()), low, high, "higher", n, baseline, method="Wilson")
