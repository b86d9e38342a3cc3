"""Canonical rows out, in the user's own format: same dialect, same types, same bytes each time."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from abbild.core import (
    Column,
    Kind,
    NotEnoughDataError,
    Schema,
    TableSchema,
    atomically,
    write_json,
    write_parquet,
)
from abbild.source import json_text, sheets
from abbild.source.formats import FileFormat
from abbild.source.infer import is_text
from abbild.source.wording import header, lines, worded

_ROW_GROUP = 1 << 16
_FREE_FORM = (Kind.NAME, Kind.EMAIL, Kind.PHONE, Kind.IBAN, Kind.TEXT)


def write(blocks: Iterable[pa.Table], path: Path, format: FileFormat, schema: Schema) -> int:
    """Stream canonical `blocks` to `path` in `format`, whole or not at all; return the rows.

    Parameters
    ----------
    blocks : tables in canonical storage, at least one
    format : of the source (`Loaded.format`) or of a file name (`format_for`)
    schema : what the columns mean

    Notes
    -----
    The same rows give the same bytes, however they are cut into blocks: archives and workbooks
    carry no time. A text cell that starts with ``=`` is written as it is, since anything else
    would change the data; open files of strangers in a spreadsheet with care.
    """
    blocks = iter(blocks)
    first = next(blocks, None)
    if first is None:
        raise NotEnoughDataError("nothing to write: no block arrived")
    table = schema.table
    return _WRITERS[format.name](_even(chain([first], blocks)), path, format, table)


def mark(path: Path) -> None:
    """Say beside the data file `path` that it is synthetic: ``<path>.meta.json``.

    For formats that have no room for it inside; Parquet carries it in its own metadata.
    """
    note = {"synthetic": True, "generator": "abbild", "file": path.name}
    write_json(note, path.with_name(path.name + ".meta.json"))


def restored(table: pa.Table, format: FileFormat, schema: TableSchema) -> pa.Table:
    """Return canonical values in the Arrow types of the source, where it had any.

    Invented personal data keeps its strings: a fake phone number may hold what the number column
    it stands for could not.
    """
    if not format.arrow:
        return table
    stored = pa.ipc.read_schema(pa.BufferReader(base64.b64decode(format.arrow)))
    arrays = []
    for column in schema.columns:
        values = table[column.name]
        at = stored.get_field_index(column.name)
        arrays.append(_as_stored(values, stored.field(at).type, column) if at >= 0 else values)
    return pa.table(arrays, names=schema.names)


def _as_stored(values: pa.ChunkedArray, kind: pa.DataType, column: Column) -> pa.ChunkedArray:
    if pt.is_null(kind) or (column.kind in _FREE_FORM and not is_text(kind)):
        return values
    if str(kind) == "string_view":
        return values.cast(pa.string())
    if pt.is_dictionary(kind):
        if column.kind in _FREE_FORM:
            return values.cast(pa.string())
        return _as_dictionary(values, kind, column)
    if pt.is_decimal(kind) and pt.is_floating(values.type):
        values = pc.round(values, ndigits=kind.scale)
    if pt.is_floating(values.type) and pt.is_integer(kind):
        values = pc.round(values)
    if is_text(kind) and not is_text(values.type):
        return pa.chunked_array([worded_plain(chunk, column) for chunk in values.chunks], kind)
    return values.cast(kind)


def worded_plain(values: pa.Array, column: Column) -> pa.Array:
    """Return values that a typed file held as text as text again."""
    cell = FileFormat("csv").cell(column.name)
    return worded(values, column, cell)


def _as_dictionary(values: Any, kind: pa.DataType, column: Column) -> Any:
    if str(kind.value_type) == "string_view":
        kind = pa.dictionary(kind.index_type, pa.string(), kind.ordered)
    inner = values.cast(kind.value_type)
    if column.levels is None:
        return (
            inner.dictionary_encode().cast(kind) if not kind.ordered else inner.dictionary_encode()
        )
    levels = pa.array(column.levels, pa.string()).cast(kind.value_type)
    chunks = [
        pa.DictionaryArray.from_arrays(
            pc.index_in(chunk, value_set=levels).cast(kind.index_type), levels, ordered=kind.ordered
        )
        for chunk in inner.chunks
    ]
    return pa.chunked_array(chunks, kind)


def _parquet(blocks: Any, path: Path, format: FileFormat, schema: TableSchema) -> int:
    return write_parquet((restored(b, format, schema) for b in blocks), path)


def _even(blocks: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Cut the rows anew, so that the file does not depend on how they arrived."""
    waiting: list[pa.Table] = []
    count = 0
    for block in blocks:
        waiting.append(block)
        count += block.num_rows
        if count >= _ROW_GROUP:
            table = pa.concat_tables(waiting)
            whole = count // _ROW_GROUP * _ROW_GROUP
            for start in range(0, whole, _ROW_GROUP):
                yield table.slice(start, _ROW_GROUP).combine_chunks()
            waiting, count = [table.slice(whole)], count - whole
    if count or waiting:
        yield pa.concat_tables(waiting).combine_chunks()


def _arrow(blocks: Any, path: Path, format: FileFormat, schema: TableSchema) -> int:
    """Write Arrow IPC as a file or a stream; a file has room for one dictionary a column."""
    table = pa.concat_tables([restored(block, format, schema) for block in blocks])
    table = table.unify_dictionaries().combine_chunks()
    marked = table.replace_schema_metadata({b"abbild": b'{"synthetic":true}'})
    make = pa.ipc.new_stream if format.name == "arrow-stream" else pa.ipc.new_file
    with (
        atomically(path) as part,
        pa.OSFile(str(part), "wb") as sink,
        make(sink, marked.schema) as writer,
    ):
        writer.write_table(marked)
    return int(table.num_rows)


def _csv(blocks: Any, path: Path, format: FileFormat, schema: TableSchema) -> int:
    top = header(schema, format)
    return _text(path, format, blocks, lambda block: lines(block, format, schema), top)


def _jsonl(blocks: Any, path: Path, format: FileFormat, schema: TableSchema) -> int:
    def rows(block: pa.Table) -> str:
        return json_text.rows(restored(block, format, schema), schema)

    return _text(path, format, blocks, rows, "")


def _json(blocks: Any, path: Path, format: FileFormat, schema: TableSchema) -> int:
    table = pa.concat_tables([restored(block, format, schema) for block in blocks])
    text = json_text.rows(table, schema).rstrip("\n").replace("\n", ",\n")
    _text(path, format, [table], lambda _: f"[\n{text}\n]\n", "")
    return int(table.num_rows)


def _text(
    path: Path, format: FileFormat, blocks: Any, worded_block: Callable[[pa.Table], str], top: str
) -> int:
    count = 0
    with atomically(path) as part, _packed(part, format.compression) as sink:
        sink.write(_encoded(("\ufeff" if format.bom else "") + top, format.encoding))
        for block in blocks:
            sink.write(_encoded(worded_block(block), format.encoding))
            count += block.num_rows
    return count


def _encoded(text: str, encoding: str) -> bytes:
    """Return bytes; a letter the encoding lacks (only invented names have any) becomes ``?``."""
    return text.encode(encoding, errors="replace")


@contextmanager
def _packed(part: Path, compression: str | None) -> Iterator[Any]:
    if compression == "gzip":
        with part.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as sink:
            yield sink
    elif compression == "zstd":
        with pa.OSFile(str(part), "wb") as raw, pa.CompressedOutputStream(raw, "zstd") as sink:
            yield sink
    else:
        with part.open("wb") as plain:
            yield plain


def _xlsx(blocks: Any, path: Path, format: FileFormat, schema: TableSchema) -> int:
    return sheets.write_workbook(blocks, path, format, schema)


_WRITERS: dict[str, Callable[[Any, Path, FileFormat, TableSchema], int]] = {
    "parquet": _parquet,
    "object": _parquet,
    "arrow": _arrow,
    "arrow-stream": _arrow,
    "csv": _csv,
    "jsonl": _jsonl,
    "json": _json,
    "xlsx": _xlsx,
}
