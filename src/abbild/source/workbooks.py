"""Excel in: the first sheet, or the one named behind a ``#``."""

from __future__ import annotations

import datetime as dt
import io
import warnings
import zipfile
from typing import Any

import openpyxl
import pyarrow as pa
from openpyxl.utils.exceptions import InvalidFileException

from abbild.core import FileFormatError, unknown_name
from abbild.source.documents import column_of
from abbild.source.formats import FileFormat
from abbild.source.raw import Raw, check_names


def read_workbook(data: bytes, where: str, *, suffix: str, sheet: str | None) -> Raw:
    """Read one sheet: its first row names the columns; values of formulas as last computed.

    Empty rows at the end are formatting and no rows.

    Raises
    ------
    FileFormatError
        If it is no workbook, has no such sheet, or the sheet is empty.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles and drawings it leaves out
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            rows = _rows(book, sheet, where)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(
            f"{where} is a damaged Excel workbook ({error})", hint="open and save it again in Excel"
        ) from error
    if not rows:
        raise FileFormatError(f"{where} is empty", hint="it needs a header and rows")
    names = ["" if value is None else str(value) for value in rows[0]]
    while (
        names
        and not names[-1]
        and all(len(r) < len(names) or r[len(names) - 1] is None for r in rows)
    ):
        names.pop()
    check_names(names, where)
    body = [row + (None,) * (len(names) - len(row)) for row in rows[1:]]
    columns = {
        name: _column([row[at] for row in body], name, where) for at, name in enumerate(names)
    }
    return Raw(pa.table(columns), FileFormat("xlsx", sheet=sheet, suffix=suffix))


def _rows(book: Any, sheet: str | None, where: str) -> list[tuple[Any, ...]]:
    if sheet is not None and sheet not in book.sheetnames:
        raise FileFormatError(
            f"{where} has no sheet named {sheet!r}",
            hint=unknown_name("sheet", sheet, book.sheetnames).hint,
        )
    page = book[sheet] if sheet else book.worksheets[0]
    page.reset_dimensions()  # the size a writer noted is often wrong
    rows = [tuple(row) for row in page.iter_rows(values_only=True)]
    while rows and all(value is None for value in rows[-1]):
        rows.pop()
    return rows


def _column(values: list[Any], name: str, where: str) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {dt.datetime} and all(v is None or v.time() == dt.time() for v in values):
        values = [None if v is None else v.date() for v in values]
    elif kinds == {dt.date, dt.datetime}:
        values = [dt.datetime.combine(v, dt.time()) if type(v) is dt.date else v for v in values]
    return column_of(values, name, where)
