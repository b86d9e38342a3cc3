"""Finished blocks of a run on disk: written by whoever rendered them, joined in order at the end.

A block is a few scenes: their pictures, and one table with a row for each. The table is written
last, so a block that exists is whole, and a run that was killed goes on behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from abbild.core import Batch, FileFormatError, atomically, write_parquet
from abbild.images.annotate import LIMITS
from abbild.images.formats import SCHEMA, read_labels
from abbild.images.sampler import BLOCK

__all__ = [
    "block_file", "blocks", "join_blocks", "keep_block", "layers_file", "rejects_of",
    "worst_checks",
]  # fmt: skip

_FOLDER = "blocks"
_TOGETHER = 32  # blocks in one row group of the joined table: 256 images


def blocks(n: int) -> Iterator[range]:
    """Yield the scenes of each block of a run of `n` scenes; none of them is held."""
    return (range(k, min(k + BLOCK, n)) for k in range(0, n, BLOCK))


def block_file(folder: Path, rows: range) -> Path:
    """Return the file that says, by being there, that a block is whole."""
    return folder / _FOLDER / f"{rows.start:08d}.parquet"


def layers_file(folder: Path, image: str) -> Path:
    """Return the file with the exact layers of an image."""
    return folder / "layers" / f"{Path(image).stem}.npz"


def keep_block(folder: Path, rows: range, batch: Batch) -> None:
    """Write the files of a block, and last its table."""
    table = batch.table
    for row in table.select(["image", "bytes", "layers"]).to_pylist():
        if row["bytes"] is not None:
            _write(folder / row["image"], row["bytes"])
        if row["layers"] is not None:
            _write(layers_file(folder, row["image"]), row["layers"])
    write_parquet([table.drop_columns(["bytes", "layers"])], block_file(folder, rows))


def _write(path: Path, content: bytes) -> None:
    with atomically(path) as part:
        part.write_bytes(content)


def join_blocks(folder: Path, n: int) -> None:
    """Write ``labels.parquet`` from the blocks of `n` scenes, a few of them at a time."""

    def tables() -> Iterator[pa.Table]:
        waiting = blocks(n)
        while part := list(islice(waiting, _TOGETHER)):
            yield pa.concat_tables(
                _read(block_file(folder, rows), SCHEMA.names) for rows in part
            ).combine_chunks()

    write_parquet(tables(), folder / "labels.parquet")


def worst_checks(folder: Path) -> dict[str, dict[str, Any]]:
    """Return {worst, limit, unit, n} of each self-check over all images, n images checked."""
    found: dict[str, dict[str, Any]] = {}
    for table in _tables(folder, ["checks"]):
        for pairs in table["checks"].to_pylist():
            for name, error in pairs:
                limit, unit = LIMITS.get(name, (None, ""))
                check = found.setdefault(name, {"worst": 0.0, "limit": limit, "unit": unit, "n": 0})
                check["worst"] = error if error != error else max(check["worst"], error)
                check["n"] += 1
    return found


def rejects_of(folder: Path) -> Iterator[tuple[int, str]]:
    """Yield the image and the reason of every attempt that gave none.

    When the blocks are gone, since the run is finished, only what was given up is known.
    """
    if not (folder / _FOLDER).is_dir():
        for table in read_labels(folder / "labels.parquet", ["index", "status", "reason"]):
            for row in table.to_pylist():
                if row["status"] != "ok":
                    yield row["index"], row["reason"] or ""
        return
    for table in _tables(folder, ["index", "status", "reason", "rejects"]):
        for row in table.to_pylist():
            for reason in row["rejects"]:
                yield row["index"], reason
            if row["status"] != "ok" and not row["rejects"]:
                yield row["index"], row["reason"] or ""


def _tables(folder: Path, columns: list[str]) -> Iterator[pa.Table]:
    for file in sorted((folder / _FOLDER).glob("*.parquet")):
        yield _read(file, columns)


def _read(file: Path, columns: list[str]) -> Any:
    try:
        return pq.ParquetFile(file).read(columns).replace_schema_metadata(None)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise FileFormatError(
            f"{file} cannot be read ({error})"[:300], hint="remove it; the same command makes it"
        ) from error
