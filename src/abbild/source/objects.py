"""Data frames in and out: pandas, polars, Arrow and whatever else speaks Arrow."""

from __future__ import annotations

import hashlib
import importlib
import re
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from abbild.core import ColumnTypeError, FileFormatError, Schema, as_table
from abbild.source.formats import FileFormat
from abbild.source.raw import Raw, check_names
from abbild.source.reader import Loaded, load

_INDEX = re.compile(r"__index_level_\d+__")


def read_object(
    obj: Any,
    *,
    schema: Schema | None = None,
    unit: str | None = None,
    target: str | None = None,
    key: str | None = None,
    closed: bool = True,
) -> Loaded:
    """Read a table in memory: anything with the Arrow stream interface.

    Parameters
    ----------
    obj : pandas, polars or Arrow table (or any other exporter). The nameless index of a pandas
        frame is no column; a named one is
    schema, unit, target, key, closed : as in `read`

    Raises
    ------
    ColumnTypeError
        If a column mixes types, such as numbers and text; names it.
    """
    if not hasattr(obj, "__arrow_c_stream__"):
        raise FileFormatError(
            f"a {type(obj).__name__} is no table",
            hint="pass a pandas, polars or Arrow table, or the path of a file",
        )
    check_names([str(name) for name in _column_names(obj)], "the table")
    try:
        table = as_table(obj)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise _mixed(error) from error
    hidden = [name for name in table.column_names if _INDEX.fullmatch(name)]
    table = table.drop_columns(hidden)
    if not table.column_names:
        raise FileFormatError("the table has no columns", hint="pass a table with columns")
    raw = Raw(table, FileFormat("object"), frame=_frame(obj))
    roles = {"unit": unit, "target": target, "key": key}
    return load(
        raw, "data", _digest(table), where="the table", schema=schema, roles=roles, closed=closed
    )


def _frame(obj: Any) -> str:
    roots = {kind.__module__.split(".")[0] for kind in type(obj).__mro__}
    return next((frame for frame in ("pandas", "polars") if frame in roots), "arrow")


def _column_names(obj: Any) -> Iterable[Any]:
    names = getattr(obj, "column_names", None)
    return names if names is not None else getattr(obj, "columns", ())


def _mixed(error: Exception) -> ColumnTypeError:
    found = re.search(r"Conversion failed for column (.*) with type", str(error))
    which = f"column {found.group(1)!r}" if found else "a column"
    return ColumnTypeError(
        f"{which} of the table mixes types ({error.args[0]})",
        hint="make its values all numbers or all text, such as with .astype(str)",
    )


def _digest(table: pa.Table) -> str:
    """Return the SHA-256 of the values, however they are chunked."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()


def to_object(table: pa.Table, like: Any) -> Any:
    """Return `table` as the kind of object `like` is: pandas, polars, else Arrow.

    Parameters
    ----------
    like : an object, whose column types are taken over where the values allow it, or the name
        of a kind (`Loaded.frame`)
    """
    frame = like if isinstance(like, str) else _frame(like)
    if frame == "pandas":
        return _as_pandas(table, None if isinstance(like, str) else like)
    if frame == "polars":
        return _as_polars(table, None if isinstance(like, str) else like)
    if not isinstance(like, pa.Table):
        return table
    names = table.column_names
    kinds = {name: like.schema.field(name).type for name in names if name in like.column_names}
    return pa.table([_cast(table[name], kinds.get(name)) for name in names], names=names)


def _cast(values: pa.ChunkedArray, kind: pa.DataType | None) -> pa.ChunkedArray:
    if kind is None or kind == values.type:
        return values
    try:
        return values.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return values


def _as_pandas(table: pa.Table, like: Any) -> Any:
    pandas = importlib.import_module("pandas")
    frame = table.to_pandas(date_as_object=like is not None)
    for name in frame.columns if like is not None else ():
        kind = like[name].dtype if name in like.columns else frame[name].dtype
        if kind in (frame[name].dtype, object):
            continue
        try:
            if isinstance(kind, pandas.CategoricalDtype):
                frame[name] = frame[name].astype(kind.categories.dtype)
            frame[name] = frame[name].astype(kind)
        except (ValueError, TypeError, OverflowError):
            continue  # missing values in a column of whole numbers
    return frame


def _as_polars(table: pa.Table, like: Any) -> Any:
    polars = importlib.import_module("polars")
    frame = polars.from_arrow(table)
    for name, kind in like.schema.items() if like is not None else ():
        if name not in frame.columns or frame[name].dtype == kind:
            continue
        try:
            frame = frame.with_columns(frame[name].cast(kind))
        except (polars.exceptions.PolarsError, TypeError):
            continue
    return frame
