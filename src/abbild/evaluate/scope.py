"""What part of the tables the judges see, and the rows they draw from it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from abbild.core import (
    Column,
    ColumnTypeError,
    Discretizer,
    NotEnoughDataError,
    Schema,
    Seed,
    ShapeError,
    as_floats,
)
from abbild.evaluate.wording import things

__all__ = ["aligned", "all_levels", "judged", "needed", "rounded", "thinned"]

DECIMALS = 6  # digits beyond these are a format, not information


def judged(schema: Schema) -> Schema:
    """Return the schema of the columns that are judged.

    Keys, persons' numbers, free text and personal data are made up anew by design, so that their
    likeness to real values says nothing.

    Raises
    ------
    NotEnoughDataError
        If no column is left.
    """
    table = schema.table
    columns = [c for c in table.learned if c.name not in {table.unit, table.key}]
    if not columns:
        raise NotEnoughDataError("no column is left to judge: all are keys, text or personal data")
    target = table.target if table.target in {c.name for c in columns} else None
    return Schema.of(columns, target=target)


def all_levels(tables: list[pa.Table], columns: list[Column], most: int = 2**31) -> Discretizer:
    """Return codes for the levels of all `tables` together, at most so many a column."""
    if not columns:
        return Discretizer(())
    parts = [t.select([c.name for c in columns]) for t in tables]
    return Discretizer.of(pa.concat_tables(parts), Schema.of(columns), levels=most)


def aligned(table: pa.Table, like: pa.Table, what: str) -> pa.Table:
    """Return `table` with the columns and types of `like`.

    Raises
    ------
    ShapeError
        If a column is missing; `what` names the table in the message.
    ColumnTypeError
        If a column cannot be read as the type it has in `like`.
    """
    columns = []
    for field in like.schema:
        if field.name not in table.column_names:
            raise ShapeError(
                f"the {what} table has no column {field.name!r}",
                hint="give tables with the same columns",
            )
        try:
            columns.append(table[field.name].cast(field.type, safe=False))
        except pa.ArrowException as error:
            raise ColumnTypeError(
                f"column {field.name!r} of the {what} table is {table[field.name].type}, "
                f"not {field.type} as in the training table ({error})",
                hint="convert it first",
            ) from error
    return pa.table(columns, names=like.column_names)


def thinned(table: pa.Table, most: int, seed: Seed) -> pa.Table:
    """Return at most `most` rows, drawn at random and kept in order."""
    if table.num_rows <= most:
        return table
    return table.take(pa.array(np.sort(seed.rng().choice(table.num_rows, most, replace=False))))


def needed(holdout: pa.Table | None, least: int = 1) -> pa.Table:
    """Return the holdout.

    Raises
    ------
    NotEnoughDataError
        If there is none, or it has fewer than `least` rows.
    """
    if holdout is None:
        raise NotEnoughDataError("there is no holdout to compare with", hint="use --holdout 0.2")
    if holdout.num_rows < least:
        raise NotEnoughDataError(
            f"the holdout has {things(holdout.num_rows, 'row')}, at least {least} are needed",
            hint="hold out a larger part",
        )
    return holdout


def rounded(table: pa.Table, column: Column) -> np.ndarray:
    """Return a quantity as (n,) float64 in the format all tables share, NaN where missing.

    Real and synthetic numbers are rounded alike, so that digits of a file format are not taken
    for a difference; infinite values are brought to the largest finite double.
    """
    x = as_floats(table[column.name])
    decimals = DECIMALS if column.decimals is None else column.decimals
    with np.errstate(over="ignore", invalid="ignore"):
        short = np.round(x, decimals)
    return np.nan_to_num(np.where(np.isfinite(short), short, x), nan=np.nan)
