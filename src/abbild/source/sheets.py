"""Excel out: one sheet, the same bytes for the same rows."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.types as pt
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from abbild.core import Column, OutputError, TableSchema, atomically
from abbild.source.formats import CellFormat, FileFormat
from abbild.source.wording import worded

_MOST_ROWS = 1_048_576  # of a sheet, the header included
_EXACT = 10**15  # whole numbers from here on lose digits in Excel: they are written as text
_MOST_LETTERS = 32_767  # of a cell
_OTHER = "ask for another format, such as Parquet or CSV"
_FIRST, _LAST = dt.date(1900, 3, 1), dt.date(9999, 12, 31)  # dates Excel counts right
_THEN = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip archive can carry
_STAMP = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")


def write_workbook(
    blocks: Iterable[pa.Table], path: Path, format: FileFormat, schema: TableSchema
) -> int:
    """Write all blocks to one sheet.

    Raises
    ------
    OutputError
        If there are more rows than a sheet holds, or a text has a character Excel forbids.
    """
    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet(format.sheet or "data")
    page.append([_plain(page, name, name) for name in schema.names])
    count = 0
    for block in blocks:
        count += block.num_rows
        if count >= _MOST_ROWS:
            raise OutputError(
                f"an Excel sheet holds {_MOST_ROWS - 1:,} rows, and these are more", hint=_OTHER
            )
        columns = [_cells(page, block[column.name], column) for column in schema.columns]
        for row in zip(*columns, strict=True):
            page.append(row)
    packed = io.BytesIO()
    book.save(packed)
    with atomically(path) as part:
        part.write_bytes(_timeless(packed))
    return count


def _cells(page: Any, values: pa.ChunkedArray, column: Column) -> list[Any]:
    kind = values.type
    dated = pt.is_date(kind) or (pt.is_timestamp(kind) and kind.tz is None and kind.unit != "ns")
    if dated and all(_counted(value) for value in values.to_pylist()):
        return values.to_pylist()  # type: ignore[no-any-return]
    if pt.is_temporal(kind):
        return worded(values, column, CellFormat()).to_pylist()  # type: ignore[no-any-return]
    if pt.is_string(kind):
        return [_plain(page, value, column.name) for value in values.to_pylist()]
    found = values.to_pylist()
    if pt.is_integer(kind) and any(abs(value or 0) >= _EXACT for value in found):
        return [None if value is None else str(value) for value in found]
    return found  # type: ignore[no-any-return]


def _counted(value: Any) -> bool:
    """Return whether Excel counts this date right, to the millisecond."""
    if value is None:
        return True
    day = value.date() if isinstance(value, dt.datetime) else value
    return _FIRST <= day <= _LAST and getattr(value, "microsecond", 0) % 1000 == 0


def _plain(page: Any, text: str | None, column: str) -> Any:
    """Return a cell that holds `text` and nothing else: no formula, no error value."""
    if text is None:
        return None
    if len(text) > _MOST_LETTERS:
        raise OutputError(
            f"a text of column {column!r} has {len(text):,} letters, "
            f"an Excel cell holds {_MOST_LETTERS:,}",
            hint=_OTHER,
        )
    if text[:1] not in ("=", "#"):
        return _checked(text, column)
    cell = WriteOnlyCell(page, _checked(text, column))
    cell.data_type = "s"
    return cell


def _checked(text: str, column: str) -> str:
    if ILLEGAL_CHARACTERS_RE.search(text):
        raise OutputError(
            f"a text of column {column!r} has a control character, which Excel forbids",
            hint=_OTHER,
        )
    return text


def _timeless(packed: io.BytesIO) -> bytes:
    """Return the archive with the same files and no trace of when it was made."""
    out = io.BytesIO()
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = _STAMP.sub(rb"\g<1>1980-01-01T00:00:00Z", content)
            entry = zipfile.ZipInfo(name, _THEN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, content)
    return out.getvalue()
