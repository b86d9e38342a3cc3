"""Tables come in from anywhere, and files appear whole or not at all."""

import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abbild.core import (
    FileFormatError,
    NotEnoughDataError,
    OutputError,
    as_table,
    atomically,
    read_parquet,
    write_json,
    write_parquet,
)

TABLE = pa.table({"a": [1, 2, 3], "b": ["x", None, "ö"]})


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_equal_data_has_equal_schema_whoever_made_it(library):
    frame = pytest.importorskip(library).DataFrame({"a": [1, 2]})
    assert as_table(frame).equals(pa.table({"a": [1, 2]}))
    assert as_table(frame).schema.metadata is None


def test_round_trip_counts_rows_and_shows_each_block(tmp_path):
    seen = []
    path = tmp_path / "new" / "x.parquet"
    assert write_parquet([TABLE, TABLE], path, seen=lambda t: seen.append(t.num_rows)) == 6
    assert seen == [3, 3]
    assert read_parquet(path).equals(pa.concat_tables([TABLE, TABLE]))


def test_a_file_is_marked_as_synthetic_and_holds_nothing_of_its_making(tmp_path):
    for name in ("one", "two"):
        write_parquet([TABLE], tmp_path / name / "x.parquet")
    one, two = ((tmp_path / n / "x.parquet").read_bytes() for n in ("one", "two"))
    assert one == two
    assert (
        pq.read_schema(tmp_path / "one" / "x.parquet").metadata[b"abbild"] == b'{"synthetic":true}'
    )
    assert read_parquet(tmp_path / "one" / "x.parquet").schema.metadata is None


def broken(error):
    yield TABLE
    raise error


@pytest.mark.parametrize("error", [ConnectionError("gone"), ValueError("bad"), KeyboardInterrupt()])
def test_a_broken_stream_leaves_what_was_there_and_its_own_error(tmp_path, error):
    path = tmp_path / "out.parquet"
    with pytest.raises(type(error)):
        write_parquet(broken(error), path)
    assert list(tmp_path.iterdir()) == []
    write_parquet([TABLE], path)
    before = path.read_bytes()
    with pytest.raises(type(error)):
        write_parquet(broken(error), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_to_write_is_said(tmp_path):
    with pytest.raises(NotEnoughDataError, match="no block arrived"):
        write_parquet([], tmp_path / "x.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_block_with_other_columns_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="schema"):
        write_parquet([TABLE, TABLE.select(["b"])], tmp_path / "x.parquet")
    assert list(tmp_path.iterdir()) == []


def places(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder.json").mkdir()
    yield tmp_path / "file" / "x.json"  # below a file
    yield tmp_path / "folder.json"  # a folder has the name
    yield tmp_path / ("x" * 300 + ".json")  # longer than a name can be


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    for path in places(tmp_path):
        with pytest.raises(OutputError, match="cannot write") as caught:
            write_json({}, path)
        assert path.name in str(caught.value)
        assert caught.value.hint
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.json"]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_folder_without_permission_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot write"):
        write_json({}, tmp_path / "x.json")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")  # noqa: PTH110
def test_a_full_disk_is_the_users_to_mend(tmp_path):
    with pytest.raises(OutputError, match="No space left"), atomically(tmp_path / "x") as part:
        part.symlink_to("/dev/full")
        part.write_bytes(b"x")
    assert list(tmp_path.iterdir()) == []


def test_json_says_numbers_as_numbers_and_nothing_that_is_none(tmp_path):
    data = {
        "nan": float("nan"),
        "deep": [{"inf": np.float32("inf")}, (1, 2)],
        "count": np.int64(3),
        "flag": np.bool_(True),
        "array": np.array([0.5, np.nan]),
        "word": "Größe",
    }
    write_json(data, tmp_path / "x.json")
    text = (tmp_path / "x.json").read_text(encoding="utf-8")
    assert "Größe" in text
    assert json.loads(text) == {
        "nan": None,
        "deep": [{"inf": None}, [1, 2]],
        "count": 3,
        "flag": True,
        "array": [0.5, None],
        "word": "Größe",
    }


def parquet(tmp_path):
    pq.write_table(pa.table({"a": np.arange(50_000) * 1.7}), tmp_path / "whole.parquet")
    return (tmp_path / "whole.parquet").read_bytes()


def spoilt(whole):
    yield "text", b"hello"
    yield "empty", b""
    yield "half", whole[: len(whole) // 2]
    yield "corrupt", whole[:1000] + b"\x55" * 5000 + whole[6000:]


def test_a_file_that_lies_is_named(tmp_path):
    for name, content in spoilt(parquet(tmp_path)):
        (tmp_path / f"{name}.parquet").write_bytes(content)
        with pytest.raises(FileFormatError, match=rf"{name}\.parquet"):
            read_parquet(tmp_path / f"{name}.parquet")
    with pytest.raises(FileFormatError, match=r"none\.parquet"):
        read_parquet(tmp_path / "none.parquet")
