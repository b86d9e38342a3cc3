"""Parquet: the table of labels, with the image files in it or beside it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pt

from abbild.core import atomically
from abbild.core.table import MARK
from abbild.images.annotation import Example
from abbild.images.formats import entries
from abbild.images.formats.destination import Add, Destination, image_suffix
from abbild.images.formats.table import SCHEMA, example_of, is_ok, row_of

__all__ = ["finds", "image_column", "image_of", "read", "writer"]

_ROWS = 256  # of a row group
_BYTES = 64 << 20  # of images after which a row group is closed
_READ_ROWS = 32
_DAMAGE = (
    *(pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError),
    *(OSError, UnicodeDecodeError),
)


@contextmanager
def writer(destination: Destination) -> Iterator[Add]:
    """Write ``images.parquet``: the columns of labels.parquet and ``bytes``, the image file."""
    schema = SCHEMA.append(pa.field("bytes", pa.binary()))
    schema = schema.with_metadata(MARK if destination.synthetic else None)
    path = destination.folder / "images.parquet"
    waiting: list[dict[str, Any]] = []
    with (
        atomically(path) as part,
        pq.ParquetWriter(part, schema, compression="zstd") as file,
    ):

        def flush() -> None:
            file.write_table(pa.Table.from_pylist(waiting, schema))
            waiting.clear()

        def add(example: Example) -> None:
            waiting.append(row_of(example) | {"bytes": destination.image(example)})
            if len(waiting) >= _ROWS or sum(len(row["bytes"]) for row in waiting) >= _BYTES:
                flush()

        yield add
        flush()


def finds(path: Path) -> bool:
    """Return whether `path` is, or holds, one Parquet file of labels or images."""
    return _file(path) is not None


def _file(path: Path) -> Path | None:
    if path.is_file():
        return path if path.suffix.lower() == ".parquet" else None
    for name in ("labels.parquet", "images.parquet"):
        if (path / name).is_file():
            return path / name
    found = sorted(path.glob("*.parquet"))
    return found[0] if len(found) == 1 else None


def read(path: Path) -> Iterator[Example]:
    """Read labels.parquet, images.parquet, or any Parquet file with image files in a column.

    Parameters
    ----------
    path : the file or its folder. In a file that is not ours, ``image`` (or ``bytes``) holds the
        image files, as bytes or as a struct with ``bytes``, and ``label``, if there, whole numbers
        or text

    Raises
    ------
    FileFormatError
        If the file is damaged, has no images, or an image of labels.parquet is not there.
    """
    file = _file(path)
    if file is None:
        raise entries.broken(path, "no Parquet file of images")
    root = path if path.is_dir() else path.parent
    try:
        with pq.ParquetFile(file) as opened:
            names = opened.schema_arrow.names
            ours = set(SCHEMA.names) <= set(names)
            column = image_column(opened.schema_arrow)
            if not ours and column is None:
                raise entries.broken(file, "no column image with image files")
            rows = _rows(opened, [n for n in names if not (ours and n == column)])
            for place, row in enumerate(rows):
                where = f"{file}, row {place + 1}"
                if ours and is_ok(row, where):
                    yield _own(row, place if column else None, root, file, where)
                elif not ours and column is not None:
                    yield _foreign(row, column, place, file, where)
    except _DAMAGE as error:
        raise entries.broken(file, f"no whole Parquet file ({entries.said(error)})") from error


def _rows(file: pq.ParquetFile, columns: list[str]) -> Iterator[dict[str, Any]]:
    for batch in file.iter_batches(_READ_ROWS, columns=columns):
        yield from batch.to_pylist()


def image_column(schema: pa.Schema) -> str | None:
    """Return the name of the column of image files, None if there is none."""
    for name in ("bytes", "image"):
        if name in schema.names:
            kind = schema.field(name).type
            inner = kind.field("bytes").type if _has_bytes(kind) else kind
            if pt.is_binary(inner) or pt.is_large_binary(inner):
                return name
    return None


def _has_bytes(kind: pa.DataType) -> bool:
    return bool(pt.is_struct(kind) and kind.get_field_index("bytes") >= 0)


def _own(row: dict[str, Any], place: int | None, root: Path, file: Path, where: str) -> Example:
    example = example_of(row, where)
    if place is None:
        entries.beside(root, example.file, where)
        return example
    name = f"{file.name}/{place:06d}{image_suffix(example)}"
    return Example(**{**_fields(example), "file": name})


def _fields(example: Example) -> dict[str, Any]:
    return {name: getattr(example, name) for name in example.__dataclass_fields__}


def _foreign(row: Mapping[str, Any], column: str, place: int, file: Path, where: str) -> Example:
    content = image_of(row[column], where)
    width, height = entries.image_size(io.BytesIO(content), where)
    label = row.get("label")
    if isinstance(label, bool) or not isinstance(label, int | str | None):
        raise entries.broken(where, "label is neither text nor a whole number")
    name = f"{file.name}/{place:06d}{_suffix(content)}"
    return Example(place, name, width, height, label="" if label is None else str(label))


def image_of(value: Any, where: str) -> bytes:
    """Return the bytes of a cell of a column of image files."""
    content = value.get("bytes") if isinstance(value, Mapping) else value
    if not isinstance(content, bytes) or not content:
        raise entries.broken(where, "there is no image")
    return content


def _suffix(content: bytes) -> str:
    return ".jpg" if content.startswith(b"\xff\xd8") else ".png"
