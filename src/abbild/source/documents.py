"""JSON lines and JSON arrays in: typed where every row agrees, text where rows do not."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.json as pj
import pyarrow.types as pt

from abbild.core import ColumnTypeError, FileFormatError
from abbild.source.encodings import as_utf8
from abbild.source.formats import FileFormat
from abbild.source.raw import Raw, check_names


def read_json(data: bytes, where: str, *, suffix: str, compression: str | None) -> Raw:
    """Read one object per line, or one array of objects.

    Raises
    ------
    FileFormatError
        If a line is no JSON object; names the line.
    ColumnTypeError
        If a value is a list or an object; names the column.
    """
    data, encoding, bom = as_utf8(data, where)
    array = data.lstrip()[:1] == b"["
    look = FileFormat(
        "json" if array else "jsonl",
        encoding=encoding,
        bom=bom,
        compression=compression,
        suffix=suffix,
    )
    table = None if array else _fast(data)
    if table is None:
        table = _slow(_array(data, where) if array else _lines(data, where), where)
    check_names(table.column_names, where)
    return Raw(table, look)


def _fast(data: bytes) -> pa.Table | None:
    """Read with Arrow; None if rows disagree about a type or hold more than single values."""
    try:
        table = _arrow(data, pj.ParseOptions())
        dated = [f.name for f in table.schema if pt.is_temporal(f.type)]
        if dated:  # as text, so that the way they are written is kept
            fields = [f.with_type(pa.string()) if f.name in dated else f for f in table.schema]
            table = _arrow(data, pj.ParseOptions(explicit_schema=pa.schema(fields)))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    return None if any(pt.is_nested(kind) for kind in table.schema.types) else table


def _arrow(data: bytes, options: pj.ParseOptions) -> pa.Table:
    block = min(max(len(data), 1), 1 << 24)
    return pj.read_json(
        io.BytesIO(data),
        read_options=pj.ReadOptions(block_size=block),
        parse_options=options,
    )


def _lines(data: bytes, where: str) -> list[dict[str, Any]]:
    rows = []
    lines = data.decode().split("\n")  # only this ends a line: strings may hold U+2028
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise FileFormatError(
                f"line {number:,} of {where} is no JSON ({error.msg})",
                hint="the file ends in the middle of this line: it was cut short, copy or "
                "export it again"
                if number == len(lines)
                else "JSON lines have one object in every line",
            ) from error
        if not isinstance(row, dict):
            raise FileFormatError(
                f"line {number:,} of {where} is no JSON object",
                hint='a row looks like {"age": 39, "city": "Ulm"}',
            )
        rows.append(row)
    return rows


def _array(data: bytes, where: str) -> list[dict[str, Any]]:
    try:
        rows = json.loads(data)
    except json.JSONDecodeError as error:
        raise FileFormatError(
            f"{where} is no JSON: {error.msg} in line {error.lineno}", hint="is it cut short?"
        ) from error
    if not rows:
        raise FileFormatError(f"{where} is empty", hint="it needs at least one row")
    if not all(isinstance(row, dict) for row in rows):
        raise FileFormatError(
            f"{where} is a JSON array of other things than objects",
            hint='a row looks like {"age": 39, "city": "Ulm"}',
        )
    return rows  # type: ignore[no-any-return]


def _slow(rows: list[dict[str, Any]], where: str) -> pa.Table:
    if not rows:
        raise FileFormatError(f"{where} is empty", hint="it needs at least one row")
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not names:
        raise FileFormatError(f"the objects of {where} have no keys", hint="name the values")
    return pa.table(
        {name: column_of([row.get(name) for row in rows], name, where) for name in names}
    )


def column_of(values: list[Any], name: str, where: str) -> pa.Array:
    """Return Python values as one Arrow column; text if they are of several types.

    Raises
    ------
    ColumnTypeError
        If a value is a list or a dict.
    """
    for row, value in enumerate(values, start=1):
        if isinstance(value, list | dict):
            raise ColumnTypeError(
                f"column {name!r} of {where} holds a list or object in row {row}",
                hint="spread it over several columns or leave it out",
            )
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        values = [None if value is None else float(value) for value in values]
    elif len(kinds) > 1:
        values = [v if v is None or isinstance(v, str) else _word(v) for v in values]
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, OverflowError):
        return pa.array([None if v is None else _word(v) for v in values], pa.string())


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
