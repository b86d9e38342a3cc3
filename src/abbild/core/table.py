"""Tables at the door: any Arrow exporter in, `pyarrow.Table` inside, Parquet on disk."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from abbild.core.errors import FileFormatError, NotEnoughDataError, OutputError

MARK = {b"abbild": b'{"synthetic":true}'}  # provenance that survives a copy; deterministic


_NOT_OURS = (OutputError, ConnectionError, TimeoutError)  # of what feeds a file, not of the file


class ArrowExporter(Protocol):
    """Anything with the Arrow PyCapsule stream: pandas, polars, duckdb, pyarrow, ..."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export as a C stream capsule."""
        ...


def as_table(data: ArrowExporter) -> pa.Table:
    """Return `data` as an Arrow table without importing the library it came from.

    Index and dtype notes that pandas hides in the schema are dropped, so equal data has equal
    schemas whoever made it.
    """
    return pa.table(data).replace_schema_metadata(None)


@contextmanager
def atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; it becomes `path` only if the block succeeds.

    So the existence of a file means that it is whole.

    Raises
    ------
    OutputError
        If the place cannot be written to: no folder, no permission, no space.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except BaseException as error:
        with suppress(OSError):
            part.unlink()
        if isinstance(error, OSError) and not isinstance(error, _NOT_OURS):
            raise OutputError(
                f"cannot write {path}: {error.strerror or error}",
                hint="check the folder, its permissions and the free space",
            ) from error
        raise


def write_json(data: Mapping[str, Any], path: Path) -> None:
    """Write readable JSON, whole or not at all; NaN and infinities are written as null."""
    with atomically(path) as part:
        text = json.dumps(_plain(data), indent=2, ensure_ascii=False, allow_nan=False, default=str)
        part.write_text(text + "\n", encoding="utf-8", newline="\n")


def _plain(value: Any) -> Any:
    """Return what JSON can say of `value`: numpy's numbers as numbers, no NaN."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_parquet(path: Path) -> pa.Table:
    """Read a whole Parquet file."""
    try:
        return pq.read_table(path).replace_schema_metadata(None)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise FileFormatError(f"{path} is not a Parquet file", hint="convert it first") from error
    except OSError as error:
        raise FileFormatError(f"cannot read {path}: {error}", hint="is it whole?") from error


def write_parquet(
    blocks: Iterable[pa.Table], path: Path, *, seen: Callable[[pa.Table], None] | None = None
) -> int:
    """Stream `blocks` to `path`, whole or not at all, and return the number of rows.

    The file is marked as synthetic in its key-value metadata. `seen` is called with each block.
    """
    blocks = iter(blocks)
    first = next(blocks, None)
    if first is None:
        raise NotEnoughDataError("nothing to write: no block arrived")
    rows = 0
    with atomically(path) as part:
        schema = first.schema.with_metadata(MARK)
        with pq.ParquetWriter(part, schema, compression="zstd") as writer:
            for block in chain([first], blocks):
                writer.write_table(block.cast(schema))
                rows += block.num_rows
                if seen is not None:
                    seen(block)
    return rows
