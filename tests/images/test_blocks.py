"""Blocks of a run on disk and the tables joined from them, read a few rows at a time."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abbild.core import Batch, FileFormatError
from abbild.images.annotation import Annotation, Example
from abbild.images.blocks import (
    block_file,
    blocks,
    join_blocks,
    keep_block,
    rejects_of,
    worst_checks,
)
from abbild.images.formats import (
    SCHEMA,
    Failed,
    examples_of,
    labels_of,
    status_of,
    to_table,
    write_labels,
)
from abbild.images.survey import survey

MASK = np.zeros((6, 8), bool)
MASK[1:4, 2:5] = True


def example(index: int, *labels: str) -> Example:
    made = tuple(
        Annotation(k, f"o{k}", label, (2, 1, 5, 4), mask=MASK, area_px=9)
        for k, label in enumerate(labels or ("cup", "can"), 1)
    )
    return Example(index, f"images/{index:06d}.png", 8, 6, "a", made, parameters={"/x": index})


def batch(rows: range) -> Batch:
    table = to_table([Failed(k, "never") if k == 3 else example(k) for k in rows])
    bad = [k == 3 for k in rows]
    table = table.append_column("bytes", pa.array([None if b else b"png" for b in bad]))
    table = table.append_column("layers", pa.array([None] * len(rows), pa.binary()))
    checks = [[] if b else [("flow", float(k))] for k, b in zip(rows, bad, strict=True)]
    pairs = pa.map_(pa.string(), pa.float64())
    table = table.append_column("checks", pa.array(checks, pairs))
    rejects = [["hidden"] if k == 1 else [] for k in rows]
    return Batch({"images": table.append_column("rejects", pa.array(rejects))})


@pytest.mark.parametrize("n", [1, 8, 9, 300])
def test_blocks_are_joined_in_order_into_groups_of_rows(tmp_path: Path, n: int) -> None:
    for rows in reversed(list(blocks(n))):
        keep_block(tmp_path, rows, batch(rows))
    join_blocks(tmp_path, n)
    with pq.ParquetFile(tmp_path / "labels.parquet") as file:
        assert file.num_row_groups == -(-n // 256)
        assert file.schema_arrow.names == SCHEMA.names
        assert file.read(["index"])["index"].to_pylist() == list(range(n))
    assert status_of(tmp_path / "labels.parquet") == (n - (n > 3), int(n > 3), "never" * (n > 3))
    assert dict(rejects_of(tmp_path)) == {k: r for k, r in ((1, "hidden"), (3, "never")) if k < n}
    (check,) = worst_checks(tmp_path).values()
    assert (check["worst"], check["n"]) == (float(n - 1), n - (n > 3))


def test_what_was_given_up_is_known_without_blocks(tmp_path: Path) -> None:
    keep_block(tmp_path, range(8), batch(range(8)))
    join_blocks(tmp_path, 8)
    block_file(tmp_path, range(8)).unlink()
    block_file(tmp_path, range(8)).parent.rmdir()
    assert list(rejects_of(tmp_path)) == [(3, "never")]


def test_the_blocks_of_a_thousand_million_scenes_need_no_memory() -> None:
    found = blocks(10**9)
    assert next(found) == range(8)


def test_a_block_exists_once_its_pictures_do(tmp_path: Path) -> None:
    (tmp_path / "images").write_text("in the way")
    with pytest.raises(OSError, match="cannot write"):
        keep_block(tmp_path, range(8), batch(range(8)))
    assert not block_file(tmp_path, range(8)).exists()


def test_a_damaged_block_is_named(tmp_path: Path) -> None:
    block_file(tmp_path, range(8)).parent.mkdir()
    block_file(tmp_path, range(8)).write_bytes(b"PAR1")
    with pytest.raises(FileFormatError, match=r"00000000\.parquet"):
        join_blocks(tmp_path, 8)


def test_labels_come_in_the_order_of_the_images(tmp_path: Path) -> None:
    rows = [example(0, "z", "b"), Failed(1, "no"), example(2, "a", "b")]
    write_labels(rows, tmp_path / "labels.parquet")
    assert labels_of(tmp_path / "labels.parquet") == ["b", "z", "a"]


def test_an_error_names_the_row_of_the_file(tmp_path: Path) -> None:
    table = to_table([example(k) for k in range(300)])
    status = ["ok"] * 299 + ["lost"]
    table = table.set_column(2, "status", pa.array(status))
    pq.write_table(table, tmp_path / "labels.parquet")
    with pytest.raises(FileFormatError, match="row 300"):
        list(examples_of(tmp_path / "labels.parquet"))


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    def peak(n: int) -> int:
        path = tmp_path / f"{n}.parquet"
        write_labels((example(k) for k in range(n)), path)
        tracemalloc.start()
        found = survey(examples_of(path))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found["images"]["made"] == n
        return most

    peak(256)  # what is loaded once
    assert peak(1280) < 1.3 * peak(256) + 200_000
