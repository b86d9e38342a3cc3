"""Every column on its own, as bars that show no person."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from abbild.core import Column, Kind, Schema, Score, Seed
from abbild.evaluate.fidelity import floor
from abbild.evaluate.intervals import normal
from abbild.evaluate.judgement import Effort, Findings
from abbild.evaluate.scope import judged, rounded

__all__ = ["Bars", "marginals"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

LEAST = 5  # people behind a bar
MOST_LEVELS = 12
BINS = 12
OTHER = "other"
MISSING = "missing"
UNIX = datetime(1970, 1, 1)


def marginals(
    train: pa.Table,
    holdout: pa.Table | None,
    synthetic: pa.Table,
    schema: Schema,
    *,
    seed: Seed,
    effort: Effort | None = None,
) -> Findings:
    """Distance of each column's distribution, on bars of at least five people.

    Returns
    -------
    Findings
        ``fidelity.marginals`` in [0, 1]: mean over columns of the total variation distance;
        baseline: what two samples of these sizes from one distribution would have. Evidence
        ``marginals``: the bars. Edges are round numbers between the 2 % and 98 % quantiles of
        the training data, so that no extreme is shown.
    """
    schema = judged(schema)
    evidence, distances, floors = [], [], []
    influence = np.zeros(synthetic.num_rows)
    for column in schema.table.columns:
        bars = Bars.of(train, column)
        codes = bars.codes(synthetic)
        size = len(bars.labels)
        p, q = _shares(bars.codes(train), size), _shares(codes, size)
        distance = float(0.5 * np.abs(p - q).sum())
        expected = floor(p, train.num_rows, max(1, synthetic.num_rows))
        fresh = None if holdout is None else _shares(bars.codes(holdout), size)
        influence += 0.5 * np.sign(q - p)[codes]
        distances.append(distance)
        floors.append(expected)
        shown = np.flatnonzero((p > 0) | (q > 0))
        evidence.append(
            {
                "column": column.name,
                "kind": column.kind.value,
                "labels": [bars.labels[i] for i in shown],
                "real": [round(float(v), 6) for v in p[shown]],
                "synthetic": [round(float(v), 6) for v in q[shown]],
                "distance": distance,
                "floor": expected,
                "holdout": None if fresh is None else float(0.5 * np.abs(p - fresh).sum()),
            }
        )
    n = synthetic.num_rows
    error = float(influence.std(ddof=1)) / len(distances) / math.sqrt(n) if n > 1 else 0.5
    value = float(np.mean(distances))
    low, high = normal(value, error)
    base = float(np.mean(floors))
    score = Score("fidelity.marginals", value, low, high, "baseline", n, base, method="linearised")
    return Findings([score], {"marginals": evidence})


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Bars of one column, each of at least five training rows.

    Attributes
    ----------
    labels : one a bar
    edges : inner edges of a quantity's bins, empty for levels
    levels : levels kept apart, none for a quantity
    merge : bar of each bin or level, then of all other levels, then of missing values
    """

    column: Column
    labels: tuple[str, ...]
    edges: Floats
    levels: tuple[str, ...]
    merge: Counts

    @classmethod
    def of(cls, train: pa.Table, column: Column) -> Bars:
        """Choose bars from the training data."""
        if column.kind.is_quantity:
            x = rounded(train, column)
            edges = _edges(x[~np.isnan(x)], column, train.schema.field(column.name).type)
            levels: tuple[str, ...] = ()
            names = _between(edges, column, train.schema.field(column.name).type)
        else:
            edges = np.zeros(0)
            levels = _levels(train[column.name], column)
            names = list(levels)
        raw = cls(column, (), edges, levels, np.arange(len(names) + 2))
        counts = np.bincount(raw.codes(train), minlength=len(names) + 2)
        labels, merge = _merged(counts, names, ordered=column.kind.is_quantity)
        return cls(column, labels, edges, levels, merge)

    def codes(self, table: pa.Table) -> Counts:
        """Return (n,) the bar of each row."""
        if self.column.kind.is_quantity:
            x = rounded(table, self.column)
            bins = len(self.edges) + 1
            found = np.searchsorted(self.edges, x, side="right")
            return self.merge[np.where(np.isnan(x), bins + 1, found)]
        values = table[self.column.name]
        at = pc.index_in(values.cast(pa.string()), pa.array(self.levels, pa.string()))
        n = len(self.levels)
        other = pc.if_else(pc.is_null(values), n + 1, n).cast(pa.int32())
        return self.merge[np.asarray(pc.coalesce(at, other), dtype=np.int64)]


def _shares(codes: Counts, size: int) -> Floats:
    return np.bincount(codes, minlength=size) / max(1, len(codes))


def _levels(values: pa.ChunkedArray, column: Column) -> tuple[str, ...]:
    counts = values.drop_null().value_counts()
    names = counts.field("values").cast(pa.string()).to_pylist()
    ranked = sorted(
        zip(counts.field("counts").to_pylist(), names, strict=True), key=lambda p: (-p[0], p[1])
    )
    top = [name for count, name in ranked[:MOST_LEVELS] if count >= LEAST]
    if column.levels is not None and column.kind is Kind.ORDINAL:
        order = {name: at for at, name in enumerate(column.levels)}
        top.sort(key=lambda name: order.get(name, -1))
    return tuple(top)


def _merged(counts: Counts, names: list[str], *, ordered: bool) -> tuple[tuple[str, ...], Counts]:
    """Merge bars of one to four people into a neighbour.

    `counts` has one entry a name, then one of other levels and one of missing values. A bar of
    nobody shows nobody; it is kept, so that synthetic rows have where to fall.
    """
    join = _joined if ordered else _either
    bars = [_Bar([k], int(counts[k]), name) for k, name in enumerate(names)]
    bars = _grown(bars, join)
    n = len(names)
    bars += [_Bar([n + k], int(counts[n + k]), name) for k, name in enumerate((OTHER, MISSING))]
    bars = _grown(bars, _either)
    merge = np.zeros(n + 2, np.int64)
    for at, bar in enumerate(bars):
        merge[bar.members] = at
    return tuple(bar.label for bar in bars), merge


@dataclass(frozen=True, slots=True)
class _Bar:
    members: list[int]
    count: int
    label: str

    @property
    def exposed(self) -> bool:
        return 0 < self.count < LEAST


def _grown(bars: list[_Bar], join: Callable[[str, str], str]) -> list[_Bar]:
    """Merge each exposed bar with the bar before it, or after it, until none is left."""
    bars = list(bars)
    while any(bar.exposed for bar in bars) and len(bars) > 1:
        at = next(k for k, bar in enumerate(bars) if bar.exposed)
        first = max(0, at - 1)
        # an empty neighbour would hide nobody: go on to the nearest one that somebody is in
        while first > 0 and at > first and not bars[first].count:
            first -= 1
        last = at if first < at else 1
        parts = bars[first : last + 1]
        label = parts[0].label
        for part in parts[1:]:
            label = join(label, part.label) if join is _joined or part.count else label
        members = [m for part in parts for m in part.members]
        bars[first : last + 1] = [_Bar(members, sum(part.count for part in parts), label)]
    return bars


def _either(first: str, second: str) -> str:
    return f"{first} or {second}"


def _joined(first: str, last: str) -> str:
    """Join the labels of neighbouring bins: "2 to 4" and "4 to 6" become "2 to 6"."""
    opening = next((word for word in ("below ", "up to ") if first.startswith(word)), "")
    end = last.rsplit(" to ", 1)[-1]
    if last.startswith("from "):
        return "any value" if opening else f"from {first.split(' to ', 1)[0]}"
    return f"{opening}{end}" if opening else f"{first.split(' to ', 1)[0]} to {end}"


def _edges(x: Floats, column: Column, kind: pa.DataType) -> Floats:
    """Return round edges between the 2 % and the 98 % quantile."""
    if len(x) < 2 * LEAST:
        return np.zeros(0)
    low, high = np.quantile(x, [0.02, 0.98])
    if not high > low:
        step = 1.0 if column.kind is Kind.INTEGER else max(abs(low) * 0.01, 10.0**-6)
        return np.array([low, low + step])
    steps = _calendar(kind) if column.kind.is_quantity and pa.types.is_temporal(kind) else None
    step = _nice((high - low) / BINS, steps)
    if column.kind is Kind.INTEGER:
        step = max(1.0, step)
    first, last = math.ceil(low / step), math.floor(high / step)
    return np.unique(np.arange(first, max(first, last) + 1) * step)


def _nice(step: float, allowed: list[float] | None) -> float:
    if allowed is not None:
        fitting = [s for s in allowed if s >= step]
        if fitting:
            return fitting[0]
    power = 10.0 ** math.floor(math.log10(step))
    return power * next(m for m in (1, 2, 5, 10) if m * power >= step * (1 - 1e-9))


def _ticks(kind: pa.DataType) -> float:
    """Return how many units of a temporal type make a day."""
    if pa.types.is_date32(kind):
        return 1.0
    unit = "ms" if pa.types.is_date64(kind) else kind.unit
    return 86_400 * {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[unit]


def _calendar(kind: pa.DataType) -> list[float]:
    minutes = [1, 5, 10, 30, 60, 120, 180, 360, 720]
    days = [1, 2, 7, 14, 28, 91, 182, 365.25, 730.5, 1461, 3652.5, 7305, 18262.5]
    day = _ticks(kind)
    return [*(m / 1440 * day for m in minutes if day > 1), *(d * day for d in days)]


def _between(edges: Floats, column: Column, kind: pa.DataType) -> list[str]:
    if not len(edges):
        return ["any value"]
    start = [_shown(e, column, kind) for e in edges]
    if column.kind is not Kind.INTEGER:
        middle = [f"{a} to {b}" for a, b in pairwise(start)]
        return [f"below {start[0]}", *middle, f"from {start[-1]}"]
    # a whole number is told with both ends in: "2 to 3" and "4 to 5"
    end = [_shown(e - 1, column, kind) for e in edges]
    middle = [a if a == b else f"{a} to {b}" for a, b in zip(start, end[1:], strict=False)]
    return [f"up to {end[0]}", *middle, f"from {start[-1]}"]


def _shown(x: float, column: Column, kind: pa.DataType) -> str:
    if not pa.types.is_temporal(kind):
        return f"{x:,.0f}" if abs(x) >= 1e4 and abs(x) < 1e15 else f"{x:.6g}"
    days = x / _ticks(kind)
    if column.kind is Kind.TIME:
        minutes = round(days * 1440)
        return f"{minutes // 60:02d}:{minutes % 60:02d}"
    if column.kind is Kind.DURATION:
        return f"{days:.4g} d"
    try:
        moment = UNIX + timedelta(days=days)
    except OverflowError:
        return f"{days / 365.2425 + 1970:.0f}"  # a year no calendar type can hold
    return (
        moment.date().isoformat() if abs(days - round(days)) < 1e-9 else f"{moment:%Y-%m-%d %H:%M}"
    )
