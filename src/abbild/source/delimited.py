"""Delimited text in: encoding, delimiter and header by content, every cell as a string."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.csv as pv

from abbild.core import FileFormatError
from abbild.source.counts import counted
from abbild.source.encodings import as_utf8
from abbild.source.formats import FileFormat
from abbild.source.raw import Raw, check_names

_HEAD = 1 << 16  # bytes looked at to find the delimiter
_BLOCK = 1 << 23  # bytes Arrow parses at once
_CUT = "the file ends in the middle of this row: it was cut short, copy or export it again"
# a quoted cell, closed or not, or the end of a line
_TOKEN = re.compile(rb'(?:(?<=[,;\t|\r\n])|\A)"[^"]*(?:""[^"]*)*("|\Z)|\r\n|\n|\r')


def read_delimited(data: bytes, where: str, *, suffix: str, compression: str | None) -> Raw:
    """Read delimited text; every cell is a string, an empty one is empty.

    Raises
    ------
    FileFormatError
        If a row has more or fewer cells than the header.
    SchemaError
        If a column name is empty or occurs twice.
    """
    data, encoding, bom = as_utf8(data, where)
    data = re.sub(rb"\Asep=.\r?\n", b"", data)  # a note to Excel, no row
    records = list(_records(data[: _HEAD * 4]))
    if not records:
        raise FileFormatError(f"{where} is empty", hint="it needs a header and rows")
    delimiter = _delimiter([record for record, _ in records])
    names = _cells(records[0][0], delimiter)
    _check_quotes(data, where)
    check_names(names, where)
    body = memoryview(data)[records[0][1] :]
    table = _parse(body, names, delimiter, where)
    look = FileFormat(
        "csv",
        delimiter=delimiter,
        encoding=encoding,
        bom=bom,
        newline="\r\n" if data[: records[0][1]].endswith(b"\r\n") else "\n",
        quoted=_all_quoted([record for record, _ in records[:50]], delimiter),
        compression=compression,
        suffix=suffix,
    )
    return Raw(table, look, untyped=True, comma=delimiter == ";")


def _records(head: bytes) -> Iterator[tuple[str, int]]:
    """Yield the records of `head` and the offset behind each; a quoted newline ends none."""
    start = 0
    for match in _TOKEN.finditer(head):
        if match.group()[:1] != b'"':
            yield head[start : match.start()].decode(errors="replace"), match.end()
            start = match.end()
    if start < len(head):
        yield head[start:].decode(errors="replace"), len(head)


def _check_quotes(data: bytes, where: str) -> None:
    """Refuse a quote that never closes: it would swallow the rest of the file as one cell."""
    if data.count(b'"') % 2 == 0:
        return
    for match in _TOKEN.finditer(data):
        token = match.group()
        if token[:1] == b'"' and (len(token) == 1 or match.group(1) != b'"'):
            line = data.count(b"\n", 0, match.start()) + 1
            raise FileFormatError(
                f"a quote opens in line {line:,} of {where} and never closes",
                hint='close it, or write a quote inside a cell as ""; if it is near the end, '
                "the file may be cut short",
            )


def _cells(record: str, delimiter: str) -> list[str]:
    """Cut a record into cells; `csv` would refuse long ones."""
    mark = re.escape(delimiter)
    cell = re.compile(rf'(?:"([^"]*(?:""[^"]*)*)"(?={mark}|\Z)|([^{mark}]*))({mark}|\Z)')
    cells, at = [], 0
    while (found := cell.match(record, at)) is not None:
        quoted, bare, end = found.groups()
        cells.append(bare if quoted is None else quoted.replace('""', '"'))
        at = found.end()
        if not end:
            break
    return cells


def _delimiter(records: list[str]) -> str:
    """Return the delimiter that cuts most records into as many cells as the header.

    The last record may be cut off by the end of the look and counts only when it is alone.
    """
    rows = [record for record in records[:200] if record]
    rows = rows[:-1] if len(rows) > 2 else rows
    best, found = (0.0, 0), ""
    for delimiter in ",;\t|":
        counts = [len(_cells(row, delimiter)) for row in rows]
        if counts and counts[0] > 1:
            agree = sum(count == counts[0] for count in counts) / len(counts)
            if (agree, counts[0]) > best:
                best, found = (agree, counts[0]), delimiter
    if found:
        return found
    alone = (d for d in ",;\t|" if all(len(_cells(row, d)) == 1 for row in rows))
    return next(alone, ",")


def _all_quoted(records: list[str], delimiter: str) -> bool:
    shape = re.compile(rf'(?s)"(?:[^"]|"")*"(?:{re.escape(delimiter)}"(?:[^"]|"")*")*')
    return all(shape.fullmatch(record) for record in records[:-1] or records if record)


def _parse(body: memoryview, names: list[str], delimiter: str, where: str) -> pa.Table:
    labels = [f"c{i}" for i in range(len(names))]
    if re.match(rb"[\r\n]*\Z", body):
        return pa.table({name: pa.array([], pa.string()) for name in names})
    try:
        table = _arrow(body, labels, delimiter, _BLOCK)
    except pa.ArrowInvalid as error:
        if "straddl" not in str(error):
            raise _ragged(body, labels, delimiter, where) from error
        try:
            table = _arrow(body, labels, delimiter, len(body) + 1)  # one cell larger than a block
        except pa.ArrowInvalid as again:
            raise _ragged(body, labels, delimiter, where) from again
    return table.rename_columns(names)


def _arrow(
    body: memoryview, labels: list[str], delimiter: str, block: int, *, threads: bool = True
) -> pa.Table:
    return pv.read_csv(
        pa.BufferReader(pa.py_buffer(body)),
        read_options=pv.ReadOptions(column_names=labels, block_size=block, use_threads=threads),
        parse_options=pv.ParseOptions(
            delimiter=delimiter,
            newlines_in_values=True,
            ignore_empty_lines=len(labels) > 1,  # in a single column an empty line is a value
        ),
        convert_options=pv.ConvertOptions(
            column_types={label: pa.string() for label in labels}, strings_can_be_null=False
        ),
    )


def _ragged(body: memoryview, labels: list[str], delimiter: str, where: str) -> FileFormatError:
    """Read again in one thread, which knows the number of the row, and say what is wrong."""
    text = ""
    try:
        _arrow(body, labels, delimiter, len(body) + 1, threads=False)
    except pa.ArrowInvalid as error:
        text = str(error)
    found = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", text)
    if found is None:
        return FileFormatError(
            f"{where} cannot be read as delimited text: {text}",
            hint="export it again as CSV in UTF-8, or as Parquet",
        )
    row, want, got = map(int, found.groups())
    rows = sum(1 for record, _ in _records(bytes(body)) if record)
    cut = row == rows and got < want and body[-1] not in b"\r\n"
    return FileFormatError(
        f"row {row:,} of {where} has {counted(got, 'cell')}, "
        f"its header names {counted(want, 'column')}",
        hint=_CUT if cut else f"put cells that contain {delimiter!r} in double quotes",
    )
