"""Tables as JSON lines, built column by column."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from abbild.core import TableSchema
from abbild.source.formats import CellFormat
from abbild.source.wording import worded


def rows(table: pa.Table, schema: TableSchema) -> str:
    """Return one JSON object per row and line; a missing value is null."""
    if not table.num_rows:
        return ""
    pieces: list[Any] = []
    for at, column in enumerate(schema.columns):
        values = table[column.name].combine_chunks()
        if pt.is_boolean(values.type) or pt.is_integer(values.type) or pt.is_floating(values.type):
            text = worded(values, column, CellFormat())
        else:
            text = _literals(worded(values, column, CellFormat(pattern=column.format)))
        before = ("{" if at == 0 else ", ") + json.dumps(column.name, ensure_ascii=False) + ": "
        pieces += [before, pc.fill_null(text, "null")]
    lines = pc.binary_join_element_wise(*pieces, "}\n", "")
    whole = pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines)
    return str(pc.binary_join(whole, "")[0].as_py())


def _literals(text: pa.Array) -> pa.Array:
    """Return strings as JSON string literals."""
    if pc.any(pc.match_substring_regex(text, "[\x00-\x1f\x7f]")).as_py():
        written = [
            None if v is None else json.dumps(v, ensure_ascii=False) for v in text.to_pylist()
        ]
        return pa.array(written, pa.string())
    plain = pc.replace_substring(pc.replace_substring(text, "\\", "\\\\"), '"', '\\"')
    return pc.binary_join_element_wise('"', plain, '"', "")
