"""From a raw table and its schema to canonical storage, remembering how each column was written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from abbild.core import Column, ColumnTypeError, Kind, SchemaError, TableSchema
from abbild.source import dates, durations, numerals
from abbild.source.cells import Habits, Tidy, tidy
from abbild.source.counts import counted
from abbild.source.formats import CellFormat
from abbild.source.infer import is_text
from abbild.source.raw import decoded

_FEW_INFINITE = 0.01  # share of infinite values up to which they are taken as missing
_UNITS = ("s", "ms", "us", "ns")
_COORDINATES = (Kind.LATITUDE, Kind.LONGITUDE)
_NUMBERS = (Kind.NUMBER, Kind.INTEGER, *_COORDINATES)


def canonical(
    table: pa.Table, schema: TableSchema, *, look: Habits, untyped: bool, closed: bool
) -> tuple[pa.Table, TableSchema, dict[str, CellFormat]]:
    """Store every value the way its kind is stored (see `abbild.core.Dataset`).

    Infinite numbers become missing, and the reason of their column says so.

    Parameters
    ----------
    closed : whether a level that a column does not name is an error

    Returns
    -------
    The table, the schema with the units and zones the values turned out to have, and how each
    column of text was written.

    Raises
    ------
    SchemaError
        If a value does not fit the kind declared for its column; names the column and the row.
    ColumnTypeError
        If more than one in a hundred numbers is infinite: as missing values they would change
        the column, and as numbers they have no place in any distribution.
    """
    arrays, columns, cells = [], [], {}
    for column in schema.columns:
        values = decoded(table[column.name])
        if is_text(values.type):
            stored, cell = _from_text(column, values, look, untyped)
            cells[column.name] = cell
        else:
            stored = _from_typed(column, values)
        if column.kind in _NUMBERS and pt.is_floating(stored.type):
            stored, column = _finite(column, stored)
        if closed or column.public:
            _check_levels(column, stored)
        stored = _in_unit(column, stored)
        arrays.append(stored)
        columns.append(_measured(column, stored.type))
    table = pa.table(arrays, names=schema.names)
    return table, replace(schema, columns=tuple(columns)), cells


def _in_unit(column: Column, values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return moments and durations in the unit and zone declared, finer parts cut off.

    So that train, holdout and synthetic rows from different files compare.
    """
    kind = values.type
    if column.unit is None or not (
        pt.is_timestamp(kind) or pt.is_time(kind) or pt.is_duration(kind)
    ):
        return values
    if pt.is_timestamp(kind):
        zone = column.zone if column.zone and kind.tz else kind.tz
        wanted = pa.timestamp(column.unit, zone)
    else:
        wanted = _empty_type(column)
    if wanted == kind:
        return values
    coarser = _UNITS.index(column.unit) < _UNITS.index(kind.unit)
    try:
        return values.cast(wanted, safe=not coarser)
    except pa.ArrowInvalid as error:
        raise SchemaError(
            f"column {column.name!r} has moments too far away for the unit {column.unit!r}",
            hint="declare 'unit: us' for the column in the schema",
        ) from error


def _measured(column: Column, kind: pa.DataType) -> Column:
    """Return `column` with the unit and zone of its storage."""
    if column.kind in (Kind.DATETIME, Kind.TIME, Kind.DURATION):
        return replace(column, unit=kind.unit, zone=getattr(kind, "tz", None))
    return column


def _finite(column: Column, values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, Column]:
    """Return the values with infinite ones missing, and the column, whose reason says so."""
    finite = pc.is_finite(values)
    if pc.all(finite).as_py() in (True, None):
        return values.cast(_empty_type(column)), column
    infinite = pc.sum(pc.is_inf(values)).as_py() or 0
    if infinite > _FEW_INFINITE * len(values) and infinite > 1:
        raise ColumnTypeError(
            f"column {column.name!r} has {counted(infinite, 'infinite value')} "
            f"in {counted(len(values), 'row')}",
            hint="replace them by missing values or by a number, "
            "or declare 'kind: category' for the column in a schema",
        )
    if infinite and not column.public:  # what is public says nothing of this table
        verb = "was" if infinite == 1 else "were"
        note = f"{counted(infinite, 'infinite value')} {verb} taken as missing"
        if note not in column.reason:  # a schema read back says it already
            column = replace(column, reason=f"{column.reason}; {note}".removeprefix("; "))
    return pc.if_else(finite, values, None).cast(_empty_type(column)), column


def _from_text(
    column: Column, values: pa.ChunkedArray, look: Habits, untyped: bool
) -> tuple[pa.ChunkedArray, CellFormat]:
    neat = tidy(values)
    reader = _TEXT_READERS.get(column.kind)
    if reader is None:
        kept = neat.kept(values, untyped=untyped)
        if column.kind == Kind.IDENTIFIER and untyped and (whole := _whole_keys(neat)) is not None:
            return whole, CellFormat(missing=neat.marker)
        return kept, CellFormat(missing=neat.level_marker if untyped else "")
    strings = neat.strings
    if strings.null_count == len(strings):
        return pa.nulls(len(strings), _empty_type(column)), CellFormat(missing=neat.marker)
    found = reader(column, strings, look)
    if found is None:
        raise _misfit(column, neat, lambda some: reader(column, some, look) is not None)
    stored, cell = found
    return stored, replace(cell, missing=neat.marker if untyped else "")


def _whole_keys(neat: Tidy) -> pa.ChunkedArray | None:
    """Return keys that are plain whole numbers as such; ``007`` and ``1.234`` stay text."""
    plain = pc.match_substring_regex(neat.strings, r"^(?:0|-?[1-9]\d{0,17})$")
    return neat.strings.cast(pa.int64()) if pc.all(plain, min_count=1).as_py() else None


def _empty_type(column: Column) -> pa.DataType:
    unit = column.unit or "s"
    return {
        Kind.INTEGER: pa.int64(),
        Kind.BOOLEAN: pa.bool_(),
        Kind.DATE: pa.date32(),
        Kind.DATETIME: pa.timestamp(unit, column.zone),
        Kind.TIME: pa.time32(unit) if unit in ("s", "ms") else pa.time64(unit),
        Kind.DURATION: pa.duration(unit),
    }.get(column.kind, pa.float64())


def _misfit(column: Column, neat: Tidy, fits: Callable[[Any], bool]) -> SchemaError:
    """Name the first value that is not of the declared kind, found by halving."""
    low, high = 0, len(neat.strings)
    while high - low > 1:
        middle = (low + high) // 2
        part = neat.strings.slice(low, middle - low)
        whole = part.null_count == len(part) or fits(part)
        low, high = (middle, high) if whole else (low, middle)
    value = neat.strings[low].as_py()
    return SchemaError(
        f"column {column.name!r} is declared as {column.kind}, but row {low + 1} holds {value!r}",
        hint="correct the value, or declare another kind, such as category, in the schema",
    )


def _text_numbers(
    column: Column, strings: Any, look: Habits
) -> tuple[pa.ChunkedArray, CellFormat] | None:
    found = numerals.read_numerals(strings, comma=look.comma)
    if found is None:
        return None
    if column.kind != Kind.INTEGER:
        return found.values.cast(pa.float64()), found.cell
    try:
        return _whole(found.values), found.cell
    except pa.ArrowInvalid:
        return None


def _whole(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return int64; float64 if some are infinite, for `_finite` to count, the others whole."""
    if not pt.is_floating(values.type):
        return values.cast(pa.int64())
    whole = pc.if_else(pc.is_finite(values), values, None).cast(pa.int64())
    return whole if whole.null_count == values.null_count else values


def _text_truth(
    column: Column, strings: Any, look: Habits
) -> tuple[pa.ChunkedArray, CellFormat] | None:
    words = {v.as_py() for v in pc.unique(strings) if v.is_valid}
    for false, true in _TRUTHS:
        if words <= {false, true}:
            return pc.equal(strings, true), CellFormat(truth=(false, true))
    return None


_TRUTHS = (
    ("false", "true"),
    ("False", "True"),
    ("FALSE", "TRUE"),
    ("FALSCH", "WAHR"),
    ("no", "yes"),
    ("No", "Yes"),
    ("nein", "ja"),
    ("Nein", "Ja"),
    ("N", "Y"),
    ("N", "J"),
    ("0", "1"),
)


def _text_moments(
    column: Column, strings: Any, look: Habits
) -> tuple[pa.ChunkedArray, CellFormat] | None:
    first = next(v.as_py() for v in strings if v.is_valid)
    found = [p for p in dates.patterns_of(first) if dates.kind_of(p) == column.kind]
    patterns = sorted(found, key=lambda p: p.lstrip("%-").startswith("d") != look.day_first)
    for pattern in patterns if column.format is None else [column.format, *patterns]:
        try:
            moments = dates.read_moments(strings, pattern)
        except ValueError as error:
            raise SchemaError(
                f"column {column.name!r}: the format {pattern!r} has an unknown part {error}",
                hint="known: %Y %y %m %d %b %H %M %S %f %I %p %z, as in %d.%m.%Y",
            ) from error
        if moments is not None:
            return moments.values, CellFormat(pattern=pattern)
    return None


def _text_durations(
    column: Column, strings: Any, look: Habits
) -> tuple[pa.ChunkedArray, CellFormat] | None:
    found = durations.read_durations(strings)
    return None if found is None else (found[0], CellFormat(pattern=found[1]))


_TEXT_READERS: dict[Kind, Callable[..., tuple[pa.ChunkedArray, CellFormat] | None]] = {
    Kind.INTEGER: _text_numbers,
    Kind.NUMBER: _text_numbers,
    Kind.LATITUDE: _text_numbers,
    Kind.LONGITUDE: _text_numbers,
    Kind.BOOLEAN: _text_truth,
    Kind.DATE: _text_moments,
    Kind.DATETIME: _text_moments,
    Kind.TIME: _text_moments,
    Kind.DURATION: _text_durations,
}


def _check_levels(column: Column, values: pa.ChunkedArray) -> None:
    if column.kind not in (Kind.ORDINAL, Kind.CATEGORY) or column.levels is None:
        return
    if not is_text(values.type):
        return
    known = pc.is_in(values, value_set=pa.array(column.levels, pa.string()))
    strange = pc.and_(pc.invert(known), pc.is_valid(values))
    at = pc.index(strange, True).as_py()
    if at >= 0:
        raise SchemaError(
            f"column {column.name!r} holds {values[at].as_py()!r} in row {at + 1}, "
            "which is none of its declared levels",
            hint="add the level to the schema or correct the value",
        )


def _from_typed(column: Column, values: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = values.type
    target = _target(column, kind)
    if pt.is_floating(kind):
        values = _plain_floats(column, values)
    if pt.is_timestamp(kind) and column.kind == Kind.DATE:
        values = pc.floor_temporal(values, unit="day")
    try:
        if target == pa.string() and not is_text(kind):
            return _worded(values)
        if column.kind == Kind.INTEGER and pt.is_floating(values.type):
            return _whole(values)
        return values.cast(target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SchemaError(
            f"column {column.name!r} is declared as {column.kind}, "
            f"but holds values of type {kind} that do not fit ({str(error).splitlines()[0]})",
            hint="declare another kind in the schema, or leave it out to have it inferred",
        ) from error


def _target(column: Column, kind: pa.DataType) -> pa.DataType:
    """Return the canonical type of a column that was stored as `kind`."""
    if column.kind in (Kind.DATETIME, Kind.TIME, Kind.DURATION):
        if pt.is_timestamp(kind) and column.kind == Kind.DATETIME:
            return kind
        if (pt.is_time(kind) and column.kind == Kind.TIME) or pt.is_duration(kind):
            return kind
        return _empty_type(column)
    if column.kind in (Kind.NUMBER, Kind.INTEGER, Kind.BOOLEAN, Kind.DATE, *_COORDINATES):
        return _empty_type(column)
    if column.kind == Kind.IDENTIFIER and pt.is_integer(kind) and kind != pa.uint64():
        return pa.int64()
    return pa.string()


def _plain_floats(column: Column, values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return float64 without NaN; narrow floats become the short decimals they stand for."""
    wide = values.cast(pa.float64())
    wide = pc.if_else(pc.is_nan(wide), None, wide)
    if values.type != pa.float64() and column.decimals is not None:
        wide = pc.round(wide, ndigits=column.decimals)
    return wide


def _worded(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return typed values as text: dates in ISO, whole floats without a decimal point."""
    if pt.is_temporal(values.type):
        write = durations.as_text if pt.is_duration(values.type) else dates.as_text
        chunks = [write(chunk, None) for chunk in values.chunks]
        return pa.chunked_array(chunks, pa.string())
    if pt.is_null(values.type):
        return pa.chunked_array([pa.nulls(len(values), pa.string())])
    return values.cast(pa.string())
