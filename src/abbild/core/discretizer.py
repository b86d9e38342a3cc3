"""Binning shared by engines and judges, with edges from the reference data only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from abbild.core.schema import Schema


@dataclass(frozen=True, slots=True, eq=False)
class _Bins:
    """Bins of one column: inner edges for quantities, levels otherwise."""

    name: str
    edges: NDArray[np.float64] | None
    levels: pa.Array | None

    @property
    def size(self) -> int:
        """Bins in all: values, then "other" for levels never seen, then missing."""
        if self.edges is not None:
            return len(self.edges) + 2
        assert self.levels is not None
        return len(self.levels) + 2

    def codes(self, column: pa.ChunkedArray) -> NDArray[np.int64]:
        if self.edges is not None:
            x = as_floats(column)
            codes = np.searchsorted(self.edges, x, side="right")
            return np.where(np.isnan(x), len(self.edges) + 1, codes)
        assert self.levels is not None
        found = pc.index_in(column.cast(self.levels.type), self.levels)
        other = pc.if_else(pc.is_null(column), len(self.levels) + 1, len(self.levels))
        return np.asarray(pc.coalesce(found, other.cast(pa.int32())), dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Discretizer:
    """Bins of a table's learned columns; the codes of two tables are comparable."""

    bins: tuple[_Bins, ...]

    @classmethod
    def of(
        cls,
        reference: pa.Table,
        schema: Schema,
        *,
        bins: int = 10,
        levels: int = 10,
        widths: str = "mass",
    ) -> Discretizer:
        """Take edges from `reference`.

        Parameters
        ----------
        bins : bins of a quantity, >= 2: of equal mass (deciles by default) or of equal width,
            as `widths` says ("mass" or "width")
        levels : the most frequent levels kept apart; the rest are one bin
        """
        made = []
        for column in schema.table.learned:
            values = reference[column.name]
            if column.kind.is_quantity:
                made.append(_Bins(column.name, _edges(as_floats(values), bins, widths), None))
            else:
                made.append(_Bins(column.name, None, _top(values, levels)))
        return cls(tuple(made))

    @property
    def names(self) -> list[str]:
        """Names of the binned columns."""
        return [b.name for b in self.bins]

    @property
    def sizes(self) -> list[int]:
        """Number of codes of each column, "other" and missing included."""
        return [b.size for b in self.bins]

    def codes(self, table: pa.Table) -> NDArray[np.int64]:
        """Return (n, d) codes, column j in [0, sizes[j])."""
        if not self.bins:
            return np.zeros((table.num_rows, 0), np.int64)
        return np.column_stack([b.codes(table[b.name]) for b in self.bins])


def as_floats(column: pa.ChunkedArray | pa.Array) -> NDArray[np.float64]:
    """Return a quantity as (n,) float64, NaN where missing; dates count in their own unit."""
    kind = column.type
    if pa.types.is_date32(kind) or pa.types.is_time32(kind):
        column = column.cast(pa.int32())
    elif pa.types.is_temporal(kind):
        column = column.cast(pa.int64())
    column = column.cast(pa.float64(), safe=False)
    return np.asarray(pc.fill_null(column, np.nan), dtype=np.float64)


def _edges(x: NDArray[np.float64], bins: int, widths: str) -> NDArray[np.float64]:
    x = x[np.isfinite(x)]
    if not len(x):
        return np.zeros(0)
    if widths == "width":
        return np.linspace(x.min(), x.max(), bins + 1)[1:-1]
    return np.unique(
        np.quantile(x, np.linspace(0, 1, bins + 1)[1:-1], method="closest_observation")
    )


def _top(values: pa.ChunkedArray, levels: int) -> pa.Array:
    counts = values.value_counts()
    names, count = counts.field("values"), counts.field("counts")
    order = sorted(
        (i for i in range(len(names)) if names[i].is_valid),
        key=lambda i: (-count[i].as_py(), str(names[i])),
    )
    return names.take(pa.array(order[:levels], pa.int64()))
