"""labels.parquet holds everything that is known of an image, in the same bytes each time."""

import hashlib
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbild.core import FileFormatError, SchemaError
from abbild.images.annotation import Annotation, Example
from abbild.images.formats import (
    SCHEMA,
    Failed,
    failures,
    from_table,
    read_labels,
    to_table,
    write_labels,
)
from tests.images.formats_examples import assert_same, examples, planted, sets

EXAMPLE = [name for name in Example.__dataclass_fields__ if name != "annotations"]
ANNOTATION = list(Annotation.__dataclass_fields__)


@given(sets(), st.lists(st.text(max_size=5), max_size=2))
@settings(max_examples=40)
def test_a_table_holds_all_of_it(found, reasons):
    failed = [Failed(9000 + place, reason) for place, reason in enumerate(reasons)]
    table = to_table([*found, *failed])
    assert table.schema.equals(SCHEMA, check_metadata=True)
    back = list(from_table(table))
    assert_same(found, back, EXAMPLE)
    for a, b in zip(found, back, strict=True):
        assert_same(a.annotations, b.annotations, ANNOTATION)
    assert list(failures(table)) == failed


def test_no_rows_have_the_same_columns():
    table = to_table([])
    assert table.schema.metadata == {b"abbild": b'{"synthetic":true}'}
    assert table.num_rows == 0
    assert table.schema.equals(SCHEMA, check_metadata=True)
    assert list(from_table(table)) == list(failures(table)) == []


@given(examples())
@settings(max_examples=20)
def test_a_row_says_ok_or_why_not(example):
    rows = to_table([example, Failed(7, "the camera is inside of a wall")]).to_pylist()
    assert [(row["status"], row["reason"]) for row in rows] == [
        ("ok", ""),
        ("failed", "the camera is inside of a wall"),
    ]
    assert rows[1]["image"] is None
    assert rows[1]["index"] == 7
    assert rows[0]["index"] == example.index


def test_the_file_is_marked_and_depends_on_nothing_but_the_rows(tmp_path):
    rows = [*planted(), Failed(5, "too dark")] * 120
    assert write_labels(iter(rows), tmp_path / "a.parquet") == 360
    assert write_labels(rows, tmp_path / "b.parquet") == 360
    first, second = (hashlib.sha256((tmp_path / f"{n}.parquet").read_bytes()) for n in "ab")
    assert first.digest() == second.digest()
    schema = pq.read_schema(tmp_path / "a.parquet")
    assert schema.metadata == {b"abbild": b'{"synthetic":true}'}
    blocks = list(read_labels(tmp_path / "a.parquet"))
    assert len(blocks) > 1
    assert sum(block.num_rows for block in blocks) == 360
    assert len([one for block in blocks for one in from_table(block)]) == 240


def test_the_order_in_which_values_were_drawn_changes_no_byte():
    (example, _) = planted()
    forth = {"a": {"x": 1, "y": [0.5]}, "b": 2}
    back = {"b": 2, "a": {"y": [0.5], "x": 1}}
    tables = [to_table([replace(example, parameters=one)]) for one in (forth, back)]
    assert tables[0].equals(tables[1])


def test_an_empty_run_leaves_a_table_too(tmp_path):
    assert write_labels([], tmp_path / "labels.parquet") == 0
    assert pq.read_table(tmp_path / "labels.parquet").schema.equals(SCHEMA)


def test_what_fails_in_the_middle_leaves_no_file(tmp_path):
    def rows():
        yield from planted() * 200
        raise RuntimeError("worker lost")

    with pytest.raises(RuntimeError):
        write_labels(rows(), tmp_path / "labels.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_file_cut_off_anywhere_is_refused(tmp_path):
    path = tmp_path / "labels.parquet"
    write_labels(planted(), path)
    data = path.read_bytes()
    for length in (0, 3, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(FileFormatError, match=r"labels\.parquet"):
            list(read_labels(path))


def changed(**values):
    row = to_table(planted()[:1]).to_pylist()[0]
    return pa.Table.from_pylist([row | values], SCHEMA)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"image": "../../etc/passwd"}, "leads out"),
        ({"image": "C:\\x.png"}, "leads out"),
        ({"image": None}, "image is text"),
        ({"width": 0}, "cannot be"),
        ({"width": 2**31 - 1, "height": 2**31 - 1}, "cannot be"),
        ({"intrinsics": [1.0] * 8}, "9 numbers"),
        ({"camera": [float("nan")] * 16}, "between -1e9 and 1e9"),
        ({"parameters": "{"}, "no valid JSON"),
        ({"parameters": "[1]"}, "an object is wanted"),
        ({"objects": [None]}, "an object is wanted"),
        ({"objects": None}, "objects is a list"),
        ({"index": -1}, "from 0"),
    ],
)
def test_rows_that_contradict_themselves_are_named(values, said):
    with pytest.raises(FileFormatError, match="labels, row 1") as error:
        list(from_table(changed(**values)))
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"box": [0.0, 0.0, float("nan"), 1.0]}, "corner of the box|between"),
        ({"box": [5.0, 0.0, 1.0, 1.0]}, "ends before it begins"),
        ({"mask": "??"}, "mask"),
        ({"mask": ""}, "mask"),
        ({"visible": 1.5}, "share"),
        ({"truncated": None}, "truncated is a number"),
        ({"instance": 0}, "from 1"),
        ({"pose": [1.0]}, "16 numbers"),
        ({"keypoints": [{"name": "a", "x": 1.0, "y": 1.0, "visibility": 3}]}, "visibility"),
        ({"attributes": "NaN"}, "no valid JSON"),
    ],
)
def test_objects_that_contradict_themselves_are_named(values, said):
    (one, *_) = to_table(planted()[:1]).to_pylist()[0]["objects"]
    with pytest.raises(FileFormatError, match=said) as error:
        list(from_table(changed(objects=[one | values])))
    assert "labels, row 1" in str(error.value)


def test_another_table_is_refused():
    with pytest.raises(SchemaError, match="no column index"):
        list(from_table(pa.table({"a": [1]})))
    wrong = to_table(planted()).drop(["width"]).append_column("width", pa.array(["a", "b"]))
    with pytest.raises(SchemaError, match="no table of labels"):
        list(from_table(wrong))


def test_other_columns_and_orders_do_no_harm():
    table = to_table(planted())
    shuffled = table.select(table.column_names[::-1]).append_column("more", pa.array([1, 2]))
    assert len(list(from_table(shuffled))) == 2
