"""How target models see a table: quantities as floats, levels as codes, both from training data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from abbild.core import (
    Column,
    ColumnTypeError,
    Dataset,
    NotEnoughDataError,
    Schema,
    SchemaError,
    as_floats,
)

__all__ = ["Encoding", "Labels"]

Floats = NDArray[np.float64]

MOST_LEVELS = 100  # rarer levels share one code, so that wide one-hot blocks cannot occur
LARGEST = 1e150  # so that squares do not overflow
FAR = 8.0  # standard deviations; beyond it a value tells a linear model nothing more


@dataclass(frozen=True, slots=True, eq=False)
class _Quantity:
    name: str
    median: float
    mean: float
    scale: float
    has_missing: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    name: str
    levels: pa.Array

    def codes(self, values: pa.ChunkedArray) -> NDArray[np.int64]:
        """Return (n,) codes; a level never seen, a rare one or a null is ``len(levels)``."""
        found = pc.index_in(_text(values), self.levels)
        return np.asarray(pc.fill_null(found, len(self.levels)), dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """The features of a table: every learned column but the target, the key and the unit."""

    columns: tuple[_Quantity | _Level, ...]

    @classmethod
    def of(cls, table: pa.Table, schema: Schema) -> Encoding:
        """Learn scales and levels from the training rows.

        Raises
        ------
        NotEnoughDataError
            If no column is left to predict from.
        """
        described = schema.table
        left_out = {described.target, described.key, described.unit}
        columns = tuple(
            _quantity(c, table[c.name]) if c.kind.is_quantity else _level(c, table[c.name])
            for c in described.learned
            if c.name not in left_out
        )
        if not columns:
            raise NotEnoughDataError("there is no column to predict the target from")
        return cls(columns)

    @property
    def categorical(self) -> list[int]:
        """Positions of the columns of levels."""
        return [j for j, c in enumerate(self.columns) if isinstance(c, _Level)]

    def plain(self, table: pa.Table) -> Floats:
        """Return (n, d): quantities as they are, NaN where missing, and levels as codes."""
        parts = [
            column.codes(table[column.name]).astype(np.float64)
            if isinstance(column, _Level)
            else _finite(as_floats(table[column.name]))
            for column in self.columns
        ]
        return np.column_stack(parts)

    def dense(self, table: pa.Table) -> Floats:
        """Return (n, D): standardised quantities, flags of missing ones, one-hot levels."""
        parts: list[Floats] = []
        for column in self.columns:
            values = table[column.name]
            if isinstance(column, _Level):
                parts.append(np.eye(len(column.levels) + 1)[column.codes(values)])
                continue
            x = _finite(as_floats(values))
            missing = np.isnan(x)
            z = (np.where(missing, column.median, x) - column.mean) / column.scale
            parts.append(np.clip(z, -FAR, FAR)[:, None])
            if column.has_missing:
                parts.append(missing[:, None].astype(np.float64))
        return np.hstack(parts)


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """What is predicted: a level (`classes`, at least two) or a quantity (`classes` is None)."""

    name: str
    classes: tuple[str, ...] | None

    @classmethod
    def of(cls, dataset: Dataset) -> Labels:
        """Read the target of the schema.

        Raises
        ------
        SchemaError
            If the schema names no target.
        ColumnTypeError
            If the target is neither a level nor a quantity.
        NotEnoughDataError
            If the target does not vary, so that there is nothing to learn.
        """
        name = dataset.schema.table.target
        if name is None:
            raise SchemaError("no column is named as the target", hint="name one with --target")
        kind = dataset.schema.table[name].kind
        if not kind.is_learned:
            raise ColumnTypeError(f"column {name!r} is {kind.value}, which no model can predict")
        values = dataset.table[name].drop_null()
        distinct = pc.unique(_text(values) if kind.is_level else values)
        if len(distinct) < 2:
            raise NotEnoughDataError(f"target {name!r} takes fewer than two values")
        return cls(name, tuple(sorted(distinct.to_pylist())) if kind.is_level else None)

    def known(self, table: pa.Table) -> NDArray[np.bool_]:
        """Return (n,) whether the target is known and, for a level, one of the classes."""
        if self.classes is None:
            return np.isfinite(as_floats(table[self.name]))
        return self.codes(table) >= 0

    def codes(self, table: pa.Table) -> NDArray[np.int64]:
        """Return (n,) positions in `classes`, -1 for other or missing levels."""
        assert self.classes is not None
        found = pc.index_in(_text(table[self.name]), pa.array(self.classes, pa.string()))
        return np.asarray(pc.fill_null(found, -1), dtype=np.int64)

    def values(self, table: pa.Table) -> Floats:
        """Return (n,) the quantity."""
        return _finite(as_floats(table[self.name]))

    def predictions(self, guess: Floats) -> pa.Table:
        """Wrap (n, classes) probabilities or (n,) values as a table of predictions.

        The columns are the classes, or the single column ``value``.
        """
        if self.classes is None:
            return pa.table({"value": guess})
        return pa.table([pa.array(p) for p in guess.T], names=list(self.classes))

    def nothing(self) -> pa.Table:
        """Return the predictions for no rows."""
        return self.predictions(np.zeros((0, len(self.classes)) if self.classes else 0))


def _quantity(column: Column, values: pa.ChunkedArray) -> _Quantity:
    x = _finite(as_floats(values))
    seen = x[~np.isnan(x)]
    if not len(seen):
        return _Quantity(column.name, 0.0, 0.0, 1.0, True)
    scale = float(seen.std())
    return _Quantity(
        column.name,
        float(np.median(seen)),
        float(seen.mean()),
        scale if scale > 0 and np.isfinite(scale) else 1.0,
        len(seen) < len(x),
    )


def _level(column: Column, values: pa.ChunkedArray) -> _Level:
    counts = _text(values).drop_null().value_counts()
    pairs = zip(counts.field("counts").to_pylist(), counts.field("values").to_pylist(), strict=True)
    top = sorted(pairs, key=lambda pair: (-pair[0], pair[1]))[:MOST_LEVELS]
    return _Level(column.name, pa.array([level for _, level in top], pa.string()))


def _text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return values.cast(pa.string())


def _finite(x: Floats) -> Floats:
    return np.where(np.isfinite(x), np.clip(x, -LARGEST, LARGEST), np.nan)
