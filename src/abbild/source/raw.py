"""A table as it stands in its file, before anyone decided what its values mean."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.types as pt

from abbild.core import ColumnTypeError, SchemaError
from abbild.source.formats import FileFormat


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """What a reader hands on.

    Attributes
    ----------
    table : as stored; every column of delimited text is a string
    format : of the file
    untyped : whether the strings of `table` may stand for something else: a delimited file has
        no types and writes a missing value as a word
    comma : whether the file's own look (a semicolon between cells) speaks for decimal commas
    frame : the kind of object it was: "pandas", "polars" or "arrow" (files, too)
    """

    table: pa.Table
    format: FileFormat
    untyped: bool = False
    comma: bool = False
    frame: str = "arrow"


def check_names(names: list[str], where: str) -> None:
    """Refuse names that are empty or occur twice.

    Raises
    ------
    SchemaError
        Because rules, reports and the way back all speak of columns by name.
    """
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise SchemaError(
                f"column {position} of {where} has no name",
                hint="give it one in the header; a nameless first column is often a row number "
                "that pandas wrote: write the file with index=False",
            )
    seen: set[str] = set()
    for position, name in enumerate(names, start=1):
        if name in seen:
            raise SchemaError(
                f"{where} has two columns named {name!r}, the second is column {position}",
                hint="rename one of them",
            )
        seen.add(name)


def check_types(table: pa.Table, where: str) -> None:
    """Refuse columns whose values are no single values: lists, structs, maps, bytes.

    Raises
    ------
    ColumnTypeError
        Naming the column and the way out.
    """
    for name, kind in zip(table.column_names, table.schema.types, strict=True):
        inner = kind.value_type if pt.is_dictionary(kind) else kind
        if pt.is_nested(inner):
            what, way = "lists or structs", "spread it over several columns or leave it out"
        elif pt.is_binary(inner) or pt.is_large_binary(inner) or pt.is_fixed_size_binary(inner):
            what, way = "bytes", "write them as text or leave the column out"
        elif not _is_plain(inner):
            what, way = f"values of type {inner}", "convert it to numbers, dates or text"
        else:
            continue
        raise ColumnTypeError(
            f"column {name!r} of {where} holds {what}, which a table engine cannot learn",
            hint=way,
        )


def widened(table: pa.Table) -> pa.Table:
    """Return `table` with half-precision floats as single ones: Arrow computes with no others."""
    for at, field in enumerate(table.schema):
        if pt.is_float16(field.type):
            wide = table.column(at).cast(pa.float32())
            table = table.set_column(at, field.with_type(pa.float32()), wide)
    return table


def decoded(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return dictionary levels as the values they stand for."""
    if not pt.is_dictionary(values.type):
        return values
    inner = values.type.value_type
    if not _is_string_view(inner):
        return values.cast(inner)
    chunks = [chunk.dictionary.cast(pa.string()).take(chunk.indices) for chunk in values.chunks]
    return pa.chunked_array(chunks, pa.string())


def _is_plain(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (
            pt.is_integer,
            pt.is_floating,
            pt.is_decimal,
            pt.is_boolean,
            pt.is_string,
            pt.is_large_string,
            _is_string_view,
            pt.is_date,
            pt.is_timestamp,
            pt.is_time,
            pt.is_duration,
            pt.is_null,
        )
    )


def _is_string_view(kind: pa.DataType) -> bool:
    return str(kind) == "string_view"
