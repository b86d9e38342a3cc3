"""Files and data frames in: format by content, kinds inferred or declared, canonical storage."""

from __future__ import annotations

import base64
import difflib
import gzip
import hashlib
import os
import re
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from abbild.core import (
    Column,
    Dataset,
    FileFormatError,
    Kind,
    NotEnoughDataError,
    Schema,
    SchemaError,
    TableSchema,
)
from abbild.core import unknown_name as unknown
from abbild.source.canonical import canonical
from abbild.source.delimited import read_delimited
from abbild.source.documents import read_json
from abbild.source.encodings import start_of
from abbild.source.formats import FileFormat, named_format, suffix_of
from abbild.source.infer import habits, infer
from abbild.source.raw import Raw, check_names, check_types, widened
from abbild.source.workbooks import read_workbook

_TITLES = {
    "csv": "delimited text",
    "jsonl": "JSON lines",
    "json": "a JSON array",
    "parquet": "a Parquet file",
    "arrow": "an Arrow file",
    "arrow-stream": "an Arrow stream",
    "xlsx": "an Excel workbook",
}
_MAGIC = {b"PAR1": "parquet", b"ARROW1": "arrow", b"\xff\xff\xff\xff": "arrow-stream"}
_FAMILY = {"jsonl": "json", "arrow-stream": "arrow"}
_FOREIGN = (
    (b"SQLite format 3\0", "an SQLite database", "export one table as CSV or Parquet"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)", "save it as .xlsx"),
    (b"%PDF", "a PDF document", "export the table as CSV"),
    (b"\x89PNG", "a picture", "name a table"),
    (b"\xff\xd8\xff", "a picture", "name a table"),
    (b"$FL2", "an SPSS file", "export it as CSV or Parquet"),
    (b"<stata_dta>", "a Stata file", "export it as CSV or Parquet"),
    (b"BZh", "a bzip2 archive", "unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it first"),
    (b"\xfd7zXZ", "an xz archive", "unpack it first"),
    (b"FEA1", "a Feather file of version 1", "save it as Parquet"),
    (b"ORC", "an ORC file", "convert it to Parquet"),
    (b"Obj\x01", "an Avro file", "convert it to Parquet"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A table that was read.

    Attributes
    ----------
    dataset : canonical values and what they mean
    format : how the source wrote them, for the way back
    sha256 : of the bytes of the file, or of the values of an object; hexadecimal
    name : of the table: the file name without its endings
    frame : kind of object the source was: "pandas", "polars" or "arrow" (also for files)
    """

    dataset: Dataset
    format: FileFormat
    sha256: str
    name: str
    frame: str = "arrow"


def read(
    path: Path | str,
    *,
    schema: Schema | None = None,
    unit: str | None = None,
    target: str | None = None,
    key: str | None = None,
    closed: bool = True,
) -> Loaded:
    """Read one table file.

    Parameters
    ----------
    path : CSV, TSV, JSON lines, JSON, Parquet, Arrow, Feather or Excel; also packed with gzip or
        zstd. ``book.xlsx#Sheet`` names a sheet
    schema : what columns mean; columns it does not name are inferred
    unit, target, key : roles of columns, over those of the schema
    closed : whether a level that the schema does not name is an error. False for other rows of
        the same population (holdout, synthetic data), whose schema was inferred from one part;
        levels declared public are always closed

    Raises
    ------
    FileFormatError
        If there is no such file, or it is not what its name says, or it is cut short, or it
        changes while it is read.
    SchemaError, ColumnTypeError
        If a column cannot be read as what it is declared to be, or holds no single values.

    Notes
    -----
    Cost: a million rows by twenty columns take about ten seconds on one core.
    """
    place, sheet = _place(path)
    data = _bytes(place)
    digest = hashlib.sha256(data).hexdigest()
    raw = _raw(data, place, sheet)
    name = place.name.split(".")[0] or place.name
    roles = {"unit": unit, "target": target, "key": key}
    return load(raw, name, digest, where=place.name, schema=schema, roles=roles, closed=closed)


def load(
    raw: Raw,
    name: str,
    digest: str,
    *,
    where: str,
    schema: Schema | None,
    roles: dict[str, str | None],
    closed: bool = True,
) -> Loaded:
    """Give a raw table its meaning and its canonical storage; errors call it `where`."""
    check_types(raw.table, where)
    raw = replace(raw, table=widened(raw.table))
    if not raw.table.num_rows:
        raise NotEnoughDataError(
            f"{where} has column names but no rows", hint="name a table with rows"
        )
    declared = {} if schema is None else {c.name: c for c in schema.table.columns}
    for column in declared:
        if column not in raw.table.column_names:
            hint = unknown("column", column, raw.table.column_names).hint
            raise SchemaError(
                f"the schema describes a column {column!r}, which {where} does not have", hint=hint
            )
    look = habits(raw.table, comma=raw.comma)
    told = infer(raw.table, declared=declared, look=look, untyped=raw.untyped)
    told = _roles(told, schema, roles)
    table, told, cells = canonical(raw.table, told, look=look, untyped=raw.untyped, closed=closed)
    whole = schema or Schema({"data": told})
    packed = base64.b64encode(raw.table.schema.remove_metadata().serialize()).decode()
    look_of = replace(raw.format, cells=cells, arrow="" if raw.untyped else packed)
    return Loaded(Dataset.of(table, whole.with_table(told)), look_of, digest, name, raw.frame)


def _roles(told: TableSchema, schema: Schema | None, given: dict[str, str | None]) -> TableSchema:
    """Set unit, target and key; a unit is never learned, so it becomes an identifier."""
    roles = {} if schema is None else {r: getattr(schema.table, r) for r in given}
    roles = {r: given[r] or roles.get(r) for r in given}
    told = replace(told, **{r: v for r, v in roles.items() if v})
    columns = tuple(
        _as_unit(c) if c.name == told.unit and c.kind.is_learned else c for c in told.columns
    )
    return replace(told, columns=columns)


def _as_unit(column: Column) -> Column:
    return Column(column.name, Kind.IDENTIFIER, reason="names the unit a row belongs to")


def _place(path: Path | str) -> tuple[Path, str | None]:
    """Return the file and the sheet that `path` names."""
    text = str(path)
    if found := re.match(r"([a-z][a-z0-9+]+):/{1,2}", text):
        raise FileFormatError(
            f"a database or web address ({found.group(1)}:) is not supported yet",
            hint="export one table to a file (CSV or Parquet) and name that",
        )
    place = Path(path)
    if not place.exists() and ".xlsx#" in text:
        file, _, sheet = text.rpartition("#")
        return Path(file), sheet
    return place, None


def _bytes(place: Path) -> bytes:
    if place.is_dir():
        raise FileFormatError(
            f"{place} is a folder, and a folder of tables is not supported yet",
            hint="name one file in it",
        )
    try:
        with place.open("rb") as file:
            before = os.fstat(file.fileno())
            data = file.read()
            after = place.stat()
    except FileNotFoundError as error:
        raise FileFormatError(f"no such file: {place}", hint=_nearest(place)) from error
    except PermissionError as error:
        raise FileFormatError(
            f"no permission to read {place}", hint="ask for access to the file"
        ) from error
    except OSError as error:
        raise FileFormatError(f"cannot read {place}: {error.strerror}", hint="") from error
    changed = (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
    if changed or len(data) != after.st_size:
        raise FileFormatError(
            f"{place} is being written: it changed while it was read",
            hint="wait until it is whole, then try again",
        )
    if not data:
        raise FileFormatError(f"{place} is empty", hint="it needs a header and rows")
    return data


def _nearest(place: Path) -> str:
    try:
        names = [p.name for p in place.parent.iterdir()]
    except OSError:
        return "check the path"
    close = difflib.get_close_matches(place.name, names, n=1) if len(names) < 1000 else []
    return f"did you mean {close[0]!r}?" if close else "check the path"


def _raw(data: bytes, place: Path, sheet: str | None) -> Raw:
    data, compression = _unpacked(data, place)
    found = _format_of(data, place)
    promised = named_format(place)
    if promised and _FAMILY.get(promised, promised) != _FAMILY.get(found, found):
        but = f", but {_TITLES[found]}" if found != "csv" else ""
        raise FileFormatError(
            f"{place} is not {_TITLES[promised]}, as its name says{but}",
            hint="give it the right ending or export it again",
        )
    return _parsed(found, data, place, sheet, compression)


def _parsed(found: str, data: bytes, place: Path, sheet: str | None, packed: str | None) -> Raw:
    suffix, where = suffix_of(place), place.name
    if re.match(rb"[\s\xef\xbb\xbf]*\Z", data):
        raise FileFormatError(f"{place} is empty", hint="it needs a header and rows")
    if found == "csv":
        return read_delimited(data, where, suffix=suffix, compression=packed)
    if found in ("json", "jsonl"):
        return read_json(data, where, suffix=suffix, compression=packed)
    if found == "xlsx":
        return read_workbook(data, where, suffix=suffix, sheet=sheet)
    return _binary(found, data, place, suffix)


def _unpacked(data: bytes, place: Path) -> tuple[bytes, str | None]:
    try:
        if data.startswith(b"\x1f\x8b"):
            return gzip.decompress(data), "gzip"
        if data.startswith(b"\x28\xb5\x2f\xfd"):
            return pa.CompressedInputStream(pa.BufferReader(data), "zstd").read(), "zstd"
    except (OSError, EOFError, zlib.error, pa.ArrowInvalid) as error:
        raise FileFormatError(
            f"{place} is a damaged or cut short archive ({error})", hint="pack it again"
        ) from error
    return data, None


def _format_of(data: bytes, place: Path) -> str:
    for magic, what, hint in _FOREIGN:
        if data.startswith(magic):
            raise FileFormatError(f"{place} is {what}, not a table file", hint=hint)
    for magic, found in _MAGIC.items():
        if data.startswith(magic):
            return found
    if data.startswith(b"PK\x03\x04"):
        if b"xl/" in data or b"[Content_Types].xml" in data[:2000]:
            return "xlsx"
        raise FileFormatError(f"{place} is a zip archive", hint="unpack it and name one file")
    start = start_of(data, 4096).lstrip()
    if start.startswith(b"{") and re.match(rb'\{\s*("|\}|\Z)', start):
        return "jsonl"
    if start.startswith(b"[") and re.match(rb'\[\s*(\{\s*"|\])', start):
        return "json"
    if re.match(rb"(?i)<(!doctype|html|\?xml|table)", start):
        raise FileFormatError(f"{place} is HTML or XML", hint="export the table as CSV")
    return "csv"


def _binary(found: str, data: bytes, place: Path, suffix: str) -> Raw:
    source = pa.BufferReader(data)
    try:
        if found == "parquet":
            table = pq.ParquetFile(source).read()
        elif found == "arrow":
            table = pa.ipc.open_file(source).read_all()
        else:
            table = pa.ipc.open_stream(source).read_all()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise FileFormatError(
            f"{place} is {_TITLES[found]} that is cut short or damaged",
            hint="copy or export it again",
        ) from error
    check_names(table.column_names, place.name)
    if not table.column_names:
        raise FileFormatError(f"{place} has no columns", hint="name a table with columns")
    return Raw(table.replace_schema_metadata(None), FileFormat(found, suffix=suffix))
