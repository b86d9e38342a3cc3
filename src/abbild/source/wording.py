"""Canonical columns as text cells, and cells as lines of delimited text."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from abbild.core import Column, TableSchema
from abbild.source import dates, durations, numerals
from abbild.source.formats import CellFormat, FileFormat

_DELIMITERS = ",;\t|"


def worded(values: Any, column: Column, cell: CellFormat) -> pa.Array:
    """Return an array of canonical values as strings in the style of `cell`; nulls stay null."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    kind = values.type
    if pt.is_boolean(kind):
        return pc.if_else(values, cell.truth[1], cell.truth[0])
    if pt.is_duration(kind):
        return durations.as_text(values, cell.pattern)
    if pt.is_temporal(kind):
        return dates.as_text(values, cell.pattern or column.format)
    if pt.is_integer(kind) or pt.is_floating(kind):
        return numerals.as_text(values, cell)
    return values.cast(pa.string())


def header(schema: TableSchema, format: FileFormat) -> str:
    """Return the line that names the columns."""
    names = pa.table({str(i): pa.array([name]) for i, name in enumerate(schema.names)})
    cells = [_quoted(name.chunk(0), format, alone=True) for name in names.columns]
    return _joined(cells, format)


def lines(block: pa.Table, format: FileFormat, schema: TableSchema) -> str:
    """Return the rows of `block` as lines of delimited text.

    A cell is quoted only where it must be, or everywhere if the source did so. An empty string
    and the only cell of a line stand in quotes, to be told from a missing value and from no line.
    """
    if not block.num_rows:
        return ""
    cells = []
    for column in schema.columns:
        cell = format.cell(column.name)
        text = worded(block[column.name], column, cell)
        if len(schema.columns) != 1:
            missing = '""' if format.quoted and not cell.missing else cell.missing
        else:
            missing = cell.missing or '""'
        cells.append(pc.fill_null(_quoted(text, format, alone=len(schema.columns) == 1), missing))
    return _joined(cells, format)


def _quoted(text: pa.Array, format: FileFormat, *, alone: bool) -> pa.Array:
    """Quote where needed; names and only cells at every delimiter, or a reader would guess it."""
    inside = pc.replace_substring(text, '"', '""')
    quoted = pc.binary_join_element_wise('"', inside, '"', "")
    if format.quoted:
        return quoted
    unsafe = _DELIMITERS if alone else format.delimiter
    special = "[" + "".join("\\" + c for c in ('"', *unsafe)) + "\r\n]"
    needed = pc.match_substring_regex(text, special + "|^$")
    return pc.if_else(needed, quoted, text)


def _joined(cells: list[pa.Array], format: FileFormat) -> str:
    rows = pc.binary_join_element_wise(*cells, format.delimiter) if len(cells) > 1 else cells[0]
    whole = pa.ListArray.from_arrays(pa.array([0, len(rows)], pa.int32()), rows)
    return str(pc.binary_join(whole, format.newline)[0].as_py()) + format.newline
