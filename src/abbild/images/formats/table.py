"""`labels.parquet`: one row for each image with everything known about it, also the failed ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from abbild.core import FileFormatError, SchemaError, write_parquet
from abbild.core.table import MARK
from abbild.images.annotation import Example
from abbild.images.formats import entries
from abbild.images.formats.records import from_record, json_text, to_record

__all__ = [
    "SCHEMA",
    "Failed",
    "examples_of",
    "failures",
    "from_table",
    "labels_of",
    "read_labels",
    "status_of",
    "to_table",
    "write_labels",
]

_ROWS = 256  # of a block; masks of this many images are held at a time
_NUMBERS = pa.list_(pa.float64())
_KEYPOINT = pa.struct(
    [("name", pa.string()), ("x", pa.float64()), ("y", pa.float64()), ("visibility", pa.int8())]
)
_OBJECT = pa.struct(
    [
        ("instance", pa.int64()),
        ("name", pa.string()),
        ("label", pa.string()),
        ("box", _NUMBERS),
        ("amodal_box", _NUMBERS),
        ("mask", pa.string()),
        ("amodal_mask", pa.string()),
        ("area_px", pa.int64()),
        ("visible", pa.float64()),
        ("truncated", pa.float64()),
        ("occluded", pa.float64()),
        ("pose", _NUMBERS),
        ("size", _NUMBERS),
        ("center", _NUMBERS),
        ("z", pa.float64()),
        ("keypoints", pa.list_(_KEYPOINT)),
        ("attributes", pa.string()),
    ]
)
SCHEMA = pa.schema(
    [
        ("index", pa.int64()),
        ("image", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("label", pa.string()),
        ("caption", pa.string()),
        ("intrinsics", _NUMBERS),
        ("camera", _NUMBERS),
        ("objects", pa.list_(_OBJECT)),
        ("parameters", pa.string()),
    ],
    metadata=MARK,
)


@dataclass(frozen=True, slots=True)
class Failed:
    """An image that could not be made.

    Attributes
    ----------
    index : number of the image in its data set
    reason : what happened, in one sentence
    """

    index: int
    reason: str


def to_table(rows: Iterable[Example | Failed]) -> pa.Table:
    """Return examples and failures as a table with `SCHEMA`, also if there are none.

    Columns: index; image (relative path with "/"); status ("ok" or "failed") and reason; width and
    height in pixels; label; caption; intrinsics (9) and camera (16) row by row; objects, with boxes
    ``x0 y0 x1 y1``, masks as COCO's compressed strings, pose (16) row by row and attributes as
    JSON; parameters as JSON. A failed row has index, status and reason.
    """
    return pa.Table.from_pylist([row_of(row) for row in rows], SCHEMA)


def row_of(row: Example | Failed) -> dict[str, Any]:
    """Return one row of the table."""
    if isinstance(row, Failed):
        return {"index": row.index, "status": "failed", "reason": row.reason}
    record = to_record(row) | {"status": "ok", "reason": ""}
    record["parameters"] = json_text(record["parameters"])
    for one in record["objects"]:
        one["attributes"] = json_text(one["attributes"])
    return record


def from_table(table: pa.Table, where: str = "labels", first: int = 0) -> Iterator[Example]:
    """Return the examples of a table of `to_table`; failed rows are passed over.

    Parameters
    ----------
    table : with the columns of `SCHEMA`, in any order, possibly more
    where : name of the file, for errors
    first : number of the table's first row in that file

    Raises
    ------
    SchemaError
        If a column is missing or of another type.
    FileFormatError
        If a row contradicts itself; names the row.
    """
    for place, row in enumerate(_checked(table, where).to_pylist(), first + 1):
        if is_ok(row, f"{where}, row {place}"):
            yield example_of(row, f"{where}, row {place}")


def is_ok(row: Mapping[str, Any], where: str) -> bool:
    """Return whether a row has an image."""
    if row["status"] not in ("ok", "failed"):
        raise entries.broken(where, f"status is ok or failed, not {row['status']!r}"[:200])
    return bool(row["status"] == "ok")


def example_of(row: dict[str, Any], where: str) -> Example:
    """Return the example of one row that is "ok"."""
    row["parameters"] = _parsed(row["parameters"], where)
    for one in entries.sequence(row, "objects", where):
        if one is not None:
            one["attributes"] = _parsed(one["attributes"], where)
    return from_record(row, where)


def failures(table: pa.Table) -> Iterator[Failed]:
    """Return the failed rows of a table of `to_table`."""
    columns = _checked(table, "labels").select(["index", "status", "reason"])
    for row in columns.to_pylist():
        if row["status"] != "ok":
            yield Failed(row["index"], row["reason"] or "")


def _parsed(text: str | None, where: str) -> Any:
    return {} if text is None else entries.parse_json(text, where)


def _checked(table: pa.Table, where: str) -> pa.Table:
    missing = [name for name in SCHEMA.names if name not in table.column_names]
    if missing:
        raise SchemaError(
            f"{where} is no table of labels: no column {', '.join(missing)}",
            hint="name the labels.parquet of a data set",
        )
    try:
        return table.select(SCHEMA.names).cast(SCHEMA)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, ValueError) as error:
        raise SchemaError(f"{where} is no table of labels: {error}") from error


def write_labels(rows: Iterable[Example | Failed], path: Path) -> int:
    """Stream rows to a Parquet file, whole or not at all, and return their number.

    The same rows give the same bytes, however they arrive.
    """
    rows = iter(rows)
    first = to_table(islice(rows, _ROWS))

    def blocks() -> Iterator[pa.Table]:
        block = first
        while True:
            yield block
            block = to_table(islice(rows, _ROWS))
            if not block.num_rows:
                return

    return write_parquet(blocks(), path)


def examples_of(path: Path) -> Iterator[Example]:
    """Stream the examples of a Parquet file of labels; memory does not grow with their number.

    Raises
    ------
    FileFormatError, SchemaError
        If the file is damaged, no table of labels, or a row contradicts itself.
    """
    first = 0
    for table in read_labels(path):
        yield from from_table(table, str(path), first)
        first += table.num_rows


def labels_of(path: Path) -> list[str]:
    """Return every label of an object once, in the order of the images, then of the alphabet."""
    found: dict[str, None] = {}
    for table in read_labels(path, ["objects.list.element.label"]):
        for objects in table["objects"].to_pylist():
            found.update(dict.fromkeys(sorted({one["label"] for one in objects or ()})))
    return list(found)


def status_of(path: Path) -> tuple[int, int, str]:
    """Return the numbers of images and of failures, and the first failure's reason."""
    made, failed, reason = 0, 0, ""
    for table in read_labels(path, ["status", "reason"]):
        for row in table.to_pylist():
            made += row["status"] == "ok"
            failed += row["status"] != "ok"
            reason = reason or row["reason"] or ""
    return made, failed, reason


def read_labels(path: Path, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Stream the tables of a Parquet file of labels, a block of rows at a time.

    Parameters
    ----------
    columns : those to be read, also parts such as "objects.list.element.label"; None for all

    Raises
    ------
    FileFormatError
        If the file is damaged.
    """
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_ROWS, columns=columns):
                yield pa.Table.from_batches([batch])
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise FileFormatError(
            f"{path} is not a whole Parquet file", hint="make it again"
        ) from error
