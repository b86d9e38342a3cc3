"""What crosses every border: named Arrow tables and the schema that says what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from abbild.core.errors import ShapeError
from abbild.core.schema import Schema


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """One or more named Arrow tables with one `Schema`; a single table is a data set of one.

    Values are stored canonically: INTEGER int64, NUMBER and coordinates float64, BOOLEAN bool,
    CATEGORY, ORDINAL, TEXT and personal data string, IDENTIFIER string or int64, DATE date32,
    DATETIME timestamp(unit, zone), TIME time32/time64, DURATION duration(unit). A null is a
    missing value; a float NaN never occurs. Metadata of Arrow fields is not trusted to survive.
    """

    tables: Mapping[str, pa.Table]
    schema: Schema

    def __post_init__(self) -> None:
        for name, described in self.schema.tables.items():
            if name not in self.tables:
                raise ShapeError(f"the schema describes table {name!r}, which is not in the data")
            if (have := self.tables[name].column_names) != (want := described.names):
                raise ShapeError(f"table {name!r} has columns {have}, the schema says {want}")

    @classmethod
    def of(cls, table: pa.Table, schema: Schema) -> Dataset:
        """Wrap a single `table` under the name its `schema` gives it."""
        return cls({next(iter(schema.tables)): table}, schema)

    @property
    def table(self) -> pa.Table:
        """The only table; `SchemaError` if there are several."""
        self.schema.table  # noqa: B018 - raises the clear sentence
        return next(iter(self.tables.values()))

    def with_table(self, table: pa.Table) -> Dataset:
        """Return a copy with other rows of the same single table."""
        return Dataset.of(table, self.schema)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was drawn and not accepted."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Rows a sampler drew: the accepted ones as tables, the rejected ones with their reasons."""

    tables: Mapping[str, pa.Table]
    rejected: tuple[Rejected, ...] = ()

    @property
    def table(self) -> pa.Table:
        """The only table."""
        (table,) = self.tables.values()
        return table

    @staticmethod
    def join(batches: Iterable[Batch]) -> Batch:
        """Concatenate batches in order; at least one is needed."""
        every = list(batches)
        tables = {
            name: pa.concat_tables([batch.tables[name] for batch in every])
            for name in every[0].tables
        }
        return Batch(tables, tuple(r for batch in every for r in batch.rejected))


def in_blocks(rows: range, block: int) -> Iterator[range]:
    """Yield the natural blocks that overlap `rows`: ``range(0, block)``, ``range(block, ...)``."""
    if not rows:
        return
    for start in range(rows.start // block * block, rows.stop, block):
        yield range(start, start + block)
